//! What happens to a visitor's session, on every database.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;

use crate::support::database::{Database, on_every_database};
use crate::support::server::Server;
use crate::support::visitor::Visitor;

const HAT: [(&str, &str); 2] = [("name", "Hat"), ("pieces", "1")];

on_every_database![
    data_survives_sigkill,
    servers_that_start_at_once_make_the_tables_once,
    forget_me_removes_row_and_cookie,
    two_servers_share_a_session,
    every_thing_that_was_taken_is_there,
    sigterm_finishes_what_was_begun,
    a_store_that_fails_is_said_on_a_page,
];

fn data_survives_sigkill(database: &Database) {
    let mut visitor = Visitor::new();
    let server = Server::start(database.url());
    visitor.post(&server, "/things", &[("name", "Umbrella"), ("pieces", "1")]).assert_says("Umbrella");
    visitor.post(&server, "/things", &[("name", "Handschuhe, blau – 手袋"), ("pieces", "2")]);
    visitor
        .post(&server, "/things/1", &[("name", "Parasol"), ("pieces", "3")])
        .assert_says("Changed to “Parasol”");
    visitor.post(&server, "/things", &[("name", "Worry"), ("pieces", "1")]);
    visitor.post(&server, "/things/3/take-back", &[]).assert_says("“Worry” is yours again");
    server.kill();

    let server = Server::start(database.url());
    let things = visitor.get(&server, "/");
    things.assert_says("Parasol");
    things.assert_says("3 pieces");
    things.assert_says("Handschuhe, blau – 手袋");
    things.assert_silent_about("Umbrella");
    things.assert_silent_about("Worry");
    assert_eq!(things.things(), 2);
    assert_eq!(database.rows(), 1);
}

fn servers_that_start_at_once_make_the_tables_once(database: &Database) {
    let servers: Vec<_> = thread::scope(|scope| {
        let starts: Vec<_> = (0..4).map(|_| scope.spawn(|| Server::start(database.url()))).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    let mut visitor = Visitor::new();
    for server in &servers {
        visitor.post(server, "/things", &HAT);
    }
    assert_eq!(visitor.get(&servers[0], "/").things(), servers.len());
}

/// Row ASVS 7.4.1: what was ended stays ended, whoever still has the cookie.
fn forget_me_removes_row_and_cookie(database: &Database) {
    let server = Server::start(database.url());
    let mut visitor = Visitor::new();
    visitor.post(&server, "/things", &[("name", "Coat"), ("pieces", "1")]);
    let mut thief = visitor.clone();
    assert_eq!(database.rows(), 1);

    visitor.post(&server, "/sign-out", &[]).assert_says("You are signed out");
    assert!(visitor.cookies().is_empty());
    assert_eq!(database.rows(), 0);
    thief.get(&server, "/").assert_silent_about("Coat");
    thief.get(&server, "/session").assert_says("nothing is stored for you");
    assert_eq!(database.rows(), 0);
}

fn two_servers_share_a_session(database: &Database) {
    let (first, second) = (Server::start(database.url()), Server::start(database.url()));
    let mut visitor = Visitor::new();
    visitor.post(&first, "/things", &[("name", "Coat"), ("pieces", "1")]);
    visitor.post(&second, "/things", &[("name", "Hat"), ("pieces", "1")]);
    for server in [&first, &second] {
        let page = visitor.get(server, "/");
        page.assert_says("Coat");
        page.assert_says("Hat");
    }
    assert_eq!(database.rows(), 1);
}

/// Row R6: a thing is taken, or refused; none that was answered is lost.
fn every_thing_that_was_taken_is_there(database: &Database) {
    let servers = [Server::start(database.url()), Server::start(database.url())];
    let mut visitor = Visitor::new();
    visitor.post(&servers[0], "/things", &[("name", "Coat"), ("pieces", "1")]);
    let taken: usize = thread::scope(|scope| {
        let walks: Vec<_> = (0..4)
            .map(|walk| {
                let (visitor, server) = (visitor.clone(), &servers[walk % 2]);
                let hand_in = move || visitor.post_from("same-origin", server, "/things", &HAT).status == 303;
                scope.spawn(move || (0..2).map(|_| usize::from(hand_in())).sum::<usize>())
            })
            .collect();
        walks.into_iter().map(|walk| walk.join().unwrap()).sum()
    });
    assert!(taken > 0);
    assert_eq!(visitor.get(&servers[0], "/").things(), taken + 1);
}

fn sigterm_finishes_what_was_begun(database: &Database) {
    let mut visitor = Visitor::new();
    let mut server = Server::start(database.url());
    visitor.post(&server, "/things", &HAT);
    // The server asks for the body when the handler waits for it, so the request is under way from then on.
    let form = "name=Last+minute+hat&pieces=1";
    let mut connection = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    write!(
        connection,
        "POST /things HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Sec-Fetch-Site: same-origin\r\nAccept: text/html\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        visitor.cookie_header(),
        form.len(),
    )
    .unwrap();
    let mut answers = BufReader::new(connection.try_clone().unwrap());
    let mut line = String::new();
    answers.read_line(&mut line).unwrap();
    assert_eq!(line, "HTTP/1.1 100 Continue\r\n");

    server.signal("TERM");
    server.line_with("Stopping");
    // The next server is already there, as when an application is replaced by its next version.
    let next = Server::start(database.url());
    visitor.get(&next, "/").assert_says("Hat");
    connection.write_all(form.as_bytes()).unwrap();
    let mut rest = String::new();
    answers.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("HTTP/1.1 303 See Other"), "{rest}");
    let (status, said) = server.wait();
    assert!(status.success(), "{status}");
    assert!(!said.contains("cut off"), "{said}");

    visitor.get(&next, "/").assert_says("Last minute hat");
}

/// Row ASVS 16.5.2: nobody is let in, and nobody is told that something was kept.
fn a_store_that_fails_is_said_on_a_page(database: &Database) {
    let server = Server::start(database.url());
    let mut visitor = Visitor::new();
    visitor.post(&server, "/things", &HAT);
    let cookies = visitor.cookies().clone();
    database.lose_table();
    for page in
        [visitor.get(&server, "/"), visitor.post(&server, "/things", &[("name", "Coat"), ("pieces", "1")])]
    {
        assert_eq!(page.status, 503);
        assert_eq!(page.headers.get("retry-after").unwrap(), "5");
        page.assert_says("<!doctype html>");
        page.assert_says("Your session cannot be reached at the moment.");
    }
    // A visitor without a session finds out when the first value is to be stored.
    let mut other = Visitor::new();
    assert_eq!(other.post(&server, "/things", &HAT).status, 503);
    assert!(other.cookies().is_empty());
    assert_eq!(visitor.cookies(), &cookies, "the session may be back in a minute");
    assert_eq!(visitor.get(&server, "/style.css").status, 200);
}
