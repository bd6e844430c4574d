//! The store: six verbs over keys and records; letting a user in, and the sessions of a user.
//!
//! Every sentence in the description of a verb is a case of the conformance suite.

mod admission;
mod pointer;

pub use self::admission::{Admission, Admitted, SessionLimit, WhenFull};

use std::fmt;
use std::future::Future;
use std::num::NonZeroU32;
use std::pin::Pin;

use crate::authentication::{Authentication, SessionHandle};
use crate::clock::Timestamp;
use crate::error::StoreError;
use crate::id::StoreKey;
use crate::record::{Device, Record, UserId, Version};

/// What every verb returns: a boxed future, so that a store can stand behind `Arc<dyn Store>`.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Where sessions are kept.
///
/// Time comes in as `now`; no store reads a clock. No verb panics, whatever the database answers. There are no
/// default bodies, because a default that is convenient is one that weakens a law.
///
/// # Cancel safety
/// Dropping the future of any verb leaves the operation done or not done, never half done, and the store usable.
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// A short, constant name for messages: `memory`, `sqlite`, `postgres`.
    fn backend(&self) -> &'static str;

    /// Finds the record under `key`, unless it has expired at `now` or was destroyed.
    ///
    /// A record expires *at* its instant: it is live while `now < expires`. A store that can tell says
    /// [`Loaded::Expired`] for a record that is still there but no longer valid, otherwise [`Loaded::Absent`].
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) when the row cannot be read; it is left as it is.
    fn load<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> StoreFuture<'a, Loaded>;

    /// Writes `record` under `key`, whole or not at all, and returns the version that it now has.
    ///
    /// [`Put::New`] fails with `Conflict` if a live record is there; an expired one is replaced. It is the only
    /// way in which a key comes to life. [`Put::At`] replaces only that version: it fails with `Conflict` when
    /// another writer was first and with `Gone` when nothing live is there. No version is used twice under one key
    /// while its record lives.
    ///
    /// # Errors
    /// As above, and [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge) rather than a cut-off record.
    fn put<'a>(
        &'a self,
        key: &'a StoreKey,
        put: Put,
        record: &'a Record,
        now: Timestamp,
    ) -> StoreFuture<'a, Version>;

    /// Writes `record`, the session of a user who signs in, as [`Store::put`] does, if the admission allows it.
    ///
    /// Atomic in all of it, however many run at once, for one user or for many:
    /// - Unless the record under [`Admission::mark`] is live at exactly [`Admission::version`], nothing changes and the
    ///   answer is [`Admitted::Superseded`].
    /// - With a limit, the live sessions of the record's user other than the one under `key` are counted. When there is
    ///   no room for one more, either nothing changes and the answer is [`Admitted::Full`], or as many as it takes are
    ///   removed, those first that [`WhenFull`] names, and told in [`Admitted::In`].
    /// - When the put fails, nothing was removed either.
    ///
    /// # Errors
    /// As for [`Store::put`]; and [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for a limit where the
    /// layout has no user column.
    fn admit<'a>(
        &'a self,
        key: &'a StoreKey,
        put: Put,
        record: &'a Record,
        admission: &'a Admission,
        now: Timestamp,
    ) -> StoreFuture<'a, Admitted>;

    /// Moves the time of last activity and the expiry of a live record and nothing else; the version stays.
    ///
    /// It never revives: it fails with `Gone` if no live record is there. It never moves an expiry backwards. When
    /// the record is no longer at the version that the touch was decided on, it succeeds and changes nothing,
    /// because that newer write has moved the expiry itself.
    ///
    /// # Errors
    /// As above.
    fn touch<'a>(&'a self, key: &'a StoreKey, touch: Touch, now: Timestamp) -> StoreFuture<'a, ()>;

    /// Writes `record` under the key `to` and ends `from`, atomically: afterwards only `to` answers.
    ///
    /// Fails with `Gone` when nothing live is under `from`; with `Conflict` when `from` is no longer at `version`
    /// or a live record is under `to`. A failure leaves both as they were.
    ///
    /// # Errors
    /// As above, and [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge).
    fn rename<'a>(
        &'a self,
        from: &'a StoreKey,
        version: Version,
        to: &'a StoreKey,
        record: &'a Record,
        now: Timestamp,
    ) -> StoreFuture<'a, Version>;

    /// Removes the record. Removing what is not there succeeds. Afterwards nothing but [`Put::New`] under that key
    /// can be seen: every other verb answers as if the key had never been.
    ///
    /// # Errors
    /// When the database fails; then the record may still be there, and the caller must not report success.
    fn delete<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()>;

    /// Removes at most `limit` records that have expired at `now`, never a live one.
    ///
    /// It does a bounded amount of work, and any number of nodes may sweep at once.
    ///
    /// # Errors
    /// When the database fails; what was removed until then stays removed.
    fn sweep(&self, limit: NonZeroU32, now: Timestamp) -> StoreFuture<'_, Swept>;

    /// Lists the live sessions of `scope` in the order of their keys, one page at a time.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for a user where the layout has no user column.
    fn list<'a>(&'a self, scope: &'a Scope, page: Page, now: Timestamp) -> StoreFuture<'a, Vec<Summary>>;

    /// Counts the live sessions of `scope`.
    ///
    /// # Errors
    /// As for [`Store::list`].
    fn count<'a>(&'a self, scope: &'a Scope, now: Timestamp) -> StoreFuture<'a, u64>;

    /// Ends the sessions of `scope` but for the one under `keep`, and returns how many live ones it ended.
    ///
    /// It is atomic: a session of that user which was live when it began is dead when it returns.
    ///
    /// # Errors
    /// As for [`Store::list`].
    fn end<'a>(
        &'a self,
        scope: &'a Scope,
        keep: Option<&'a StoreKey>,
        now: Timestamp,
    ) -> StoreFuture<'a, u64>;
}

/// What [`Store::load`] found.
#[derive(Clone, Debug, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "a record is what nearly every load finds; a box would cost each of them"
)]
pub enum Loaded {
    /// A live record.
    Live(Stored),
    /// A record that has expired and was not yet swept.
    Expired,
    /// Nothing.
    Absent,
}

/// A record and the version that it has in its store.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// What is stored.
    pub record: Record,
    /// Which writing of it this is.
    pub version: Version,
}

/// How [`Store::put`] is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// Create; fail if a live record is there.
    New,
    /// Replace exactly this version; never create.
    At(Version),
}

/// What [`Store::touch`] moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The version on which the touch was decided.
    pub version: Version,
    /// The new time of last activity.
    pub seen: Timestamp,
    /// The new expiry.
    pub expires: Timestamp,
}

/// Whose sessions are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everybody's, signed in or not. A record that no id opens, because its verifier is empty, is no session.
    All,
    /// Those of one user.
    User(UserId),
    /// The one of this user that has this handle, if there is one.
    Session(UserId, SessionHandle),
}

/// A page of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The last key of the previous page; `None` for the first.
    pub after: Option<StoreKey>,
    /// How many rows at most.
    pub limit: NonZeroU32,
}

/// A session in a listing: everything but its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its key in the store. Not for clients.
    pub key: StoreKey,
    /// Whose it is.
    pub user: Option<UserId>,
    /// How they signed in, if that was recorded.
    pub authentication: Option<Authentication>,
    /// When it began.
    pub created: Timestamp,
    /// When it was last written or touched.
    pub seen: Timestamp,
    /// When it ends unless there is more activity.
    pub expires: Timestamp,
    /// The device that it was opened on, if recorded.
    pub device: Option<Device>,
}

/// What one [`Store::sweep`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swept {
    /// How many expired records were removed.
    pub removed: u64,
    /// Whether another call at the same instant would find more to do.
    pub remaining: Remaining,
}

/// Whether a sweep left work behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remaining {
    /// Everything that had expired is gone.
    Nothing,
    /// The limit was reached, so there may be more.
    Perhaps,
}
