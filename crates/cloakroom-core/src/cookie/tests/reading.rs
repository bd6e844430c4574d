use http::{HeaderMap, HeaderValue, header};
use proptest::prelude::*;

use super::super::header::{Found, find};
use super::super::{CookieConfig, Expiration, Freshness, Presented, Protection, SameSite, Transport};
use super::{
    AMBIGUOUS, ID, MALFORMED, Repeating, SessionId, built, current, key, present, protections, read, ring,
    with,
};

const OTHER: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn cookie() -> super::SessionCookie {
    built(CookieConfig::default())
}

#[test]
fn the_cookie_is_found_wherever_it_stands() {
    let pair = format!("__Host-id={ID}");
    for lines in [
        vec![pair.clone()],
        vec![format!("{pair};")],
        vec![format!("a=b; {pair}; c=d")],
        vec![format!("a=b;{pair};c=d")],
        vec![format!(" \t;;; a ;\t {pair} \t; =; ==")],
        // HTTP/2 splits the cookies over several headers.
        vec!["a=b".to_owned(), pair.clone(), "c=d".to_owned()],
        vec![String::new(), pair.clone()],
        // A quote in another cookie neither opens nor closes anything.
        vec![format!("a=\"; {pair}; b=\"")],
    ] {
        assert_eq!(read(&cookie(), &lines), current(), "{lines:?}");
    }
    assert_eq!(read(&cookie(), &[""; 0]), Presented::Nothing);
    assert_eq!(read(&cookie(), &["", ";", "a=b; c"]), Presented::Nothing);
}

#[test]
fn r40_rfc6265bis_encoded_only_the_exact_name_is_ours() {
    for name in [
        "__HoSt-id",
        "__host-id",
        "__HOST-ID",
        "%5F_Host-id",
        "%5f%5fHost-id",
        "__Host%2Did",
        "__Host-id%00",
        "__Host-id2",
        "x__Host-id",
        "\"__Host-id\"",
        "$__Host-id",
        "id",
        "__Host-id ",
        "__Host-id\t",
        // A name-less cookie with our pair for its value.
        "=__Host-id",
        // White space of Unicode that parsers elsewhere trim: a no-break space, an en quad, a byte order mark.
        "\u{a0}__Host-id",
        "\u{2000}__Host-id",
        "__Host-id\u{a0}",
        "\u{feff}__Host-id",
    ] {
        assert_eq!(read(&cookie(), &[format!("{name}={ID}")]), Presented::Nothing, "{name:?}");
    }
    assert_eq!(read(&cookie(), &["__Host-id", ID]), Presented::Nothing);
}

#[test]
fn r15_no_other_header_brings_an_id() {
    let mut headers = HeaderMap::new();
    for name in [header::AUTHORIZATION, header::SET_COOKIE, header::REFERER, "cookie2".parse().unwrap()] {
        headers.insert(name, HeaderValue::try_from(format!("__Host-id={ID}")).unwrap());
    }
    assert_eq!(cookie().read(&headers), Presented::Nothing);
}

#[test]
fn r36_hostile_values_are_refused_by_every_protection() {
    let huge = "A".repeat(10_000_000);
    let accents = "é".repeat(43);
    let hostile: &[&[u8]] = &[
        b"",
        b"x",
        b"\"",
        b"../../../../../../../../../../../etc/passwd",
        b"2::0123456789abcdef",
        b"' OR 1=1 --",
        b"deleted",
        b"=",
        b"j:null",
        &[0xff; 43],
        &[0xc3; 87],
        &[0x80; 111],
        accents.as_bytes(),
        huge.as_bytes(),
    ];
    for cookie in protections().map(with) {
        for value in hostile {
            assert_eq!(
                present(&cookie, value),
                MALFORMED,
                "{:?}",
                String::from_utf8_lossy(&value[..value.len().min(60)])
            );
        }
        let value = super::written(&cookie);
        for changed in [
            format!("\"{value}\""),
            format!("{value}\""),
            format!("{value},{value}"),
            format!("%{value}"),
            format!("{value}%00"),
            format!("{} {}", &value[..9], &value[9..]),
            value.replacen('Q', "%51", 1).replacen('B', "%42", 1),
        ] {
            assert_eq!(present(&cookie, changed), MALFORMED);
        }
    }
}

#[test]
fn asvs_15_3_7_different_cookies_of_one_name_are_all_refused() {
    let ours = format!("__Host-id={ID}");
    for other in [OTHER, "", "x", &ID[1..], &format!("{ID}A"), &format!("\"{ID}\"")] {
        let other = format!("__Host-id={other}");
        for lines in [
            vec![format!("{ours}; {other}")],
            vec![format!("{other}; {ours}")],
            vec![ours.clone(), other.clone()],
            vec![format!("{ours}; {ours}; a=b; {other}")],
            vec![format!("{ours}; {other}; {ours}")],
        ] {
            assert_eq!(read(&cookie(), &lines), AMBIGUOUS, "{lines:?}");
        }
    }
    assert_eq!(read(&cookie(), &[format!("{ours}; a=b; {ours}"), ours]), current());
    assert_eq!(read(&cookie(), &["__Host-id=; __Host-id="]), MALFORMED);
}

#[test]
fn bytes_that_are_not_utf_8_in_other_cookies_do_not_hide_ours() {
    let line =
        [b"a=\xff\xfe; \xc3=\x80; ".as_slice(), format!("__Host-id={ID}").as_bytes(), b"; z=\xed\xa0\x80"]
            .concat();
    assert_eq!(read(&cookie(), &[line]), current());
}

#[test]
fn thousands_of_cookies_are_read_once() {
    let ours = format!("__Host-id={ID}");
    let many = format!("{}{ours}{}", "a=b; ".repeat(1_000_000), "; c=d".repeat(1_000_000));
    assert_eq!(read(&cookie(), &[many]), current());
    let same = vec![ours.as_str(); 100_000].join(";");
    assert_eq!(read(&cookie(), &[same]), current());
    // Long alike and different at the end: the comparison is made once, for the first that differs ends the search.
    let alike = "A".repeat(100_000);
    let differ = (0..100).map(|n| format!("__Host-id={alike}{n}")).collect::<Vec<_>>();
    assert_eq!(read(&cookie(), &differ), AMBIGUOUS);
    let headers = vec![ours; 5_000];
    assert_eq!(read(&cookie(), &headers), current());
}

#[test]
fn bytes_that_no_header_holds_are_still_taken_literally() {
    let found = |line: &[u8]| find([line].into_iter(), "__Host-id") == Found::One(b"v");
    assert!(found(b"\0=1; __Host-id=v; \r\n"));
    for line in [
        b"\0__Host-id=v".as_slice(),
        b"__Host-id\0=v",
        b"\r\n__Host-id=v",
        b"__Host-id=v\0",
        b"\x0b__Host-id=v",
    ] {
        assert!(!found(line), "{line:?}");
    }
}

/// Headers made of the pieces that a parser could trip over.
fn headers() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let piece = prop_oneof![
        Just(b"__Host-id".to_vec()),
        Just(format!("__Host-id={ID}").into_bytes()),
        Just(ID.as_bytes().to_vec()),
        Just(b"=".to_vec()),
        Just(b";".to_vec()),
        Just(b"; ".to_vec()),
        Just(b"\"".to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
        prop::collection::vec(any::<u8>(), 0..120),
    ];
    prop::collection::vec(prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat()), 0..4)
}

/// What the rules of the module's documentation say, written as plainly as possible.
fn naive<'a>(headers: &'a [Vec<u8>], name: &str) -> Vec<&'a [u8]> {
    let blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
    let mut values = Vec::new();
    for pair in headers.iter().flat_map(|header| header.split(|byte| *byte == b';')) {
        let begin = pair.iter().position(|byte| !blank(byte)).unwrap_or(pair.len());
        let end = pair.iter().rposition(|byte| !blank(byte)).map_or(begin, |last| last + 1);
        let pair = &pair[begin..end];
        let Some(equals) = pair.iter().position(|byte| *byte == b'=') else { continue };
        if &pair[..equals] == name.as_bytes() && !values.contains(&&pair[equals + 1..]) {
            values.push(&pair[equals + 1..]);
        }
    }
    values
}

proptest! {
    #[test]
    fn no_bytes_panic_and_what_is_found_is_what_the_rules_say(lines in headers()) {
        let expected = match naive(&lines, "__Host-id").as_slice() {
            [] => Found::Nothing,
            [one] => Found::One(one),
            _ => Found::Several,
        };
        prop_assert_eq!(find(lines.iter().map(Vec::as_slice), "__Host-id"), expected);
    }

    #[test]
    fn no_headers_panic_and_nothing_but_what_was_written_is_believed(lines in headers()) {
        let mut headers = HeaderMap::new();
        for line in &lines {
            if let Ok(value) = HeaderValue::from_bytes(line) {
                headers.append(header::COOKIE, value);
            }
        }
        let [plain, signed, encrypted] = protections().map(with);
        for keyed in [signed, encrypted] {
            let presented = keyed.read(&headers);
            prop_assert!(matches!(presented, Presented::Nothing | Presented::Refused(_)));
        }
        if let Presented::Id { id, .. } = plain.read(&headers) {
            let text = id.expose().as_bytes();
            prop_assert!(lines.iter().any(|line| line.windows(text.len()).any(|window| window == text)));
        }
    }

    #[test]
    fn what_is_printed_is_read_again(
        bytes in any::<u8>(),
        nonce in any::<u8>(),
        name in "(__Host-|__Secure-|__Host-Http-|)[!#$%&'*+.^`|~a-z0-9][!#$%&'*+.^_`|~A-Za-z0-9-]{0,40}",
        protection in prop_oneof![
            Just(Protection::Plain),
            Just(Protection::Signed(ring(0))),
            Just(Protection::Signed(ring(9).also_reads(key(0)))),
            Just(Protection::Encrypted(ring(0))),
            Just(Protection::Encrypted(ring(9).also_reads(key(0)))),
        ],
        transport in prop_oneof![Just(Transport::Secure), Just(Transport::LocalhostDevelopment)],
        same_site in prop_oneof![Just(SameSite::Lax), Just(SameSite::Strict)],
    ) {
        let id = SessionId::generate(&Repeating(bytes)).unwrap();
        let cookie =
            built(CookieConfig::new(name).protection(protection).transport(transport).same_site(same_site));
        let line = cookie.set(&id, Expiration::Browser, &Repeating(nonce)).unwrap();
        let (pair, _) = line.to_str().unwrap().split_once(';').unwrap();
        prop_assert_eq!(read(&cookie, &[pair]), Presented::Id { id, freshness: Freshness::Current });
    }
}
