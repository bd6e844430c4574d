use super::*;

#[tokio::test]
async fn hashes_of_other_implementations_are_matched_by_their_password_alone() {
    let passwords = passwords();
    for Vector { origin, password, stored } in vectors() {
        let check = passwords.verify(&password, Some(&stored)).await.unwrap();
        assert!(matches!(check, Check::Right(_)), "{origin}: {stored}");
        assert!(passwords.is_wrong("another password", &stored).await, "{origin}: {stored}");
    }
}

#[tokio::test]
async fn the_three_names_of_bcrypt_are_one() {
    let passwords = passwords();
    for name in ["$2a$", "$2b$", "$2y$"] {
        passwords.right(PASSWORD, &BCRYPT_HASH.replace("$2y$", name)).await;
    }
}

#[tokio::test]
async fn a_new_hash_is_argon2id_with_a_salt_of_its_own() {
    let passwords = passwords();
    let first = passwords.hash(&PASSWORD.into()).await.unwrap();
    let second = passwords.hash(&PASSWORD.into()).await.unwrap();
    assert_ne!(first, second);
    assert!(first.as_str().starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
    passwords.right(PASSWORD, first.as_str()).await;
    assert!(passwords.is_wrong("correct horse battery stapler", first.as_str()).await);
}

#[tokio::test]
async fn owasps_parameters_are_the_default() {
    let hash = Passwords::new().hash(&PASSWORD.into()).await.unwrap();
    assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
}

#[tokio::test]
async fn blanks_and_letter_case_count() {
    let passwords = passwords();
    let hash = passwords.hash(&" Ann's pässword ".into()).await.unwrap();
    passwords.right(" Ann's pässword ", hash.as_str()).await;
    for other in ["Ann's pässword", " ann's pässword ", " Ann's pa\u{308}ssword "] {
        assert!(passwords.is_wrong(other, hash.as_str()).await, "{other:?}");
    }
}

/// 5.3 (5) of what the tutorial's application lacks: bcrypt ignores what comes after 72 bytes.
#[tokio::test]
async fn what_bcrypt_would_see_a_part_of_never_matches() {
    let passwords = passwords();
    let whole = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let stored = "$2b$04$abcdefghijklmnopqrstuuRAip/W0RPQX4QKkqYqXE3GIXWH518Sm";
    passwords.right(whole, stored).await;
    for longer in [format!("{whole}!"), format!("{whole}{whole}"), "é".repeat(37)] {
        let check = passwords.verify(&longer.as_str().into(), Some(stored)).await.unwrap();
        assert!(matches!(check, Check::BeyondBcrypt), "{longer}: {check:?}");
    }
    for with_nul in ["correct horse battery staple\0", "correct horse battery staple\0and more", "\0"] {
        let check = passwords.verify(&with_nul.into(), Some(BCRYPT_HASH)).await.unwrap();
        assert!(matches!(check, Check::BeyondBcrypt), "{with_nul:?}: {check:?}");
    }

    // Only bcrypt has this limit.
    let long = format!("{whole}\0{whole}");
    let hash = passwords.hash(&long.as_str().into()).await.unwrap();
    passwords.right(&long, hash.as_str()).await;
    assert!(passwords.is_wrong(whole, hash.as_str()).await);
    assert!(passwords.is_wrong(&format!("{whole}\0"), hash.as_str()).await);
}

#[tokio::test]
async fn an_empty_password_matches_nothing_not_even_its_own_hash() {
    let passwords = passwords();
    // libxcrypt's hash of an empty text.
    let stored = "$2b$04$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq";
    assert!(passwords.is_wrong("", stored).await);
    assert!(passwords.is_wrong("", BCRYPT_HASH).await);
    assert!(Password::default().is_empty());
}
