//! Finding one cookie in a request's `Cookie` headers.

/// What the headers hold under one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    Nothing,
    One(&'a [u8]),
    /// Several values that differ.
    Several,
}

/// Looks through all headers once; HTTP/2 may split the cookies over several (RFC 9113 section 8.2.3).
///
/// The work is linear in the length of the headers, however many cookies they hold, and nothing is allocated.
pub(super) fn find<'a>(headers: impl Iterator<Item = &'a [u8]>, name: &str) -> Found<'a> {
    let mut found = Found::Nothing;
    for pair in headers.flat_map(|header| header.split(|&byte| byte == b';')) {
        let Some(value) = value_of(pair, name) else { continue };
        match found {
            Found::Nothing => found = Found::One(value),
            Found::One(first) if first == value => {}
            Found::One(_) | Found::Several => return Found::Several,
        }
    }
    found
}

/// The value of a pair whose name is exactly `name`.
///
/// Only the separator's own white space is trimmed. Trimming more, or around the `=`, would let a name that a
/// browser does not hold to the `__Host-` rules pass for one that it does.
fn value_of<'a>(pair: &'a [u8], name: &str) -> Option<&'a [u8]> {
    trim(pair).strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}

fn trim(mut pair: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = pair {
        pair = rest;
    }
    pair
}
