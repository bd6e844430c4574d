//! What the application knows of its users, as far as sign-in has to know it.

use std::future::Future;
use std::pin::Pin;

use cloakroom_core::{Fingerprint, UserId};

use crate::error::BoxError;

/// One of the application's users.
///
/// ```
/// use cloakroom_auth::User;
/// use cloakroom_core::{Fingerprint, InvalidUserId, UserId};
///
/// #[derive(Clone)]
/// struct Account {
///     id: UserId,
///     password_hash: String,
/// }
///
/// impl User for Account {
///     fn id(&self) -> UserId {
///         self.id.clone()
///     }
///
///     fn fingerprint(&self) -> Fingerprint {
///         Fingerprint::new(&self.id, self.password_hash.as_bytes())
///     }
/// }
/// # let account = Account { id: UserId::new("7")?, password_hash: "$argon2id$…".to_owned() };
/// # assert!(account.accepts(&account.fingerprint()));
/// # Ok::<(), InvalidUserId>(())
/// ```
pub trait User: Clone + Send + Sync + 'static {
    /// The user's primary key.
    fn id(&self) -> UserId;

    /// Of whatever changes when the user's sessions have to end: the stored hash of the password, usually.
    ///
    /// It is kept in every session and compared whenever the user is loaded, so a new password ends the sessions that
    /// were opened with the old one, even if nobody called anything.
    fn fingerprint(&self) -> Fingerprint;

    /// Whether a session that was opened when the fingerprint was `earlier` goes on. The default says: only if it is
    /// still the same. Where hashes are brought up to date in place, see
    /// [`accepts_through`](crate::password::accepts_through).
    fn accepts(&self, earlier: &Fingerprint) -> bool {
        self.fingerprint() == *earlier
    }
}

/// Where users are found. A closure is one: `async |id: UserId| …`.
pub trait Users<U>: Send + Sync + 'static {
    /// The user with this id. Whoever may not be signed in, because they were deleted or disabled, is `None`: their
    /// sessions end when they are used next.
    ///
    /// # Errors
    /// When nobody can say; nobody is signed out then.
    fn find(&self, id: UserId) -> impl Future<Output = Result<Option<U>, BoxError>> + Send;
}

impl<U, F, Found> Users<U> for F
where
    F: Fn(UserId) -> Found + Send + Sync + 'static,
    Found: Future<Output = Result<Option<U>, BoxError>> + Send,
{
    fn find(&self, id: UserId) -> impl Future<Output = Result<Option<U>, BoxError>> + Send {
        self(id)
    }
}

pub(crate) type Finding<'a, U> = Pin<Box<dyn Future<Output = Result<Option<U>, BoxError>> + Send + 'a>>;

/// [`Users`] behind a pointer.
pub(crate) trait AnyUsers<U>: Send + Sync {
    fn find(&self, id: UserId) -> Finding<'_, U>;
}

impl<U: 'static, All: Users<U>> AnyUsers<U> for All {
    fn find(&self, id: UserId) -> Finding<'_, U> {
        Box::pin(Users::find(self, id))
    }
}
