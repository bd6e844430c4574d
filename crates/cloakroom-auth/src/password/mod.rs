//! Passwords: hashed, checked and brought up to date.
