//! Names of tables, schemas and columns.

use std::borrow::Cow;

/// A name that every supported database takes as an identifier once it is quoted.
///
/// Quotes, spaces, hyphens and reserved words are fine: names are always quoted, never pasted.
///
/// ```
/// use cloakroom_core::layout::Name;
///
/// assert!(Name::new("my \"web\" sessions; DROP TABLE users").is_ok());
/// assert!(Name::new("").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Cow<'static, str>);

impl Name {
    /// The longest name in bytes: PostgreSQL silently cuts off what is longer, and MySQL takes 64 characters.
    pub const MAX_BYTES: usize = 63;

    /// Takes a name.
    ///
    /// # Errors
    /// When it is empty or longer than [`Name::MAX_BYTES`]; when it contains a NUL, or a character outside the
    /// Basic Multilingual Plane, or ends with a space, which MySQL refuses.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidName> {
        let name = name.into();
        if name.is_empty() {
            return Err(InvalidName::Empty);
        }
        if name.len() > Self::MAX_BYTES {
            return Err(InvalidName::TooLong);
        }
        if name.contains(|c: char| c == '\0' || c > '\u{ffff}') || name.ends_with(' ') {
            return Err(InvalidName::Character);
        }
        Ok(Self(Cow::Owned(name)))
    }

    /// The name as it was given, without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) const fn constant(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }
}

/// Why a name cannot be used for a table, schema or column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// It is empty.
    #[error("a table, schema or column name must not be empty")]
    Empty,
    /// It is too long for a database.
    #[error("a table, schema or column name has at most 63 bytes; PostgreSQL would cut it off")]
    TooLong,
    /// It contains what a database refuses.
    #[error("a table, schema or column name has no NUL, no character above U+FFFF and no space at its end")]
    Character,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_some_database_would_refuse_or_cut_are_refused() {
        assert_eq!(Name::new(""), Err(InvalidName::Empty));
        assert_eq!(Name::new("é".repeat(32)), Err(InvalidName::TooLong));
        assert_eq!(Name::new("a\0b"), Err(InvalidName::Character));
        assert_eq!(Name::new("coat 🧥"), Err(InvalidName::Character));
        assert_eq!(Name::new("a "), Err(InvalidName::Character));
        for fine in ["a".repeat(63).as_str(), "se\"ss`ions", "select", "a-b", "naïve", "'; --", " a"] {
            assert_eq!(Name::new(fine).map(|name| name.as_str().to_owned()), Ok(fine.to_owned()));
        }
    }
}
