//! What is stored.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::authentication::Authentication;
use crate::clock::Timestamp;
use crate::lifetime::Lifetime;
use crate::verifier::Verifier;

/// The session's data: a JSON object whose keys keep their order.
pub type Data = Map<String, Value>;

/// One session as the store keeps it.
///
/// `Debug` shows times and the number of keys, never data, user or device.
#[derive(Clone, PartialEq)]
pub struct Record {
    /// What the application keeps.
    pub data: Data,
    /// Whose session it is, once somebody has signed in.
    pub user: Option<UserId>,
    /// How they signed in, if that was recorded.
    pub authentication: Option<Authentication>,
    /// When the session began.
    pub created: Timestamp,
    /// When the session was last written or touched. Touches are throttled, so this is coarse.
    pub seen: Timestamp,
    /// When it ends unless there is more activity: not valid *at* this instant any more.
    pub expires: Timestamp,
    /// When it ends whatever happens, if it has an absolute limit.
    pub deadline: Option<Timestamp>,
    /// Its limits, so that those given at sign-in survive later writes.
    pub lifetime: Lifetime,
    /// The device that it was opened on, if the application records that.
    pub device: Option<Device>,
    /// Which id opens it. Stores keep its bytes.
    pub verifier: Verifier,
}

impl Record {
    /// An empty record that begins at `now` and lives by `lifetime`. No id opens it: whoever stores one without a
    /// session gives it a [`Verifier`].
    pub fn new(lifetime: Lifetime, now: Timestamp) -> Self {
        let deadline = lifetime.deadline(now);
        Self {
            data: Data::new(),
            user: None,
            authentication: None,
            created: now,
            seen: now,
            expires: lifetime.expiry(now, deadline),
            deadline,
            lifetime,
            device: None,
            verifier: Verifier::default(),
        }
    }

    /// Whether there is nothing in it for which a session would have to be kept: no data and no user.
    pub(crate) fn is_blank(&self) -> bool {
        self.data.is_empty() && self.user.is_none()
    }

    /// Whether the record is valid at `now`. A record ends *at* its instant of expiry.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Record")
            .field("keys", &self.data.len())
            .field("signed_in", &self.user.is_some())
            .field("created", &self.created)
            .field("seen", &self.seen)
            .field("expires", &self.expires)
            .field("deadline", &self.deadline)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

/// The application's own name for a user: a number, a UUID, an address, written as text.
///
/// At most 255 bytes, so that every database can index it. `Debug` redacts it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(Arc<str>);

impl UserId {
    /// The longest id in bytes that every database can index.
    pub const MAX_BYTES: usize = 255;

    /// Takes the application's id.
    ///
    /// # Errors
    /// When it is empty or longer than [`UserId::MAX_BYTES`], or contains a NUL, which PostgreSQL cannot store.
    pub fn new(id: impl Into<String>) -> Result<Self, InvalidUserId> {
        let id = id.into();
        if id.is_empty() || id.len() > Self::MAX_BYTES || id.contains('\0') {
            return Err(InvalidUserId);
        }
        Ok(Self(id.into()))
    }

    /// The id as the application gave it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("UserId(redacted)")
    }
}

/// A user id that no store could keep and index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a user id has 1 to 255 bytes and no NUL; use the user's primary key")]
pub struct InvalidUserId;

/// What is known of the device a session was opened on, for a list of one's own sessions.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// The `User-Agent`, at most 256 characters, control characters replaced by spaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
    /// The address, in whatever form the application decided to keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

impl Device {
    const MAX_CHARACTERS: usize = 256;

    /// A device known by its `User-Agent`. Control characters become spaces, so that no value splits a log line
    /// (ASVS 16.4.1), and what is longer than 256 characters is cut.
    pub fn new(user_agent: &str) -> Self {
        Self { user_agent: Some(tame(user_agent)), address: None }
    }

    /// Adds the address, in the form (full, shortened, hashed) that the application may keep.
    #[must_use]
    pub fn with_address(self, address: &str) -> Self {
        Self { address: Some(tame(address)), ..self }
    }

    /// The `User-Agent`, if it was recorded.
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }

    /// The address, if it was recorded.
    pub fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Device(redacted)")
    }
}

fn tame(text: &str) -> String {
    text.chars().take(Device::MAX_CHARACTERS).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Which writing of a record this is, in words that only its store understands.
///
/// `Debug` shows a count, and no bytes: they may be the payload itself.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Version(Inner);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Inner {
    Number(i64),
    Bytes(Arc<[u8]>),
}

impl Version {
    /// A counted version.
    pub const fn number(number: i64) -> Self {
        Self(Inner::Number(number))
    }

    /// A version that is a digest or the payload itself, for layouts without a column for one.
    pub fn bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(Inner::Bytes(bytes.into()))
    }

    /// The count, if this is a counted version.
    pub const fn as_number(&self) -> Option<i64> {
        match self.0 {
            Inner::Number(number) => Some(number),
            Inner::Bytes(_) => None,
        }
    }

    /// The bytes, if this is a version made of bytes.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match &self.0 {
            Inner::Number(_) => None,
            Inner::Bytes(bytes) => Some(bytes),
        }
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Number(number) => write!(formatter, "Version({number})"),
            Inner::Bytes(bytes) => write!(formatter, "Version({} bytes)", bytes.len()),
        }
    }
}
