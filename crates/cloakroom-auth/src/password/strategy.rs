//! Signing in with a name and a password.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::check::{Check, PasswordMatch};
use super::error::PasswordError;
use super::passwords::Passwords;
use super::secret::Password;
use super::upgrade::Upgrade;
use crate::error::BoxError;
use crate::strategy::{Refusal, Strategy, Verdict};
use crate::user::User;
use crate::verified::Verified;

type Answer<T> = Pin<Box<dyn Future<Output = Result<Option<T>, BoxError>> + Send>>;
type Find<N, U> = dyn Fn(N) -> Answer<(U, String)> + Send + Sync;
type Store<U> = dyn Fn(U, Upgrade) -> Answer<U> + Send + Sync;

/// The [`Strategy`] of a name and a password, whatever a name is: an address of e-mail, a number, a tenant with either.
///
/// The name is looked up as it was sent. Trimming it, and whether `Ann@example.com` is `ann@example.com`, is for the
/// application to decide before, in the same way as when the user signed up.
///
/// - A name that finds nobody and a wrong password are [`Refusal::Credentials`], at the same cost.
/// - A stored hash that cannot be checked (see [`Check::BeyondBcrypt`], [`PasswordError::UnknownFormat`],
///   [`PasswordError::TooCostly`]) is [`Refusal::Unusable`]; the last two are logged at `warn`.
/// - A look-up that fails, or a queue that is full ([`PasswordError::Busy`]), is an error.
///
/// ```
/// use cloakroom_auth::password::{PasswordStrategy, Passwords, Upgrade, accepts_through};
/// use cloakroom_auth::{BoxError, User};
/// use cloakroom_core::{Fingerprint, UserId};
///
/// #[derive(Clone)]
/// struct Account {
///     id: UserId,
///     hash: String,
///     hash_link: Option<String>,
/// }
///
/// impl User for Account {
///     fn id(&self) -> UserId {
///         self.id.clone()
///     }
///
///     fn fingerprint(&self) -> Fingerprint {
///         Fingerprint::new(&self.id, self.hash.as_bytes())
///     }
///
///     // Sessions from before an upgrade go on; those from before a change of the password do not.
///     fn accepts(&self, earlier: &Fingerprint) -> bool {
///         let through = |link: &String| accepts_through(link, earlier, &self.hash);
///         self.fingerprint() == *earlier || self.hash_link.as_ref().is_some_and(through)
///     }
/// }
/// # async fn find_by_email(_: String) -> Result<Option<Account>, BoxError> { Ok(None) }
/// # async fn replace_hash(_: &Account, _: &str, _: &str, _: &str) -> Result<u64, BoxError> { Ok(1) }
///
/// let strategy = PasswordStrategy::new(Passwords::new(), |email: String| async move {
///     Ok(find_by_email(email.trim().to_lowercase()).await?.map(|account| {
///         let hash = account.hash.clone();
///         (account, hash)
///     }))
/// })
/// .upgrades(|mut account: Account, upgrade: Upgrade| async move {
///     // update users set hash = $1, hash_link = $2 where id = $3 and hash = $4
///     let (hash, link) = (upgrade.hash().as_str(), upgrade.link());
///     if replace_hash(&account, hash, link, upgrade.replaces()).await? == 0 {
///         return Ok(None);
///     }
///     account.hash = hash.to_owned();
///     account.hash_link = Some(link.to_owned());
///     Ok(Some(account))
/// });
/// # fn is_strategy(_: impl cloakroom_auth::Strategy<(String, cloakroom_auth::password::Password), Account>) {}
/// # is_strategy(strategy);
/// ```
pub struct PasswordStrategy<N, U> {
    passwords: Passwords,
    find: Arc<Find<N, U>>,
    store: Option<Arc<Store<U>>>,
}

impl<N, U: User> PasswordStrategy<N, U> {
    /// Looks users up by `find`, which gives the user and the stored hash of the password, or `None` where nobody has
    /// this name or the user has no password.
    pub fn new<F, Found>(passwords: Passwords, find: F) -> Self
    where
        F: Fn(N) -> Found + Send + Sync + 'static,
        Found: Future<Output = Result<Option<(U, String)>, BoxError>> + Send + 'static,
    {
        Self { passwords, find: Arc::new(move |name| Box::pin(find(name))), store: None }
    }

    /// Stores upgraded hashes by `store`, in place of [`Upgrade::replaces`] and only of that. It gives the user as
    /// stored afterwards, or `None` where another hash was there meanwhile and nothing was stored. Without it hashes
    /// stay as they are.
    ///
    /// A right password stays right when storing fails; that is logged at `warn`. Other sessions of the user end
    /// unless [`User::accepts`] asks [`accepts_through`](super::accepts_through).
    #[must_use]
    pub fn upgrades<F, Stored>(mut self, store: F) -> Self
    where
        F: Fn(U, Upgrade) -> Stored + Send + Sync + 'static,
        Stored: Future<Output = Result<Option<U>, BoxError>> + Send + 'static,
    {
        self.store = Some(Arc::new(move |user, upgrade| Box::pin(store(user, upgrade))));
        self
    }

    /// The user as stored once their hash is as new ones are.
    async fn upgraded(&self, user: U, matched: &PasswordMatch) -> U {
        let (Some(store), Some(upgrade)) = (&self.store, matched.upgrade_from(&user.fingerprint())) else {
            return user;
        };
        match store(user.clone(), upgrade).await {
            Ok(stored) => stored.unwrap_or(user),
            Err(error) => {
                tracing::warn!(%error, "a better password hash could not be stored");
                user
            }
        }
    }
}

impl<N: Send, U: User> Strategy<(N, Password), U> for PasswordStrategy<N, U> {
    async fn verify(&self, (name, password): (N, Password)) -> Result<Verdict<U>, BoxError> {
        let found = (self.find)(name).await?;
        let check = self.passwords.verify(&password, found.as_ref().map(|(_, hash)| hash.as_str())).await;
        Ok(match (found, check) {
            (Some((user, _)), Ok(Check::Right(matched))) => {
                Verdict::Verified(Verified::by_password(self.upgraded(user, &matched).await, &matched))
            }
            (_, Ok(Check::Right(_) | Check::Wrong)) => Verdict::Refused(Refusal::Credentials),
            (_, Ok(Check::BeyondBcrypt)) => Verdict::Refused(Refusal::Unusable),
            (_, Err(error @ (PasswordError::UnknownFormat | PasswordError::TooCostly(_)))) => {
                tracing::warn!(%error, "a user cannot sign in");
                Verdict::Refused(Refusal::Unusable)
            }
            (_, Err(error)) => return Err(error.into()),
        })
    }
}

impl<N, U> Clone for PasswordStrategy<N, U> {
    fn clone(&self) -> Self {
        Self { passwords: self.passwords.clone(), find: Arc::clone(&self.find), store: self.store.clone() }
    }
}

impl<N, U> fmt::Debug for PasswordStrategy<N, U> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PasswordStrategy").field("passwords", &self.passwords).finish_non_exhaustive()
    }
}
