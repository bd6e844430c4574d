//! Sessions for every tower HTTP service.
//!
//! [`SessionLayer`] wraps any `Service<http::Request<_>, Response = http::Response<_>>`: axum, tonic, or hyper with
//! nothing in between. It puts a [`LazySession`] into the request's extensions and, when the response is ready, stores
//! what was done to it and appends the cookie. With the feature `axum`, handlers take the session as an argument.
//!
//! Applications depend on the `cloakroom` facade, which re-exports this crate.
//!
//! ```
//! use bytes::Bytes;
//! use cloakroom_core::{LazySession, MemoryStore};
//! use cloakroom_tower::{SessionError, SessionLayer};
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use tower::{ServiceBuilder, ServiceExt as _, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = ServiceBuilder::new().layer(SessionLayer::new(MemoryStore::default())?).service(service_fn(
//!     async |request: Request<Full<Bytes>>| {
//!         let session = request.extensions().get::<LazySession>().ok_or(SessionError::MissingLayer)?.load().await?;
//!         let visits = session.update("visits", |visits: Option<u32>| visits.unwrap_or(0) + 1)?;
//!         Ok::<_, SessionError>(Response::new(Full::<Bytes>::from(format!("visit {visits}"))))
//!     },
//! ));
//!
//! let response = service.oneshot(Request::new(Full::default())).await?;
//! assert!(response.headers().contains_key("set-cookie"));
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "auth")]
pub mod auth;
#[cfg(feature = "axum")]
pub mod axum;
#[cfg(feature = "auth")]
pub mod csrf;
mod error;
mod layer;
mod service;
mod sessions;

pub use cloakroom_core::{Finished, LazySession, Session, SessionManager};

pub use self::error::SessionError;
pub use self::layer::SessionLayer;
pub use self::service::{ResponseFuture, SessionService};
pub use self::sessions::Sessions;
