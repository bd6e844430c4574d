//! Signing up, in and out, and what becomes of a user's sessions, on every database.

use std::fs::File;
use std::time::Duration;

use crate::support::database::{Database, on_every_database};
use crate::support::server::Server;
use crate::support::visitor::{PASSWORD, Visitor};

const COAT: [(&str, &str); 2] = [("name", "Coat"), ("pieces", "1")];
const REMEMBER: [(&str, &str); 1] = [("remember", "yes")];
const KEEP: [(&str, &str); 1] = [("keep", "yes")];

on_every_database![
    a_user_signs_up_out_and_in_again,
    an_address_belongs_to_one_user_however_it_is_spelled,
    asvs_7_2_4_r16_every_sign_in_changes_the_id_and_the_old_one_is_dead,
    things_come_along_by_choice,
    signing_in_leads_back_and_nowhere_else,
    asvs_7_2_1_asvs_7_4_1_r20_r49_what_was_signed_out_stays_out_on_every_server,
    r25_a_forged_cookie_signs_nobody_out,
    asvs_7_4_3_r23_a_changed_password_ends_every_other_session,
    r23_a_hash_that_somebody_else_changed_ends_every_session,
    asvs_7_4_2_r24_the_sessions_of_a_deleted_or_disabled_user_end,
    r41_a_remembered_cookie_is_believed_whole_or_not_at_all,
    r21_whoever_signs_out_is_nobody,
    a_session_survives_a_restart,
    asvs_16_5_2_users_that_cannot_be_found_sign_nobody_out_and_nobody_in,
    asvs_7_4_5_everybody_is_signed_out_by_one_command,
    asvs_16_2_5_r31_nothing_of_anybody_is_logged,
];

fn a_user_signs_up_out_and_in_again(database: &Database) {
    let server = Server::start(database.url());
    let mut ann = Visitor::new();
    assert_eq!(ann.user(&server), None);
    ann.sign_up(&server, "ann").assert_says("Welcome, ann.");
    assert_eq!(ann.user(&server).as_deref(), Some("ann"));
    ann.post(&server, "/sign-out", &[]).assert_says("You are signed out");
    assert!(ann.cookies().is_empty());
    assert_eq!((ann.user(&server), database.rows()), (None, 0));
    ann.sign_in(&server, "ann", &[]).assert_says("You are signed in.");
    assert_eq!(ann.user(&server).as_deref(), Some("ann"));

    let page = ann.post(&server, "/profile", &[("name", "  Ann “Änne” Smith ")]);
    page.assert_says("Your name is changed.");
    assert_eq!(ann.user(&server).as_deref(), Some("Ann “Änne” Smith"));
}

/// Row 6 of the tutorial's defects: spellings of one address were accounts beside each other.
fn an_address_belongs_to_one_user_however_it_is_spelled(database: &Database) {
    let server = Server::start(database.url());
    Visitor::new().sign_up(&server, "ann");
    for email in ["ann@example.com", " ANN@Example.com\t"] {
        let page = Visitor::new().post(
            &server,
            "/sign-up",
            &[("name", "Other"), ("email", email), ("password", "another password")],
        );
        assert_eq!(page.status, 409, "{email}");
        page.assert_says("There is an account with this address already.");
        page.assert_says("id=\"email-error\"");
        page.assert_says("value=\"Other\"");
        page.assert_silent_about("another password");
    }
    assert_eq!(database.number("SELECT count(*) FROM users"), 1);
    let mut ann = Visitor::new();
    ann.post(&server, "/sign-in", &[("email", " Ann@EXAMPLE.com "), ("password", PASSWORD)]);
    assert_eq!(ann.user(&server).as_deref(), Some("ann"));
}

fn asvs_7_2_4_r16_every_sign_in_changes_the_id_and_the_old_one_is_dead(database: &Database) {
    let server = Server::start(database.url());
    Visitor::new().sign_up(&server, "ann");
    for more in [&[][..], &REMEMBER] {
        let mut ann = Visitor::new();
        ann.post(&server, "/things", &COAT);
        let mut before = vec![ann.clone()];
        ann.sign_in(&server, "ann", more);
        before.push(ann.clone());
        // Signed in already: another id all the same.
        ann.sign_in(&server, "ann", more);
        assert_eq!(ann.user(&server).as_deref(), Some("ann"));
        for mut old in before {
            assert_ne!(old.cookies(), ann.cookies());
            assert_eq!(old.user(&server), None);
            assert_eq!(old.get(&server, "/").things(), 0, "nobody finds what hung there before");
        }
        ann.post(&server, "/sign-out", &[]);
    }
    assert_eq!(database.rows(), 1, "that of the sign-up");
}

fn things_come_along_by_choice(database: &Database) {
    let server = Server::start(database.url());
    let mut ann = Visitor::new();
    ann.post(&server, "/things", &COAT);
    ann.get(&server, "/sign-up").assert_says("Take my things along");
    let email = ("email", "ann@example.com");
    ann.post(&server, "/sign-up", &[("name", "ann"), email, ("password", PASSWORD), KEEP[0]]);
    assert_eq!(ann.get(&server, "/").things(), 1);
    ann.sign_in(&server, "ann", &KEEP);
    assert_eq!(ann.get(&server, "/").things(), 1);
    ann.sign_in(&server, "ann", &[]);
    assert_eq!(ann.get(&server, "/").things(), 0, "they were left behind");
    ann.get(&server, "/sign-in").assert_silent_about("Take my things along");
}

fn signing_in_leads_back_and_nowhere_else(database: &Database) {
    let server = Server::start(database.url());
    Visitor::new().sign_up(&server, "ann");
    let fields = [("email", "ann@example.com"), ("password", PASSWORD)];
    for (next, heading) in [
        ("%2Fprofile", "<h1>Profile</h1>"),
        ("%2F%2Felsewhere.example", "On your hook"),
        ("https%3A%2F%2Felsewhere.example", "On your hook"),
        ("%2F%09%2Felsewhere.example", "On your hook"),
    ] {
        let mut ann = Visitor::new();
        let path = format!("/sign-in?next={next}");
        let form = ann.get(&server, &path);
        // A mistake in between does not lose the way.
        assert_eq!(form.text.contains("/sign-in?next=%2Fprofile\""), next == "%2Fprofile");
        form.assert_silent_about("elsewhere");
        ann.post(&server, &path, &fields).assert_says(heading);
    }
}

fn asvs_7_2_1_asvs_7_4_1_r20_r49_what_was_signed_out_stays_out_on_every_server(database: &Database) {
    let servers = [Server::start(database.url()), Server::start(database.url())];
    Visitor::new().sign_up(&servers[0], "ann");
    for more in [&[][..], &REMEMBER] {
        let mut ann = Visitor::new();
        ann.sign_in(&servers[0], "ann", more);
        let mut thief = ann.clone();
        assert_eq!(thief.user(&servers[1]).as_deref(), Some("ann"));
        ann.post(&servers[0], "/sign-out", &[]);
        for server in &servers {
            assert_eq!(thief.clone().user(server), None);
            thief.get(server, "/devices").assert_says("Sign in");
        }
    }
    let mut ann = Visitor::new();
    ann.sign_in(&servers[0], "ann", &REMEMBER);
    database.execute("DELETE FROM sessions");
    assert_eq!(ann.user(&servers[1]), None, "nothing in the cookie alone says who somebody is");
}

fn r25_a_forged_cookie_signs_nobody_out(database: &Database) {
    let server = Server::start(database.url());
    let (mut ann, mut bob) = (Visitor::new(), Visitor::new());
    ann.sign_up(&server, "ann");
    bob.sign_up(&server, "bob");
    let cookie = ann.cookies().values().next().unwrap().clone();
    for forged in
        ["a".repeat(43), format!("{}{}", &cookie[..42], if cookie.ends_with('A') { "E" } else { "A" })]
    {
        let mut forger = Visitor::new();
        forger.keep(&format!("__Host-cloakroom-demo={forged}; Path=/"));
        forger.post(&server, "/sign-out", &[]);
        forger.post(&server, "/devices/sign-out-all", &[]);
    }
    assert_eq!(ann.user(&server).as_deref(), Some("ann"));
    assert_eq!(bob.user(&server).as_deref(), Some("bob"));
    assert_eq!(database.rows(), 2);
}

fn asvs_7_4_3_r23_a_changed_password_ends_every_other_session(database: &Database) {
    let servers = [Server::start(database.url()), Server::start(database.url())];
    let (mut ann, mut other, mut remembered) = (Visitor::new(), Visitor::new(), Visitor::new());
    let mut bob = Visitor::new();
    bob.sign_up(&servers[0], "bob");
    ann.sign_up(&servers[0], "ann");
    other.sign_in(&servers[0], "ann", &[]);
    remembered.sign_in(&servers[1], "ann", &REMEMBER);
    ann.post(&servers[0], "/things", &COAT);
    let mut before = ann.clone();

    let page = ann.post(&servers[0], "/password", &[("current", "wrong"), ("new", "a new password")]);
    page.assert_says("That is not your password.");
    let page = ann.post(&servers[0], "/password", &[("current", PASSWORD), ("new", "short")]);
    page.assert_says("Use at least 8 characters.");
    assert_eq!(other.user(&servers[1]).as_deref(), Some("ann"));

    let page = ann.post(&servers[0], "/password", &[("current", PASSWORD), ("new", "a new password")]);
    page.assert_says("Your password is changed");
    for server in &servers {
        for out in [&mut other, &mut remembered, &mut before] {
            assert_eq!(out.user(server), None);
        }
        assert_eq!(ann.user(server).as_deref(), Some("ann"));
        assert_eq!(bob.user(server).as_deref(), Some("bob"));
    }
    assert_ne!(ann.cookies(), before.cookies(), "this one goes on under a new id");
    assert_eq!(ann.get(&servers[1], "/").things(), 1);

    let mut again = Visitor::new();
    assert_eq!(again.sign_in(&servers[0], "ann", &[]).status, 401);
    again.post(&servers[0], "/sign-in", &[("email", "ann@example.com"), ("password", "a new password")]);
    assert_eq!(again.user(&servers[0]).as_deref(), Some("ann"));
}

/// Nobody has to call anything: the session knows under which hash it began.
fn r23_a_hash_that_somebody_else_changed_ends_every_session(database: &Database) {
    let server = Server::start(database.url());
    let (mut ann, mut remembered, mut bob) = (Visitor::new(), Visitor::new(), Visitor::new());
    ann.sign_up(&server, "ann");
    bob.sign_up(&server, "bob");
    remembered.sign_in(&server, "ann", &REMEMBER);
    // What an administrator's script does to a row.
    database.execute(
        "UPDATE users SET password_hash = '$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
         AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' WHERE email_key = 'ann@example.com'",
    );
    assert_eq!((ann.user(&server), remembered.user(&server)), (None, None));
    assert_eq!(bob.user(&server).as_deref(), Some("bob"));
}

fn asvs_7_4_2_r24_the_sessions_of_a_deleted_or_disabled_user_end(database: &Database) {
    let server = Server::start(database.url());
    for (name, statement) in [
        ("ann", "UPDATE users SET disabled_at = 1 WHERE email_key = 'ann@example.com'"),
        ("bob", "DELETE FROM users WHERE email_key = 'bob@example.com'"),
    ] {
        let (mut one, mut other) = (Visitor::new(), Visitor::new());
        one.sign_up(&server, name);
        other.sign_in(&server, name, &REMEMBER);
        database.execute(statement);
        assert_eq!((one.user(&server), other.user(&server)), (None, None), "{name}");
        let page = Visitor::new().sign_in(&server, name, &[]);
        assert_eq!(page.status, 401);
        page.assert_says("Invalid email or password");
    }
}

fn r41_a_remembered_cookie_is_believed_whole_or_not_at_all(database: &Database) {
    let server = Server::start(database.url());
    let mut ann = Visitor::new();
    ann.sign_up(&server, "ann");
    ann.sign_in(&server, "ann", &REMEMBER);
    let (name, value) =
        ann.cookies().iter().next().map(|(name, value)| (name.clone(), value.clone())).unwrap();
    let (front, back) = value.split_at(value.len() / 2);
    for other in [
        format!("{back}{front}"),
        format!("{front}.{back}"),
        front.to_owned(),
        format!("{value}A"),
        value.to_ascii_lowercase(),
    ] {
        let mut forger = Visitor::new();
        forger.keep(&format!("{name}={other}; Path=/"));
        assert_eq!(forger.user(&server), None, "{other}");
    }
    assert_eq!(ann.user(&server).as_deref(), Some("ann"));
}

fn r21_whoever_signs_out_is_nobody(database: &Database) {
    let server = Server::start(database.url());
    let mut ann = Visitor::new();
    ann.sign_up(&server, "ann");
    ann.post(&server, "/sign-out", &[]);
    assert_eq!(ann.user(&server), None);
    for path in ["/profile", "/devices", "/password"] {
        let page = ann.peek(&server, path);
        assert_eq!(page.status, 303, "{path}");
        assert_eq!(page.headers["location"], format!("/sign-in?next=%2F{}", &path[1..]));
    }
    assert!(ann.cookies().is_empty());
}

fn a_session_survives_a_restart(database: &Database) {
    let server = Server::start(database.url());
    let (mut ann, mut remembered) = (Visitor::new(), Visitor::new());
    ann.sign_up(&server, "ann");
    remembered.sign_in(&server, "ann", &REMEMBER);
    server.kill();
    let server = Server::start(database.url());
    assert_eq!(ann.user(&server).as_deref(), Some("ann"));
    assert_eq!(remembered.user(&server).as_deref(), Some("ann"));
    assert_eq!(ann.get(&server, "/devices").handles().len(), 2);
    // Nobody was there for a day; who asked to be remembered is.
    database.age_sign_ins(Duration::from_hours(24));
    assert_eq!(remembered.user(&server).as_deref(), Some("ann"));
}

fn asvs_16_5_2_users_that_cannot_be_found_sign_nobody_out_and_nobody_in(database: &Database) {
    let server = Server::start(database.url());
    let mut ann = Visitor::new();
    ann.sign_up(&server, "ann");
    let cookies = ann.cookies().clone();
    database.execute("ALTER TABLE users RENAME TO away");
    for page in [
        ann.get(&server, "/"),
        ann.get(&server, "/profile"),
        ann.get(&server, "/devices"),
        ann.post(&server, "/password", &[("current", PASSWORD), ("new", "a new password")]),
        Visitor::new().sign_in(&server, "ann", &[]),
        Visitor::new().sign_up(&server, "bob"),
    ] {
        assert_eq!(page.status, 503);
        assert_eq!(page.headers["retry-after"], "5");
        page.assert_silent_about("users");
    }
    assert_eq!(ann.cookies(), &cookies);
    database.execute("ALTER TABLE away RENAME TO users");
    assert_eq!(ann.user(&server).as_deref(), Some("ann"));
    assert_eq!(database.rows(), 1);
}

fn asvs_7_4_5_everybody_is_signed_out_by_one_command(database: &Database) {
    let server = Server::start(database.url());
    let (mut ann, mut bob, mut nobody) = (Visitor::new(), Visitor::new(), Visitor::new());
    ann.sign_up(&server, "ann");
    bob.sign_up(&server, "bob");
    nobody.post(&server, "/things", &COAT);
    server.kill();
    let output = crate::support::server::run(database.url(), &["--sign-everybody-out"]);
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().contains("Everybody is signed out."));
    let server = Server::start(database.url());
    assert_eq!((ann.user(&server), bob.user(&server)), (None, None));
    assert_eq!(nobody.get(&server, "/").things(), 1, "whoever was not signed in is not touched");
    ann.sign_in(&server, "ann", &[]);
    assert_eq!(ann.user(&server).as_deref(), Some("ann"));
}

/// At the level `trace`, of every crate that the program is made of.
fn asvs_16_2_5_r31_nothing_of_anybody_is_logged(database: &Database) {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let server = Server::start_logging(database.url(), File::create(&log).unwrap());
    let mut ann = Visitor::new();
    let mut ids = Vec::new();
    let mut seen = |visitor: &Visitor| ids.extend(visitor.cookies().values().cloned());
    ann.sign_up(&server, "ann");
    seen(&ann);
    ann.post(&server, "/things", &COAT);
    ann.post(&server, "/password", &[("current", "a wrong guess"), ("new", "another phrase")]);
    ann.post(&server, "/password", &[("current", PASSWORD), ("new", "another phrase")]);
    seen(&ann);
    Visitor::new().sign_in(&server, "ann", &[]);
    Visitor::new().sign_up(&server, "ann");
    let handles = ann.get(&server, "/devices").handles();
    ann.post(&server, "/devices/sign-out-all", &[]);
    server.signal("TERM");
    server.wait();
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(log.contains("DEBUG") && log.contains("signed in"), "the log is whole");
    assert_eq!((ids.len(), handles.len()), (2, 1));
    let typed =
        [PASSWORD, "correct+horse", "a wrong guess", "another phrase", "ann@example.com", "$argon2id$"];
    for secret in typed.iter().copied().chain(ids.iter().map(String::as_str)) {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret}: {}", line.unwrap());
    }
}
