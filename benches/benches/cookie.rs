//! What the cookie costs: reading a request's headers and printing a response's line.
#![allow(clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to measure")]

use std::hint::black_box;

use cloakroom_core::{
    CookieConfig, CookieKey, Expiration, KeyRing, Protection, SessionCookie, SessionId, SystemRandom,
};
use criterion::{Criterion, criterion_group, criterion_main};
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

/// Protects nothing but these measurements.
const KEY: &str = "d955e1d082c41a6140964532ff15095b4f6a6e9fdec6ec8e989c51c353387ed5";

/// Each protection reads its own cookie, as the second of three.
fn read(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cookie/read");
    for (name, cookie) in cookies() {
        let line = print(&cookie, &id());
        let line = line.to_str().expect("cookies are ASCII");
        let (value, _) = line.split_once(';').expect("there are attributes");
        let headers = request(&format!("theme=dark; {value}; language=en-GB"));
        group.bench_function(name, |bencher| bencher.iter(|| cookie.read(black_box(&headers))));
    }
    let plain = CookieConfig::default().build().expect("the defaults are sound");
    let hostile = [
        ("no cookie", HeaderMap::new()),
        ("malformed, 8 KB", request(&format!("{}={}", plain.name(), "A".repeat(8_000)))),
        ("a thousand others, 8 KB", request(&"a=bcde; ".repeat(1_000))),
    ];
    for (name, headers) in hostile {
        group.bench_function(name, |bencher| bencher.iter(|| plain.read(black_box(&headers))));
    }
    group.finish();
}

fn write(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cookie/write");
    let id = id();
    for (name, cookie) in cookies() {
        group.bench_function(name, |bencher| bencher.iter(|| print(&cookie, black_box(&id))));
    }
    group.bench_function("draw an id", |bencher| bencher.iter(|| SessionId::generate(&SystemRandom)));
    group.finish();
}

fn cookies() -> [(&'static str, SessionCookie); 3] {
    let keys = || KeyRing::new(CookieKey::from_hex(KEY).expect("it is long enough and looks random"));
    let cookie = |protection| CookieConfig::default().protection(protection).build().expect("it is sound");
    [
        ("plain", cookie(Protection::Plain)),
        ("signed", cookie(Protection::Signed(keys()))),
        ("encrypted", cookie(Protection::Encrypted(keys()))),
    ]
}

fn id() -> SessionId {
    SessionId::generate(&SystemRandom).expect("the system has random bytes")
}

fn print(cookie: &SessionCookie, id: &SessionId) -> HeaderValue {
    cookie.set(id, Expiration::Browser, &SystemRandom).expect("an id can be printed")
}

fn request(cookies: &str) -> HeaderMap {
    let value = HeaderValue::try_from(cookies).expect("these are visible characters");
    HeaderMap::from_iter([(COOKIE, value)])
}

criterion_group!(benches, read, write);
criterion_main!(benches);
