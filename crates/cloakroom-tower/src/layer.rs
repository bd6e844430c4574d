//! What wraps services in sessions.

use cloakroom_core::{CookieConfigError, SessionManager, Store};
use tower_layer::Layer;

use crate::service::SessionService;

/// Gives every request of the services that it wraps a session.
///
/// Clones share everything. Put it outside of whatever uses the session, and inside of whatever turns panics and time
/// limits into responses: a handler that panics or is dropped has changed nothing.
///
/// # Several layers
/// Layers with different cookies work beside each other: visitors and staff, say, each with a manager of its own. The
/// extractors and the `LazySession` in the extensions give the session of the innermost layer; every layer's session
/// is found by the name of its cookie in [`Sessions`](crate::Sessions). Layers with one and the same cookie act as one,
/// the outermost, since a browser keeps one value for one name; if their stores differ, the log says so.
///
/// ```
/// use std::time::Duration;
/// use cloakroom_core::{Lifetime, MemoryStore, Policy, SessionManager};
/// use cloakroom_tower::SessionLayer;
///
/// // With the defaults:
/// let layer = SessionLayer::new(MemoryStore::default())?;
///
/// // With settings:
/// let manager = SessionManager::builder(MemoryStore::default())
///     .policy(Policy::default().lifetime(Lifetime::idle(Duration::from_secs(15 * 60))))
///     .build()?;
/// let layer = SessionLayer::from(manager);
/// # let _ = layer;
/// # Ok::<(), cloakroom_core::CookieConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SessionLayer {
    manager: SessionManager,
}

impl SessionLayer {
    /// Sessions in `store`, with the default cookie and policy.
    ///
    /// # Errors
    /// None with the defaults; the type is that of [`SessionManagerBuilder::build`].
    ///
    /// [`SessionManagerBuilder::build`]: cloakroom_core::SessionManagerBuilder::build
    pub fn new(store: impl Store) -> Result<Self, CookieConfigError> {
        SessionManager::builder(store).build().map(Self::from)
    }

    /// The sessions that the layer gives out, for listing and ending them elsewhere.
    pub const fn manager(&self) -> &SessionManager {
        &self.manager
    }
}

impl From<SessionManager> for SessionLayer {
    fn from(manager: SessionManager) -> Self {
        Self { manager }
    }
}

impl<S> Layer<S> for SessionLayer {
    type Service = SessionService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SessionService::new(inner, self.manager.clone())
    }
}
