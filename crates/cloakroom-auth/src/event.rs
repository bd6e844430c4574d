//! What an application can watch of sign-in.

use std::fmt;
use std::time::Duration;

use cloakroom_core::{Method, Presence, UserId};

use crate::strategy::Refusal;

/// Sees every event, for audit logs, counters and alarms (ASVS 16.3).
///
/// Called on the request's own task, so it should hand over and return. One that panics is caught and reported, and
/// stops nothing (Jetty's CVE-2021-34428).
pub trait AuthObserver: fmt::Debug + Send + Sync + 'static {
    /// Takes note of one event.
    fn observe(&self, event: &AuthEvent<'_>);
}

/// Something that happened. No event carries an id of a session, a credential, or what somebody typed as their name.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum AuthEvent<'a> {
    /// Somebody signed in.
    SignedIn {
        /// Who.
        user: &'a UserId,
        /// How.
        method: &'a Method,
        /// Whether they asked to be remembered.
        presence: Presence,
    },
    /// Somebody who is signed in proved again who they are.
    Confirmed {
        /// Who.
        user: &'a UserId,
        /// How.
        method: &'a Method,
    },
    /// Somebody was not signed in. The client is not told why.
    Refused(Refusal),
    /// There were too many attempts, so this one was not even judged.
    Limited {
        /// After how long there is another one.
        retry_after: Duration,
    },
    /// Sessions ended.
    Ended {
        /// Whose.
        user: &'a UserId,
        /// By whom.
        by: EndedBy,
        /// How many.
        sessions: u64,
    },
    /// A user who signed in had as many sessions as they may; they were refused, or the sessions that made room are
    /// told as [`EndedBy::Limit`].
    LimitReached {
        /// Who.
        user: &'a UserId,
    },
    /// Something was asked for that needs a more recent authentication.
    RecentRequired {
        /// By whom.
        user: &'a UserId,
    },
    /// Everybody was signed out.
    EverybodyOut,
}

/// By whom, or by what, a session was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndedBy {
    /// The user signed out in it.
    SignOut,
    /// The user ended it from another of their sessions.
    User,
    /// Somebody who runs the application, or the application itself.
    Application,
    /// One session more than the user may have.
    Limit,
    /// The user's credentials changed.
    Credentials,
    /// The user was deleted or disabled.
    UserGone,
    /// Somebody signed in over it in the same browser.
    SignIn,
}

impl EndedBy {
    /// The word that the history keeps.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignOut => "sign-out",
            Self::User => "user",
            Self::Application => "application",
            Self::Limit => "limit",
            Self::Credentials => "credentials",
            Self::UserGone => "user-gone",
            Self::SignIn => "sign-in",
        }
    }

    /// What [`EndedBy::as_str`] wrote.
    pub fn parse(word: &str) -> Option<Self> {
        const ALL: [EndedBy; 7] = [
            EndedBy::SignOut,
            EndedBy::User,
            EndedBy::Application,
            EndedBy::Limit,
            EndedBy::Credentials,
            EndedBy::UserGone,
            EndedBy::SignIn,
        ];
        ALL.into_iter().find(|by| by.as_str() == word)
    }
}
