//! The file with settings.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::given::Given;

/// What is read when no file is named.
const USUAL: &str = "cloakroom.toml";

/// Reads the file that was named, or the usual one if it is there.
///
/// # Errors
/// When a named file is missing, or any says something that is no setting.
pub(super) fn read(named: Option<&Path>) -> Result<Given, String> {
    let path = named.unwrap_or(Path::new(USUAL));
    match fs::read_to_string(path) {
        Ok(text) => parse(&text).map_err(|error| format!("{}, {error}", path.display())),
        Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => Ok(Given::default()),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

/// # Errors
/// With the line, and without what stands there: it may be a secret.
pub(super) fn parse(text: &str) -> Result<Given, String> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        format!("line {}: {}", before.matches('\n').count() + 1, error.message())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_found_by_their_line_and_secrets_are_not_repeated() {
        for (text, line, part) in [
            ("listen = '127.0.0.1:1'\nlisten_on = '127.0.0.1:1'", 2, "listen_on"),
            ("idle = '5'", 1, "30m"),
            ("trusted_proxies = ['10.0.0.0/8', 'elsewhere']", 1, "10.0.0.0/8"),
            ("\n\nsession_keys = 's3cret'", 3, "32"),
            ("session_keys = [['s3cret']]", 1, "list"),
            ("database_url = ['s3cret']", 1, "text"),
            ("database_url = 's3cret", 1, ""),
            ("session_keys = [s3cret]", 1, ""),
            ("address_key = 's3cret'", 1, "32"),
            ("address_key = ['s3cret']", 1, "32"),
            ("sessions_per_user = 0", 1, ""),
            ("addresses = 'some'", 1, "truncated"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(&format!("line {line}: ")) && error.contains(part), "{text}: {error}");
            assert!(!error.contains("s3cret"), "{error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
    }
}
