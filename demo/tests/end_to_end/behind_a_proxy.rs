//! Behind a proxy that ends TLS: whom the application believes, and what it does with what came in the clear.

use crate::support::database::Database;
use crate::support::program::Program;
use crate::support::server::Server;

const FORM: &str = "application/x-www-form-urlencoded";
const COAT: &str = "name=Coat&pieces=1";
const ORIGIN: (&str, &str) = ("origin", "https://shop.example");

fn start(database: &Database, proxies: &str) -> Server {
    let arguments =
        ["--listen", "127.0.0.1:0", "--public-origin", "https://shop.example", "--trusted-proxies", proxies];
    Server::start_with(database.url(), &arguments)
}

#[test]
fn nist_5_1_http_has_no_fallback() {
    let database = Database::sqlite();
    let server = start(&database, "127.0.0.0/8");
    let (http, https) = (("x-forwarded-proto", "http"), ("x-forwarded-proto", "https"));
    let mut program = Program::new();
    let page = program.post_with(&server, "/things", FORM, COAT, &[ORIGIN, https]);
    assert_eq!(page.status, 303);
    assert_eq!(page.headers["strict-transport-security"], "max-age=31536000");

    let page = program.get_with(&server, "/things/1?a=b", &[http]);
    assert_eq!(page.status, 308);
    assert_eq!(page.headers["location"], "https://shop.example/things/1?a=b");
    let page = program.post_with(&server, "/things", FORM, COAT, &[ORIGIN, http]);
    assert_eq!(page.status, 403);
    assert!(!page.headers.contains_key("set-cookie"));
    assert_eq!(program.get_with(&server, "/", &[https]).things(), 1, "what came in the clear did nothing");
}

#[test]
fn r39_whoever_is_no_proxy_is_not_believed() {
    let database = Database::sqlite();
    let server = start(&database, "10.0.0.0/8");
    let mut program = Program::new();
    let page = program.get_with(&server, "/", &[("x-forwarded-proto", "http")]);
    assert_eq!(page.status, 200);
    let page = program.post_with(&server, "/things", FORM, COAT, &[ORIGIN, ("x-forwarded-proto", "http")]);
    assert!(page.headers["set-cookie"].to_str().unwrap().contains("; Secure"));
}

/// The page at `http://` of the same host may be anybody's who is on the way.
#[test]
fn asvs_3_5_1_only_the_public_origin_sends_forms() {
    let database = Database::sqlite();
    let server = start(&database, "127.0.0.0/8");
    for (origin, status) in [
        ("https://shop.example", 303),
        ("http://shop.example", 403),
        ("https://shop.example:8443", 403),
        ("https://elsewhere.example", 403),
    ] {
        let page = Program::new().post_with(&server, "/things", FORM, COAT, &[("origin", origin)]);
        assert_eq!(page.status, status, "{origin}");
    }
}
