//! What happens while somebody signs in.

use std::time::Duration;

use cloakroom::auth::{AuthError, BoxError, Strategy, Verdict, Verified};
use cloakroom::{Method, Operation};
use cloakroom_conformance::{DelayingStore, Gate, Moment, effort};
use futures_util::future::{join, join_all};
use http::StatusCode;

use crate::accounts::{Account, Accounts};
use crate::site::{Browser, Node, Request, Site, Stop, plain};
use crate::support::{Place, on_every_store};

on_every_store! {
    asvs_7_4_2_asvs_7_4_3_asvs_7_4_5_r16_r23_r24_no_sign_in_survives_what_happens_meanwhile
    asvs_7_4_2_r24_of_many_sign_ins_at_once_with_the_end_of_all_none_survives
}

/// Where a sign-in waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    /// In the strategy, which has read the user.
    Strategy,
    /// Once the mark was read and the user was looked up for the second time.
    LookUp,
    /// Before it is admitted.
    Admission,
    /// Once it was admitted.
    Admitted,
}

/// What a sign-in rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    /// A check that is known to have begun before.
    Checked,
    /// The application's word.
    Vouched,
}

/// What happens then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// Whoever runs the application ends all sessions of the user.
    EndAll,
    /// The user ends all their other sessions.
    EndOthers,
    /// The user ends all their sessions.
    EndMine,
    /// The user is disabled or deleted, and nobody is told.
    Gone,
    /// The same, and all their sessions are ended.
    GoneAndEnded,
    /// The stored hash of the password is another, and nobody is told.
    Hash,
    /// The user changes their password.
    Password,
    /// Everybody is signed out.
    EverybodyOut,
}

const POINTS: [Point; 4] = [Point::Strategy, Point::LookUp, Point::Admission, Point::Admitted];
const EVENTS: [Event; 8] = [
    Event::EndAll,
    Event::EndOthers,
    Event::EndMine,
    Event::Gone,
    Event::GoneAndEnded,
    Event::Hash,
    Event::Password,
    Event::EverybodyOut,
];

impl Event {
    /// Whether it is noticed at the next use of a session and not before.
    const fn is_seen_later(self) -> bool {
        matches!(self, Self::Gone | Self::Hash | Self::EverybodyOut)
    }

    async fn happen(self, node: &Node, desk: &mut Browser) {
        let request = desk.request(node);
        match self {
            Self::EndAll => assert_ne!(node.end_all("ann").await, 0),
            Self::EndOthers => drop(request.visit.sessions().await.unwrap().end_others().await.unwrap()),
            Self::EndMine => drop(request.visit.sessions().await.unwrap().end_all().await.unwrap()),
            Self::Gone => node.accounts.remove("ann"),
            Self::GoneAndEnded => {
                node.accounts.remove("ann");
                node.end_all("ann").await;
            }
            Self::Hash => drop(node.accounts.set("ann", "another hash")),
            Self::Password => {
                request.visit.user().await.unwrap().unwrap();
                let changed = node.accounts.set("ann", "another hash");
                request.visit.credentials_changed(&changed).await.unwrap();
            }
            Self::EverybodyOut => node.auth.sign_everybody_out().await.unwrap(),
        }
        desk.answer(request, StatusCode::OK).await.unwrap();
    }

    /// Whether the session from which it may have come lives on.
    const fn keeps_the_desk(self) -> bool {
        matches!(self, Self::EndOthers | Self::Password)
    }
}

/// Signs in, and waits in the strategy if there is a stop.
async fn sign_in(node: &Node, browser: &Browser, proof: Proof, stop: Option<Stop>) -> (Request, Signed) {
    let request = browser.request(node);
    let strategy = by_password(node.accounts.clone(), stop);
    let verified = match proof {
        Proof::Checked => request.visit.verify(&strategy, (), Some("ann")).await.unwrap().verified().unwrap(),
        Proof::Vouched => node.verified("ann"),
    };
    let signed = request.visit.sign_in(verified).await;
    (request, signed)
}

fn by_password(accounts: Accounts, stop: Option<Stop>) -> impl Strategy<(), Account> {
    move |(): ()| {
        let (found, stop) = (accounts.get("ann"), stop.clone());
        async move {
            if let Some(stop) = stop {
                stop.pass().await;
            }
            let verified = Verified::vouched(found.unwrap(), Method::password());
            Ok::<_, BoxError>(Verdict::Verified(verified))
        }
    }
}

type Signed = Result<(), AuthError>;

async fn asvs_7_4_2_asvs_7_4_3_asvs_7_4_5_r16_r23_r24_no_sign_in_survives_what_happens_meanwhile(
    place: Place,
) {
    let site = Site::open(place);
    let slow = DelayingStore::new(site.place.store().await);
    let gate = slow.gate();
    let (here, there) = (site.over(slow, plain), site.node(plain).await);
    let cases = POINTS.into_iter().flat_map(|point| EVENTS.map(|event| (point, event)));
    let cases =
        cases.flat_map(|(point, event)| [Proof::Checked, Proof::Vouched].map(|proof| (point, event, proof)));
    for (point, event, proof) in cases.filter(|case| *case != (Point::Strategy, case.1, Proof::Vouched)) {
        site.accounts.set("ann", "hash of ann");
        site.clock.advance(Duration::from_secs(1));
        here.end_all("ann").await;
        // What came before does not count; from here on the clock stands still.
        site.clock.advance(Duration::from_secs(1));
        let mut desk = Browser::signed_in(&there, "ann").await;
        let mut browser = Browser::default();
        let (request, signed) = meet(&site, [&here, &there], &gate, (point, event, proof), &mut desk).await;
        let status = signed.as_ref().map_or_else(AuthError::status, |()| StatusCode::OK);
        let may_succeed = point == Point::Admitted || event.is_seen_later();
        assert!(signed.is_err() || may_succeed, "{point:?} {event:?} {proof:?}");
        if let Err(error) = &signed {
            assert!(matches!(error, AuthError::Superseded | AuthError::UserGone), "{error:?}");
        }
        // The request may be told that its session is gone.
        let _ = browser.answer(request, status).await;

        site.clock.advance(Duration::from_secs(1));
        let third = site.node(plain).await;
        assert_eq!(browser.user(&third).await, None, "{point:?} {event:?} {proof:?}");
        let desk = desk.user(&third).await;
        assert_eq!(desk.is_some(), event.keeps_the_desk(), "{point:?} {event:?} {proof:?}");
        if event != Event::EverybodyOut {
            assert_eq!(
                third.live("ann").await,
                u64::from(event.keeps_the_desk()),
                "{point:?} {event:?} {proof:?}"
            );
        }
    }
}

/// Lets a sign-in meet an event at a point.
async fn meet(
    site: &Site,
    [here, there]: [&Node; 2],
    gate: &Gate,
    (point, event, proof): (Point, Event, Proof),
    desk: &mut Browser,
) -> (Request, Signed) {
    let stop = Stop::default();
    let in_strategy = (point == Point::Strategy).then(|| stop.clone());
    match point {
        Point::Strategy => {}
        Point::LookUp => *site.look_up.lock().unwrap() = Some(stop.clone()),
        Point::Admission => gate.park(Operation::Admit, Moment::Before),
        Point::Admitted => gate.park(Operation::Admit, Moment::After),
    }
    let browser = Browser::default();
    let other = async {
        let parked = match point {
            Point::Strategy | Point::LookUp => {
                stop.reached().await;
                None
            }
            Point::Admission | Point::Admitted => Some(gate.parked(1).await),
        };
        gate.park_no_more();
        event.happen(there, desk).await;
        stop.open();
        drop(parked);
    };
    join(sign_in(here, &browser, proof, in_strategy), other).await.0
}

async fn asvs_7_4_2_r24_of_many_sign_ins_at_once_with_the_end_of_all_none_survives(place: Place) {
    const BROWSERS: usize = 8;
    let site = Site::open(place);
    let nodes = [site.node(plain).await, site.node(plain).await];
    for _ in 0..10 * effort() {
        site.clock.advance(Duration::from_secs(1));
        let stops = [(); BROWSERS].map(|()| Stop::default());
        let sign_ins = stops.iter().enumerate().map(|(number, stop)| {
            let (node, stop) = (nodes[number % 2].clone(), stop.clone());
            tokio::spawn(async move {
                let mut browser = Browser::default();
                let (request, signed) = sign_in(&node, &browser, Proof::Checked, Some(stop)).await;
                let status = signed.as_ref().map_or_else(AuthError::status, |()| StatusCode::OK);
                let _ = browser.answer(request, status).await;
                (browser, signed)
            })
        });
        let sign_ins: Vec<_> = sign_ins.collect();
        for stop in &stops {
            stop.reached().await;
        }
        stops.iter().for_each(Stop::open);
        nodes[1].end_all("ann").await;
        let third = site.node(plain).await;
        for done in join_all(sign_ins).await {
            let (mut browser, signed) = done.unwrap();
            assert!(
                !matches!(signed, Err(ref error) if !matches!(error, AuthError::Superseded)),
                "{signed:?}"
            );
            assert_eq!(browser.user(&third).await, None);
        }
        assert_eq!(third.live("ann").await, 0);
    }
}
