//! What can go wrong between a request and its session.

use std::time::Duration;

use http::StatusCode;

use super::value::ValueError;
use crate::cookie::CookiePrintError;
use crate::error::{ErrorKind, Operation, StoreError};
use crate::random::RandomError;

/// The session could not be loaded. Nothing was written, and nothing will be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The store failed; the policy says to refuse the request.
    #[error("the session could not be loaded")]
    Store {
        /// What the store said.
        source: StoreError,
        /// After how long the client should try again.
        retry_after: Duration,
    },
    /// The session that was to be loaded again has ended.
    #[error("the session has ended since it was loaded")]
    Gone,
    /// The changes made so far cannot be made again on what was loaded.
    #[error(transparent)]
    Value(#[from] ValueError),
}

impl LoadError {
    /// The status that tells a client the truth: 503 for a store that fails, 500 for a row that nobody can read, 409
    /// for a session that ended meanwhile.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Store { source, .. } if source.kind() == ErrorKind::Corrupt => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Self::Store { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Gone => StatusCode::CONFLICT,
            Self::Value(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// After how long the client should try again, where that makes sense.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Store { retry_after, .. } if self.status() == StatusCode::SERVICE_UNAVAILABLE => {
                Some(*retry_after)
            }
            _ => None,
        }
    }
}

/// The session's changes were not stored, or not all of them. The client must not be told that they were.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// The session ended (signed out, rotated, expired) while the request was changing it. The changes are dropped:
    /// nothing was written and no cookie is sent.
    #[error("the session ended while this request was changing it; nothing was written")]
    Gone,
    /// Nobody was signed in, because the user has as many sessions as they may
    /// ([`WhenFull::Refuse`](crate::WhenFull::Refuse)). All changes are dropped.
    #[error("the user has as many sessions as they may; one of them has to end first")]
    SessionLimit,
    /// Nobody was signed in, because all sessions of the user were ended after the sign-in had begun. All changes are
    /// dropped.
    #[error("the user's sessions were ended during the sign-in; nothing was written")]
    SignInSuperseded,
    /// Other requests wrote first, every time.
    #[error("other requests kept changing the session; gave up after {attempts} attempts")]
    Contended {
        /// How many writes were attempted.
        attempts: u32,
    },
    /// The store failed.
    #[error("the session could not be stored")]
    Store {
        /// What the store said.
        source: StoreError,
        /// After how long the client should try again.
        retry_after: Duration,
    },
    /// An earlier write may or may not have been applied, other requests have written since, and a recorded
    /// [`update`](crate::Session::update) must not run twice. [`Session::reload`](crate::Session::reload) drops the
    /// changes in doubt and shows what is stored.
    #[error("an earlier save may or may not have been applied; reload the session and decide")]
    Unsettled,
    /// A recorded update could not be made again on what another request wrote.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The data is longer than the policy allows.
    #[error(
        "the session's data is longer than {limit} bytes; keep big values elsewhere or raise Policy::data_limit"
    )]
    TooLarge {
        /// The policy's limit in bytes.
        limit: usize,
    },
    /// One value is longer than the policy allows.
    #[error(
        "a value of the session is longer than {limit} bytes; keep big values elsewhere or raise Policy::value_limit"
    )]
    ValueTooLarge {
        /// The policy's limit in bytes.
        limit: usize,
    },
    /// There are more values than the policy allows.
    #[error(
        "the session has more than {limit} values; put what belongs together under one key or raise Policy::key_limit"
    )]
    TooManyKeys {
        /// The policy's limit.
        limit: usize,
    },
    /// The session was to be ended or signed in to, but it could not be loaded and the policy let the request go on
    /// without it ([`LoadFailure::Anonymous`](crate::LoadFailure::Anonymous)). It is as it was: nobody must be told
    /// otherwise.
    #[error("the session could not be loaded, so it was neither ended nor signed in to")]
    Detached {
        /// After how long the client should try again.
        retry_after: Duration,
    },
    /// No id could be drawn.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The cookie could not be written.
    #[error(transparent)]
    Cookie(#[from] CookiePrintError),
    /// A new id is needed, but the response has left and can carry no cookie.
    #[error(
        "the response has left, so the browser cannot be given a new session id; save before the response ends"
    )]
    ResponseSent,
}

/// What a failed save has left in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing of it. The client may send the request again without doing it twice.
    NotWritten,
    /// Nobody knows: all of it, or nothing. The database may have carried the write out although its answer never
    /// came. A client that sends the request again may do it twice; one that looks first will not.
    Unknown,
}

impl SaveError {
    /// Whether the changes are certainly not stored, or possibly.
    ///
    /// It is about what this save was to write. What an earlier [`Session::save`](crate::Session::save) of the request
    /// stored, stays.
    ///
    /// ```
    /// use cloakroom_core::{ErrorKind, Operation, Outcome, SaveError, StoreError};
    ///
    /// let error = |kind| SaveError::Store {
    ///     source: StoreError::new(kind, Operation::Save, "postgres"),
    ///     retry_after: std::time::Duration::from_secs(5),
    /// };
    /// // The database could not be reached.
    /// assert_eq!(error(ErrorKind::Unavailable).outcome(), Outcome::NotWritten);
    /// // The connection broke after the statement was sent.
    /// assert_eq!(error(ErrorKind::Unknown).outcome(), Outcome::Unknown);
    /// ```
    pub fn outcome(&self) -> Outcome {
        match self {
            // A load that fails after a conflict says nothing about a write, which was refused.
            Self::Store { source, .. } if source.operation() == Operation::Load => Outcome::NotWritten,
            Self::Store { source, .. } if source.kind() == ErrorKind::Unknown => Outcome::Unknown,
            // With a cookie that cannot be written the session is stored, and its browser does not hear of it.
            Self::Unsettled | Self::Cookie(_) => Outcome::Unknown,
            Self::Gone
            | Self::SessionLimit
            | Self::SignInSuperseded
            | Self::Contended { .. }
            | Self::Store { .. }
            | Self::Value(_)
            | Self::TooLarge { .. }
            | Self::ValueTooLarge { .. }
            | Self::TooManyKeys { .. }
            | Self::Detached { .. }
            | Self::Random(_)
            | Self::ResponseSent => Outcome::NotWritten,
        }
    }

    /// The status that tells a client the truth: 503 for a store that fails or is contended, 409 for a session that
    /// ended meanwhile or a sign-in that came too late, 403 for one session too many, 413 for too much data, 500 for the rest.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Gone | Self::SignInSuperseded => StatusCode::CONFLICT,
            Self::SessionLimit => StatusCode::FORBIDDEN,
            Self::Store { source, .. } if source.kind() == ErrorKind::TooLarge => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::Store { source, .. } if source.kind() == ErrorKind::Corrupt => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Self::Contended { .. } | Self::Unsettled | Self::Store { .. } | Self::Detached { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::TooLarge { .. } | Self::ValueTooLarge { .. } | Self::TooManyKeys { .. } => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::Value(_) | Self::Random(_) | Self::Cookie(_) | Self::ResponseSent => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    /// After how long the client should try again, where that makes sense.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Contended { .. } | Self::Unsettled => Some(Duration::from_secs(1)),
            Self::Store { retry_after, .. } | Self::Detached { retry_after }
                if self.status() == StatusCode::SERVICE_UNAVAILABLE =>
            {
                Some(*retry_after)
            }
            _ => None,
        }
    }
}

impl From<LoadError> for SaveError {
    /// A save loads when another request wrote first.
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Store { source, retry_after } => Self::Store { source, retry_after },
            LoadError::Gone => Self::Gone,
            LoadError::Value(error) => Self::Value(error),
        }
    }
}
