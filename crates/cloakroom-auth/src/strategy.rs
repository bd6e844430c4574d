//! How somebody proves who they are.

use std::future::Future;
use std::time::Duration;

use crate::error::BoxError;
use crate::verified::Verified;

/// One way to prove who one is: a function from credentials to a [`Verdict`]. A closure is a strategy.
///
/// Make closures in a function of their own, as here. Of one that is written down within an async handler the compiler
/// may not see that the handler's future can be sent to another thread.
///
/// ```
/// use cloakroom_auth::password::{Check, Password, Passwords};
/// use cloakroom_auth::{BoxError, Refusal, Strategy, User, Verdict, Verified};
/// # use cloakroom_core::{Fingerprint, UserId};
/// # #[derive(Clone)] struct Account { id: UserId, hash: String }
/// # impl User for Account {
/// #     fn id(&self) -> UserId { self.id.clone() }
/// #     fn fingerprint(&self) -> Fingerprint { Fingerprint::new(&self.id, self.hash.as_bytes()) }
/// # }
/// # async fn find_by_name(_: &str) -> Result<Option<Account>, BoxError> { Ok(None) }
///
/// fn by_password(passwords: Passwords) -> impl Strategy<(String, Password), Account> {
///     move |(name, password): (String, Password)| {
///         let passwords = passwords.clone();
///         async move {
///             let account = find_by_name(&name).await?;
///             // An unknown name costs as much as a wrong password.
///             let check = passwords.verify(&password, account.as_ref().map(|it| it.hash.as_str())).await?;
///             Ok::<_, BoxError>(match (account, check) {
///                 (Some(account), Check::Right(proof)) => Verdict::Verified(Verified::by_password(account, &proof)),
///                 _ => Verdict::Refused(Refusal::Credentials),
///             })
///         }
///     }
/// }
/// # let _ = by_password;
/// ```
pub trait Strategy<Credentials, U>: Send + Sync {
    /// Judges the credentials.
    ///
    /// # Errors
    /// When nobody can say whether they are right: a database that fails, another service that does not answer. Nobody
    /// is signed in, and the attempt is not held against anybody.
    fn verify(&self, credentials: Credentials) -> impl Future<Output = Result<Verdict<U>, BoxError>> + Send;
}

impl<Credentials, U, F, Judged> Strategy<Credentials, U> for F
where
    F: Fn(Credentials) -> Judged + Send + Sync,
    Judged: Future<Output = Result<Verdict<U>, BoxError>> + Send,
{
    fn verify(&self, credentials: Credentials) -> impl Future<Output = Result<Verdict<U>, BoxError>> + Send {
        self(credentials)
    }
}

/// What a strategy found.
#[derive(Debug)]
pub enum Verdict<U> {
    /// They are who they say.
    Verified(Verified<U>),
    /// They are not, or nobody may say.
    Refused(Refusal),
    /// Something else has to be asked first: a second factor, a signature.
    Challenge(Challenge),
    /// The browser has to go elsewhere first: to another service that signs people in. Of what the strategy built
    /// itself, never of what a request asked for.
    Redirect(String),
}

impl<U> Verdict<U> {
    /// Who it is, for a handler that knows one step only: it refuses whatever asks for another.
    ///
    /// # Errors
    /// The refusal, which is an [`AuthError`](crate::AuthError) too: one answer, whatever the reason.
    pub fn verified(self) -> Result<Verified<U>, Refusal> {
        match self {
            Self::Verified(verified) => Ok(verified),
            Self::Refused(refusal) => Err(refusal),
            Self::Challenge(_) | Self::Redirect(_) => {
                Err(Refusal::Other("this handler knows no further step"))
            }
        }
    }
}

/// Why somebody is not signed in. It is told to the log and to observers; a client is told the same whatever it is, so
/// that nobody learns which accounts exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// No such user, or a wrong password: the same, so that not even the log tells names from passwords.
    Credentials,
    /// The credentials are right, and the user may not sign in.
    Disabled,
    /// The stored credentials cannot be checked as they are, so that the user has to set new ones.
    Unusable,
    /// There were too many attempts.
    TooManyAttempts {
        /// After how long there is another one.
        retry_after: Duration,
    },
    /// A reason of the application's own.
    Other(&'static str),
}

/// What has to be asked before anybody is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// What it is called between the application and its clients: `totp`.
    pub kind: &'static str,
    /// What the client needs to answer it. It is sent to the client, so it holds no secret.
    pub details: serde_json::Value,
}
