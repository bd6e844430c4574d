//! A store that fails at each operation: nobody is told what did not happen, and nobody is half signed in.

use std::sync::Arc;

use cloakroom_auth::{AuthError, History};
use cloakroom_conformance::{FailingStore, Fault, Faults, Moment};
use cloakroom_core::{ErrorKind, MemoryStore, Operation, Policy};
use http::StatusCode;

use crate::support::{Application, Browser, Request, Told};

const OPERATIONS: [Operation; 9] = [
    Operation::Load,
    Operation::Create,
    Operation::Save,
    Operation::Admit,
    Operation::Touch,
    Operation::Rename,
    Operation::Delete,
    Operation::List,
    Operation::End,
];

/// Not one of the requests below makes more calls of one kind.
const MOST_CALLS: u64 = 5;

/// One thing that fails once.
#[derive(Clone, Copy, Debug)]
struct Failure {
    operation: Operation,
    nth: u64,
    /// The store fails before it does anything, and says so, or nobody knows, whether it has done it or not.
    how: (ErrorKind, Moment),
}

fn failures() -> impl Iterator<Item = Failure> {
    let ways = [
        (ErrorKind::Unavailable, Moment::Before),
        (ErrorKind::Unknown, Moment::Before),
        (ErrorKind::Unknown, Moment::After),
    ];
    OPERATIONS.into_iter().flat_map(move |operation| {
        (1..=MOST_CALLS).flat_map(move |nth| ways.map(|how| Failure { operation, nth, how }))
    })
}

impl Failure {
    fn strike(self, faults: &Faults) {
        let (kind, moment) = self.how;
        faults.add(Fault::new(kind).on(self.operation).nth(self.nth).at(moment));
    }
}

struct Story {
    application: Application,
    faults: Faults,
    desk: Browser,
    phone: Browser,
}

/// Two browsers in which somebody is signed in, on a store that is whole so far.
async fn story() -> Story {
    let store = FailingStore::new(Arc::new(MemoryStore::new()));
    let faults = store.faults();
    let kept = History::Kept {
        entries: std::num::NonZeroU32::new(10).unwrap(),
        time: std::time::Duration::from_secs(86_400),
    };
    let application = Application::on(store, Policy::default(), |builder| builder.history(kept));
    let (mut desk, mut phone) = (Browser::default(), Browser::default());
    desk.sign_in(&application, "ann").await;
    phone.sign_in(&application, "ann").await;
    application.events.take();
    Story { application, faults, desk, phone }
}

/// Finishes a request whose handler answers what `done` says; whether its client was told that it was done.
async fn answered(browser: &mut Browser, request: Request, done: &Result<(), AuthError>) -> bool {
    let status = done.as_ref().map_or_else(AuthError::status, |()| StatusCode::OK);
    let finished = browser.try_answer(request, status).await;
    done.is_ok() && finished.is_ok()
}

#[tokio::test]
async fn asvs_16_5_3_nobody_is_told_of_a_sign_in_that_was_not_and_nobody_is_half_signed_in() {
    for failure in failures() {
        let Story { application, faults, .. } = story().await;
        let mut browser = Browser::default();
        let request = browser.request(&application);
        request.loaded().await.insert("basket", 1).unwrap();
        browser.answer(request).await;
        let old = browser.clone();

        failure.strike(&faults);
        let request = browser.request(&application);
        let done = request.visit.sign_in(application.verified("ann")).await;
        let told = answered(&mut browser, request, &done).await;
        faults.clear();
        let user = browser.user(&application).await;
        let live = application.live("ann").await;
        let told_of = application.events.take().contains(&Told::SignedIn("ann".to_owned()));
        assert_eq!(told_of, done.is_ok(), "{failure:?}");
        assert!(told_of || user.is_none(), "{failure:?}: signed in unheard");
        if told {
            assert_eq!((user.as_deref(), live), (Some("ann"), 3), "{failure:?}");
            assert_eq!(old.clone().user(&application).await, None, "{failure:?}");
        } else if failure.how.0 == ErrorKind::Unavailable {
            assert_eq!((user, live), (None, 2), "{failure:?}: {done:?}");
            let session = browser.request(&application).loaded().await;
            assert_eq!(session.get::<u32>("basket").unwrap(), Some(1), "{failure:?}");
        } else {
            // Nobody knew, so it may have happened, but whole.
            assert_eq!(live, 2 + usize::from(user.is_some()), "{failure:?}: {done:?}");
        }
    }
}

#[tokio::test]
async fn asvs_7_4_1_asvs_16_5_3_nobody_is_told_that_they_are_signed_out_unless_they_are() {
    for failure in failures() {
        let Story { application, faults, mut desk, .. } = story().await;
        let replay = desk.clone();
        failure.strike(&faults);
        let request = desk.request(&application);
        let done = request.visit.sign_out().await;
        let told = answered(&mut desk, request, &done).await;
        faults.clear();
        let live = application.live("ann").await;
        if told {
            assert_eq!((replay.clone().user(&application).await, live), (None, 1), "{failure:?}");
        }
        assert_eq!(live == 2, replay.clone().user(&application).await.is_some(), "{failure:?}");
    }
}

#[tokio::test]
async fn asvs_7_4_2_asvs_16_5_3_nobody_is_told_that_all_have_ended_unless_they_have() {
    for failure in failures() {
        let Story { application, faults, mut desk, mut phone } = story().await;
        let replay = desk.clone();
        failure.strike(&faults);
        let request = desk.request(&application);
        let done = match request.visit.sessions().await {
            Ok(sessions) => sessions.end_all().await.map(drop),
            Err(error) => Err(error),
        };
        let told = answered(&mut desk, request, &done).await;
        faults.clear();
        let live = application.live("ann").await;
        if told {
            assert_eq!((phone.user(&application).await, live), (None, 0), "{failure:?}");
            assert_eq!(replay.clone().user(&application).await, None, "{failure:?}");
        } else {
            assert!([0, 2].contains(&live), "{failure:?}: all or none, and not {live}");
        }
        let told_of = application.events.take();
        assert!(live == 0 || told_of.is_empty(), "{failure:?}: {told_of:?}");
    }
}

#[tokio::test]
async fn r23_asvs_7_4_3_asvs_16_5_3_the_old_password_opens_nothing_whatever_failed() {
    for failure in failures() {
        let Story { application, faults, mut desk, mut phone } = story().await;
        failure.strike(&faults);
        let request = desk.request(&application);
        let known = request.visit.user().await;
        let changed = application.accounts.set("ann", "another hash");
        let done = match known {
            Ok(_) => request.visit.credentials_changed(&changed).await,
            Err(error) => Err(error),
        };
        let told = answered(&mut desk, request, &done).await;
        faults.clear();
        if told {
            assert_eq!(application.live("ann").await, 1, "{failure:?}");
            assert_eq!(desk.user(&application).await.as_deref(), Some("ann"), "{failure:?}");
        }
        assert_eq!(phone.user(&application).await, None, "{failure:?}");
    }
}

#[tokio::test]
async fn nobody_is_signed_out_because_nobody_can_say_who_they_are() {
    let memory = Arc::new(MemoryStore::new());
    let application = Application::on(Arc::clone(&memory), Policy::default(), |builder| builder);
    let mut browser = Browser::default();
    browser.sign_in(&application, "ann").await;
    let manager =
        cloakroom_core::SessionManager::builder(memory).clock(application.clock.clone()).build().unwrap();
    let broken = cloakroom_auth::Auth::<crate::accounts::Account>::new(manager, |_| async {
        Err::<Option<crate::accounts::Account>, cloakroom_auth::BoxError>("the table is locked".into())
    });
    let mut headers = http::HeaderMap::new();
    headers.extend(browser.cookie.clone().map(|cookie| (http::header::COOKIE, cookie)));
    let session = broken.manager().begin(&headers);
    let visit = broken.visit(session.clone(), &headers, None);
    assert!(matches!(visit.user().await.unwrap_err(), AuthError::Users(_)));
    assert!(session.finish(StatusCode::INTERNAL_SERVER_ERROR).await.unwrap().set_cookie().is_none());
    assert_eq!(browser.user(&application).await.as_deref(), Some("ann"));
}
