use proptest::prelude::*;

use super::*;
use crate::password::stored::Stored;
use crate::password::{Algorithm, Ceiling};

#[test]
fn a_row_that_asks_for_too_much_is_refused_when_it_is_read() {
    let tail = "MDEyMzQ1Njc4OWFiY2RlZg$0Pz6RuN9WCY6OfE3FYH5Myx0JqvNjul84VbFyWLBf4g";
    let bcrypt = "abcdefghijklmnopqrstuuGGgFFcYeueaAql8Z7U7CnCTRw4DR77W";
    for (algorithm, stored) in [
        (Algorithm::Argon2id, format!("$argon2id$v=19$m=4194304,t=1,p=1${tail}")),
        (Algorithm::Argon2id, format!("$argon2id$v=19$m=4294967295,t=4294967295,p=1${tail}")),
        (Algorithm::Argon2id, format!("$argon2id$v=19$m=8,t=4294967295,p=1${tail}")),
        (Algorithm::Argon2i, format!("$argon2i$v=19$m=262144,t=5,p=1${tail}")),
        (Algorithm::Argon2i, format!("$argon2i$m=4294967295,t=1,p=16777215${tail}")),
        (Algorithm::Bcrypt, format!("$2b$31${bcrypt}")),
        (Algorithm::Bcrypt, format!("$2a$16${bcrypt}")),
        (Algorithm::Scrypt, format!("$scrypt$ln=22,r=8,p=1${tail}")),
        (Algorithm::Scrypt, format!("$scrypt$ln=63,r=4294967295,p=4294967295${tail}")),
        (Algorithm::Scrypt, format!("$scrypt$ln=1,r=1,p=4294967295${tail}")),
        (Algorithm::Scrypt, format!("$scrypt$ln=1,r=4294967295,p=1${tail}")),
        (Algorithm::Pbkdf2Sha256, format!("$pbkdf2-sha256$i=1000000000${tail}")),
        (Algorithm::Pbkdf2Sha512, format!("$pbkdf2-sha512$i=4294967295${tail}")),
    ] {
        let refused = Stored::read(&stored, &Ceiling::default()).err();
        assert!(
            matches!(refused, Some(PasswordError::TooCostly(of)) if of == algorithm),
            "{stored}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn the_ceiling_is_what_it_is_set_to() {
    let low = Ceiling::default().memory_kib(64).memory_work_kib(128).bcrypt_cost(4).pbkdf2_iterations(999);
    let passwords = weak().ceiling(low).build().unwrap();
    passwords.right(PASSWORD, BCRYPT_HASH).await;
    assert!(matches!(passwords.fails(NODE_HASH).await, PasswordError::TooCostly(Algorithm::Bcrypt)));
    for Vector { stored, .. } in vectors() {
        let is_costly = matches!(
            passwords.verify(&PASSWORD.into(), Some(&stored)).await,
            Err(PasswordError::TooCostly(_))
        );
        let is_dear = ["m=256", "i=1000", "$10$", "$05$"].iter().any(|cost| stored.contains(cost));
        assert_eq!(is_costly, is_dear, "{stored}");
    }
}

#[tokio::test]
async fn what_is_no_hash_is_an_error_and_never_a_wrong_password() {
    let passwords = passwords();
    let salt = "MDEyMzQ1Njc4OWFiY2RlZg";
    let hash = "0Pz6RuN9WCY6OfE3FYH5Myx0JqvNjul84VbFyWLBf4g";
    let bcrypt = "abcdefghijklmnopqrstuuGGgFFcYeueaAql8Z7U7CnCTRw4DR77W";
    let mut unreadable = vec![
        String::new(),
        "$".to_owned(),
        "$$$$$$".to_owned(),
        PASSWORD.to_owned(),
        "é".repeat(60),
        "x".repeat(100_000),
        // MD5 and SHA-512 of crypt(3), Django's, LDAP's, Apache's.
        "$1$abcdefgh$irWbblnpmw.5z7wgBnprh0".to_owned(),
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO/O817G3uBnIFNjnQJuesI68OTLiBFdcbYEdFCoEOfaS35inz1"
            .to_owned(),
        "pbkdf2_sha256$720000$salt$aGFzaA==".to_owned(),
        "{SSHA}aGFzaA==".to_owned(),
        "$apr1$salt$hash".to_owned(),
        // passlib's, which is no PHC string.
        format!("$pbkdf2-sha256$29000${salt}${hash}"),
        format!("$2$10${bcrypt}"),
        format!("$2x$10${bcrypt}"),
        format!("$2b$3${bcrypt}"),
        format!("$2b$03${bcrypt}"),
        format!("$2b$32${bcrypt}"),
        format!("$2b$+9${bcrypt}"),
        format!("$2b$10${bcrypt}x"),
        format!("$2b$10${bcrypt}\n"),
        format!("$2b$10${}", "é".repeat(27)).trim_end_matches('é').to_owned(),
        format!("$2b$10${}x", "é".repeat(26)),
    ];
    for parameters in [
        "$argon2d$v=19$m=8,t=1,p=1",
        "$argon2$v=19$m=8,t=1,p=1",
        "$argon2id$v=18$m=8,t=1,p=1",
        "$argon2id$v=19$m=8,t=1",
        "$argon2id$v=19$m=8,t=1,p=1,data=AAAA",
        "$argon2id$v=19$m=8,m=8,p=1",
        "$argon2id$v=19$m=8,t=0,p=1",
        "$argon2id$v=19$m=8,t=1,p=0",
        "$argon2id$v=19$m=7,t=1,p=1",
        "$argon2id$v=19$m=8,t=1,p=4294967295",
        "$argon2id$v=19$m=4294967296,t=1,p=1",
        "$argon2id$v=19$m=-8,t=1,p=1",
        "$argon2id$v=19$m=08,t=1,p=1",
        "$argon2id$v=19",
        "$scrypt$ln=0,r=8,p=1",
        "$scrypt$ln=64,r=8,p=1",
        "$scrypt$ln=4,r=0,p=1",
        "$scrypt$ln=4,r=8,p=0",
        "$scrypt$v=1$ln=4,r=8,p=1",
        "$scrypt$ln=4,r=8",
        "$pbkdf2-sha256$i=0",
        "$pbkdf2-sha256$i=1000,l=31",
        "$pbkdf2-sha256",
        "$pbkdf2$i=1000",
        "$pbkdf2-sha1$i=1000",
    ] {
        unreadable.push(format!("{parameters}${salt}${hash}"));
    }
    for cut in ["$argon2id$v=19$m=8,t=1,p=1", "$scrypt$ln=4,r=8,p=1", "$pbkdf2-sha256$i=1000"] {
        unreadable.push(cut.to_owned());
        unreadable.push(format!("{cut}${salt}"));
        unreadable.push(format!("{cut}${salt}$"));
        unreadable.push(format!("{cut}${salt}${hash}$"));
        unreadable.push(format!("{cut}${salt}${hash}=="));
        unreadable.push(format!("{cut}$c2FsdA${hash}"));
    }
    for stored in unreadable {
        let error = passwords.fails(&stored).await;
        assert!(matches!(error, PasswordError::UnknownFormat), "{stored}: {error}");
        assert!(stored.is_empty() || !error.to_string().contains(&stored), "{error}");
    }
}

#[tokio::test]
async fn a_hash_that_a_column_cut_to_fewer_than_128_bits_is_unreadable() {
    let passwords = passwords();
    for Vector { password, stored, origin } in vectors() {
        let hash = stored.rsplit('$').next().unwrap().len();
        // 22 characters of base64 are 16 bytes; bcrypt's are read whole or not at all.
        let readable = if stored.starts_with("$2") { 53 } else { 22 };
        for kept in 0..readable {
            let check = passwords.verify(&password, stored.get(..stored.len() - hash + kept)).await;
            assert!(matches!(check, Err(PasswordError::UnknownFormat)), "{origin}: {kept} of {stored}");
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(\\$(argon2id|argon2i|scrypt|pbkdf2-sha256|2b|2y|[a-z0-9]{0,4}))?(\\$[a-z0-9=,$./+]{0,40}){0,5}") {
        let _ = Stored::read(&text, &Ceiling::default());
    }

    #[test]
    fn any_bytes_are_read_or_refused(text in any::<String>()) {
        let _ = Stored::read(&text, &Ceiling::default());
    }

    #[test]
    fn an_altered_hash_is_read_or_refused(index in 0_usize..15, at in 0_usize..120, with in any::<char>()) {
        let vectors = vectors();
        let stored = &vectors[index % vectors.len()].stored;
        let altered: String =
            stored.chars().enumerate().map(|(place, old)| if place == at % stored.len() { with } else { old }).collect();
        if let Ok(read) = Stored::read(&altered, &Ceiling::default()) {
            prop_assert!(Ceiling::default().admit(&read.scheme).is_ok());
        }
    }
}
