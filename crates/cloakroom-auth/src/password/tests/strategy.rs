use std::sync::{Arc, Mutex};

use cloakroom_core::{Fingerprint, UserId};

use super::*;
use crate::password::{PasswordStrategy, Upgrade, accepts_through};
use crate::{BoxError, Refusal, Strategy, User, Verdict, Verified};

#[derive(Clone)]
struct Account {
    name: &'static str,
    hash: String,
    link: Option<String>,
}

impl User for Account {
    fn id(&self) -> UserId {
        UserId::new(self.name).unwrap()
    }

    fn fingerprint(&self) -> Fingerprint {
        Fingerprint::new(&self.id(), self.hash.as_bytes())
    }

    fn accepts(&self, earlier: &Fingerprint) -> bool {
        let through = |link: &String| accepts_through(link, earlier, &self.hash);
        self.fingerprint() == *earlier || self.link.as_ref().is_some_and(through)
    }
}

/// One row of a table of users.
type Row = Arc<Mutex<Account>>;

fn row(hash: &str) -> Row {
    Arc::new(Mutex::new(Account { name: "ann", hash: hash.to_owned(), link: None }))
}

fn read(row: &Row) -> Account {
    row.lock().unwrap().clone()
}

fn strategy(passwords: &Passwords, row: &Row) -> PasswordStrategy<String, Account> {
    let row = Arc::clone(row);
    PasswordStrategy::new(passwords.clone(), move |name: String| {
        let account = read(&row);
        async move {
            if name == "the database is down" {
                return Err(BoxError::from("no connection"));
            }
            let hash = account.hash.clone();
            Ok((name == account.name).then_some((account, hash)))
        }
    })
}

/// As an application stores an upgrade: only over the hash that was checked.
fn store(row: &Row, upgrade: &Upgrade) -> Option<Account> {
    let mut account = row.lock().unwrap();
    if account.hash != upgrade.replaces() {
        return None;
    }
    account.hash = upgrade.hash().as_str().to_owned();
    account.link = Some(upgrade.link().to_owned());
    Some(account.clone())
}

fn upgrading(passwords: &Passwords, row: &Row) -> PasswordStrategy<String, Account> {
    let table = Arc::clone(row);
    strategy(passwords, row).upgrades(move |_, upgrade| {
        let stored = store(&table, &upgrade);
        async move { Ok(stored) }
    })
}

async fn verdict(
    strategy: &PasswordStrategy<String, Account>,
    name: &str,
    password: &str,
) -> Result<Verdict<Account>, BoxError> {
    strategy.verify((name.to_owned(), password.into())).await
}

async fn verified(strategy: &PasswordStrategy<String, Account>) -> Verified<Account> {
    match verdict(strategy, "ann", PASSWORD).await {
        Ok(Verdict::Verified(verified)) => verified,
        _ => panic!("the right password"),
    }
}

#[tokio::test]
async fn an_unknown_name_and_a_wrong_password_are_the_same_at_the_same_cost() {
    let passwords = passwords();
    let hash = passwords.hash(&PASSWORD.into()).await.unwrap();
    let strategy = strategy(&passwords, &row(hash.as_str()));
    for (name, password) in [
        ("ann", "wrong password"),
        ("ann", ""),
        ("ben", PASSWORD),
        ("", ""),
        (" ann", PASSWORD),
        ("Ann", PASSWORD),
    ] {
        let before = passwords.computed();
        let verdict = verdict(&strategy, name, password).await.unwrap();
        assert!(matches!(verdict, Verdict::Refused(Refusal::Credentials)), "{name:?} {password:?}");
        assert_eq!(passwords.computed() - before, 1, "{name:?} {password:?}");
    }
    let verified = verified(&strategy).await;
    assert_eq!(verified.user().name, "ann");
    assert_eq!(verified.method().as_str(), "password");
}

#[tokio::test]
async fn what_cannot_be_checked_is_unusable_and_what_fails_is_an_error() {
    let passwords = passwords();
    for (stored, password) in [
        (BCRYPT_HASH.to_owned(), "x".repeat(73)),
        (BCRYPT_HASH.replace("$04$", "$31$"), PASSWORD.to_owned()),
        (PASSWORD.to_owned(), PASSWORD.to_owned()),
        (String::new(), PASSWORD.to_owned()),
    ] {
        let verdict = verdict(&strategy(&passwords, &row(&stored)), "ann", &password).await.unwrap();
        assert!(matches!(verdict, Verdict::Refused(Refusal::Unusable)), "{stored}");
    }
    let strategy = strategy(&passwords, &row(BCRYPT_HASH));
    assert!(verdict(&strategy, "the database is down", PASSWORD).await.is_err());
}

#[tokio::test]
async fn r23_a_hash_is_upgraded_at_sign_in_and_earlier_sessions_go_on() {
    let passwords = passwords();
    let row = row(BCRYPT_HASH);
    let session = read(&row).fingerprint();

    let verified = verified(&upgrading(&passwords, &row)).await;
    let stored = read(&row);
    assert!(stored.hash.starts_with("$argon2id$"));
    // Signing in compares what was verified with what is stored then.
    assert_eq!(verified.user().fingerprint(), stored.fingerprint());
    assert!(stored.accepts(&session), "the other devices stay");

    // A changed password ends them, whatever is left beside it.
    row.lock().unwrap().hash = passwords.hash(&"another password".into()).await.unwrap().into_string();
    assert!(!read(&row).accepts(&session));
    assert!(!read(&row).accepts(&stored.fingerprint()));
}

#[tokio::test]
async fn r23_an_upgrade_does_not_undo_a_password_that_was_changed_meanwhile() {
    let passwords = passwords();
    let row = row(BCRYPT_HASH);
    let changed = passwords.hash(&"another password".into()).await.unwrap().into_string();
    let (table, new) = (Arc::clone(&row), changed.clone());
    let racing = strategy(&passwords, &row).upgrades(move |_, upgrade| {
        // The user changes the password on another device while this sign-in is judged.
        table.lock().unwrap().hash.clone_from(&new);
        let stored = store(&table, &upgrade);
        async move { Ok(stored) }
    });

    let verified = verified(&racing).await;
    assert_eq!(read(&row).hash, changed);
    assert!(!read(&row).accepts(&verified.user().fingerprint()), "and the old password signs nobody in");
}

#[tokio::test]
async fn a_right_password_stays_right_when_its_upgrade_cannot_be_stored() {
    let passwords = passwords();
    let row = row(BCRYPT_HASH);
    let failing = strategy(&passwords, &row)
        .upgrades(|_: Account, _: Upgrade| async { Err(BoxError::from("the database is read-only")) });
    assert_eq!(verified(&failing).await.user().hash, BCRYPT_HASH);
    assert_eq!(
        verified(&strategy(&passwords, &row)).await.user().hash,
        BCRYPT_HASH,
        "and without a place to store it"
    );
}
