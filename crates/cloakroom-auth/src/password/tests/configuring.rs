use std::num::NonZeroUsize;

use super::*;
use crate::password::{Ceiling, PasswordConfigError};

#[test]
fn parameters_are_not_below_owasps_advice() {
    for (memory, passes) in
        [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5), (65_536, 3), (7_168, 9)]
    {
        let parameters = Argon2Parameters::new(memory, passes, 1).unwrap();
        assert_eq!((parameters.memory_kib(), parameters.passes(), parameters.lanes()), (memory, passes, 1));
    }
    for (memory, passes, lanes) in [
        (47_103, 1, 1),
        (19_455, 2, 1),
        (12_287, 3, 1),
        (9_215, 4, 1),
        (7_167, 5, 1),
        (7_167, 1000, 1),
        (47_104, 0, 1),
        (19_456, 2, 0),
        (19_456, 2, 17),
    ] {
        let refused = Argon2Parameters::new(memory, passes, lanes);
        assert_eq!(refused, Err(PasswordConfigError::WeakParameters), "{memory} {passes} {lanes}");
    }
    let default = Argon2Parameters::default();
    assert_eq!(Argon2Parameters::new(default.memory_kib(), default.passes(), default.lanes()), Ok(default));
}

#[test]
fn what_contradicts_itself_is_not_built() {
    let build = |builder: PasswordsBuilder| builder.build().map(|_| ());
    let big = Argon2Parameters::new(512 << 10, 2, 1).unwrap();
    assert_eq!(build(Passwords::builder().parameters(big)), Err(PasswordConfigError::AboveCeiling));
    assert_eq!(
        build(Passwords::builder().parameters(big).ceiling(Ceiling::default().memory_kib(512 << 10))),
        Ok(())
    );
    for length in [0, 7, 65] {
        assert_eq!(build(weak().minimum_length(length)), Err(PasswordConfigError::MinimumLength));
    }
    for like in ["", "plain", "$2b$31$abcdefghijklmnopqrstuuGGgFFcYeueaAql8Z7U7CnCTRw4DR77W"] {
        assert_eq!(build(weak().unknown_users_cost(like)), Err(PasswordConfigError::UnknownUsers));
    }
}

#[tokio::test]
async fn length_counts_characters_at_the_low_end_and_bytes_at_the_high() {
    let passwords = passwords();
    let hash = |text: String| {
        let passwords = passwords.clone();
        async move { passwords.hash(&text.into()).await }
    };
    assert!(hash("é".repeat(8)).await.is_ok());
    assert!(hash(" ".repeat(8)).await.is_ok(), "blanks are characters");
    assert!(hash("x".repeat(1024)).await.is_ok());
    for short in [String::new(), "é".repeat(7), "🔑".repeat(7)] {
        let error = hash(short).await.unwrap_err();
        assert!(matches!(error, PasswordError::TooShort { minimum: 8 }));
        assert_eq!(error.status(), http::StatusCode::UNPROCESSABLE_ENTITY);
    }
    for long in ["x".repeat(1025), "é".repeat(513), "x".repeat(10_000_000)] {
        assert!(matches!(hash(long).await, Err(PasswordError::TooLong { maximum: 1024 })));
    }

    let alone = weak().minimum_length(15).build().unwrap();
    assert!(matches!(alone.hash(&"x".repeat(14).into()).await, Err(PasswordError::TooShort { minimum: 15 })));
    assert!(alone.hash(&"x".repeat(15).into()).await.is_ok());
    // Whoever has an older, shorter one still signs in.
    let old = passwords.hash(&"x".repeat(8).into()).await.unwrap();
    alone.right("xxxxxxxx", old.as_str()).await;
}

#[tokio::test]
async fn a_password_that_is_too_long_is_wrong_at_sign_in_even_for_its_own_hash() {
    let passwords = passwords();
    let text = "x".repeat(1025);
    let stored = passwords.hasher.hash(&text.as_str().into()).unwrap();
    assert!(passwords.is_wrong(&text, stored.as_str()).await);
}

#[tokio::test]
async fn a_failing_random_source_makes_no_hash() {
    let passwords = weak().random(NoRandom).build().unwrap();
    let error = passwords.hash(&PASSWORD.into()).await.unwrap_err();
    assert!(matches!(error, PasswordError::Random(_)));
    // A right password stays right; its hash is upgraded another time.
    assert!(passwords.right(PASSWORD, BCRYPT_HASH).await.upgrade().is_none());
}

#[derive(Debug)]
struct NoRandom;

impl cloakroom_core::Random for NoRandom {
    fn fill(&self, _: &mut [u8]) -> Result<(), cloakroom_core::RandomError> {
        Err(cloakroom_core::RandomError::new("on purpose"))
    }
}

#[tokio::test]
async fn checks_may_be_awaited_on_any_thread_and_are_all_answered() {
    let one = NonZeroUsize::MIN;
    let passwords = weak().threads(one).queue(NonZeroUsize::new(32).unwrap()).build().unwrap();
    let hash = passwords.hash(&PASSWORD.into()).await.unwrap();
    let tasks: Vec<_> = (0..32)
        .map(|number| {
            let (passwords, hash) = (passwords.clone(), hash.clone());
            tokio::spawn(async move {
                let password = if number % 2 == 0 { PASSWORD } else { "wrong password" };
                let check = passwords.verify(&password.into(), Some(hash.as_str())).await.unwrap();
                assert_eq!(matches!(check, Check::Right(_)), number % 2 == 0);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(passwords.computed(), 33);
}
