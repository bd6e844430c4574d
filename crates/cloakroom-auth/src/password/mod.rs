//! Passwords: hashed, checked and brought up to date.
//!
//! [`Passwords`] hashes with argon2id on threads of its own, checks what older applications stored (bcrypt, scrypt,
//! PBKDF2, argon2i) and says when a stored hash should be replaced. A right password gives a [`PasswordMatch`], which
//! nothing else can make.
//!
//! - **Cost.** Every check computes one hash, whether the account exists or not and whether the password is right or
//!   not, missing, or too long. See [`Passwords::verify`].
//! - **Signing in.** [`PasswordStrategy`] is the whole of it, from a name to a [`Verdict`](crate::Verdict).
//! - **Bounds.** What a stored hash asks for is compared with a [`Ceiling`] before it is done. See [`Ceiling`].
//! - **bcrypt's 72 bytes.** bcrypt sees no more than 72 bytes and nothing after a NUL. A longer password never matches
//!   by its beginning: see [`Check::BeyondBcrypt`].
//! - **Bytes as sent.** Passwords are neither trimmed nor normalised. NIST SP 800-63B-4 (3.1.1.2) advises Unicode
//!   normalisation where a verifier accepts more than ASCII; keyboards agree on NFC so nearly always that it is left to
//!   the application, which may normalise before it makes a [`Password`] and must then do so for ever.
//!
//! ```
//! use cloakroom_auth::password::{Check, Password, Passwords};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let passwords = Passwords::new();
//!
//! // Sign-up: the text goes beside the user's name.
//! let stored = passwords.hash(&Password::from("correct horse battery staple")).await?;
//!
//! // Sign-in: `None` where no such user exists.
//! let check = passwords.verify(&Password::from("correct horse battery staple"), Some(stored.as_str())).await?;
//! assert!(matches!(check, Check::Right(_)));
//! # Ok(())
//! # }
//! ```

mod builder;
mod ceiling;
mod check;
mod error;
mod hash;
mod hasher;
mod parameters;
mod passwords;
mod pool;
mod scheme;
mod secret;
mod stored;
mod strategy;
#[cfg(test)]
mod tests;
mod upgrade;

pub use builder::PasswordsBuilder;
pub use ceiling::Ceiling;
pub use check::{Check, PasswordMatch};
pub use error::{PasswordConfigError, PasswordError};
pub use hash::PasswordHash;
pub use parameters::Argon2Parameters;
pub use passwords::Passwords;
pub use scheme::Algorithm;
pub use secret::Password;
pub use strategy::PasswordStrategy;
pub use upgrade::{Upgrade, accepts_through};
