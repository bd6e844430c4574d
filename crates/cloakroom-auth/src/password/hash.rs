//! What is stored in place of a password.

use std::fmt;

/// A new argon2id hash as a PHC string, about 97 ASCII characters: `$argon2id$v=19$m=19456,t=2,p=1$…$…`.
///
/// Store the text in a column of at least 255 characters, so that stronger parameters fit. Whoever has it can guess
/// passwords offline, so `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    pub(super) const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text to store.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text to store, by value.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl From<PasswordHash> for String {
    fn from(hash: PasswordHash) -> Self {
        hash.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PasswordHash(redacted)")
    }
}
