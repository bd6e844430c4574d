//! What may stand in `Path` and `Domain`.

use super::error::CookieConfigError;

/// Browsers ignore attributes with longer values (RFC 6265bis section 5.6).
const MAX_LENGTH: usize = 1024;

/// Accepts a path that no browser ignores and that cannot end its attribute.
pub(super) fn check_path(path: &str) -> Result<(), CookieConfigError> {
    let valid = path.starts_with('/')
        && path.len() <= MAX_LENGTH
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';');
    if valid { Ok(()) } else { Err(CookieConfigError::InvalidPath(path.to_owned())) }
}

/// Accepts a host name (RFC 1123 section 2.1), international ones in their `xn--` form.
pub(super) fn check_domain(domain: &str) -> Result<(), CookieConfigError> {
    let valid = domain.len() <= 253 && domain.split('.').all(is_label);
    if valid { Ok(()) } else { Err(CookieConfigError::InvalidDomain(domain.to_owned())) }
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
