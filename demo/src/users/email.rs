//! An address that somebody signs in with.

use unicode_normalization::UnicodeNormalization as _;

/// RFC 5321, 4.5.3.1: a path has 256 bytes, two of which are brackets.
const LONGEST: usize = 254;
/// The same, for what stands before the `@`.
const LONGEST_LOCAL: usize = 64;

/// An address as it was typed, and what is the same for all ways of typing it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Email {
    typed: String,
    key: String,
}

impl Email {
    /// Reads what was typed.
    ///
    /// Whether mail arrives there is not checked, and cannot be by looking at it.
    ///
    /// # Errors
    /// With a sentence for whoever typed it.
    pub(crate) fn read(typed: &str) -> Result<Self, String> {
        let typed = typed.trim();
        if typed.is_empty() {
            return Err("Enter your email address.".to_owned());
        }
        if typed.len() > LONGEST {
            return Err(format!("Use an address of at most {LONGEST} characters."));
        }
        match typed.rsplit_once('@') {
            Some((local, domain)) if is_local(local) && is_domain(domain) => Ok(Self::of(typed)),
            _ => Err("Enter an email address with an @ in it, such as ann@example.com.".to_owned()),
        }
    }

    /// What was typed at sign-in, however little it looks like an address: it is looked up and found or not.
    pub(crate) fn of(typed: &str) -> Self {
        let typed = typed.trim();
        // Composed before and after, because lower case may come apart.
        let key = typed.nfc().collect::<String>().to_lowercase().nfc().collect();
        Self { typed: typed.to_owned(), key }
    }

    /// Whether anybody can have signed up with it. What nobody can is not looked up: databases differ in what they make
    /// of a NUL, or of a text that is longer than the column.
    pub(crate) fn is_plausible(&self) -> bool {
        self.typed.len() <= LONGEST && !self.typed.contains(char::is_control)
    }

    pub(crate) fn as_typed(&self) -> &str {
        &self.typed
    }

    /// Trimmed, composed (NFC) and in lower case. Some mail servers tell `Ann@` from `ann@`; two users who differ in
    /// that would be a trap for each other.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }
}

fn is_local(local: &str) -> bool {
    (1..=LONGEST_LOCAL).contains(&local.len())
        && !local.contains(|it: char| it.is_whitespace() || it.is_control() || "@<>()[],;:\\\"".contains(it))
}

fn is_domain(domain: &str) -> bool {
    domain.split('.').all(|label| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|it| it.is_alphanumeric() || it == '-')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_has_one_key() {
        let key = "ann.bär@example.com";
        for typed in
            [key, " Ann.B\u{e4}r@Example.COM\t", "ann.ba\u{308}r@example.com", "ANN.BA\u{308}R@example.com"]
        {
            let email = Email::read(typed).unwrap();
            assert_eq!(email.key(), key, "{typed}");
            assert_eq!(email.as_typed(), typed.trim());
        }
        // Lower case of a dotted capital I is longer than the letter; of the Kelvin sign it is another letter.
        assert_eq!(Email::of("\u{130}@x").key(), "i\u{307}@x");
        assert_eq!(Email::of("\u{212a}@x").key(), Email::of("k@x").key());
    }

    #[test]
    fn what_is_no_address_is_explained() {
        let long = format!("{}@example.com", "a".repeat(65));
        for typed in [
            "",
            " ",
            "ann",
            "@example.com",
            "ann@",
            "ann@example..com",
            "ann@-example.com",
            "ann smith@example.com",
            "ann@exam ple.com",
            "<ann@example.com>",
            "ann@b@example.com",
            "ann\n@example.com",
            &long,
            &"a".repeat(300),
        ] {
            assert!(Email::read(typed).is_err(), "{typed}");
        }
        for typed in ["a@b", "ann+shop@mail.example.co.uk", "o'neill@example.com", "用户@例子.广告"] {
            assert!(Email::read(typed).is_ok(), "{typed}");
        }
    }

    #[test]
    fn a_key_is_never_longer_than_its_column() {
        let longest = format!("{}@{}", "\u{130}".repeat(32), "\u{130}".repeat(94));
        assert!(longest.len() <= LONGEST && Email::of(&longest).key().chars().count() <= 512);
    }
}
