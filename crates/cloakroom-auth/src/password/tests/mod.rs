//! What holds of passwords. What argon2 computes here is as little as it can.

mod configuring;
mod cost;
mod hostile;
mod secrets;
mod stored;
mod strategy;
mod upgrade;

use super::{Argon2Parameters, Check, Password, PasswordError, PasswordMatch, Passwords, PasswordsBuilder};

const PASSWORD: &str = "correct horse battery staple";

/// A hash of [`PASSWORD`] that the bcrypt package of Node made.
const NODE_HASH: &str = "$2b$10$abcdefghijklmnopqrstuuGGgFFcYeueaAql8Z7U7CnCTRw4DR77W";

/// A hash of [`PASSWORD`] that costs next to nothing.
const BCRYPT_HASH: &str = "$2y$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG";

/// A password with its hash, made by somebody else's implementation.
#[derive(serde::Deserialize)]
struct Vector {
    origin: String,
    password: Password,
    stored: String,
}

fn vectors() -> Vec<Vector> {
    #[derive(serde::Deserialize)]
    struct File {
        matching: Vec<Vector>,
    }
    let text = include_str!("../../../tests/data/passwords.json");
    serde_json::from_str::<File>(text).unwrap().matching
}

fn weak() -> PasswordsBuilder {
    Passwords::builder().parameters(Argon2Parameters::weak_for_tests())
}

fn passwords() -> Passwords {
    weak().build().unwrap()
}

impl Passwords {
    async fn right(&self, password: &str, stored: &str) -> PasswordMatch {
        match self.verify(&password.into(), Some(stored)).await {
            Ok(Check::Right(matched)) => matched,
            other => panic!("{stored} of {password}: {other:?}"),
        }
    }

    async fn is_wrong(&self, password: &str, stored: &str) -> bool {
        matches!(self.verify(&password.into(), Some(stored)).await, Ok(Check::Wrong))
    }

    async fn fails(&self, stored: &str) -> PasswordError {
        self.verify(&PASSWORD.into(), Some(stored)).await.expect_err("no hash that can be checked")
    }
}
