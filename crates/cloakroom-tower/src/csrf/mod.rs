//! The guard against forged requests, for every tower HTTP service.

mod body;
mod layer;
mod service;

pub use cloakroom_auth::csrf::{
    Cookieless, CsrfGuard, CsrfRefusal, CsrfToken, Judgement, Origin, OriginError, Origins, judge,
};

pub use self::body::CsrfBody;
pub use self::layer::CsrfLayer;
pub use self::service::{CsrfFuture, CsrfService};
