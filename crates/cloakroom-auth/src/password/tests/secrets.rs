use super::*;

#[tokio::test]
async fn asvs_16_2_5_nothing_that_is_printed_holds_a_password_or_a_hash() {
    let passwords = passwords();
    let hash = passwords.hash(&PASSWORD.into()).await.unwrap();
    let matched = passwords.right(PASSWORD, BCRYPT_HASH).await;
    let upgrade = matched.upgrade().unwrap().clone();
    let user = cloakroom_core::UserId::new("ann").unwrap();
    let linked =
        matched.upgrade_from(&cloakroom_core::Fingerprint::new(&user, BCRYPT_HASH.as_bytes())).unwrap();
    let printed = format!(
        "{:?} {hash:?} {matched:?} {upgrade:?} {linked:?} {passwords:?} {:?}",
        Password::from(PASSWORD),
        Check::Right(passwords.right(PASSWORD, BCRYPT_HASH).await),
    );
    for secret in [PASSWORD, "horse", hash.as_str(), BCRYPT_HASH, upgrade.as_str()] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[derive(Debug, serde::Deserialize)]
struct Form {
    #[serde(default)]
    password: Password,
}

#[test]
fn a_password_is_read_from_text_and_a_missing_one_is_empty() {
    let read = |text| serde_json::from_str::<Form>(text).unwrap().password;
    assert_eq!(read(r#"{"password":"correct horse battery staple"}"#), PASSWORD.into());
    assert_eq!(
        read(r#"{"password":"\u0063orrect horse battery staple"}"#),
        PASSWORD.into(),
        "with an escape"
    );
    assert_eq!(read("{}"), Password::default());
    let from_value = serde_json::from_value::<Form>(serde_json::json!({ "password": PASSWORD })).unwrap();
    assert_eq!(from_value.password, PASSWORD.into());
}

#[test]
fn an_error_of_reading_does_not_quote_what_was_sent() {
    for (sent, secret) in [
        (r#"{"password":271828182845}"#, "271828182845"),
        (r#"{"password":-271828182845}"#, "271828182845"),
        (r#"{"password":2.71828}"#, "71828"),
        (r#"{"password":["hunter22"]}"#, "hunter22"),
        (r#"{"password":{"hunter22":1}}"#, "hunter22"),
        (r#"{"password":true}"#, "true"),
        (r#"{"password":null}"#, "null`"),
        (r#"{"password":"hunter22"#, "hunter22"),
    ] {
        let error = serde_json::from_str::<Form>(sent).unwrap_err().to_string();
        assert!(!error.contains(secret), "{sent}: {error}");
        if let Ok(value) = serde_json::from_str::<serde_json::Value>(sent) {
            let error = serde_json::from_value::<Form>(value).unwrap_err().to_string();
            assert!(!error.contains(secret), "{sent}: {error}");
        }
    }
}

#[test]
fn passwords_are_equal_when_every_byte_is() {
    let password = Password::from(PASSWORD);
    assert_eq!(password, password.clone());
    for other in
        ["", "correct horse battery stapl", "correct horse battery staplf", "Correct horse battery staple"]
    {
        assert_ne!(password, other.into());
    }
}
