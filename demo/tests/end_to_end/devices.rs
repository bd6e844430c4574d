//! Seeing and ending one's own sessions, on every database.

use std::time::Duration;

use crate::support::database::{Database, on_every_database};
use crate::support::server::Server;
use crate::support::visitor::{PASSWORD, Visitor};

const REMEMBER: [(&str, &str); 1] = [("remember", "yes")];
const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 Version/18.6 \
                      Mobile/15E148 Safari/604.1";

on_every_database![
    asvs_7_5_2_a_user_sees_and_ends_sessions_by_handle,
    asvs_7_5_2_the_handle_of_another_user_is_unknown,
    asvs_7_5_1_asvs_7_5_3_old_and_remembered_sign_ins_are_confirmed_first,
    other_devices_and_all_devices_are_signed_out,
    asvs_7_1_2_a_user_has_no_more_sessions_than_configured,
    addresses_are_kept_as_configured,
];

fn asvs_7_5_2_a_user_sees_and_ends_sessions_by_handle(database: &Database) {
    let server = Server::start(database.url());
    let (mut laptop, mut phone) = (Visitor::new(), Visitor::with_browser(IPHONE));
    laptop.sign_up(&server, "ann");
    phone.sign_in(&server, "ann", &REMEMBER);
    let page = laptop.get(&server, "/devices");
    page.assert_says("Firefox on Linux");
    page.assert_says("Safari on an iPhone");
    page.assert_says("127.0.0.0");
    assert_eq!(page.text.matches("This device").count(), 1);
    let handles = page.handles();
    assert_eq!(handles.len(), 2);
    for visitor in [&laptop, &phone] {
        let id = visitor.cookies().values().next().unwrap();
        page.assert_silent_about(id);
        page.assert_silent_about(&id[..22]);
    }
    assert!(handles.iter().all(|handle| handle.len() == 22));

    let ended = laptop.post(&server, &format!("/devices/{}/sign-out", handles[1]), &[]);
    ended.assert_says("Safari on an iPhone is signed out.");
    assert_eq!(ended.handles(), handles[..1]);
    assert_eq!(phone.user(&server), None);
    assert_eq!(laptop.user(&server).as_deref(), Some("ann"));
    // A form may be sent twice.
    let again = laptop.post(&server, &format!("/devices/{}/sign-out", handles[1]), &[]);
    assert_eq!(again.status, 404);

    let gone = laptop.post(&server, &format!("/devices/{}/sign-out", handles[0]), &[]);
    gone.assert_says("You are signed out");
    assert!(laptop.cookies().is_empty());
}

fn asvs_7_5_2_the_handle_of_another_user_is_unknown(database: &Database) {
    let server = Server::start(database.url());
    let (mut ann, mut bob) = (Visitor::new(), Visitor::new());
    ann.sign_up(&server, "ann");
    bob.sign_up(&server, "bob");
    let handle = ann.get(&server, "/devices").handles().remove(0);
    for unknown in [&handle, "AAAAAAAAAAAAAAAAAAAAAA", "no-handle", "..%2F"] {
        let page = bob.post(&server, &format!("/devices/{unknown}/sign-out"), &[]);
        assert_eq!(page.status, 404, "{unknown}");
    }
    assert_eq!(ann.user(&server).as_deref(), Some("ann"));
    bob.get(&server, "/devices").assert_silent_about(&handle);
}

fn asvs_7_5_1_asvs_7_5_3_old_and_remembered_sign_ins_are_confirmed_first(database: &Database) {
    let server = Server::start(database.url());
    let (mut ann, mut other) = (Visitor::new(), Visitor::new());
    other.sign_up(&server, "ann");
    ann.sign_in(&server, "ann", &REMEMBER);
    let before = ann.clone();
    let handle = other.get(&server, "/devices").handles().remove(1);
    for path in ["/devices", "/password"] {
        assert_eq!(ann.peek(&server, path).headers["location"], format!("/confirm?next=%2F{}", &path[1..]));
    }
    for path in ["/devices/sign-out-others", "/devices/sign-out-all", &format!("/devices/{handle}/sign-out")]
    {
        let page = ann.post(&server, path, &[]);
        page.assert_says("Confirm your password");
    }
    ann.post(&server, "/password", &[("current", PASSWORD), ("new", "a new password")])
        .assert_says("Confirm your password");
    assert_eq!(other.user(&server).as_deref(), Some("ann"), "nothing was done");

    let wrong = ann.post(&server, "/confirm?next=%2Fdevices", &[("password", "wrong")]);
    assert_eq!(wrong.status, 401);
    wrong.assert_says("That is not your password.");
    let page = ann.post(&server, "/confirm?next=%2Fdevices", &[("password", PASSWORD)]);
    page.assert_says("This device");
    assert_ne!(ann.cookies(), before.cookies(), "more is allowed now, so the id is another");
    assert_eq!(before.clone().user(&server), None);

    // Time passes, and activity does not make up for it.
    database.age_sign_ins(Duration::from_hours(1));
    assert_eq!(ann.user(&server).as_deref(), Some("ann"));
    ann.get(&server, "/devices").assert_says("Confirm your password");
    let elsewhere = ann.post(&server, "/confirm?next=%2F%2Felsewhere.example", &[("password", PASSWORD)]);
    elsewhere.assert_says("On your hook");
    ann.get(&server, "/devices").assert_says("This device");
}

fn other_devices_and_all_devices_are_signed_out(database: &Database) {
    let servers = [Server::start(database.url()), Server::start(database.url())];
    let (mut ann, mut second, mut third) = (Visitor::new(), Visitor::new(), Visitor::new());
    let mut bob = Visitor::new();
    bob.sign_up(&servers[0], "bob");
    ann.sign_up(&servers[0], "ann");
    second.sign_in(&servers[1], "ann", &[]);
    third.sign_in(&servers[1], "ann", &REMEMBER);
    ann.post(&servers[0], "/devices/sign-out-others", &[]).assert_says("2 other devices are signed out.");
    for server in &servers {
        assert_eq!((second.user(server), third.user(server)), (None, None));
        assert_eq!(ann.user(server).as_deref(), Some("ann"));
    }
    second.sign_in(&servers[1], "ann", &[]);
    let mut copy = ann.clone();
    ann.post(&servers[0], "/devices/sign-out-all", &[]).assert_says("You are signed out");
    assert!(ann.cookies().is_empty());
    for server in &servers {
        assert_eq!((copy.user(server), second.user(server)), (None, None));
        assert_eq!(bob.user(server).as_deref(), Some("bob"));
    }
    assert_eq!(database.rows(), 1, "bob's");
}

/// Sixteen sign-ins at once, on two servers.
fn asvs_7_1_2_a_user_has_no_more_sessions_than_configured(database: &Database) {
    let arguments = ["--listen", "127.0.0.1:0", "--sessions-per-user", "3"];
    let servers = [0, 1].map(|_| Server::start_with(database.url(), &arguments));
    Visitor::new().sign_up(&servers[0], "ann");
    let visitors: Vec<Visitor> = std::thread::scope(|scope| {
        let sign_ins: Vec<_> = (0..16)
            .map(|number| {
                let server = &servers[number % 2];
                scope.spawn(move || {
                    let mut visitor = Visitor::new();
                    visitor.sign_in(server, "ann", &[]);
                    visitor
                })
            })
            .collect();
        sign_ins.into_iter().map(|sign_in| sign_in.join().unwrap()).collect()
    });
    assert_eq!(database.rows(), 3);
    let alive = visitors.into_iter().filter_map(|mut visitor| visitor.user(&servers[0])).count();
    assert_eq!(alive, 3);
}

fn addresses_are_kept_as_configured(database: &Database) {
    for (policy, shown) in [("full", Some("203.0.113.7")), ("truncated", Some("203.0.113.0")), ("off", None)]
    {
        let server = Server::start_with(
            database.url(),
            &["--listen", "127.0.0.1:0", "--addresses", policy, "--trusted-proxies", "127.0.0.0/8"],
        );
        let mut ann = Visitor::new().behind("203.0.113.7");
        ann.sign_up(&server, &format!("ann-{policy}"));
        let page = ann.get(&server, "/devices");
        match shown {
            Some(address) => page.assert_says(&format!("<dd>{address}")),
            None => page.assert_silent_about("Address"),
        }
        // Whoever claims to come from elsewhere is not believed by a server that trusts nobody.
        let server = Server::start_with(database.url(), &["--listen", "127.0.0.1:0", "--addresses", "full"]);
        let mut bob = Visitor::new().behind("203.0.113.7");
        bob.sign_up(&server, &format!("bob-{policy}"));
        bob.get(&server, "/devices").assert_says("<dd>127.0.0.1");
    }
}
