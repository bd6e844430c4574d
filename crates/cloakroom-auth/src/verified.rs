//! The proof that somebody is who they say.

use std::fmt;

use cloakroom_core::{Method, Timestamp};

use crate::password::PasswordMatch;

/// A user who has just proved who they are. Signing in takes one, and it is used up by it.
///
/// Only a check of this crate makes one, or [`Verified::vouched`], whose name says who answers for it.
pub struct Verified<U> {
    user: U,
    method: Method,
    began: Option<Began>,
}

/// How things stood before the strategy was asked.
#[derive(Clone, Copy)]
pub(crate) struct Began {
    pub(crate) at: Timestamp,
    /// How often everybody had been signed out.
    pub(crate) epoch: u64,
}

impl<U> Verified<U> {
    /// `user` knew the password that was compared with their stored hash.
    ///
    /// The proof names no user: pass the user whose hash was given to
    /// [`Passwords::verify`](crate::password::Passwords::verify).
    pub fn by_password(user: U, _: &PasswordMatch) -> Self {
        Self { user, method: Method::password(), began: None }
    }

    /// The escape hatch: the application answers for it that `user` has proved by `method` who they are, with a check
    /// that this crate does not know.
    pub const fn vouched(user: U, method: Method) -> Self {
        Self { user, method, began: None }
    }

    /// Who it is.
    pub const fn user(&self) -> &U {
        &self.user
    }

    /// How they proved it.
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// The same, of somebody whose check began so.
    pub(crate) fn begun(self, began: Began) -> Self {
        Self { began: Some(began), ..self }
    }

    pub(crate) fn into_parts(self) -> (U, Method, Option<Began>) {
        (self.user, self.method, self.began)
    }
}

impl<U> fmt::Debug for Verified<U> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Verified").field("method", &self.method).finish_non_exhaustive()
    }
}
