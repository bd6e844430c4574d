//! One store for SQLite, PostgreSQL, MySQL and MariaDB.

mod operation;
