//! Where the database is, in words.

/// What the program says about its database. No part of it is a password.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// `SQLite`, `PostgreSQL`, `MySQL or MariaDB`
    pub(crate) database: &'static str,
    /// `file cloakroom-demo.sqlite`, `database shop on db.example.com:5432`
    pub(crate) location: String,
}

impl Place {
    /// What a URL says. `None` when it is for no database that the demo knows.
    pub(super) fn of(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once(':')?;
        let (rest, _) = rest.split_once('?').unwrap_or((rest, ""));
        let (database, location) = match scheme {
            "sqlite" => ("SQLite", file(rest.strip_prefix("//").unwrap_or(rest))),
            "postgres" | "postgresql" => ("PostgreSQL", server(rest.strip_prefix("//")?)),
            "mysql" | "mariadb" => ("MySQL or MariaDB", server(rest.strip_prefix("//")?)),
            _ => return None,
        };
        Some(Self { database, location })
    }
}

fn file(path: &str) -> String {
    if path == ":memory:" { "memory".to_owned() } else { format!("file {path}") }
}

/// `user:password@host:port/name` without the user and the password, which may hold any character once.
fn server(rest: &str) -> String {
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let (host, name) = rest.split_once('/').unwrap_or((rest, ""));
    match (host, name) {
        (host, "") => format!("server {host}"),
        ("", name) => format!("database {name}"),
        (host, name) => format!("database {name} on {host}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_described_without_passwords() {
        for (url, database, location) in [
            ("sqlite:cloakroom-demo.sqlite", "SQLite", "file cloakroom-demo.sqlite"),
            ("sqlite:///var/lib/a.db?mode=rwc", "SQLite", "file /var/lib/a.db"),
            ("sqlite::memory:", "SQLite", "memory"),
            ("postgres://ann:secret@db:5432/shop?sslmode=require", "PostgreSQL", "database shop on db:5432"),
            ("postgresql://ann:s@cre/t@db/shop", "PostgreSQL", "database shop on db"),
            ("postgres://ann:secret@/shop?host=/run", "PostgreSQL", "database shop"),
            ("mysql://ann:secret@db", "MySQL or MariaDB", "server db"),
            ("mariadb://db/shop", "MySQL or MariaDB", "database shop on db"),
        ] {
            let place = Place::of(url).unwrap();
            assert_eq!((place.database, &*place.location), (database, location), "{url}");
        }
    }

    #[test]
    fn other_databases_have_no_place() {
        for url in ["", "cloakroom-demo.sqlite", "mongodb://ann:secret@db", "secret", "postgres:secret"] {
            assert_eq!(Place::of(url), None, "{url}");
        }
    }
}
