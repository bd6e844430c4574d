//! Histories made by hand: the checker accepts the good ones and finds the flaw in each of the others.

use super::checker::check;
use super::{Act, Entry, Reply, Seen};

/// A request between two instants that saw a counter, a value and keys.
fn done(act: Act, [begun, ended]: [u64; 2], (count, written, keys): (u64, u64, &[u64])) -> Entry {
    replied(act, [begun, ended], Reply::Done(Seen { count, written, keys: keys.to_vec() }))
}

fn replied(act: Act, [begun, ended]: [u64; 2], reply: Reply) -> Entry {
    Entry { session: 0, cookie: "first".to_owned(), issued: None, act, begun, ended, reply }
}

fn with(cookie: &str, entry: Entry) -> Entry {
    Entry { cookie: cookie.to_owned(), ..entry }
}

fn accepts(entries: &[Entry]) {
    assert_eq!(check(entries), Vec::<String>::new());
}

#[track_caller]
fn rejects(flaw: &str, entries: &[Entry]) {
    let reasons = check(entries);
    assert!(reasons.iter().any(|reason| reason.contains(flaw)), "{flaw:?} was not found: {reasons:#?}");
}

const NOTHING: (u64, u64, &[u64]) = (0, 0, &[]);

#[test]
fn one_request_after_the_other_is_accepted() {
    accepts(&[
        done(Act::Read, [1, 2], NOTHING),
        done(Act::Count, [3, 4], (1, 0, &[])),
        done(Act::Write(7), [5, 6], (1, 7, &[])),
        done(Act::Insert(9), [7, 8], (1, 7, &[9])),
        done(Act::Rotate, [9, 10], (1, 7, &[9])),
        replied(Act::Count, [11, 12], Reply::Stranger),
        with("second", done(Act::Remove(9), [13, 14], (1, 7, &[]))),
        with("second", replied(Act::Count, [15, 16], Reply::Unknown)),
        with("second", done(Act::Count, [17, 18], (3, 7, &[]))),
        with("second", done(Act::Destroy, [19, 20], (3, 7, &[]))),
        with("second", replied(Act::Read, [21, 22], Reply::Stranger)),
        replied(Act::Read, [23, 24], Reply::Stranger),
    ]);
}

#[test]
fn requests_that_overlap_may_come_in_any_order() {
    accepts(&[
        done(Act::Count, [1, 9], (2, 0, &[])),
        done(Act::Count, [2, 8], (1, 0, &[])),
        done(Act::Read, [3, 4], (2, 0, &[])),
        done(Act::Write(5), [1, 9], (0, 5, &[])),
        done(Act::Write(6), [1, 9], (2, 6, &[])),
        done(Act::Read, [10, 11], (2, 5, &[])),
        done(Act::Destroy, [12, 20], (2, 5, &[])),
        done(Act::Read, [13, 14], (2, 5, &[])),
        replied(Act::Count, [15, 16], Reply::Gone),
        replied(Act::Count, [15, 16], Reply::Contended),
    ]);
}

#[test]
fn a_lost_update_is_found() {
    let first = done(Act::Count, [1, 5], (1, 0, &[]));
    rejects("another had counted", &[first.clone(), done(Act::Count, [2, 6], (1, 0, &[]))]);
    rejects(
        "not between 2 and 2",
        &[first, done(Act::Count, [2, 6], (2, 0, &[])), done(Act::Read, [7, 8], (1, 0, &[]))],
    );
}

#[test]
fn an_update_that_was_made_twice_is_found() {
    rejects(
        "not between 1 and 1",
        &[done(Act::Count, [1, 2], (1, 0, &[])), done(Act::Read, [3, 4], (2, 0, &[]))],
    );
    rejects(
        "not between 0 and 1",
        &[replied(Act::Count, [1, 2], Reply::Unknown), done(Act::Read, [3, 4], (2, 0, &[]))],
    );
}

#[test]
fn an_update_of_a_request_that_was_refused_is_found() {
    for refused in [Reply::Contended, Reply::Stranger, Reply::Gone] {
        rejects(
            "not between 0 and 0",
            &[replied(Act::Count, [1, 2], refused), done(Act::Read, [3, 4], (1, 0, &[]))],
        );
    }
}

#[test]
fn a_counter_that_goes_back_is_found() {
    rejects(
        "went back",
        &[
            done(Act::Count, [1, 20], (1, 0, &[])),
            done(Act::Read, [2, 3], (1, 0, &[])),
            done(Act::Read, [4, 5], (0, 0, &[])),
        ],
    );
}

#[test]
fn a_stale_read_after_an_acknowledged_write_is_found() {
    let first = done(Act::Write(5), [1, 2], (0, 5, &[]));
    let second = done(Act::Write(6), [3, 4], (0, 6, &[]));
    let stale = done(Act::Read, [7, 8], (0, 5, &[]));
    rejects("had been replaced", &[first.clone(), second.clone(), stale.clone()]);
    rejects("had been replaced", &[first.clone(), done(Act::Read, [7, 8], NOTHING)]);
    // Nobody knows of the second write, but somebody saw it.
    let unknown = Entry { reply: Reply::Unknown, ..second };
    accepts(&[first.clone(), unknown.clone(), stale.clone()]);
    rejects("had been replaced", &[first, unknown, done(Act::Read, [5, 6], (0, 6, &[])), stale]);
}

#[test]
fn a_value_that_was_not_written_is_found() {
    rejects("what nobody wrote", &[done(Act::Read, [1, 2], (0, 5, &[]))]);
    let read = done(Act::Read, [1, 2], (0, 5, &[]));
    rejects("what had not been written", &[read.clone(), done(Act::Write(5), [3, 4], (0, 5, &[]))]);
    rejects("what had not been written", &[read, replied(Act::Write(5), [0, 1], Reply::Contended)]);
}

#[test]
fn a_key_that_vanishes_or_comes_back_is_found() {
    let insert = done(Act::Insert(9), [1, 2], (0, 0, &[9]));
    let remove = done(Act::Remove(9), [3, 4], NOTHING);
    rejects("a key vanished", &[insert.clone(), done(Act::Read, [5, 6], NOTHING)]);
    rejects("a key came back", &[insert.clone(), remove, done(Act::Read, [5, 6], (0, 0, &[9]))]);
    rejects(
        "not inserted",
        &[replied(Act::Insert(9), [1, 2], Reply::Contended), done(Act::Read, [5, 6], (0, 0, &[9]))],
    );
    rejects("nobody inserted", &[insert, done(Act::Read, [5, 6], (0, 0, &[8, 9]))]);
}

#[test]
fn a_request_that_does_not_see_its_own_effect_is_found() {
    rejects("own effect", &[done(Act::Write(5), [1, 2], (0, 4, &[]))]);
    rejects("own effect", &[done(Act::Insert(5), [1, 2], NOTHING)]);
}

#[test]
fn a_resurrection_is_found() {
    let end = done(Act::Destroy, [1, 2], NOTHING);
    rejects("what had ended", &[end.clone(), done(Act::Read, [3, 4], NOTHING)]);
    rejects("what had ended", &[end, with("second", done(Act::Count, [3, 4], (1, 0, &[])))]);
}

#[test]
fn a_cookie_that_still_opens_after_a_rotation_is_found() {
    let rotation = done(Act::Rotate, [1, 2], NOTHING);
    rejects("what had ended", &[rotation.clone(), done(Act::Read, [3, 4], NOTHING)]);
    accepts(&[rotation.clone(), with("second", done(Act::Read, [3, 4], NOTHING))]);
    rejects("two successors", &[rotation, done(Act::Rotate, [1, 4], NOTHING)]);
}

#[test]
fn a_visitor_who_is_turned_away_without_a_reason_is_found() {
    for reply in [Reply::Stranger, Reply::Gone] {
        rejects("without a reason", &[replied(Act::Read, [1, 2], reply.clone())]);
        let late = done(Act::Destroy, [3, 4], NOTHING);
        rejects("without a reason", &[replied(Act::Read, [1, 2], reply.clone()), late]);
        let other = with("second", done(Act::Rotate, [0, 1], NOTHING));
        rejects("without a reason", &[replied(Act::Read, [1, 2], reply), other]);
    }
}
