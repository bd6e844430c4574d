//! What wraps services in sign-in.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use cloakroom_auth::{Auth, Pages, User};
use http::{Extensions, HeaderMap};
use tower_layer::Layer;

use super::service::AuthService;
use crate::layer::SessionLayer;
use crate::service::SessionService;

/// Gives every request of the services that it wraps a session and a [`Visit`](cloakroom_auth::Visit): one layer for an
/// application whose visitors sign in. It is a [`SessionLayer`] of the same manager, and more:
///
/// * All extractors and guards of a request share the one visit in its extensions, so the user is looked up once, and
///   not at all unless somebody asks.
/// * A visitor who is not let through, by a guard, an extractor or an error that a handler gave back, is led to the page
///   that helps if they sit before a window; a program gets 401 or 403; see [`Denied`](cloakroom_auth::Denied).
/// * An answer in the making of which somebody asked who is signed in, and somebody was, is kept by no cache, so that
///   the back button shows nothing private after sign-out (ASVS 14.3.2): it gets `Cache-Control: no-store`, unless the
///   handler has said something else.
///
/// Put it around the outermost router, after its routes: a nested one sees only the end of a path, and visitors would
/// come back to that. Two kinds of users need two layers with two cookies and routes of their own; what is refused, the
/// innermost layer answers.
///
/// ```
/// use axum::{Router, routing::get};
/// use cloakroom_auth::{Auth, BoxError, User};
/// use cloakroom_core::{Fingerprint, MemoryStore, SessionManager, UserId};
/// use cloakroom_tower::auth::AuthLayer;
/// use cloakroom_tower::axum::RequireUser;
///
/// #[derive(Clone)]
/// struct Account {
///     id: UserId,
///     password_hash: String,
/// }
///
/// impl User for Account {
///     fn id(&self) -> UserId {
///         self.id.clone()
///     }
///
///     fn fingerprint(&self) -> Fingerprint {
///         Fingerprint::new(&self.id, self.password_hash.as_bytes())
///     }
/// }
///
/// async fn find(id: UserId) -> Result<Option<Account>, BoxError> {
///     Ok(None) // Ask the database.
/// }
///
/// async fn profile(RequireUser(account): RequireUser<Account>) -> String {
///     format!("You are number {}.", account.id.as_str())
/// }
///
/// let manager = SessionManager::builder(MemoryStore::default()).build()?;
/// let app: Router = Router::new().route("/profile", get(profile)).layer(AuthLayer::new(Auth::new(manager, find)));
/// # let _ = app;
/// # Ok::<(), cloakroom_core::CookieConfigError>(())
/// ```
pub struct AuthLayer<U> {
    auth: Auth<U>,
    sessions: SessionLayer,
    pages: Arc<Pages>,
}

impl<U: User> AuthLayer<U> {
    /// Sign-in as `auth` says, in sessions of its manager.
    pub fn new(auth: Auth<U>) -> Self {
        let sessions = SessionLayer::from(auth.manager().clone());
        Self { auth, sessions, pages: Arc::default() }
    }

    /// Tells from which address a request comes, so that attempts to sign in are limited for each, and users recognise
    /// where they were; see [`SessionLayer::client_address`] for what to believe.
    ///
    /// # Default
    /// No address is known: attempts are limited for each account only.
    #[must_use]
    pub fn client_address(
        mut self,
        find: impl Fn(&HeaderMap, &Extensions) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        self.sessions = self.sessions.client_address(find);
        self
    }

    /// The page to which visitors are led who have to sign in. Default: `/sign-in`.
    #[must_use]
    pub fn sign_in_page(mut self, path: impl Into<Cow<'static, str>>) -> Self {
        self.pages = Arc::new(Pages::clone(&self.pages).sign_in(path));
        self
    }

    /// The page to which users are led who have to prove again who they are. Default: `/confirm`.
    #[must_use]
    pub fn confirm_page(mut self, path: impl Into<Cow<'static, str>>) -> Self {
        self.pages = Arc::new(Pages::clone(&self.pages).confirm(path));
        self
    }
}

impl<U> Clone for AuthLayer<U> {
    fn clone(&self) -> Self {
        Self { auth: self.auth.clone(), sessions: self.sessions.clone(), pages: Arc::clone(&self.pages) }
    }
}

impl<U> fmt::Debug for AuthLayer<U> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AuthLayer")
            .field("sessions", &self.sessions)
            .field("pages", &self.pages)
            .finish_non_exhaustive()
    }
}

impl<S, U: User> Layer<S> for AuthLayer<U> {
    type Service = SessionService<AuthService<S, U>>;

    fn layer(&self, inner: S) -> Self::Service {
        let client = self.sessions.client().clone();
        self.sessions.layer(AuthService::new(inner, self.auth.clone(), client, Arc::clone(&self.pages)))
    }
}
