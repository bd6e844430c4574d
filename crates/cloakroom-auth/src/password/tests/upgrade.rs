use cloakroom_core::{Fingerprint, UserId};

use super::*;
use crate::password::{Ceiling, accepts_through};

#[tokio::test]
async fn a_right_password_of_another_kind_gives_a_hash_of_the_current_kind() {
    let passwords = passwords();
    for Vector { password, stored, origin } in vectors() {
        let Ok(Check::Right(matched)) = passwords.verify(&password, Some(&stored)).await else {
            panic!("{origin}");
        };
        assert_eq!(matched.stored(), stored);
        let new = matched.upgrade().unwrap_or_else(|| panic!("{origin}: {stored} stays"));
        assert!(new.as_str().starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        let Ok(Check::Right(again)) = passwords.verify(&password, Some(new.as_str())).await else {
            panic!("{origin}: the new hash is of another password");
        };
        assert!(again.upgrade().is_none(), "once is enough");
    }
}

#[tokio::test]
async fn other_parameters_are_reason_enough() {
    let before = passwords();
    let stored = before.hash(&PASSWORD.into()).await.unwrap();
    assert!(before.right(PASSWORD, stored.as_str()).await.upgrade().is_none());

    let after = Passwords::new();
    let matched = after.right(PASSWORD, stored.as_str()).await;
    assert!(matched.upgrade().unwrap().as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
}

/// The salt of eight bytes is as old as argon2's own examples.
#[tokio::test]
async fn a_short_salt_or_hash_is_reason_enough() {
    let passwords = passwords();
    let full = passwords.hash(&PASSWORD.into()).await.unwrap();
    let parts: Vec<_> = full.as_str().split('$').collect();
    let short = format!("$argon2id$v=19$m=8,t=1,p=1${}${}", "c29tZXNhbHQ", parts[5]);
    let read = crate::password::stored::Stored::read(&short, &Ceiling::default()).unwrap();
    assert!(!read.is_as(&passwords.hasher.current));
}

#[tokio::test]
async fn a_wrong_password_upgrades_nothing() {
    let passwords = passwords();
    assert!(passwords.is_wrong("wrong password", BCRYPT_HASH).await);
    assert_eq!(passwords.computed(), 1);
}

fn fingerprint(user: &str, hash: &str) -> Fingerprint {
    Fingerprint::new(&UserId::new(user).unwrap(), hash.as_bytes())
}

#[tokio::test]
async fn r23_an_upgrade_keeps_the_users_sessions_and_a_change_ends_them() {
    let passwords = passwords();
    let session = fingerprint("ann", BCRYPT_HASH);
    let matched = passwords.right(PASSWORD, BCRYPT_HASH).await;
    let upgrade = matched.upgrade_from(&session).unwrap();
    assert_eq!(Some(upgrade.hash()), matched.upgrade());
    assert_eq!(upgrade.replaces(), BCRYPT_HASH);
    assert_eq!(upgrade.link().len(), 43);
    assert!(accepts_through(upgrade.link(), &session, upgrade.hash().as_str()));

    // The password is changed and the link is left in its column.
    let changed = passwords.hash(&"another password".into()).await.unwrap();
    assert!(!accepts_through(upgrade.link(), &session, changed.as_str()));
    // The same password, set again, is a change too.
    let again = passwords.hash(&PASSWORD.into()).await.unwrap();
    assert!(!accepts_through(upgrade.link(), &session, again.as_str()));
    // Sessions that were over before the upgrade stay over, and another user's are none of these.
    for other in [fingerprint("ann", "the hash before"), fingerprint("ben", BCRYPT_HASH)] {
        assert!(!accepts_through(upgrade.link(), &other, upgrade.hash().as_str()));
    }
}

#[tokio::test]
async fn a_hash_that_stays_has_no_link() {
    let passwords = passwords();
    let stored = passwords.hash(&PASSWORD.into()).await.unwrap();
    let matched = passwords.right(PASSWORD, stored.as_str()).await;
    assert!(matched.upgrade_from(&fingerprint("ann", stored.as_str())).is_none());
}

#[tokio::test]
async fn r41_nothing_but_the_whole_link_is_accepted() {
    let passwords = passwords();
    let session = fingerprint("ann", BCRYPT_HASH);
    let upgrade = passwords.right(PASSWORD, BCRYPT_HASH).await.upgrade_from(&session).unwrap();
    let (hash, link) = (upgrade.hash().as_str(), upgrade.link());
    let lower = link.to_lowercase();
    for other in ["", &link[1..], &link[..42], &format!("{link}="), &format!("{link}A"), &lower, "é"] {
        assert!(!accepts_through(other, &session, hash), "{other}");
    }
    // What one part loses the other does not gain: the hash is digested by itself.
    for other in [&hash[1..], &format!("{hash} "), &format!("\0{hash}"), ""] {
        assert!(!accepts_through(link, &session, other), "{other}");
    }
}

/// Computed by hand, so that links in a database outlive this version.
#[tokio::test]
async fn the_link_is_what_it_is_documented_to_be() {
    use base64::Engine as _;
    use sha2::{Digest as _, Sha256};

    let session = fingerprint("ann", BCRYPT_HASH);
    let upgrade = passwords().right(PASSWORD, BCRYPT_HASH).await.upgrade_from(&session).unwrap();
    let mut bytes = b"cloakroom upgrade\0".to_vec();
    bytes.extend(session.as_bytes());
    bytes.extend(Sha256::digest(upgrade.hash().as_str()));
    let expected = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Sha256::digest(bytes));
    assert_eq!(upgrade.link(), expected);
}
