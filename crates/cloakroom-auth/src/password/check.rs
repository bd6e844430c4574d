//! What checking a password gave.

use std::fmt;

use cloakroom_core::Fingerprint;

use super::hash::PasswordHash;
use super::upgrade::Upgrade;

/// What checking a password gave. Tell a client nothing but right or not.
#[derive(Debug)]
#[must_use = "a password that was checked and not looked at lets everybody in or nobody"]
pub enum Check {
    /// The stored hash is of this password.
    Right(PasswordMatch),
    /// It is not, or there is no such user, or no password was sent.
    Wrong,
    /// The stored hash is bcrypt's and the password has more than 72 bytes or a NUL, of which bcrypt sees only the
    /// beginning. It is refused, for a match would say nothing about the rest.
    ///
    /// The client gets the same answer as for a wrong password. Let the user reset it by a message to an address that
    /// is known; send such messages as rarely as any other, because everybody can cause this answer.
    BeyondBcrypt,
}

/// Proof that somebody typed the password of a stored hash. Only [`Passwords::verify`](super::Passwords::verify)
/// makes one.
pub struct PasswordMatch {
    stored: String,
    upgrade: Option<PasswordHash>,
}

impl PasswordMatch {
    pub(super) fn new(stored: &str, upgrade: Option<PasswordHash>) -> Self {
        Self { stored: stored.to_owned(), upgrade }
    }

    /// The stored hash that the password matched.
    pub fn stored(&self) -> &str {
        &self.stored
    }

    /// The hash to store in place of the old one, where that was made otherwise than new ones are.
    ///
    /// Store it on condition that the old one is still there, so that a password changed meanwhile stays changed:
    /// `… where id = $1 and hash = $2`. A hash that changes ends sessions that carry a fingerprint of the old one; see
    /// [`PasswordMatch::upgrade_from`].
    pub const fn upgrade(&self) -> Option<&PasswordHash> {
        self.upgrade.as_ref()
    }

    /// As [`PasswordMatch::upgrade`], with a link that keeps the user's other sessions. `fingerprint` is what sessions
    /// carry while the old hash is stored.
    pub fn upgrade_from(&self, fingerprint: &Fingerprint) -> Option<Upgrade> {
        self.upgrade.as_ref().map(|hash| Upgrade::new(fingerprint, &self.stored, hash.clone()))
    }
}

impl fmt::Debug for PasswordMatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PasswordMatch(redacted)")
    }
}
