//! A password as somebody typed it.

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// A password as somebody typed it: never printed, and overwritten in memory when its last clone is dropped.
///
/// What read the request (the body, a parser's buffers) has copies of its own, which this type does not reach.
///
/// It deserializes from a string, and an error does not quote what was sent instead. `Password::default()` is an empty
/// password and stands for a field that was not sent: with `#[serde(default)]` a missing password is checked at the
/// cost of a wrong one, and is always wrong.
///
/// ```
/// use cloakroom_auth::password::Password;
///
/// let password = Password::from("correct horse battery staple");
/// assert_eq!(format!("{password:?}"), "Password(redacted)");
/// ```
// Clones share one text, so a check on another thread leaves no second copy in memory.
#[derive(Clone, Default)]
pub struct Password(Arc<Zeroizing<String>>);

impl Password {
    /// Whether nothing was typed or sent.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Unicode scalar values, the unit in which NIST SP 800-63B-4 (3.1.1.2) counts.
    pub(super) fn characters(&self) -> usize {
        self.0.chars().count()
    }
}

impl From<String> for Password {
    /// Takes the text over: it is not copied, and this memory is what is overwritten.
    fn from(text: String) -> Self {
        Self(Arc::new(Zeroizing::new(text)))
    }
}

impl From<&str> for Password {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(redacted)")
    }
}

/// For "repeat your password". Takes as long wherever the first difference is; the length is not hidden.
impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl Eq for Password {}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Asked for a string, serde_json quotes a number that it finds instead; asked for anything, it hands it over.
        deserializer.deserialize_any(PasswordVisitor)
    }
}

struct PasswordVisitor;

/// Refuses without the value: serde's own methods quote it in their errors.
macro_rules! refuse {
    ($($method:ident: $type:ty),*) => {
        $(fn $method<E: Error>(self, _: $type) -> Result<Password, E> {
            Err(E::custom("a password is sent as a string"))
        })*
    };
}

impl<'de> Visitor<'de> for PasswordVisitor {
    type Value = Password;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a password as a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Password, E> {
        Ok(text.into())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Password, E> {
        Ok(text.into())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Password, D::Error> {
        Password::deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Password, D::Error> {
        Password::deserialize(deserializer)
    }

    refuse!(visit_bool: bool, visit_char: char, visit_f64: f64, visit_bytes: &[u8]);
    refuse!(visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128);
}
