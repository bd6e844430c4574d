//! The session's cookie: how it is configured, read and written.
//!
//! [`CookieConfig`] is what an application writes down; [`CookieConfig::build`] checks it once, at start-up, and
//! gives the [`SessionCookie`] that reads requests and prints `Set-Cookie` lines. Only the checked type can do either.
//!
//! Reading is strict, because the `Cookie` header says nothing about who set a cookie:
//!
//! * A name is compared byte for byte. It is never percent-decoded (react/http's CVE-2022-36032), never folded to
//!   one case, and no white space but the separator's own is trimmed: `%5F_Host-id`, `__HoSt-id` and `__Host-id`
//!   behind a no-break space are other cookies, which a browser lets any sibling domain set.
//! * A value is taken as it is: no percent-decoding and no removing of quotes.
//! * Bytes that are not UTF-8 in other cookies do not hide ours.
//! * Two different values under our name are refused together; see [`Rejection::Ambiguous`](crate::Rejection).
//!
//! That is also why `Cookie` headers are split here and not by the `cookie` crate, which wants UTF-8 and trims all of
//! Unicode's white space. `Set-Cookie` lines are printed by it.

mod attribute;
mod config;
mod error;
mod header;
mod key_ring;
mod name;
mod presented;
mod protection;
mod session_cookie;

pub use config::{CookieConfig, Partitioning, SameSite, Transport};
pub use error::{CookieConfigError, CookiePrintError};
pub use key_ring::{CookieKey, CookieKeyError, KeyRing};
pub use presented::{Freshness, Presented};
pub use protection::Protection;
pub use session_cookie::{Expiration, SessionCookie};

#[cfg(test)]
mod tests;
