//! One connection breaks at a chosen point of one request: every deed, every point, every way to break.

use cloakroom::Outcome;
use cloakroom::sql::Gathering;
use http::header::SET_COOKIE;
use std::time::Duration;

use crate::proxy::{End, Fault};
use crate::site::{Browser, Reply, Row, Site};
use crate::support::on_every_server;
use crate::support::{Backend, Place};

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Read,
    Insert,
    Update,
    Login,
    Logout,
    Touch,
    First,
}

pub(crate) const DEEDS: [Deed; 7] =
    [Deed::Read, Deed::Insert, Deed::Update, Deed::Login, Deed::Logout, Deed::Touch, Deed::First];

/// A text that no other message contains.
const NOTE: &str = "note-4711-of-this-request";

impl Deed {
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Read | Self::Touch => "/read",
            Self::Insert | Self::First => "/insert/note-4711-of-this-request",
            Self::Update => "/update",
            Self::Login => "/login/bea",
            Self::Logout => "/logout",
        }
    }

    /// Whether the table says that it was done. Ann was signed in, had counted to one, and had no note.
    pub(crate) fn is_done(self, before: Option<&Row>, after: Option<&Row>) -> bool {
        match self {
            Self::Read => true,
            Self::Insert | Self::First => after.is_some_and(|row| row.data.contains_key("note")),
            Self::Update => after.is_some_and(|row| row.count() == 2),
            Self::Login => after.is_some_and(|row| row.user.as_deref() == Some("bea")),
            Self::Logout => after.is_none(),
            Self::Touch => after.map(|row| row.expires) > before.map(|row| row.expires),
        }
    }

    /// A visitor for this deed, in a table with nothing else. Tries again, because in some stories the limits are
    /// short.
    pub(crate) async fn visitor(self, site: &Site) -> (Browser, Option<Row>) {
        loop {
            site.forget().await;
            let mut browser = site.browser();
            if self == Self::First {
                return (browser, None);
            }
            if browser.get("/update").await.is_ok() && browser.get("/login/ann").await.is_ok() {
                let before = site.row().await;
                if self == Self::Touch {
                    site.clock.advance(Duration::from_mins(30));
                }
                return (browser, before);
            }
        }
    }

    /// Lets the statement of this deed meet `fault`.
    fn ambush(self, site: &Site, before: Option<&Row>, fault: Fault) {
        match (self, before) {
            (Self::Read, Some(row)) => site.proxy.ambush(row.key.as_bytes(), 0, fault),
            // The load comes first.
            (_, Some(row)) => site.proxy.ambush(row.key.as_bytes(), 1, fault),
            (_, None) => site.proxy.ambush(NOTE, 0, fault),
        }
    }
}

/// What holds whatever happened: the answer is true, or it is a refusal that does not say too much.
pub(crate) fn judge(deed: Deed, reply: &Reply, before: Option<&Row>, after: Option<&Row>, case: &str) {
    let done = deed.is_done(before, after);
    if reply.is_ok() {
        assert!(done || deed == Deed::Touch, "{case}: a success that is not in the table: {after:?}");
        match deed {
            Deed::Read | Deed::Touch => assert_eq!(reply.shown(), (Some("ann".to_owned()), 1), "{case}"),
            Deed::Update => assert_eq!(reply.body, "2", "{case}"),
            Deed::Login | Deed::First | Deed::Logout => {
                assert!(reply.headers.contains_key(SET_COOKIE), "{case}");
            }
            Deed::Insert => {}
        }
    } else {
        reply.is_by_the_policy(case);
        assert!(deed != Deed::Touch, "{case}: activity alone is not worth an error");
        if done && deed != Deed::Read {
            assert_eq!(reply.outcome, Some(Outcome::Unknown), "{case}: it was done, and the error denies it");
        }
    }
    // Nothing is half done.
    match (deed, before, after) {
        (Deed::Read, before, after) => assert_eq!(before, after, "{case}"),
        (_, Some(before), Some(after)) if !done => assert_eq!(before, after, "{case}"),
        _ => {}
    }
}

/// What the same browser sees next: what the table holds, or nobody where the session has ended or got another id of
/// which the browser could not be told. Never anybody else.
pub(crate) fn judge_afterwards(deed: Deed, reply: &Reply, next: &Reply, after: Option<&Row>, case: &str) {
    assert!(next.is_ok(), "{case}: the next request: {next:?}");
    let nobody = (None, 0);
    let held = after.map_or(nobody.clone(), |row| (row.user.clone(), row.count()));
    let is_lost = match deed {
        Deed::Login => !reply.is_ok() && held.0.as_deref() == Some("bea"),
        Deed::First => !reply.is_ok(),
        _ => false,
    };
    assert_eq!(next.shown(), if is_lost { nobody } else { held }, "{case}: the next request");
}

/// The ways of an interrupted conversation, with the database's own verdict where it is certain.
fn faults(ends: &[End]) -> Vec<Fault> {
    let kinds: [fn(End) -> Fault; 3] = [Fault::Lost, Fault::Unanswered, Fault::Torn];
    kinds.iter().flat_map(|kind| ends.iter().map(|end| kind(*end))).collect()
}

async fn r43_asvs_16_5_2_a_cut_connection_never_makes_an_answer_untrue(place: Place) {
    let site = Site::new(&place, Gathering::default()).await;
    let faults = [faults(&[End::Reset, End::Close, End::Half]), vec![Fault::LastWords]].concat();
    for deed in DEEDS {
        for fault in &faults {
            let case = format!("{deed:?}, {fault:?}");
            let (mut browser, before) = deed.visitor(&site).await;
            let caught = site.proxy.caught();
            deed.ambush(&site, before.as_ref(), *fault);
            let reply = browser.get(deed.path()).await;
            assert!(!site.proxy.disarm(), "{case}: the statement did not pass");
            assert_eq!(site.proxy.caught(), caught + 1, "{case}");
            let after = site.row().await;
            judge(deed, &reply, before.as_ref(), after.as_ref(), &case);
            assert!(reply.is_ok(), "{case}: the database is there, so it can be found out: {reply:?}");
            let next = browser.get("/read").await;
            judge_afterwards(deed, &reply, &next, after.as_ref(), &case);
        }
    }
}

/// The same, when the connection stays open and says nothing more: the time limit ends it.
async fn r43_asvs_13_2_6_a_connection_that_falls_silent_is_given_up(place: Place) {
    let site = Site::new(&place, short()).await;
    for deed in DEEDS {
        for fault in faults(&[End::Silence]) {
            let case = format!("{deed:?}, {fault:?}");
            let (mut browser, before) = deed.visitor(&site).await;
            deed.ambush(&site, before.as_ref(), fault);
            let reply = browser.get(deed.path()).await;
            site.proxy.disarm();
            let after = site.row().await;
            judge(deed, &reply, before.as_ref(), after.as_ref(), &case);
            let next = browser.get_patiently("/read").await;
            judge_afterwards(deed, &reply, &next, after.as_ref(), &case);
        }
    }
}

/// Short enough to wait for it often, long enough for a busy machine.
pub(crate) fn short() -> Gathering {
    Gathering::default().with_time_limit(Duration::from_millis(400))
}

/// Connections that die while they wait in the pool are not the next visitor's trouble.
async fn r43_connections_that_died_in_the_pool_are_replaced(place: Place) {
    let site = Site::new(&place, Gathering::default()).await;
    for deed in DEEDS {
        for round in 0..3 {
            let case = format!("{deed:?}, round {round}");
            let (mut browser, before) = deed.visitor(&site).await;
            site.proxy.cut();
            let reply = browser.get(deed.path()).await;
            let after = site.row().await;
            judge(deed, &reply, before.as_ref(), after.as_ref(), &case);
            assert!(reply.is_ok(), "{case}: {reply:?}");
            let next = browser.get("/read").await;
            judge_afterwards(deed, &reply, &next, after.as_ref(), &case);
        }
    }
}

/// A connection that falls silent while the pool looks whether it is well, after its statement was answered, keeps its
/// place in the pool no longer than the time limit.
async fn asvs_13_2_6_a_connection_that_falls_silent_on_its_way_back_blocks_nobody(place: Place) {
    let site = Site::new(&place, short()).await;
    let (mut browser, _) = Deed::Update.visitor(&site).await;
    let ping = match place.backend {
        Backend::Mysql => b"\x01\x00\x00\x00\x0e".as_slice(),
        _ => b"S\x00\x00\x00\x04",
    };
    // More often than the pool has places.
    for number in 1..=4 {
        site.proxy.ambush_exactly(ping, Fault::Lost(End::Silence));
        assert!(browser.get_patiently("/update").await.is_ok());
        site.proxy.has_caught(number).await;
    }
    assert!(browser.get_patiently("/update").await.is_ok());
}

on_every_server! {
    r43_asvs_16_5_2_a_cut_connection_never_makes_an_answer_untrue
    r43_asvs_13_2_6_a_connection_that_falls_silent_is_given_up
    asvs_13_2_6_a_connection_that_falls_silent_on_its_way_back_blocks_nobody
    r43_connections_that_died_in_the_pool_are_replaced
}
