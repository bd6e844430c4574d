//! Sign-in for every tower HTTP service.

mod error;
mod guard;
mod layer;
mod service;
mod signed_out;

pub use self::error::AuthError;
pub use self::guard::{GuardFuture, GuardLayer, GuardService, require, require_recent, require_user};
pub use self::layer::AuthLayer;
pub use self::service::{AuthFuture, AuthService};
pub use self::signed_out::SignedOut;

use cloakroom_auth::Visit;
use http::Extensions;

/// What the layer put into the request.
pub(crate) fn visit<U: Send + Sync + 'static>(extensions: &Extensions) -> Result<&Visit<U>, AuthError> {
    extensions.get().ok_or(AuthError::MissingLayer)
}
