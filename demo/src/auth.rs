//! What the library asks of this application's users, and how they prove who they are.

use cloakroom::auth::password::{
    Check, Password, PasswordError, PasswordHash, PasswordMatch, Passwords, accepts_through,
};
use cloakroom::auth::{BoxError, Refusal, Strategy, Verdict, Verified};
use cloakroom::{Clock, Fingerprint, SystemClock, UserId};

use crate::users::{Email, User, Users};

/// One request's view of sign-in.
pub(crate) type Auth = cloakroom::axum::Auth<User>;

/// How long ago, in seconds, a password may have been typed for what is asked for here.
pub(crate) const RECENT: u64 = 15 * 60;

impl cloakroom::auth::User for User {
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

impl cloakroom::auth::Users<User> for Users {
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
        let user = if email.is_plausible() { self.users.find_by_email(&email).await? } else { None };
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
        let Some(upgrade) = proof.upgrade_from(&cloakroom::auth::User::fingerprint(&user)) else {
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

#[cfg(test)]
mod tests {
    use cloakroom::Timestamp;

    use super::*;
    use crate::database::Database;
    use crate::users::Name;

    const PASSWORD: &str = "correct horse battery staple";
    /// As the tutorial's application stores it.
    const BCRYPT: &str = "$2b$10$abcdefghijklmnopqrstuuGGgFFcYeueaAql8Z7U7CnCTRw4DR77W";

    async fn with_ann(password_hash: Option<&str>) -> ByPassword {
        let (database, ..) = Database::open("sqlite::memory:").await.unwrap();
        let (users, passwords) = (Users::new(database), Passwords::new());
        let hash = match password_hash {
            Some(hash) => hash.to_owned(),
            None => passwords.hash(&Password::from(PASSWORD)).await.unwrap().into_string(),
        };
        let (name, email) = (Name::read("Ann").unwrap(), Email::read("ann@example.com").unwrap());
        users.add(&name, &email, &hash, Timestamp::from_millis(0)).await.unwrap();
        ByPassword { users, passwords }
    }

    async fn verdict(strategy: &ByPassword, email: &str, password: &str) -> (Option<Refusal>, u64) {
        let before = strategy.passwords.computed();
        let credentials = Credentials { email: Email::of(email), password: Password::from(password) };
        let verdict = strategy.verify(credentials).await.unwrap();
        (verdict.verified().err(), strategy.passwords.computed() - before)
    }

    /// Counted, not timed: what tells a stranger whether an account exists is that one answer costs a hash and another
    /// does not.
    #[tokio::test]
    async fn mended_04_whatever_is_wrong_costs_one_hash() {
        let strategy = with_ann(None).await;
        for (email, password) in [
            ("ann@example.com", "wrong"),
            ("nobody@example.com", "wrong"),
            ("nobody@example.com", PASSWORD),
            ("no address", "wrong"),
            ("", "wrong"),
            ("ann@example.com", ""),
            ("nobody@example.com", ""),
            ("ann@example.com", &"x".repeat(5_000)),
            ("ann@example.com\0", PASSWORD),
            (&"x".repeat(5_000), PASSWORD),
        ] {
            let wrong = (Some(Refusal::Credentials), 1);
            assert_eq!(verdict(&strategy, email, password).await, wrong, "{email}");
        }
        assert_eq!(verdict(&strategy, " Ann@example.com", PASSWORD).await, (None, 1));
    }

    /// A better hash costs its own, once; and a password of which bcrypt sees only the beginning is none.
    #[tokio::test]
    async fn mended_05_bcrypt_is_replaced_once_and_never_cut() {
        let strategy = with_ann(Some(BCRYPT)).await;
        let long = format!("{PASSWORD}{}", "x".repeat(72));
        assert_eq!(verdict(&strategy, "ann@example.com", &long).await, (Some(Refusal::Unusable), 1));
        let before = strategy.users.find_by_email(&Email::of("ann@example.com")).await.unwrap().unwrap();
        let earlier = cloakroom::auth::User::fingerprint(&before);
        assert_eq!(verdict(&strategy, "ann@example.com", PASSWORD).await, (None, 2));
        assert_eq!(verdict(&strategy, "ann@example.com", PASSWORD).await, (None, 1));
        let after = strategy.users.find_by_email(&Email::of("ann@example.com")).await.unwrap().unwrap();
        assert!(after.password_hash.starts_with("$argon2id$"));
        assert!(cloakroom::auth::User::accepts(&after, &earlier), "sessions go on");
        let changed = User { password_hash: before.password_hash.clone(), ..after };
        assert!(!cloakroom::auth::User::accepts(
            &changed,
            &Fingerprint::new(&changed.id, b"the hash of another password")
        ));
    }
}
