//! What holds of passwords.
