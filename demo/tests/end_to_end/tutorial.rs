//! The interface of the tutorial that this application is like, for programs, and its ten defects, mended.
//!
//! The number of a defect stands in the names of the tests that show it mended; README.md lists them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use crate::support::database::{Database, on_every_database};
use crate::support::program::Program;
use crate::support::server::Server;
use crate::support::visitor::{PASSWORD, Visitor};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const INVALID: &str = "Invalid email or password";
const RIGHT: &str = r#"{"email":"ann@example.com","password":"correct horse battery staple"}"#;
const RIGHT_FORM: &str = "email=ann%40example.com&password=correct+horse+battery+staple";

on_every_database![
    good_credentials_are_200_with_an_empty_body,
    whatever_is_wrong_is_the_same_401,
    what_cannot_be_parsed_is_400,
    asvs_7_5_1_a_program_is_told_to_ask_for_the_password_again,
    mended_01_sign_out_deletes_row_and_cookie,
    mended_01_sign_out_is_not_for_other_sites,
    mended_02_one_new_id_and_one_row_for_a_sign_in,
    mended_03_a_sign_out_is_not_undone_by_a_request_under_way,
    mended_05_bcrypt_counts_whole_and_is_replaced,
    mended_06_fields_are_checked_and_an_address_is_taken_once,
    mended_06_attempts_are_limited,
    mended_07_the_cookie_is_for_https_and_this_host_alone,
    mended_08_credentials_in_the_address_are_refused,
    mended_09_a_user_is_a_column,
    mended_10_an_expired_row_is_not_served,
];

fn with_ann(database: &Database) -> Server {
    let server = Server::start(database.url());
    let mut ann = Visitor::new();
    ann.sign_up(&server, "ann");
    ann.post(&server, "/sign-out", &[]);
    assert_eq!(database.rows(), 0);
    server
}

fn good_credentials_are_200_with_an_empty_body(database: &Database) {
    let server = with_ann(database);
    for (kind, body) in [(JSON, RIGHT), (FORM, RIGHT_FORM), ("application/json; charset=utf-8", RIGHT)] {
        let mut program = Program::new();
        let answer = program.post(&server, "/sign-in", kind, body);
        assert_eq!((answer.status, &*answer.text), (200, ""));
        assert_eq!(answer.headers["content-length"], "0");
        assert!(!answer.headers.contains_key("content-type"));
        assert!(program.get(&server, "/profile").text.contains("ann@example.com"));
        let answer = program.post(&server, "/sign-out", JSON, "");
        assert_eq!((answer.status, &*answer.text), (200, ""));
    }
    // Nobody is signed in, and nothing is stored.
    let answer = Program::new().post(&server, "/sign-out", JSON, "");
    assert_eq!((answer.status, answer.headers.contains_key("set-cookie")), (200, false));
    assert_eq!(database.rows(), 0);
}

fn whatever_is_wrong_is_the_same_401(database: &Database) {
    let server = with_ann(database);
    let long = format!(r#"{{"email":"{}@example.com","password":"wrong"}}"#, "a".repeat(20_000));
    for (kind, body) in [
        (JSON, &*long),
        (JSON, r#"{"email":"ann@example.com\u0000","password":"correct horse battery staple"}"#),
        (JSON, r#"{"email":"ann@example.com","password":"correct horse battery staple\u0000"}"#),
        (JSON, r#"{"email":"' OR 1 = 1 --","password":"wrong"}"#),
        (JSON, r#"{"email":"ann@example.com","password":"wrong"}"#),
        (JSON, r#"{"email":"nobody@example.com","password":"wrong"}"#),
        (JSON, r#"{"email":"no address","password":"wrong"}"#),
        (JSON, r#"{"email":"ann@example.com"}"#),
        (JSON, r#"{"email":"ann@example.com","password":""}"#),
        (JSON, r#"{"password":"wrong"}"#),
        (JSON, "{}"),
        (JSON, ""),
        (FORM, "email=ann%40example.com&password=wrong"),
        (FORM, "email[a]=ann%40example.com&password[b]=wrong"),
        (FORM, ""),
        ("", ""),
    ] {
        let answer = Program::new().post(&server, "/sign-in", kind, body);
        assert_eq!((answer.status, &*answer.text), (401, INVALID), "{body}");
        assert_eq!(answer.headers["content-length"], "25");
        assert_eq!(answer.headers["www-authenticate"], r#"Cookie realm="session""#);
        assert!(!answer.headers.contains_key("set-cookie"), "{body}");
    }
    assert_eq!(database.rows(), 0);
}

fn what_cannot_be_parsed_is_400(database: &Database) {
    let server = with_ann(database);
    for (kind, body, status) in [
        (JSON, "{", 400),
        (JSON, "[]", 400),
        (JSON, r#"{"email":5,"password":"wrong"}"#, 400),
        (JSON, r#"{"email":"ann@example.com","password":["s3cret"]}"#, 400),
        (JSON, r#"{"email":"ann@example.com","email":"bob@example.com","password":"s3cret"}"#, 400),
        (FORM, "email=ann%40example.com&email=bob%40example.com&password=s3cret", 400),
        ("text/plain", RIGHT, 415),
        ("", RIGHT, 415),
    ] {
        let answer = Program::new().post(&server, "/sign-in", kind, body);
        assert_eq!(answer.status, status, "{body}");
        assert!(!answer.text.contains("s3cret") && !answer.text.contains("ann@"), "{}", answer.text);
    }
    assert_eq!(database.rows(), 0);
}

fn asvs_7_5_1_a_program_is_told_to_ask_for_the_password_again(database: &Database) {
    let server = with_ann(database);
    let mut program = Program::new();
    let nobody = program.get(&server, "/devices");
    assert_eq!(
        (nobody.status, &nobody.headers["www-authenticate"]),
        (401, &r#"Cookie realm="session""#.parse().unwrap())
    );
    program.post(&server, "/sign-in", JSON, &RIGHT.replace('}', r#","remember":true}"#));
    assert_eq!(program.get(&server, "/profile").status, 200);
    let refused = program.get(&server, "/devices");
    assert_eq!(refused.status, 401);
    let challenge = refused.headers["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains("insufficient_user_authentication"), "{challenge}");
    let before = program.cookie.clone();
    assert_eq!(program.post(&server, "/confirm", FORM, "password=wrong").status, 401);
    assert_eq!(program.cookie, before);
    program.post(&server, "/confirm", FORM, "password=correct+horse+battery+staple");
    assert_ne!(program.cookie, before);
    assert_eq!(program.get(&server, "/devices").status, 200);
}

fn mended_01_sign_out_deletes_row_and_cookie(database: &Database) {
    let server = with_ann(database);
    let mut program = Program::new();
    program.post(&server, "/sign-in", JSON, RIGHT);
    let mut copy = program.clone();
    assert_eq!(database.rows(), 1);
    let answer = program.post(&server, "/sign-out", JSON, "");
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-cloakroom-demo=;") && cookie.contains("Max-Age=0"), "{cookie}");
    assert!(cookie.contains("Path=/"), "{cookie}");
    assert_eq!(answer.headers["clear-site-data"], "\"cache\", \"storage\"");
    assert_eq!(database.rows(), 0);
    assert_eq!(copy.get(&server, "/profile").status, 401);
}

fn mended_01_sign_out_is_not_for_other_sites(database: &Database) {
    let server = with_ann(database);
    let mut program = Program::new();
    program.post(&server, "/sign-in", JSON, RIGHT);
    for header in
        [("sec-fetch-site", "cross-site"), ("origin", "https://elsewhere.example"), ("origin", "null")]
    {
        let answer = program.post_with(&server, "/sign-out", JSON, "", &[header]);
        assert_eq!(answer.status, 403, "{header:?}");
    }
    assert_eq!(database.rows(), 1);
}

fn mended_02_one_new_id_and_one_row_for_a_sign_in(database: &Database) {
    let server = with_ann(database);
    let mut program = Program::new();
    program.cookie = Some(format!("__Host-cloakroom-demo={}", "A".repeat(43)));
    let answer = program.post(&server, "/sign-in", JSON, RIGHT);
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 1);
    assert!(!answer.headers["set-cookie"].to_str().unwrap().contains("AAAAAA"), "an id of the client's");
    let first = program.cookie.clone();
    program.post(&server, "/sign-in", JSON, RIGHT);
    assert_ne!(program.cookie, first);
    assert_eq!(database.rows(), 1, "the row of the first sign-in is gone");
}

fn mended_03_a_sign_out_is_not_undone_by_a_request_under_way(database: &Database) {
    let server = with_ann(database);
    let mut program = Program::new();
    program.post(&server, "/sign-in", JSON, RIGHT);
    // The server asks for the body when the handler waits for it, with the session in its hands.
    let form = "name=Coat&pieces=1";
    let mut connection = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    write!(
        connection,
        "POST /things HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\nContent-Type: {FORM}\r\nSec-Fetch-Site: same-origin\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
        program.cookie.as_deref().unwrap(),
        form.len(),
    )
    .unwrap();
    let mut answers = BufReader::new(connection.try_clone().unwrap());
    let mut line = String::new();
    answers.read_line(&mut line).unwrap();
    assert_eq!(line, "HTTP/1.1 100 Continue\r\n");
    let mut copy = program.clone();
    assert_eq!(program.post(&server, "/sign-out", JSON, "").status, 200);
    connection.write_all(form.as_bytes()).unwrap();
    let mut rest = String::new();
    answers.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("HTTP/1.1 409 Conflict"), "{rest}");
    assert_eq!(database.rows(), 0);
    assert_eq!(copy.get(&server, "/profile").status, 401);
}

/// Hashes as the tutorial's application stores them, of all three prefixes.
fn mended_05_bcrypt_counts_whole_and_is_replaced(database: &Database) {
    const HASH: &str = "$10$abcdefghijklmnopqrstuuGGgFFcYeueaAql8Z7U7CnCTRw4DR77W";
    let server = with_ann(database);
    for prefix in ["$2a", "$2b", "$2y"] {
        database.execute(&format!("UPDATE users SET password_hash = '{prefix}{HASH}', upgrade_link = NULL"));
        let long = format!("{PASSWORD}{}", "x".repeat(72));
        let body = RIGHT.replace(PASSWORD, &long);
        assert_eq!(Program::new().post(&server, "/sign-in", JSON, &body).status, 401);
        let mut program = Program::new();
        assert_eq!(program.post(&server, "/sign-in", JSON, RIGHT).status, 200, "{prefix}");
        let upgraded = "SELECT count(*) FROM users WHERE password_hash LIKE '$argon2id$%'";
        assert_eq!(database.number(upgraded), 1);
        // The same password under a better hash signs nobody out.
        assert_eq!(program.get(&server, "/profile").status, 200);
        assert_eq!(Program::new().post(&server, "/sign-in", JSON, RIGHT).status, 200);
        assert_eq!(program.get(&server, "/profile").status, 200);
    }
}

fn mended_06_fields_are_checked_and_an_address_is_taken_once(database: &Database) {
    let server = with_ann(database);
    let mut visitor = Visitor::new();
    for (name, email, password, complaint) in [
        (" \t", "bob@example.com", PASSWORD, "Enter your name."),
        ("Bob", "", PASSWORD, "Enter your email address."),
        ("Bob", "bob", PASSWORD, "Enter an email address with an @ in it"),
        ("Bob", "bob@example.com", "", "Choose a password."),
        ("Bob", "bob@example.com", "short", "Use at least 8 characters."),
    ] {
        let page =
            visitor.post(&server, "/sign-up", &[("name", name), ("email", email), ("password", password)]);
        assert_eq!(page.status, 422, "{complaint}");
        page.assert_says(complaint);
        page.assert_says("aria-invalid=\"true\" aria-describedby=");
        page.assert_says("<title>Error: Sign up");
    }
    assert_eq!(database.number("SELECT count(*) FROM users"), 1);
    // Two who ask for one address at once: the database decides.
    let fields = [("name", "Bob"), ("email", "bob@example.com"), ("password", PASSWORD)];
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let sign_up = || Visitor::new().post_from("same-origin", &server, "/sign-up", &fields).status;
        let both = [scope.spawn(sign_up), scope.spawn(sign_up)];
        both.into_iter().map(|it| it.join().unwrap()).collect()
    });
    assert!(statuses.contains(&303) && statuses.contains(&409), "{statuses:?}");
    assert_eq!(database.number("SELECT count(*) FROM users"), 2);
}

fn mended_06_attempts_are_limited(database: &Database) {
    let server = with_ann(database);
    let wrong = RIGHT.replace(PASSWORD, "wrong");
    let mut statuses = (0..12).map(|_| Program::new().post(&server, "/sign-in", JSON, &wrong));
    let refused = statuses.find(|answer| answer.status != 401).expect("a limit");
    assert_eq!(refused.status, 429);
    assert!(refused.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
    assert_eq!(database.rows(), 0);
}

fn mended_07_the_cookie_is_for_https_and_this_host_alone(database: &Database) {
    let server = with_ann(database);
    let cookie = |body: &str| {
        let answer = Program::new().post(&server, "/sign-in", JSON, body);
        answer.headers["set-cookie"].to_str().unwrap().to_owned()
    };
    let plain = cookie(RIGHT);
    assert!(plain.starts_with("__Host-cloakroom-demo="), "{plain}");
    for attribute in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
        assert!(plain.contains(attribute), "{plain}");
    }
    assert!(!plain.contains("Domain") && !plain.contains("Max-Age") && !plain.contains("Expires"), "{plain}");
    let remembered = cookie(&RIGHT.replace('}', r#","remember":true}"#));
    let age = remembered.split("; Max-Age=").nth(1).and_then(|rest| rest.split(';').next());
    let age: u32 = age.expect("a persistent cookie").parse().expect("seconds");
    // Thirty days from the sign-in, told when the response was ready.
    assert!((2_592_000 - 60..=2_592_000).contains(&age), "{remembered}");
}

fn mended_08_credentials_in_the_address_are_refused(database: &Database) {
    let server = with_ann(database);
    for query in [RIGHT_FORM, "password=x", "EMAIL=x", "a=1&%70assword=x"] {
        for body in [RIGHT, ""] {
            let answer = Program::new().post(&server, &format!("/sign-in?{query}"), JSON, body);
            assert_eq!(answer.status, 400, "{query}");
            assert!(!answer.headers.contains_key("set-cookie"));
        }
    }
    assert_eq!(database.rows(), 0);
}

fn mended_09_a_user_is_a_column(database: &Database) {
    let server = with_ann(database);
    Program::new().post(&server, "/sign-in", JSON, RIGHT);
    let users =
        "SELECT count(*) FROM sessions JOIN users ON sessions.user_id = users.id WHERE length(verifier) > 0";
    assert_eq!(database.number(users), 1);
}

fn mended_10_an_expired_row_is_not_served(database: &Database) {
    let server = with_ann(database);
    let mut program = Program::new();
    program.post(&server, "/sign-in", JSON, RIGHT);
    assert_eq!(program.get(&server, "/profile").status, 200);
    // No sweeper has been there: the row is as it was but for the time.
    database.execute("UPDATE sessions SET expires_at = 1");
    assert_eq!(program.get(&server, "/profile").status, 401);
}

#[test]
fn the_readme_names_tests_that_are_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let section = readme.split_once("The tutorial's ten defects").unwrap().1.split_once("\n## ").unwrap().0;
    for number in 1..=10 {
        assert!(section.contains(&format!("\n{number}. **")), "defect {number}");
        assert!(section.contains(&format!("::mended_{number:02}_")), "a test of defect {number}");
    }
    let mut named = 0;
    for test in section.split('`').filter(|text| text.contains("::")) {
        let (module, name) = test.rsplit_once("::").unwrap();
        let file = match module.strip_suffix("::tests") {
            Some(module) => format!("src/{module}.rs"),
            None => format!("tests/end_to_end/{module}.rs"),
        };
        let source = std::fs::read_to_string(root.join(&file)).unwrap();
        assert!(source.contains(&format!("fn {name}(")), "{test}");
        named += 1;
    }
    assert!(named >= 20, "{named} tests");
}
