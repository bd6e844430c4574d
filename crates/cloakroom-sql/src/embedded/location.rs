//! Where a database is: what a `sqlite:` URL says.

use std::path::PathBuf;

use cloakroom_core::ErrorKind;

use crate::failure::{Cause, Failure};

/// Where a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// In memory, for tests: it is gone with the store.
    Memory,
    /// In a file.
    File { path: PathBuf, missing: Missing },
}

/// What happens when the file is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    Create,
    Fail,
}

impl Location {
    /// Reads `sqlite:sessions.db`, `sqlite://sessions.db`, `sqlite:///var/lib/app/sessions.db`, `sqlite::memory:`, and
    /// the parameter `mode` with `rwc` (the file is created if missing, the default), `rw` or `memory`.
    ///
    /// # Errors
    /// When it is no such URL, or has a parameter that has no meaning here.
    pub(crate) fn parse(url: &str) -> Result<Self, Failure> {
        let Some(rest) = url.strip_prefix("sqlite:") else {
            return Err(unusable("the URL does not begin with `sqlite:`"));
        };
        let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let path = path.strip_prefix("//").unwrap_or(path);
        let mut location = match path {
            ":memory:" => Self::Memory,
            "" => {
                return Err(unusable(
                    "the URL names no file; write `sqlite:sessions.db` or `sqlite::memory:`",
                ));
            }
            path => Self::File { path: decoded(path)?.into(), missing: Missing::Create },
        };
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            match (parameter, &mut location) {
                ("mode=memory", _) => location = Self::Memory,
                ("mode=rwc", _) => {}
                ("mode=rw", Self::File { missing, .. }) => *missing = Missing::Fail,
                _ => {
                    return Err(unusable(
                        "the URL has a parameter that this store does not know; it knows `mode=rwc`, `mode=rw` and \
                         `mode=memory`, and takes a pool of your own for everything else",
                    ));
                }
            }
        }
        Ok(location)
    }
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> Result<String, Failure> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
            let value = digit().zip(digit()).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
            bytes.push(
                value
                    .ok_or_else(|| unusable("a `%` in the URL is not followed by two hexadecimal digits"))?,
            );
        } else {
            bytes.push(byte);
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| unusable("the path in the URL is no UTF-8"))?;
    if text.contains('\0') { Err(unusable("the path in the URL contains a NUL")) } else { Ok(text) }
}

fn unusable(reason: &str) -> Failure {
    Failure::new(Cause::Refused(ErrorKind::Unsupported), reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_files_or_memory() {
        let file = |path: &str| Location::File { path: path.into(), missing: Missing::Create };
        for (url, location) in [
            ("sqlite:sessions.db", file("sessions.db")),
            ("sqlite://sessions.db", file("sessions.db")),
            ("sqlite:///var/lib/app/sessions.db", file("/var/lib/app/sessions.db")),
            ("sqlite:/var/sessions.db?mode=rwc", file("/var/sessions.db")),
            ("sqlite:with%20space%3F.db", file("with space?.db")),
            ("sqlite:file:looks-like-a-uri", file("file:looks-like-a-uri")),
            ("sqlite:a.db?mode=rw", Location::File { path: "a.db".into(), missing: Missing::Fail }),
            ("sqlite::memory:", Location::Memory),
            ("sqlite://:memory:", Location::Memory),
            ("sqlite:anything?mode=memory", Location::Memory),
        ] {
            assert_eq!(Location::parse(url).unwrap(), location, "{url}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for url in [
            "postgres://localhost/app",
            "sqlite",
            "sqlite:",
            "sqlite://",
            "sqlite:a.db?mode=ro",
            "sqlite:a.db?cache=shared",
            "sqlite:%zz.db",
            "sqlite:%f",
            "sqlite:%ff.db",
            "sqlite:%00.db",
        ] {
            assert!(Location::parse(url).is_err(), "{url}");
        }
    }
}
