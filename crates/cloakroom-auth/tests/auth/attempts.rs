//! How often a visitor may try, as [`Visit::verify`](cloakroom_auth::Visit::verify) counts.

use std::future::{pending, ready};
use std::time::Duration;

use cloakroom_auth::attempts::{Attempts, Limit, Limits};
use cloakroom_auth::{AuthError, BoxError, Refusal, Verdict, Verified};
use cloakroom_core::Method;
use futures_util::FutureExt as _;

use crate::accounts::Account;
use crate::support::{Application, Browser, Told};

const WAIT: Duration = Duration::from_secs(30);

/// Two tries of an account, then a wait.
fn application() -> Application {
    let limits = Limits::default().account(Limit::new(2, WAIT, WAIT));
    Application::with(|builder| builder.attempts(Attempts::new(limits)))
}

fn wrong(_: ()) -> impl Future<Output = Result<Verdict<Account>, BoxError>> + Send {
    ready(Ok(Verdict::Refused(Refusal::Credentials)))
}

fn unreachable(_: ()) -> impl Future<Output = Result<Verdict<Account>, BoxError>> + Send {
    ready(Err("the directory does not answer".into()))
}

async fn fails(application: &Application) -> Refusal {
    let request = Browser::default().request_from(application, Some("192.0.2.7"));
    match request.visit.verify(&wrong, (), Some("ann")).await.unwrap() {
        Verdict::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn too_many_are_not_even_judged_until_the_wait_is_over() {
    let application = application();
    assert_eq!(fails(&application).await, Refusal::Credentials);
    assert_eq!(fails(&application).await, Refusal::Credentials);
    let request = Browser::default().request_from(&application, Some("192.0.2.7"));
    let judged =
        |(): ()| -> std::future::Ready<Result<Verdict<Account>, BoxError>> { panic!("it was judged") };
    let verdict = request.visit.verify(&judged, (), Some("ann")).await.unwrap();
    let Verdict::Refused(Refusal::TooManyAttempts { retry_after }) = verdict else { panic!("{verdict:?}") };
    assert_eq!(retry_after, WAIT);
    assert_eq!(application.events.take(), [Told::Refused, Told::Refused, Told::Limited]);
    // Nobody is locked out for good.
    application.clock.advance(WAIT);
    assert_eq!(fails(&application).await, Refusal::Credentials);
}

#[tokio::test]
async fn a_strategy_that_fails_gives_the_attempt_back() {
    let application = application();
    for _ in 0..10 {
        let request = Browser::default().request_from(&application, Some("192.0.2.7"));
        let error = request.visit.verify(&unreachable, (), Some("ann")).await.unwrap_err();
        assert!(matches!(error, AuthError::Users(_)));
    }
    assert_eq!(fails(&application).await, Refusal::Credentials);
}

#[tokio::test]
async fn a_dropped_check_counts_as_one_that_failed() {
    let application = application();
    let never = |(): ()| pending::<Result<Verdict<Account>, BoxError>>();
    for _ in 0..2 {
        let request = Browser::default().request_from(&application, Some("192.0.2.7"));
        assert!(request.visit.verify(&never, (), Some("ann")).now_or_never().is_none());
    }
    assert!(matches!(fails(&application).await, Refusal::TooManyAttempts { .. }));
}

#[tokio::test]
async fn one_that_succeeds_is_given_back() {
    let application = application();
    for _ in 0..10 {
        let request = Browser::default().request_from(&application, Some("192.0.2.7"));
        let account = application.accounts.get("ann").unwrap();
        let right = move |(): ()| {
            let verified = Verified::vouched(account.clone(), Method::password());
            ready(Ok::<_, BoxError>(Verdict::Verified(verified)))
        };
        let verdict = request.visit.verify(&right, (), Some("ann")).await.unwrap();
        assert!(matches!(verdict, Verdict::Verified(_)));
    }
}
