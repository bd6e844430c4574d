//! Where a visitor goes after sign-in.
