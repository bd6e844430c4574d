//! What the library asks of this application's users, and how they prove who they are.

use cloakroom::{Clock, Fingerprint, SystemClock, UserId};
use cloakroom_auth::password::{
    Check, Password, PasswordError, PasswordHash, PasswordMatch, Passwords, accepts_through,
};
use cloakroom_auth::{BoxError, Refusal, Strategy, Verdict, Verified};

use crate::users::{Email, User, Users};

impl cloakroom_auth::User for User {
    fn id(&self) -> UserId {
        self.id.clone()
    }

    /// Of the stored hash: another password ends the sessions that began with the old one.
    fn fingerprint(&self) -> Fingerprint {
        Fingerprint::new(&self.id, self.password_hash.as_bytes())
    }

    /// The same password under a better hash ends none.
    fn accepts(&self, earlier: &Fingerprint) -> bool {
        let link = self.upgrade_link.as_deref();
        self.fingerprint() == *earlier
            || link.is_some_and(|link| accepts_through(link, earlier, &self.password_hash))
    }
}

impl cloakroom_auth::Users<User> for Users {
    async fn find(&self, id: UserId) -> Result<Option<User>, BoxError> {
        Ok(Users::find(self, &id).await?.filter(|user| !user.disabled))
    }
}

/// What somebody signs in with.
pub(crate) struct Credentials {
    pub(crate) email: Email,
    pub(crate) password: Password,
}

/// Checks an address and a password. Whatever is wrong costs one hash, whether there is such a user or not.
#[derive(Clone, Debug)]
pub(crate) struct ByPassword {
    pub(crate) users: Users,
    pub(crate) passwords: Passwords,
}

impl Strategy<Credentials, User> for ByPassword {
    /// # Errors
    /// When the database or the hashing fails.
    async fn verify(&self, Credentials { email, password }: Credentials) -> Result<Verdict<User>, BoxError> {
        let user = self.users.find_by_email(&email).await?;
        let check = self.passwords.verify(&password, user.as_ref().map(|user| &*user.password_hash)).await?;
        Ok(match (user, check) {
            (Some(user), Check::Right(_)) if user.disabled => Verdict::Refused(Refusal::Disabled),
            (Some(user), Check::Right(proof)) => {
                let user = self.brought_up_to_date(user, &proof).await?;
                Verdict::Verified(Verified::by_password(user, &proof))
            }
            (_, Check::BeyondBcrypt) => Verdict::Refused(Refusal::Unusable),
            _ => Verdict::Refused(Refusal::Credentials),
        })
    }
}

impl ByPassword {
    /// Stores a better hash of the password that was just typed, where the old one was made otherwise.
    async fn brought_up_to_date(&self, user: User, proof: &PasswordMatch) -> Result<User, BoxError> {
        let Some(upgrade) = proof.upgrade_from(&cloakroom_auth::User::fingerprint(&user)) else {
            return Ok(user);
        };
        let (old, hash, link) = (&user.password_hash, upgrade.hash().as_str(), Some(upgrade.link()));
        // Somebody who changed the password meanwhile has won; signing in finds that out.
        if !self.users.replace_hash(&user.id, old, hash, link, SystemClock.now()).await? {
            return Ok(user);
        }
        let (password_hash, upgrade_link) = (hash.to_owned(), link.map(str::to_owned));
        Ok(User { password_hash, upgrade_link, ..user })
    }
}

/// Hashes a password that somebody chose.
///
/// # Errors
/// The outer one when hashing fails; the inner one is a sentence for whoever chose it.
pub(crate) async fn new_password(
    passwords: &Passwords,
    password: &Password,
) -> Result<Result<PasswordHash, String>, PasswordError> {
    if password.is_empty() {
        return Ok(Err("Choose a password.".to_owned()));
    }
    match passwords.hash(password).await {
        Ok(hash) => Ok(Ok(hash)),
        Err(PasswordError::TooShort { minimum }) => Ok(Err(format!("Use at least {minimum} characters."))),
        Err(PasswordError::TooLong { maximum }) => {
            Ok(Err(format!("Use at most {maximum} bytes; that is a very long text.")))
        }
        Err(error) => Err(error),
    }
}
