//! Servers that accept connections and never say a word.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cloakroom::sql::{Gathering, SqlStore, Startup, Sweep};
use cloakroom::{ErrorKind, Store as _};
use futures_util::future::join_all;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::locks::every_verb;
use crate::site::{Site, run};

const SCHEMES: [&str; 2] = ["postgres", "mysql"];
/// What nobody should have to wait for here.
const GUARD: Duration = Duration::from_secs(20);

/// How many connections there are, and how many there were at once at most.
#[derive(Debug, Default)]
struct Deaf {
    open: AtomicUsize,
    most: AtomicUsize,
}

/// Starts a server that accepts connections, reads what it is sent and never answers.
async fn deaf_server() -> (String, Arc<Deaf>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let deaf = Arc::new(Deaf::default());
    let counted = Arc::clone(&deaf);
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let deaf = Arc::clone(&counted);
            let open = deaf.open.fetch_add(1, Ordering::SeqCst) + 1;
            deaf.most.fetch_max(open, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut buffer = [0; 1_024];
                while socket.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
                deaf.open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    (address, deaf)
}

fn quick() -> Gathering {
    Gathering::default().with_time_limit(Duration::from_millis(100))
}

#[test]
fn asvs_13_1_2_every_verb_ends_when_the_server_never_answers() {
    run(async |_| {
        for scheme in SCHEMES {
            let (address, _) = deaf_server().await;
            let url = format!("{scheme}://somebody:secret@{address}/sessions");
            let limited = SqlStore::builder(url.as_str()).startup_limit(Duration::from_millis(100));
            let refused = timeout(GUARD, limited.build()).await.expect("starting ends").unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Unavailable, "{refused}");

            let builder = SqlStore::builder(url.as_str()).startup(Startup::Nothing).gathering(quick());
            let store = builder.sweep(Sweep::Off).build().await.unwrap();
            // Nothing was sent, so nobody has to wonder whether it was applied.
            for (verb, kind) in timeout(GUARD, every_verb(&store)).await.expect("every verb ends") {
                assert_eq!(kind, Some(ErrorKind::Unavailable), "{scheme} {verb}");
            }
            assert!(timeout(GUARD, store.sweep_now()).await.expect("sweeping ends").is_err());
            timeout(GUARD, store.close()).await.expect("closing ends");
        }
    });
}

#[test]
fn asvs_13_1_2_requests_do_not_pile_up_behind_a_server_that_never_answers() {
    const REQUESTS: usize = 100;
    const QUEUE: usize = 4;
    run(async |log| {
        for scheme in SCHEMES {
            let (address, deaf) = deaf_server().await;
            let url = format!("{scheme}://somebody:secret@{address}/sessions");
            let gathering = quick().with_queue(NonZeroUsize::new(QUEUE).unwrap());
            // Long enough for the server to see whoever wants to connect.
            let gathering = gathering.with_time_limit(Duration::from_millis(500));
            let builder = SqlStore::builder(url.as_str()).startup(Startup::Nothing).gathering(gathering);
            let store = builder.sweep(Sweep::Off).build().await.unwrap();
            let site = Site::new(store.clone(), &log);
            let requests = (0..REQUESTS).map(|_| {
                let mut visitor = site.visitor();
                async move { visitor.get("/login/eve").await }
            });
            for reply in timeout(GUARD, join_all(requests)).await.expect("every request ends") {
                reply.unavailable();
            }
            assert_eq!(site.failures.count(), REQUESTS);
            let most = deaf.most.load(Ordering::SeqCst);
            assert!((1..=2).contains(&most), "{most} connections at once");
            let lines = log.take();
            assert_eq!(lines.len(), 2, "one line for each kind of failure: {lines:#?}");
            assert!(lines.iter().any(|line| line.text.contains("queue is full")), "{lines:#?}");
            assert!(lines.iter().any(|line| line.text.contains("cannot be reached")), "{lines:#?}");

            // How many were refused for want of room says how many waited: never more than the queue holds.
            site.clock.advance(Duration::from_secs(61));
            let site = Site::new(store.clone(), &log);
            let key = cloakroom::StoreKey::from_bytes([7; 32]);
            let loads = (0..REQUESTS).map(|_| store.load(&key, crate::site::START));
            let outcomes = join_all(loads).await;
            let refused = |wanted| {
                let of_kind = |outcome: &&Result<_, cloakroom::StoreError>| {
                    outcome.as_ref().is_err_and(|error| error.kind() == wanted)
                };
                outcomes.iter().filter(of_kind).count()
            };
            assert_eq!(refused(ErrorKind::Unavailable), QUEUE);
            assert_eq!(refused(ErrorKind::Overloaded), REQUESTS - QUEUE);
            drop(site);
            timeout(GUARD, store.close()).await.expect("closing ends");
        }
    });
}
