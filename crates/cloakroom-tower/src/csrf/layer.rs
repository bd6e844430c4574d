//! What wraps services in the guard.

use std::fmt;
use std::sync::Arc;

use http::request::Parts;
use tower_layer::Layer;

use super::service::CsrfService;
use super::{CsrfGuard, CsrfRefusal};

/// Refuses requests that change something and were not sent from one of our own pages (ASVS 3.5.1); see
/// [`cloakroom_auth::csrf`] for how that is told.
///
/// Put it inside of the [`SessionLayer`](crate::SessionLayer) and around all routes. What passes is not changed; what a
/// browser of the last years sends costs nothing: no session is loaded and no body is read. Only a request that says
/// neither `Sec-Fetch-Site` nor `Origin` and brings a cookie is asked for the session's
/// [`CsrfToken`](super::CsrfToken).
///
/// Refused requests get 403 (413 for a form too large to be searched, 400 for one that broke off) with a line of text.
/// The response's extensions hold the [`CsrfRefusal`], from which an outer layer can make a page.
///
/// ```
/// use axum::{Router, routing::post};
/// use cloakroom_core::MemoryStore;
/// use cloakroom_tower::{SessionLayer, csrf::CsrfLayer};
///
/// async fn sign_out() {}
///
/// let app: Router = Router::new()
///     .route("/sign-out", post(sign_out))
///     .layer(CsrfLayer::default())
///     .layer(SessionLayer::new(MemoryStore::default())?);
/// # let _ = app;
/// # Ok::<(), cloakroom_core::CookieConfigError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct CsrfLayer {
    settings: Arc<Settings>,
}

#[derive(Clone, Default)]
pub(super) struct Settings {
    pub(super) guard: CsrfGuard,
    on_refused: Option<Arc<OnRefused>>,
}

type OnRefused = dyn Fn(CsrfRefusal, &Parts) + Send + Sync;

impl CsrfLayer {
    /// Guards as `guard` says; [`CsrfLayer::default`] is without settings.
    pub fn new(guard: CsrfGuard) -> Self {
        Self { settings: Arc::new(Settings { guard, on_refused: None }) }
    }

    /// Calls `report` for every request that is refused, with its head: for an audit log or a counter. The head is
    /// the attacker's text, and holds the visitor's cookie. The log is told at the level `info`, without any of it.
    #[must_use]
    pub fn on_refused(self, report: impl Fn(CsrfRefusal, &Parts) + Send + Sync + 'static) -> Self {
        let mut settings = Settings::clone(&self.settings);
        settings.on_refused = Some(Arc::new(report));
        Self { settings: Arc::new(settings) }
    }
}

impl<S> Layer<S> for CsrfLayer {
    type Service = CsrfService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CsrfService::new(inner, Arc::clone(&self.settings))
    }
}

impl Settings {
    pub(super) fn report(&self, refusal: CsrfRefusal, head: &Parts) {
        tracing::info!(method = %head.method, "a request was refused: {refusal}");
        if let Some(report) = &self.on_refused {
            report(refusal, head);
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Settings").field("guard", &self.guard).finish_non_exhaustive()
    }
}
