//! The sessions of one request, one for each cookie.

use std::sync::Arc;

use cloakroom_core::{LazySession, SessionManager};
use http::Extensions;

use crate::layer::Client;

/// Every session of a request, by the name of its cookie, for applications with more than one
/// [`SessionLayer`](crate::SessionLayer).
///
/// It lies in the request's extensions beside the [`LazySession`] of the innermost layer.
///
/// ```
/// use cloakroom_tower::{LazySession, SessionError, Sessions};
///
/// async fn is_staff<B>(request: &http::Request<B>) -> Result<bool, SessionError> {
///     let sessions = request.extensions().get::<Sessions>().ok_or(SessionError::MissingLayer)?;
///     let staff = sessions.named("__Host-staff").ok_or(SessionError::MissingLayer)?;
///     Ok(staff.load().await?.user().is_some())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Sessions {
    innermost: Arc<Entry>,
}

#[derive(Debug)]
struct Entry {
    manager: SessionManager,
    session: LazySession,
    outer: Option<Sessions>,
}

/// What a layer has to do when the response is ready.
pub(crate) enum Admission {
    /// Store and send the cookie.
    Finish(LazySession),
    /// Nothing: an outer layer has the same cookie and does it.
    LeaveToOuter,
}

impl Sessions {
    /// The session whose cookie has this name, exactly as browsers send it.
    pub fn named(&self, cookie: &str) -> Option<&LazySession> {
        self.entry(cookie).map(|entry| &entry.session)
    }

    fn entry(&self, cookie: &str) -> Option<&Entry> {
        let mut entry = &*self.innermost;
        while entry.manager.cookie_name() != cookie {
            entry = &*entry.outer.as_ref()?.innermost;
        }
        Some(entry)
    }

    /// Begins the manager's session for a request, unless an outer layer has begun it.
    pub(crate) fn admit<B>(
        manager: &SessionManager,
        client: &Client,
        request: &mut http::Request<B>,
    ) -> Admission {
        let outer = request.extensions().get::<Self>().cloned();
        if let Some(entry) = outer.as_ref().and_then(|outer| outer.entry(manager.cookie_name())) {
            if !Arc::ptr_eq(entry.manager.store(), manager.store()) {
                tracing::error!(
                    "two session layers have the same cookie and different stores; the outer one is used: give the \
                     other a cookie name of its own"
                );
            }
            request.extensions_mut().insert(entry.session.clone());
            return Admission::LeaveToOuter;
        }
        let session = match client.address(request) {
            Some(address) => manager.begin_from(request.headers(), address),
            None => manager.begin(request.headers()),
        };
        let entry = Entry { manager: manager.clone(), session: session.clone(), outer };
        let extensions: &mut Extensions = request.extensions_mut();
        extensions.insert(session.clone());
        extensions.insert(Self { innermost: Arc::new(entry) });
        Admission::Finish(session)
    }
}
