//! Longer explanations, whose examples compile.

#[doc = include_str!("../guides/defaults.md")]
pub mod defaults {}

#[cfg(feature = "sqlite")]
#[doc = include_str!("../guides/stores.md")]
pub mod stores {}

#[cfg(feature = "axum")]
#[doc = include_str!("../guides/axum.md")]
pub mod axum {}

#[cfg(all(feature = "axum", feature = "sqlite"))]
#[doc = include_str!("../guides/failure.md")]
pub mod failure {}
