//! What can go wrong when somebody signs in or asks for what is theirs.

use std::error::Error;
use std::time::Duration;

use cloakroom_core::{LoadError, RandomError, SaveError, StoreError};
use http::StatusCode;

use crate::password::PasswordError;
use crate::strategy::Refusal;

/// Any error of the application's own.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Why something was not done. No text names a user or holds a credential.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The session could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The session could not be stored.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// The store failed at something other than the visitor's own session.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The application's users could not be asked, or a strategy failed.
    #[error("the user could not be looked up")]
    Users(#[source] BoxError),
    /// Nothing random could be drawn.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// Somebody is not signed in. The text is the same whatever the reason.
    #[error("the credentials were refused")]
    Refused(Refusal),
    /// The user has as many sessions as they may.
    #[error("the user has as many sessions as they may; one of them has to end first")]
    SessionLimit,
    /// All sessions of the user were ended, or their credentials changed, after the sign-in had begun.
    #[error("the user's sessions were ended or their credentials changed during the sign-in; sign in again")]
    Superseded,
    /// The user was deleted or disabled.
    #[error("the user may not sign in")]
    UserGone,
    /// Nobody is signed in.
    #[error("nobody is signed in")]
    NotSignedIn,
    /// The user has to prove again who they are.
    #[error("the user has to prove again who they are")]
    RecentRequired,
    /// Whoever is signed in has no right to it.
    #[error("the user may not do this")]
    Forbidden,
    /// Somebody else's credentials were given to confirm who is signed in.
    #[error("these are the credentials of another user")]
    AnotherUser,
}

impl AuthError {
    /// The status that tells a client the truth.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Load(error) => error.status(),
            Self::Save(error) => error.status(),
            Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Users(error) => {
                busy(error).map_or(StatusCode::INTERNAL_SERVER_ERROR, PasswordError::status)
            }
            Self::Random(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Refused(Refusal::TooManyAttempts { .. }) => StatusCode::TOO_MANY_REQUESTS,
            Self::Superseded => StatusCode::CONFLICT,
            Self::SessionLimit | Self::Forbidden => StatusCode::FORBIDDEN,
            // Whoever may not sign in learns no more than whoever gave a wrong password.
            // A step-up is asked for by 401 (RFC 9470 section 3).
            Self::Refused(_)
            | Self::UserGone
            | Self::NotSignedIn
            | Self::RecentRequired
            | Self::AnotherUser => StatusCode::UNAUTHORIZED,
        }
    }

    /// After how long the client should try again, where that makes sense.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Load(error) => error.retry_after(),
            Self::Save(error) => error.retry_after(),
            Self::Store(_) => Some(Duration::from_secs(5)),
            Self::Users(error) => busy(error).and_then(PasswordError::retry_after),
            Self::Refused(Refusal::TooManyAttempts { retry_after }) => Some(*retry_after),
            _ => None,
        }
    }
}

/// A strategy that could not hash a password says itself what a client should do: try again when the queue is shorter.
fn busy(error: &BoxError) -> Option<&PasswordError> {
    error.downcast_ref()
}

impl From<Refusal> for AuthError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_of_passwords_is_no_fault_of_the_server_and_says_when_to_try_again() {
        let full = AuthError::Users(Box::new(PasswordError::Busy { retry_after: Duration::from_secs(2) }));
        assert_eq!(full.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(full.retry_after(), Some(Duration::from_secs(2)));
        let other = AuthError::Users("no such host".into());
        assert_eq!((other.status(), other.retry_after()), (StatusCode::INTERNAL_SERVER_ERROR, None));
    }
}
