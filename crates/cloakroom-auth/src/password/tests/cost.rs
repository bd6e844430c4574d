use super::*;

/// How many hashes `check` computed.
async fn computed(passwords: &Passwords, password: &Password, stored: Option<&str>) -> u64 {
    let before = passwords.computed();
    let _ = passwords.verify(password, stored).await;
    passwords.computed() - before
}

/// 5.3 (4): nobody learns by the time who has an account.
#[tokio::test]
async fn whatever_is_wrong_costs_one_hash() {
    let passwords = passwords();
    let right = Password::from(PASSWORD);
    let wrong = Password::from("wrong password");
    let hash = passwords.hash(&right).await.unwrap();
    let hash = Some(hash.as_str());

    assert_eq!(computed(&passwords, &right, hash).await, 1, "right");
    assert_eq!(computed(&passwords, &wrong, hash).await, 1, "wrong");
    assert_eq!(computed(&passwords, &wrong, None).await, 1, "no such user");
    assert_eq!(computed(&passwords, &Password::default(), hash).await, 1, "no password sent");
    assert_eq!(computed(&passwords, &Password::default(), None).await, 1, "nothing sent");
    let long = Password::from("x".repeat(100_000));
    assert_eq!(computed(&passwords, &long, hash).await, 1, "too long");
    assert_eq!(computed(&passwords, &long, None).await, 1, "too long, no such user");
    assert_eq!(computed(&passwords, &right, Some("plain text")).await, 1, "unknown format");
    assert_eq!(computed(&passwords, &right, Some("")).await, 1, "an empty row");
    let costly = "$argon2id$v=19$m=300000,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    assert!(matches!(passwords.fails(costly).await, PasswordError::TooCostly(_)));
    assert_eq!(computed(&passwords, &right, Some(costly)).await, 1, "above the ceiling");
    assert_eq!(computed(&passwords, &"x".repeat(73).into(), Some(BCRYPT_HASH)).await, 1, "beyond bcrypt");
    assert_eq!(computed(&passwords, &wrong, Some(BCRYPT_HASH)).await, 1, "wrong, of an older kind");
    assert_eq!(computed(&passwords, &right, Some(BCRYPT_HASH)).await, 2, "right, and upgraded");
}

#[test]
fn an_unknown_user_is_checked_at_the_cost_of_a_new_hash() {
    for builder in [weak(), Passwords::builder()] {
        let passwords = builder.build().unwrap();
        assert_eq!(passwords.hasher.decoy.scheme, passwords.hasher.current);
        assert!(passwords.hasher.decoy.is_as(&passwords.hasher.current));
    }
}

#[tokio::test]
async fn an_unknown_user_is_checked_at_the_cost_that_is_asked_for_and_nobody_matches() {
    let passwords = weak().unknown_users_cost(BCRYPT_HASH).build().unwrap();
    assert!(passwords.hasher.decoy.scheme.is_bcrypt());
    // Not even whoever has the password of that hash.
    let check = passwords.verify(&PASSWORD.into(), None).await.unwrap();
    assert!(matches!(check, Check::Wrong));
    assert_eq!(passwords.computed(), 1);
    // What bcrypt cannot see whole is no reason to tell an unknown user from another.
    let check = passwords.verify(&"x".repeat(73).into(), None).await.unwrap();
    assert!(matches!(check, Check::Wrong));
}

#[tokio::test]
async fn nothing_is_computed_for_a_new_password_that_is_refused() {
    let passwords = passwords();
    assert!(passwords.hash(&"short".into()).await.is_err());
    assert!(passwords.hash(&"x".repeat(1025).into()).await.is_err());
    assert_eq!(passwords.computed(), 0);
}
