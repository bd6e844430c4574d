//! Why a password could not be hashed or checked.

use std::time::Duration;

use cloakroom_core::RandomError;
use http::StatusCode;

use super::scheme::Algorithm;

/// Why a password could not be hashed or checked. A wrong password is no error: see [`Check`](super::Check).
///
/// No text holds a password or a part of a stored hash.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// Sign-up or change: fewer Unicode characters than the policy asks for.
    #[error("the password has fewer than {minimum} characters: ask for a longer one")]
    TooShort {
        /// The least number of Unicode characters.
        minimum: usize,
    },
    /// Sign-up or change: more bytes (UTF-8) than are hashed.
    #[error("the password is longer than {maximum} bytes: ask for a shorter one")]
    TooLong {
        /// The greatest number of bytes.
        maximum: usize,
    },
    /// The stored text is no hash that is known here (argon2id, argon2i, bcrypt 2a/2b/2y, scrypt, pbkdf2-sha256,
    /// pbkdf2-sha512), or is one that was cut or altered. Nobody can sign in with it.
    #[error(
        "the stored password hash is in no known format: was the column cut, or does it hold plain text? \
         Let the user reset the password"
    )]
    UnknownFormat,
    /// The stored hash asks for more work or memory than [`Ceiling`](super::Ceiling) allows; it was not begun.
    #[error("the stored {0} hash costs more than the ceiling allows: raise the ceiling if the row is honest")]
    TooCostly(Algorithm),
    /// As many checks wait already as may wait. Nothing was begun: 503 with `Retry-After`.
    #[error("too many password checks are waiting: answer 503 and let the client try again")]
    Busy {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The memory that the hash asks for could not be had.
    #[error(
        "there is not enough memory to hash a password: lower the number of hashing threads or the parameters"
    )]
    OutOfMemory,
    /// The operating system started no thread.
    #[error("no thread for hashing could be started: raise the limit on threads")]
    NoThread(#[source] std::io::Error),
    /// No random salt could be had.
    #[error("no random salt could be made: check the operating system's entropy source")]
    Random(#[source] RandomError),
    /// The hashing itself failed, which is a defect. The other checks go on.
    #[error(
        "hashing a password was interrupted, which is a defect of this crate or of what it calls: report it"
    )]
    Interrupted,
}

impl PasswordError {
    /// The answer that fits: 422 for a new password that is refused, 503 where trying again may help, else 500.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::TooShort { .. } | Self::TooLong { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Busy { .. } | Self::OutOfMemory | Self::NoThread(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::UnknownFormat | Self::TooCostly(_) | Self::Random(_) | Self::Interrupted => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    /// When it is worth trying again, for the `Retry-After` header of a 503.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after } => Some(*retry_after),
            _ => None,
        }
    }
}

/// Why [`Passwords`](super::Passwords) cannot be built as configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordConfigError {
    /// Parameters below the floor of [`Argon2Parameters::new`](super::Argon2Parameters::new).
    #[error(
        "the argon2id parameters are below OWASP's advice: use at least 19456 KiB with 2 passes and 1 lane"
    )]
    WeakParameters,
    /// New hashes would cost more than the ceiling lets a check cost.
    #[error("the argon2id parameters are above the ceiling: raise the ceiling as well")]
    AboveCeiling,
    /// The least length is not between 8 and 64 characters.
    #[error("the minimum length must be 8 to 64 characters")]
    MinimumLength,
    /// What an unknown user is to be checked against is no stored hash, or one above the ceiling.
    #[error("the hash given for unknown users cannot be read or is above the ceiling")]
    UnknownUsers,
}
