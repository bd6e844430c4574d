//! A message for the next page: said after a form was sent, shown once.

use cloakroom::{DecodeError, EncodeError, Key, Session};
use serde::{Deserialize, Serialize};

const FLASH: Key<Flash> = Key::new("flash");

/// What the next page says first.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Flash {
    pub(crate) text: String,
}

impl Flash {
    /// Leaves a message in the session.
    ///
    /// # Errors
    /// See [`Session::insert`].
    pub(crate) fn leave(session: &Session, text: impl Into<String>) -> Result<(), EncodeError> {
        session.insert(FLASH, Self { text: text.into() })
    }

    /// Takes the message out of the session, if there is one.
    ///
    /// # Errors
    /// See [`Session::take`].
    pub(crate) fn take(session: &Session) -> Result<Option<Self>, DecodeError> {
        session.take(FLASH)
    }
}
