//! What the browser is asked to forget after sign-out.

use http::{HeaderName, HeaderValue};

/// A part of the response to a sign-out: asks the browser to forget what it kept of the site (ASVS 14.3.1), by the
/// header `Clear-Site-Data`. Browsers follow it only over TLS, and some not at all, so it is an addition: the session
/// has ended and its cookie is gone without it.
///
/// ```
/// use axum::response::{IntoResponse, Redirect};
/// use cloakroom_tower::auth::SignedOut;
/// use cloakroom_tower::axum::{Auth, AuthError};
/// # use cloakroom_core::{Fingerprint, UserId};
/// # #[derive(Clone)] struct Account { id: UserId }
/// # impl cloakroom_auth::User for Account {
/// #     fn id(&self) -> UserId { self.id.clone() }
/// #     fn fingerprint(&self) -> Fingerprint { Fingerprint::new(&self.id, b"") }
/// # }
///
/// async fn sign_out(auth: Auth<Account>) -> Result<impl IntoResponse, AuthError> {
///     auth.sign_out().await?;
///     Ok((SignedOut::default(), Redirect::to("/")))
/// }
/// # let _ = sign_out;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignedOut {
    /// Cached answers, and what scripts stored. Other sites under the same domain keep theirs.
    #[default]
    ClearSite,
    /// Every cookie too, those of all sites under the same registered domain (`shop.example.org` signs out of
    /// `mail.example.org`), and preferences such as the language. For a domain that is one application.
    ClearDomain,
}

impl SignedOut {
    /// The header, for frameworks that do not take the value as it is.
    pub const fn header(self) -> (HeaderName, HeaderValue) {
        let kinds = match self {
            Self::ClearSite => r#""cache", "storage""#,
            Self::ClearDomain => r#""cache", "cookies", "storage""#,
        };
        (HeaderName::from_static("clear-site-data"), HeaderValue::from_static(kinds))
    }
}

#[cfg(feature = "axum")]
impl axum_core::response::IntoResponseParts for SignedOut {
    type Error = std::convert::Infallible;

    fn into_response_parts(
        self,
        mut response: axum_core::response::ResponseParts,
    ) -> Result<axum_core::response::ResponseParts, Self::Error> {
        let (name, value) = self.header();
        response.headers_mut().insert(name, value);
        Ok(response)
    }
}

#[cfg(feature = "axum")]
impl axum_core::response::IntoResponse for SignedOut {
    fn into_response(self) -> axum_core::response::Response {
        (self, ()).into_response()
    }
}
