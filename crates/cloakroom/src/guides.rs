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

#[cfg(all(feature = "auth", feature = "axum", feature = "sqlite"))]
#[doc = include_str!("../guides/sign-in.md")]
///
/// # The whole application
///
#[doc = concat!("```rust,no_run\n", include_str!("../examples/sign_in.rs"), "```")]
pub mod sign_in {}
