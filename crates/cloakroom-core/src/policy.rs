//! What the application decides about its sessions, apart from the cookie.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::lifetime::Lifetime;
use crate::record::{Data, Record};
use crate::rotation::Rotation;
use crate::store::Store;
use crate::watch::Guessing;

/// How sessions live, what counts as activity and what happens when something fails.
///
/// Every setting has a default that is safe; the `defaults` guide says why.
///
/// ```
/// use std::time::Duration;
/// use cloakroom_core::{Lifetime, Policy, TouchPolicy, Share};
///
/// let policy = Policy::default()
///     .lifetime(Lifetime::idle(Duration::from_secs(30 * 60)).with_absolute(Duration::from_secs(12 * 3_600)))
///     .touch(TouchPolicy::Throttled(Share::percent(20)));
/// # let _ = policy;
/// ```
#[derive(Clone, Debug, Default)]
pub struct Policy {
    pub(crate) lifetime: LifetimePolicy,
    pub(crate) touch: TouchPolicy,
    pub(crate) activity: Activity,
    pub(crate) on_load_failure: LoadFailure,
    pub(crate) on_server_error: ServerErrorPolicy,
    pub(crate) retries: Retries,
    pub(crate) data_limit: DataLimit,
    pub(crate) value_limit: Option<usize>,
    pub(crate) key_limit: KeyLimit,
    pub(crate) guessing: Guessing,
    pub(crate) rotation: Option<Rotation>,
    pub(crate) epoch_age: EpochAge,
}

impl Policy {
    /// The lifetime of sessions that were not given one of their own by [`Session::renew`](crate::Session::renew).
    ///
    /// # Default
    /// [`Lifetime::aal2`]: one hour idle, twenty-four hours overall, cookie gone with the browser.
    ///
    /// # Cost
    /// None. A shorter idle limit makes touches more frequent, see [`Policy::touch`].
    #[must_use]
    pub fn lifetime(self, lifetime: Lifetime) -> Self {
        Self { lifetime: LifetimePolicy::Fixed(lifetime), ..self }
    }

    /// The lifetime as a function of the session's data, decided when a session is created. Until then the session
    /// shows [`Lifetime::default`].
    ///
    /// # Cost
    /// One call for every new session.
    #[must_use]
    pub fn lifetime_of(self, decide: impl Fn(&Data) -> Lifetime + Send + Sync + 'static) -> Self {
        Self { lifetime: LifetimePolicy::OfData(Arc::new(decide)), ..self }
    }

    /// When activity alone is written to the store.
    ///
    /// # Default
    /// [`TouchPolicy::Throttled`] at ten percent.
    ///
    /// # Cost
    /// With an idle limit of one hour and ten percent, a busy visitor causes one touch in six minutes, and a session
    /// may end up to six minutes early. `Always` costs one write for every request that reads a session.
    #[must_use]
    pub fn touch(self, touch: TouchPolicy) -> Self {
        Self { touch, ..self }
    }

    /// What counts as activity.
    ///
    /// # Default
    /// [`Activity::Use`]: a request whose handler asked for the session.
    ///
    /// # Cost
    /// [`Activity::Cookie`] costs one load for every request that carries a session cookie, static files included.
    #[must_use]
    pub fn activity(self, activity: Activity) -> Self {
        Self { activity, ..self }
    }

    /// After which age an id is replaced by itself, so that a stolen one is of use for that long at most. Signing in
    /// and [`Session::rotate`](crate::Session::rotate) change the id at once, whatever this says.
    ///
    /// # Default
    /// Never.
    ///
    /// # Cost
    /// See [`Rotation`].
    #[must_use]
    pub fn rotation(self, rotation: Rotation) -> Self {
        Self { rotation: Some(rotation), ..self }
    }

    /// What a visitor sees when the session cannot be loaded.
    ///
    /// # Default
    /// [`LoadFailure::Refuse`] with a `Retry-After` of five seconds (ASVS 16.5.2: fail closed).
    #[must_use]
    pub fn on_load_failure(self, on_load_failure: LoadFailure) -> Self {
        Self { on_load_failure, ..self }
    }

    /// Whether changes are saved when the handler answers with a status of 500 or above.
    ///
    /// # Default
    /// [`ServerErrorPolicy::Save`]: what the handler did to the session happened, whatever else went wrong, as with
    /// every other write it made.
    #[must_use]
    pub fn on_server_error(self, on_server_error: ServerErrorPolicy) -> Self {
        Self { on_server_error, ..self }
    }

    /// How often a save that met another writer is tried again before it gives up.
    ///
    /// # Default
    /// Eight. Each retry costs one load and one write.
    #[must_use]
    pub fn retries(self, retries: u32) -> Self {
        Self { retries: Retries(retries), ..self }
    }

    /// The longest data that is saved, in bytes of JSON text.
    ///
    /// # Default
    /// One mebibyte. Sessions are read on nearly every request; what is larger belongs into a table of its own.
    ///
    /// # Cost
    /// Measuring costs one pass over the data for every write.
    #[must_use]
    pub fn data_limit(self, bytes: usize) -> Self {
        Self { data_limit: DataLimit(bytes), ..self }
    }

    /// The most bytes, as JSON, that one value of a session may have. More is an error of the save.
    ///
    /// # Default
    /// No other than [`Policy::data_limit`].
    ///
    /// # Cost
    /// Every value is measured once more when a session is written.
    #[must_use]
    pub fn value_limit(self, bytes: usize) -> Self {
        Self { value_limit: Some(bytes), ..self }
    }

    /// The most values that a session may have. More is an error of the save.
    ///
    /// # Default
    /// 1,000: far more than an application names, and soon reached by one that takes names from visitors.
    #[must_use]
    pub fn key_limit(self, keys: usize) -> Self {
        Self { key_limit: KeyLimit(keys), ..self }
    }

    /// How long a process may go without asking the store whether everybody was signed out
    /// ([`SessionManager::sign_everybody_out`](crate::SessionManager::sign_everybody_out)).
    ///
    /// # Default
    /// One second. The process in which it is called knows at once.
    ///
    /// # Cost
    /// One load in this time by each process that serves signed-in users; with zero, one for every request of a
    /// signed-in user.
    #[must_use]
    pub fn epoch_age(self, age: Duration) -> Self {
        Self { epoch_age: EpochAge(age), ..self }
    }

    /// When unknown ids from one address are an event, for requests whose address is known
    /// ([`SessionManager::begin_from`](crate::SessionManager::begin_from)).
    ///
    /// # Default
    /// [`Guessing::Watched`]: more than 30 different ones within a minute.
    ///
    /// # Cost
    /// See [`Guessing`].
    #[must_use]
    pub fn guessing(self, guessing: Guessing) -> Self {
        Self { guessing, ..self }
    }

    /// The lifetime of a session of which nothing is known yet.
    pub(crate) fn usual_lifetime(&self) -> Lifetime {
        match &self.lifetime {
            LifetimePolicy::Fixed(lifetime) => *lifetime,
            LifetimePolicy::OfData(_) => Lifetime::default(),
        }
    }

    /// The application's function from a new session's data to its lifetime, if there is one.
    pub(crate) fn lifetime_function(&self) -> Option<&LifetimeFunction> {
        match &self.lifetime {
            LifetimePolicy::Fixed(_) => None,
            LifetimePolicy::OfData(decide) => Some(decide),
        }
    }
}

/// From a new session's data to its lifetime.
pub(crate) type LifetimeFunction = Arc<dyn Fn(&Data) -> Lifetime + Send + Sync>;

/// Where the lifetime of a new session comes from.
#[derive(Clone)]
pub(crate) enum LifetimePolicy {
    Fixed(Lifetime),
    OfData(LifetimeFunction),
}

impl Default for LifetimePolicy {
    fn default() -> Self {
        Self::Fixed(Lifetime::default())
    }
}

impl fmt::Debug for LifetimePolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(lifetime) => lifetime.fmt(formatter),
            Self::OfData(_) => formatter.write_str("OfData(function)"),
        }
    }
}

/// When activity alone is written to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TouchPolicy {
    /// Never: only changes move the expiry.
    Off,
    /// Whenever the expiry would move at all.
    Always,
    /// When the expiry would move by more than this share of the idle limit.
    Throttled(Share),
}

impl Default for TouchPolicy {
    fn default() -> Self {
        Self::Throttled(Share::percent(10))
    }
}

impl TouchPolicy {
    /// Whether an expiry that stands at `record.expires` is worth moving to `expires`.
    pub(crate) fn is_due(self, record: &Record, expires: crate::Timestamp) -> bool {
        let gain = expires.since(record.expires);
        match self {
            Self::Off => false,
            Self::Always => gain > Duration::ZERO,
            Self::Throttled(share) => gain > share.of(record.lifetime.idle_limit().unwrap_or(Duration::ZERO)),
        }
    }
}

/// A part of a whole, from one to ninety-nine hundredths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(u8);

impl Share {
    /// So many hundredths. Values outside 1 to 99 are moved to the nearer end.
    pub const fn percent(percent: u8) -> Self {
        Self(match percent {
            0 => 1,
            1..=99 => percent,
            _ => 99,
        })
    }

    fn of(self, whole: Duration) -> Duration {
        whole / 100 * u32::from(self.0)
    }
}

/// What counts as activity, and so moves the idle limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activity {
    /// A request whose handler asked for the session.
    #[default]
    Use,
    /// A request that changed the session.
    Change,
    /// Every request that carries the session's cookie, whether or not its handler asks for the session.
    Cookie,
}

/// What a visitor sees when the session cannot be loaded.
#[derive(Clone, Debug)]
pub enum LoadFailure {
    /// 503 with `Retry-After`. Nobody is signed out, nobody is let in.
    Refuse {
        /// After how long a client should try again, in whole seconds.
        retry_after: Duration,
    },
    /// The request goes on with an empty session to which nothing can be saved. Only for sites on which being
    /// anonymous gives nothing away and loses nothing.
    Anonymous,
    /// Sessions are looked for, and new ones kept, in another store. Meant for development, with a memory store.
    Fallback(Arc<dyn Store>),
}

impl Default for LoadFailure {
    fn default() -> Self {
        Self::Refuse { retry_after: Duration::from_secs(5) }
    }
}

/// What happens to changes when the handler's answer is a server error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerErrorPolicy {
    /// They are saved.
    #[default]
    Save,
    /// They are dropped, a rotation or an end of the session included.
    Discard,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Retries(pub(crate) u32);

impl Default for Retries {
    fn default() -> Self {
        Self(8)
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct EpochAge(pub(crate) Duration);

impl Default for EpochAge {
    fn default() -> Self {
        Self(Duration::from_secs(1))
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyLimit(pub(crate) usize);

impl Default for KeyLimit {
    fn default() -> Self {
        Self(1_000)
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct DataLimit(pub(crate) usize);

impl Default for DataLimit {
    fn default() -> Self {
        Self(1024 * 1024)
    }
}
