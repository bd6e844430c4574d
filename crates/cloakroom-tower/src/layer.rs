//! What wraps services in sessions.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use cloakroom_core::{CookieConfigError, SessionManager, Store};
use http::{Extensions, HeaderMap};
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
    client: Client,
}

/// How the address of a request's client is found out.
#[derive(Clone, Default)]
pub(crate) struct Client(Option<Arc<FindAddress>>);

type FindAddress = dyn Fn(&HeaderMap, &Extensions) -> Option<IpAddr> + Send + Sync;

impl Client {
    pub(crate) fn address<B>(&self, request: &http::Request<B>) -> Option<IpAddr> {
        self.0.as_ref().and_then(|find| find(request.headers(), request.extensions()))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "known" } else { "unknown" })
    }
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

    /// Tells from which address a request comes, so that somebody who tries ids is noticed; see
    /// [`Policy::guessing`](cloakroom_core::Policy::guessing).
    ///
    /// # Default
    /// No address is known and nobody is noticed, because only the application knows what stands before it. Without a
    /// proxy the address is that of the connection; behind one it is in the header that the proxy sets. Believe no
    /// other header: a client can send any. With the proxy's own address everybody would count as one client.
    ///
    /// ```
    /// use std::net::SocketAddr;
    /// use axum::extract::ConnectInfo;
    /// use cloakroom_core::MemoryStore;
    /// use cloakroom_tower::SessionLayer;
    ///
    /// let direct = SessionLayer::new(MemoryStore::default())?.client_address(|_, extensions| {
    ///     let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
    ///     Some(peer.ip())
    /// });
    ///
    /// // Behind a proxy that replaces this header, whatever the client sent.
    /// let behind_a_proxy = SessionLayer::new(MemoryStore::default())?.client_address(|headers, _| {
    ///     headers.get("x-real-ip")?.to_str().ok()?.parse().ok()
    /// });
    /// # let _ = (direct, behind_a_proxy);
    /// # Ok::<(), cloakroom_core::CookieConfigError>(())
    /// ```
    #[must_use]
    pub fn client_address(
        self,
        find: impl Fn(&HeaderMap, &Extensions) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        Self { client: Client(Some(Arc::new(find))), ..self }
    }

    #[cfg(feature = "auth")]
    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    /// The sessions that the layer gives out, for listing and ending them elsewhere.
    pub const fn manager(&self) -> &SessionManager {
        &self.manager
    }
}

impl From<SessionManager> for SessionLayer {
    fn from(manager: SessionManager) -> Self {
        Self { manager, client: Client::default() }
    }
}

impl<S> Layer<S> for SessionLayer {
    type Service = SessionService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SessionService::new(inner, self.manager.clone(), self.client.clone())
    }
}
