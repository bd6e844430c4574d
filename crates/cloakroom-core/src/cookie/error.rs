//! What can be wrong with a cookie's configuration, and what can fail while one is printed.

use crate::random::RandomError;

/// Why a [`CookieConfig`](super::CookieConfig) cannot be used. Found at start-up, so that no visitor meets a cookie
/// that browsers drop without a word.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CookieConfigError {
    /// RFC 6265 section 4.1.1: a name is a token, at least one ASCII letter, digit or one of ``!#$%&'*+-.^_`|~``.
    #[error("cookie name {0:?} is not a token: use ASCII letters, digits, `-` and `_`")]
    InvalidName(String),
    /// Browsers compare prefixes without regard to case and so hold `__host-id` to the rules of `__Host-`.
    #[error("cookie name {name:?} spells a prefix in another case: write `{prefix}`")]
    MisspelledPrefix {
        /// The name as configured.
        name: String,
        /// The prefix as it has to be written.
        prefix: &'static str,
    },
    /// RFC 6265bis section 4.1.3.2: a `__Host-` cookie belongs to exactly one host.
    #[error("a `__Host-` cookie must not have a Domain: remove it, or name the cookie `__Secure-…`")]
    HostPrefixWithDomain,
    /// RFC 6265bis section 4.1.3.2: a `__Host-` cookie is sent to every path.
    #[error("a `__Host-` cookie must have Path=/: remove the path, or name the cookie `__Secure-…`")]
    HostPrefixWithPath,
    /// A path begins with `/` and holds visible ASCII characters other than `;`, at most 1024 of them.
    #[error(
        "cookie path {0:?} is not valid: begin with `/`, use visible ASCII without `;`, at most 1024 characters"
    )]
    InvalidPath(String),
    /// A domain is a host name: labels of ASCII letters, digits and hyphens, parted by single dots.
    #[error(
        "cookie domain {0:?} is not a host name: write it like `example.com`, without scheme, port or leading dot"
    )]
    InvalidDomain(String),
    /// Browsers refuse `SameSite=None` without `Secure`.
    #[error(
        "SameSite=None needs Secure, which Transport::LocalhostDevelopment leaves out: use Transport::Secure, which \
         Chromium and Firefox accept on http://localhost"
    )]
    SameSiteNoneWithoutSecure,
    /// A partitioned cookie is for pages embedded in other sites, which receive `SameSite=None` cookies only.
    #[error("a partitioned cookie needs SameSite=None: set it, or leave the cookie unpartitioned")]
    PartitionedWithoutSameSiteNone,
    /// Browsers drop cookies over 4096 bytes without a word (RFC 6265bis section 5.6, ASVS 3.3.5).
    #[error(
        "the Set-Cookie line would be {0} bytes long, and browsers drop cookies over 4096: shorten name and path"
    )]
    TooLong(usize),
    /// The printed line is not a header value. The checks before this one leave no way to it.
    #[error("the cookie cannot be printed as a header; this is a defect, please report it")]
    Unprintable,
}

/// Why a cookie could not be printed. The response must not be sent as if it had been.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CookiePrintError {
    /// An encrypted value needs a random nonce and the source failed.
    #[error("no nonce for the encrypted session cookie could be drawn; the cookie was not written")]
    Random(#[from] RandomError),
    /// The cipher or the header refused the value.
    #[error(
        "the session cookie could not be encrypted or put into a header; this is a defect, please report it"
    )]
    Unprintable,
}
