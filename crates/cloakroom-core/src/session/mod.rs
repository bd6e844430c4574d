//! The handle a request works with.

mod changes;
mod commit;
mod error;
mod inner;
mod lazy;
mod settle;
mod state;
mod step;
mod value;

use std::fmt;
use std::sync::{Arc, MutexGuard};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use self::error::{LoadError, Outcome, SaveError};
pub use self::lazy::{Finished, LazySession, TimeLeft};
pub(crate) use self::state::Held;
pub use self::value::{DecodeError, EncodeError, Key, Section, SessionKey, ValueError};

use self::changes::{Change, Update};
use self::inner::{Inner, lock};
use self::state::{LastSave, State};
use self::value::{change_section, decode, decode_section, encode};
use crate::authentication::Authentication;
use crate::clock::Timestamp;
use crate::id::{SessionId, StoreKey};
use crate::lifetime::Lifetime;
use crate::record::{Data, Device, UserId};
use crate::store::{Admission, Summary};

/// A visitor's session during one request.
///
/// Loading is the one await; everything after it is synchronous and works on memory. The session remembers *what was
/// done*, so that when another request wrote first, the same changes are made again on what it wrote: changes to
/// different keys all survive, and [`Session::update`] counts exactly. What was done is written once, when the
/// response is ready, or when [`Session::save`] is called.
///
/// Clones are handles to the same session. Nothing is stored, and no cookie is sent, until something is put into it.
///
/// ```
/// # use cloakroom_core::{MemoryStore, SessionManager};
/// # async fn handler() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = SessionManager::builder(MemoryStore::default()).build()?;
/// let session = manager.begin(&http::HeaderMap::new()).load().await?;
///
/// session.insert("colour", "green")?;
/// let visits = session.update("visits", |visits: Option<u32>| visits.unwrap_or(0) + 1)?;
/// assert_eq!(visits, 1);
/// assert_eq!(session.get::<String>("colour")?.as_deref(), Some("green"));
/// # Ok(())
/// # }
/// # assert!(futures_util::FutureExt::now_or_never(handler()).unwrap().is_ok());
/// ```
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

impl Session {
    /// The value under `key`, or `None` when there is none.
    ///
    /// # Errors
    /// When the value does not decode into `T`, as happens after a deployment that changed the type. The value stays
    /// as it is and the observer is told ([`Event::Undecodable`](crate::Event::Undecodable)), so that the handler can go on without it.
    pub fn get<T: DeserializeOwned>(&self, key: impl SessionKey<T>) -> Result<Option<T>, DecodeError> {
        let view = Arc::clone(&self.state().view);
        let value = view.data.get(key.name()).map(|value| decode(key.name(), value)).transpose();
        value.inspect_err(|error| self.inner.undecodable(error))
    }

    /// Puts `value` under `key`, whatever was there.
    ///
    /// # Errors
    /// When the value cannot be written as JSON; nothing changes.
    pub fn insert<T: Serialize>(&self, key: impl SessionKey<T>, value: T) -> Result<(), EncodeError> {
        let value = encode(key.name(), &value)?;
        self.inner.change(Change::Set { key: key.name().to_owned(), value });
        Ok(())
    }

    /// Makes the value under `key` anew from the old one, and returns what it made.
    ///
    /// When somebody else has written meanwhile, `update` runs again on the value they wrote, so no increment is lost.
    /// It therefore has no side effects, and what was returned here may differ from what is stored in the end. It may
    /// read this session; a clone of the session that it owns keeps the session in memory until the change is saved.
    ///
    /// # Errors
    /// When the old value does not decode into `T` or the new one is no JSON; nothing changes.
    pub fn update<T: Serialize + DeserializeOwned>(
        &self,
        key: impl SessionKey<T>,
        update: impl Fn(Option<T>) -> T + Send + Sync + 'static,
    ) -> Result<T, ValueError> {
        let name = key.name().to_owned();
        let update: Update = {
            let name = name.clone();
            Arc::new(move |old: Option<&Value>| {
                let old = old.map(|value| decode(&name, value)).transpose()?;
                Ok(encode(&name, &update(old))?)
            })
        };
        let value = self.inner.update(&name, &update)?;
        Ok(decode(&name, &value)?)
    }

    /// Removes the value under `key` and returns it as it was stored.
    pub fn remove(&self, key: impl AsRef<str>) -> Option<Value> {
        let removed = self.state().view.data.get(key.as_ref()).cloned()?;
        self.inner.change(Change::Remove { key: key.as_ref().to_owned() });
        Some(removed)
    }

    /// Removes the value under `key` and returns it as a `T`. Two requests at once may both be given it: what may
    /// happen only once needs the database's own guard.
    ///
    /// # Errors
    /// When it does not decode; then it is not removed.
    pub fn take<T: DeserializeOwned>(&self, key: impl SessionKey<T>) -> Result<Option<T>, DecodeError> {
        let name = key.name().to_owned();
        let value = self.get(key)?;
        if value.is_some() {
            self.inner.change(Change::Remove { key: name });
        }
        Ok(value)
    }

    /// Whether there is a value under `key`.
    pub fn contains(&self, key: impl AsRef<str>) -> bool {
        self.state().view.data.contains_key(key.as_ref())
    }

    /// Removes all values. The session, its user and its id stay; [`Session::destroy`] ends it.
    pub fn clear(&self) {
        self.inner.change(Change::Clear);
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.state().view.data.len()
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.state().view.data.is_empty()
    }

    /// A copy of all values in their order, for iterating over.
    pub fn data(&self) -> Data {
        self.state().view.data.clone()
    }

    /// The section `S`, or its default when there is none.
    ///
    /// # Errors
    /// When the stored object does not decode. It stays as it is.
    pub fn section<S: Section>(&self) -> Result<S, DecodeError> {
        let view = Arc::clone(&self.state().view);
        decode_section(view.data.get(S::NAME)).inspect_err(|error| self.inner.undecodable(error))
    }

    /// Changes the section `S` in place and returns what it became. As with [`Session::update`], `change` runs again
    /// when another request wrote first. Members of the stored object that `S` does not know are kept.
    ///
    /// # Errors
    /// When the stored object does not decode or the new one is no JSON; nothing changes.
    pub fn update_section<S: Section>(
        &self,
        change: impl Fn(&mut S) + Send + Sync + 'static,
    ) -> Result<S, ValueError> {
        let update: Update = Arc::new(move |old: Option<&Value>| change_section(old, &change));
        let value = self.inner.update(S::NAME, &update)?;
        Ok(decode(S::NAME, &value)?)
    }

    /// Puts `section` in the place of whatever is stored under its name, decodable or not.
    ///
    /// # Errors
    /// When it cannot be written as JSON; nothing changes.
    pub fn insert_section<S: Section>(&self, section: &S) -> Result<(), EncodeError> {
        let value = encode(S::NAME, section)?;
        self.inner.change(Change::Set { key: S::NAME.to_owned(), value });
        Ok(())
    }

    /// Removes the section `S`.
    pub fn remove_section<S: Section>(&self) {
        self.remove(S::NAME);
    }

    /// The session's id, once it is stored. A session that is new in this request has one after [`Session::save`]. A
    /// request that was sent before the browser heard of the current id may not know it, and has none.
    pub fn id(&self) -> Option<SessionId> {
        let held = self.state().held().cloned()?;
        self.inner.manager.current_id(&held)
    }

    /// Whether nothing is stored for this visitor yet.
    pub fn is_new(&self) -> bool {
        self.state().held().is_none()
    }

    /// Whose session this is.
    pub fn user(&self) -> Option<UserId> {
        self.state().view.user.clone()
    }

    /// Says whose session this is. The id changes, whoever it belonged to before (ASVS 7.2.4), and the absolute limit
    /// starts afresh (NIST SP 800-63B-4 section 5.2). The data stays: call [`Session::clear`] first to begin empty.
    ///
    /// It keeps nothing of how they signed in: such a session has no handle under which its user could end it, and neither
    /// a changed password nor [`SessionManager::sign_everybody_out`](crate::SessionManager::sign_everybody_out) ends it.
    /// The sign-in of the `auth` feature does more.
    pub fn set_user(&self, user: UserId) {
        let at = self.inner.manager.now();
        // Both at once, so that no save comes in between; signing in over a signed-in session changes the id as well.
        let superseded = {
            let mut state = self.state();
            state.rotate();
            state.change(Change::User { user: Some(user), authentication: None, at })
        };
        drop(superseded);
    }

    /// Signs `user` in: stores whose session this is and how they signed in, at once, and only if the admission allows
    /// it. Gives back the sessions that made room for it.
    ///
    /// Otherwise as [`Session::set_user`]: the id changes, both limits start afresh, and the data stays unless
    /// [`Session::clear`] was called before. What else the request has done is stored with it. The sign-in of the
    /// `auth` feature is built on this, and is what applications use.
    ///
    /// # Errors
    /// [`SaveError::SessionLimit`], [`SaveError::SignInSuperseded`], and as for [`Session::save`]. Nobody is signed in
    /// then, and all changes that were not stored are dropped, unless nobody knows what the store did
    /// ([`SaveError::outcome`]).
    ///
    /// # Cancel safety
    /// A dropped sign-in was stored or was not; the next save of this session finds out.
    pub async fn sign_in(
        &self,
        user: UserId,
        authentication: Authentication,
        admission: Admission,
    ) -> Result<Vec<Summary>, SaveError> {
        let at = self.inner.manager.now();
        let change = Change::User { user: Some(user), authentication: Some(authentication), at };
        let signed_in = self.inner.sign_in(change, admission).await;
        self.state().last_save = if signed_in.is_ok() { LastSave::Fine } else { LastSave::Failed };
        signed_in
    }

    /// Records that the user of this session has proved again who they are. The id changes (ASVS 7.2.4) and both limits
    /// start afresh, unless [`Authentication::at`] says that they proved nothing new. In a session of nobody it does
    /// nothing.
    pub fn authenticate_again(&self, authentication: Authentication) {
        let at = self.inner.manager.now();
        let superseded = {
            let mut state = self.state();
            let Some(user) = state.view.user.clone() else { return };
            state.rotate();
            state.change(Change::User { user: Some(user), authentication: Some(authentication), at })
        };
        drop(superseded);
    }

    /// How the user signed in, if they did by [`Session::sign_in`].
    pub fn authentication(&self) -> Option<Authentication> {
        self.state().view.authentication.clone()
    }

    /// The session's key in the store, for what is done to all sessions of a user but this one. Not for clients.
    pub fn key(&self) -> Option<StoreKey> {
        self.state().held().map(|held| held.key.clone())
    }

    /// Says that this is nobody's session any more. The id changes; the data stays.
    pub fn clear_user(&self) {
        let at = self.inner.manager.now();
        self.inner.change(Change::User { user: None, authentication: None, at });
    }

    /// The device that the session was opened on, if the application recorded it.
    pub fn device(&self) -> Option<Device> {
        self.state().view.device.clone()
    }

    /// Records the device. That alone does not begin a session.
    pub fn set_device(&self, device: Device) {
        self.inner.change(Change::Device(device));
    }

    /// Gives the session another id when it is stored; the old one is dead from then on, and requests with it that are
    /// still under way can write nothing any more. To replace ids that grow old see
    /// [`Policy::rotation`](crate::Policy::rotation).
    pub fn rotate(&self) {
        self.state().rotate();
    }

    /// Ends the session when the response is ready and removes its cookie. Values inserted afterwards begin a new one.
    pub fn destroy(&self) {
        let now = self.inner.manager.now();
        let dropped = self.state().destroy(&self.inner.manager.policy, now);
        drop(dropped);
    }

    /// Gives the session another lifetime, counted from now, and keeps it in the record: *remember me*.
    pub fn renew(&self, lifetime: Lifetime) {
        let at = self.inner.manager.now();
        self.inner.change(Change::Renew { lifetime, at });
    }

    /// When the session began.
    pub fn created(&self) -> Timestamp {
        self.state().view.created
    }

    /// When it was last written or touched before this request. Touches are throttled, so this is coarse.
    pub fn seen(&self) -> Timestamp {
        self.state().view.seen
    }

    /// When the session ends unless there is more activity, as of its last write or touch. Asking is no activity.
    pub fn expires_at(&self) -> Timestamp {
        self.state().view.expires
    }

    /// When it ends however busy it is, if it has an absolute limit.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.state().view.deadline
    }

    /// Its lifetime.
    pub fn lifetime(&self) -> Lifetime {
        self.state().view.lifetime
    }

    /// Stores the changes now instead of when the response is ready, for streaming and WebSocket handlers.
    ///
    /// While the response has not left, the cookie goes with it as usual. When other requests wrote meanwhile, their
    /// changes and these are both there afterwards. A session that ended meanwhile and was only read is no error here;
    /// [`Session::id`] is `None` then and the session is empty. Once the response has left, a session that has no id
    /// the browser knows cannot be given one: creating and changing the id are refused ([`SaveError::ResponseSent`]).
    ///
    /// # Errors
    /// See [`SaveError`]; the changes are still there and can be saved again, except after [`SaveError::Gone`]. A
    /// handler that passes the failure on as a server error has told its client that nothing was stored, so the
    /// changes are then dropped when the response is ready; after any other answer they are saved with it.
    ///
    /// # Cancel safety
    /// A dropped save was done or was not. The next one finds out which, so that no update is applied twice.
    pub async fn save(&self) -> Result<(), SaveError> {
        let saved = self.inner.commit().await;
        self.state().last_save = if saved.is_ok() { LastSave::Fine } else { LastSave::Failed };
        saved
    }

    /// Loads what is stored now and makes this request's unsaved changes on it again. After [`SaveError::Unsettled`]
    /// the changes in doubt are dropped, so that the handler sees what is stored and decides.
    ///
    /// # Errors
    /// When the store fails, or the session has ended ([`LoadError::Gone`]): it is empty then, nobody is signed in,
    /// and nothing can be stored in it any more. [`Session::destroy`] begins a new one.
    ///
    /// # Cancel safety
    /// A dropped reload changes nothing, or has completed an earlier save of which nobody saw the end.
    pub async fn reload(&self) -> Result<(), LoadError> {
        self.inner.reload().await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.inner.state)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Session").field("record", &self.state().view).finish_non_exhaustive()
    }
}
