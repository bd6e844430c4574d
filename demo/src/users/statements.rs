//! All SQL of the users. It is the same for every database but for the placeholders.

/// What is read of a user, in this order.
macro_rules! columns {
    () => {
        "id, name, email, password_hash, upgrade_link, disabled_at"
    };
}

pub(super) const ADD: &str = "INSERT INTO users (id, name, email, email_key, password_hash, created_at, updated_at) \
                              VALUES (?, ?, ?, ?, ?, ?, ?)";

pub(super) const FIND: &str = concat!("SELECT ", columns!(), " FROM users WHERE id = ?");

pub(super) const FIND_BY_EMAIL: &str = concat!("SELECT ", columns!(), " FROM users WHERE email_key = ?");

pub(super) const RENAME: &str = "UPDATE users SET name = ?, updated_at = ? WHERE id = ?";

/// The old hash is part of the condition, so that a password that was changed meanwhile stays changed.
pub(super) const REPLACE_HASH: &str = "UPDATE users SET password_hash = ?, upgrade_link = ?, updated_at = ? \
                                       WHERE id = ? AND password_hash = ?";

/// `$1`, `$2`, … for `?`, as PostgreSQL writes them.
pub(super) fn numbered(statement: &str) -> String {
    let mut parts = statement.split('?');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.enumerate().fold(first, |text, (index, part)| format!("{text}${}{part}", index + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgresql_counts_its_placeholders() {
        assert_eq!(numbered(RENAME), "UPDATE users SET name = $1, updated_at = $2 WHERE id = $3");
        assert_eq!(numbered("SELECT 1"), "SELECT 1");
    }
}
