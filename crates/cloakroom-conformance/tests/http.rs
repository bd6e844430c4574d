//! The scenarios against a binding without a framework, and against bindings that are wrong on purpose.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cloakroom_conformance::{App, HTTP_CASES, HttpSuite, block_on, http_tests, respond};
use cloakroom_core::{LazySession, SessionManager};
use http::header::{CACHE_CONTROL, COOKIE, RETRY_AFTER, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};

mod without_a_framework {
    use super::*;

    http_tests!(HttpSuite::new(|manager| bind(manager, Flaw::None)), block_on);
}

/// What is wrong with a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    LoadsEagerly,
    NeverFinishes,
    FinishesLater,
    FinishesTwice,
    HidesSaveErrors,
    KeepsTheBodyOfAFailedSave,
    HidesLoadErrors,
    ForgetsRetryAfter,
    ReplacesCookies,
    SetsOnlyTheCookie,
    PutsNoSessionIn,
    MixesRequestsUp,
    ClearsCookiesOfNobody,
    ReadsOtherHeaders,
    TakesTheFirstCookieHeader,
    LosesTheHandlersStatus,
    RemembersSessions,
}

/// Every flaw with a scenario that has to catch it. Others may catch it, too.
const CAUGHT: &[(Flaw, &str)] = &[
    (Flaw::LoadsEagerly, "round_trips::a_session_that_is_not_asked_for_costs_nothing"),
    (Flaw::NeverFinishes, "round_trips::a_first_write_is_one_creation"),
    (Flaw::FinishesLater, "parallel::r08_a_redirect_leaves_after_the_commit"),
    (Flaw::FinishesTwice, "cookies::asvs_3_3_1_asvs_3_3_2_nist_5_1_1_cookie_of_the_first_write_is_guarded"),
    (Flaw::HidesSaveErrors, "failures::asvs_16_5_3_a_failed_save_is_503_and_sets_no_cookie"),
    (Flaw::HidesSaveErrors, "logout::r01_logout_during_a_write_leaves_nothing"),
    (Flaw::HidesSaveErrors, "failures::a_failed_logout_is_not_reported_as_one"),
    (Flaw::KeepsTheBodyOfAFailedSave, "failures::asvs_16_5_3_a_failed_save_is_503_and_sets_no_cookie"),
    (Flaw::KeepsTheBodyOfAFailedSave, "failures::a_failed_redirect_is_not_followed"),
    (Flaw::HidesLoadErrors, "failures::asvs_16_5_2_a_failed_load_is_503_and_never_a_write"),
    (Flaw::ForgetsRetryAfter, "failures::asvs_16_5_2_a_failed_load_is_503_and_never_a_write"),
    (Flaw::ReplacesCookies, "cookies::r46_other_cookies_and_headers_stay"),
    (
        Flaw::SetsOnlyTheCookie,
        "cookies::asvs_14_2_2_r38_owasp_caching_what_carries_the_cookie_is_never_cached",
    ),
    (Flaw::SetsOnlyTheCookie, "nobody::asvs_14_3_2_r38_pages_that_read_vary_by_cookie_and_others_do_not"),
    (Flaw::PutsNoSessionIn, "round_trips::a_read_is_one_load"),
    (Flaw::MixesRequestsUp, "parallel::r42_asvs_15_4_1_every_visitor_sees_only_their_own"),
    (Flaw::ClearsCookiesOfNobody, "nobody::an_unknown_cookie_is_never_cleared"),
    (Flaw::ReadsOtherHeaders, "nobody::r15_asvs_14_2_1_an_id_counts_only_in_the_cookie"),
    (
        Flaw::TakesTheFirstCookieHeader,
        "nobody::asvs_15_3_7_two_different_cookies_of_our_name_are_not_believed",
    ),
    (Flaw::LosesTheHandlersStatus, "cookies::the_handlers_answer_comes_through"),
    (Flaw::RemembersSessions, "nodes::asvs_7_4_1_r05_r26_a_logout_is_seen_by_every_node_at_once"),
    (
        Flaw::RemembersSessions,
        "nodes::asvs_8_2_4_asvs_8_3_2_a_change_of_rights_is_seen_by_every_node_at_once",
    ),
];

#[test]
fn every_flaw_is_caught_by_name() {
    let mut missed = Vec::new();
    for (flaw, name) in CAUGHT {
        let case = HTTP_CASES.iter().find(|case| case.name() == *name).expect("a scenario of that name");
        let suite = HttpSuite::new(|manager| bind(manager, *flaw));
        if block_on(suite.run_case(case)).is_ok() {
            missed.push((flaw, name));
        }
    }
    assert_eq!(missed, []);
}

const REMOVAL: &str = "__Host-id=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax";

/// A binding as every framework's comes down to, but for its flaw.
fn bind(manager: SessionManager, flaw: Flaw) -> App {
    let first = Arc::new(std::sync::OnceLock::<LazySession>::new());
    let remembered = Mutex::new(HashMap::<HeaderValue, LazySession>::new());
    Arc::new(move |request: Request<Vec<u8>>| {
        let mut session = begin(&manager, request.headers(), flaw);
        if let Some(cookie) = request.headers().get(COOKIE).filter(|_| flaw == Flaw::RemembersSessions) {
            session = remembered
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(cookie.clone())
                .or_insert(session)
                .clone();
        }
        let session =
            if flaw == Flaw::MixesRequestsUp { first.get_or_init(|| session).clone() } else { session };
        Box::pin(async move {
            if flaw == Flaw::LoadsEagerly {
                let _ = session.load().await;
            }
            let put_in = (flaw != Flaw::PutsNoSessionIn).then_some(&session);
            let mut response = match respond(put_in, &request.uri().to_string()).await {
                Ok(response) => response,
                Err(_) if flaw == Flaw::HidesLoadErrors => Response::new(b"sorry".to_vec()),
                Err(error) => {
                    let wait = error.retry_after().filter(|_| flaw != Flaw::ForgetsRetryAfter);
                    refuse(error.status(), wait)
                }
            };
            if flaw == Flaw::NeverFinishes {
                return response;
            }
            if flaw == Flaw::FinishesLater {
                std::thread::spawn(move || {
                    block_on(async move { session.finish(StatusCode::OK).await.is_ok() })
                });
                return response;
            }
            if flaw == Flaw::FinishesTwice {
                let _ = session.finish(response.status()).await;
            }
            if flaw == Flaw::LosesTheHandlersStatus {
                *response.status_mut() = StatusCode::OK;
            }
            match session.finish(response.status()).await {
                Ok(finished) => {
                    let headers = response.headers_mut();
                    match finished.set_cookie() {
                        Some(cookie) if flaw == Flaw::ReplacesCookies => {
                            headers.insert(SET_COOKIE, cookie.clone());
                            headers.append(VARY, HeaderValue::from_static("Cookie"));
                            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                        }
                        cookie if flaw == Flaw::SetsOnlyTheCookie => {
                            headers.extend(cookie.map(|cookie| (SET_COOKIE, cookie.clone())));
                        }
                        None if flaw == Flaw::ClearsCookiesOfNobody => {
                            headers.append(SET_COOKIE, HeaderValue::from_static(REMOVAL));
                        }
                        _ => finished.apply(headers),
                    }
                }
                Err(_) if flaw == Flaw::HidesSaveErrors => {}
                Err(error) if flaw == Flaw::KeepsTheBodyOfAFailedSave => {
                    *response.status_mut() = error.status();
                }
                Err(error) => response = refuse(error.status(), error.retry_after()),
            }
            response
        })
    })
}

fn begin(manager: &SessionManager, headers: &HeaderMap, flaw: Flaw) -> LazySession {
    let mut headers = headers.clone();
    match flaw {
        Flaw::ReadsOtherHeaders => {
            if let Some(id) = headers.get("x-session-id").cloned() {
                let cookie = [b"__Host-id=".as_slice(), id.as_bytes()].concat();
                headers.extend(HeaderValue::from_bytes(&cookie).ok().map(|cookie| (COOKIE, cookie)));
            }
        }
        Flaw::TakesTheFirstCookieHeader => {
            if let Some(first) = headers.get(COOKIE).cloned() {
                headers.insert(COOKIE, first);
            }
        }
        _ => {}
    }
    manager.begin(&headers)
}

fn refuse(status: StatusCode, wait: Option<Duration>) -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = status;
    response.headers_mut().extend(wait.map(|wait| (RETRY_AFTER, HeaderValue::from(wait.as_secs()))));
    response
}
