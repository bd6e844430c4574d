//! Typed access to single values: keys, sections and what can go wrong.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The name of a value together with its type, for a constant that the whole application shares.
///
/// ```
/// use cloakroom_core::Key;
///
/// const VISITS: Key<u32> = Key::new("visits");
/// assert_eq!(VISITS.name(), "visits");
/// ```
#[derive(Debug)]
pub struct Key<T> {
    name: &'static str,
    value: PhantomData<fn() -> T>,
}

impl<T> Key<T> {
    /// A key called `name`.
    pub const fn new(name: &'static str) -> Self {
        Self { name, value: PhantomData }
    }

    /// Its name in the session's data.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Key<T> {}

/// What names a value of type `T`: a [`Key<T>`], or any text for whatever type the caller says.
pub trait SessionKey<T> {
    /// The name in the session's data.
    fn name(&self) -> &str;
}

impl<T> SessionKey<T> for Key<T> {
    fn name(&self) -> &str {
        self.name
    }
}

impl<T, S: AsRef<str>> SessionKey<T> for S {
    fn name(&self) -> &str {
        self.as_ref()
    }
}

/// A struct that is kept whole under one name.
///
/// Members that the stored object has and the struct does not know (written by a newer release, or by another
/// application) stay when the section is written.
///
/// ```
/// use cloakroom_core::Section;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Default, Serialize, Deserialize)]
/// struct Basket {
///     articles: Vec<u64>,
/// }
///
/// impl Section for Basket {
///     const NAME: &'static str = "basket";
/// }
/// ```
pub trait Section: Serialize + DeserializeOwned + Default {
    /// The name in the session's data. Two sections of one application need two names.
    const NAME: &'static str;
}

/// A stored value does not decode into the type that was asked for. It is still there, unchanged.
#[derive(Debug, thiserror::Error)]
#[error(
    "the session's value {key:?} does not decode into the type asked for: give the new fields defaults, or replace the value"
)]
pub struct DecodeError {
    pub(crate) key: String,
    /// Not the source of the error, because its text may quote the value.
    category: serde_json::error::Category,
}

impl DecodeError {
    /// The name of the value.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether the value's shape is at fault (`Data`) or its text (`Syntax`, `Eof`, `Io`).
    pub fn category(&self) -> serde_json::error::Category {
        self.category
    }
}

/// A value cannot be written as JSON: a map whose keys are no strings, or a `Serialize` that fails. Nothing changed.
#[derive(Debug, thiserror::Error)]
#[error("the value for {key:?} cannot be written as JSON: use string keys in maps and check its Serialize")]
pub struct EncodeError {
    key: String,
}

impl EncodeError {
    /// The name of the value.
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// Why an update could not be made; the session is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// The stored value has another type.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The new value is no JSON.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The value was another one each time the update had run.
    #[error(
        "the value {key:?} kept changing while its update ran: an update must not change the value it is given"
    )]
    Unstable {
        /// The name of the value.
        key: String,
    },
}

pub(crate) fn decode<T: DeserializeOwned>(key: &str, value: &Value) -> Result<T, DecodeError> {
    T::deserialize(value).map_err(|error| DecodeError { key: key.to_owned(), category: error.classify() })
}

pub(crate) fn encode<T: Serialize>(key: &str, value: &T) -> Result<Value, EncodeError> {
    serde_json::to_value(value).map_err(|_| EncodeError { key: key.to_owned() })
}

/// Decodes a section; what is not there is the default.
pub(crate) fn decode_section<S: Section>(stored: Option<&Value>) -> Result<S, DecodeError> {
    stored.map_or_else(|| Ok(S::default()), |value| decode(S::NAME, value))
}

/// Applies `change` to a section and keeps the members that its type does not know.
pub(crate) fn change_section<S: Section>(
    stored: Option<&Value>,
    change: &(impl Fn(&mut S) + ?Sized),
) -> Result<Value, ValueError> {
    let mut section: S = decode_section(stored)?;
    let known_before = encode(S::NAME, &section)?;
    change(&mut section);
    let changed = encode(S::NAME, &section)?;
    let mut whole = changed.clone();
    if let (Some(Value::Object(stored)), Value::Object(before), Value::Object(after)) =
        (stored, &known_before, &mut whole)
    {
        for (name, value) in stored {
            if !before.contains_key(name) && !after.contains_key(name) {
                after.insert(name.clone(), value.clone());
            }
        }
    }
    // A member that the type reads under a second name (`serde(alias)`) is no unknown one, and would now be there twice.
    Ok(if decode::<S>(S::NAME, &whole).is_ok() { whole } else { changed })
}
