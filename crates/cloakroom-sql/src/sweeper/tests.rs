use std::collections::VecDeque;

use cloakroom_core::Operation as Verb;
use tokio::sync::mpsc;
use tokio::time::{advance, timeout};

use super::*;

/// A store that answers as the test says, and tells the test what it was asked.
struct Scripted {
    answers: Mutex<VecDeque<Result<Swept, StoreError>>>,
    asked: mpsc::UnboundedSender<(u32, Instant)>,
    /// How long a batch takes.
    takes: Duration,
}

#[derive(Debug)]
struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(7)
    }
}

impl Sweepable for Scripted {
    async fn sweep(&self, limit: NonZeroU32, now: Timestamp) -> Result<Swept, StoreError> {
        assert_eq!(now, Timestamp::from_millis(7), "the clock that was given says what has expired");
        sleep(self.takes).await;
        let _test_is_over = self.asked.send((limit.get(), Instant::now()));
        let answer = self.answers.lock().unwrap().pop_front();
        answer.unwrap_or(Ok(Swept { removed: 0, remaining: Remaining::Nothing }))
    }
}

type Asked = mpsc::UnboundedReceiver<(u32, Instant)>;

fn scripted(answers: impl IntoIterator<Item = Result<Swept, StoreError>>) -> (Arc<Scripted>, Asked) {
    slow(answers, Duration::ZERO)
}

fn slow(
    answers: impl IntoIterator<Item = Result<Swept, StoreError>>,
    takes: Duration,
) -> (Arc<Scripted>, Asked) {
    let (asked, receiver) = mpsc::unbounded_channel();
    (Arc::new(Scripted { answers: Mutex::new(answers.into_iter().collect()), asked, takes }), receiver)
}

fn start(sweep: Sweep, target: &Arc<Scripted>) -> Sweeper {
    Sweeper::start(sweep, Arc::clone(target), Arc::new(Fixed), &Handle::current())
}

fn more() -> Swept {
    Swept { removed: 500, remaining: Remaining::Perhaps }
}

fn failure(kind: ErrorKind) -> Result<Swept, StoreError> {
    Err(StoreError::new(kind, Verb::Sweep, "scripted"))
}

/// What the store is asked next.
async fn next(asked: &mut Asked) -> (u32, Instant) {
    // So that a test whose sweep never comes fails instead of hanging.
    let next = timeout(Duration::from_hours(48), asked.recv()).await;
    next.expect("a sweep is begun").expect("the test has the store")
}

async fn settle() {
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn it_runs_again_and_again_at_jittered_distances() {
    let (target, mut asked) = scripted([]);
    let interval = Duration::from_mins(1);
    let _sweeper = start(Sweep::Every(interval), &target);
    let mut last = Instant::now();
    let mut pauses = Vec::new();
    for _ in 0..40 {
        let (limit, at) = next(&mut asked).await;
        assert_eq!(limit, 500);
        let pause = at - last;
        assert!(pause >= interval / 2 && pause <= interval * 3 / 2 + Duration::from_millis(1), "{pause:?}");
        pauses.push(pause);
        last = at;
    }
    pauses.sort();
    pauses.dedup();
    assert!(pauses.len() > 20, "nodes that sweep in step would have equal pauses: {pauses:?}");
}

#[test]
fn the_jitter_has_bounds() {
    let minute = Duration::from_mins(1);
    assert_eq!(jittered(minute, 0), minute / 2);
    assert_eq!(jittered(minute, u32::MAX), minute * 3 / 2);
    assert_eq!(jittered(Duration::ZERO, 0), Duration::from_millis(500), "never a busy loop");
    assert!(jittered(Duration::MAX, u32::MAX) > minute, "an absurd interval is no panic");
}

#[tokio::test(start_paused = true)]
async fn a_run_goes_on_while_there_is_more_and_time() {
    let (target, mut asked) = slow([Ok(more()), Ok(more()), Ok(more())], Duration::from_millis(10));
    let _sweeper = start(Sweep::Every(Duration::from_hours(1)), &target);
    let (_, first) = next(&mut asked).await;
    for batch in 1..4 {
        assert_eq!(next(&mut asked).await.1 - first, Duration::from_millis(10) * batch);
    }
    // That was the last: nothing remained.
    assert!(next(&mut asked).await.1 - first >= Duration::from_mins(30));
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_with_its_budget() {
    let (target, mut asked) = slow(std::iter::repeat_with(|| Ok(more())).take(100), Duration::from_secs(1));
    let _sweeper = start(Sweep::Every(Duration::from_hours(1)), &target);
    let (_, mut last) = next(&mut asked).await;
    for _ in 1..5 {
        let (_, at) = next(&mut asked).await;
        assert_eq!(at - last, Duration::from_secs(1));
        last = at;
    }
    assert!(next(&mut asked).await.1 - last >= Duration::from_mins(30), "five seconds were over");
}

#[tokio::test(start_paused = true)]
async fn it_survives_errors() {
    let (target, mut asked) = scripted(
        std::iter::repeat_with(|| failure(ErrorKind::Unavailable))
            .take(3)
            .chain([Ok(more())])
            .chain([failure(ErrorKind::Unknown)]),
    );
    let _sweeper = start(Sweep::Every(Duration::from_mins(1)), &target);
    for _ in 0..8 {
        next(&mut asked).await;
    }
}

#[test]
fn only_a_change_of_health_is_said() {
    let (good, bad) = (|| Ok(0), || Err(StoreError::new(ErrorKind::Unknown, Verb::Sweep, "scripted")));
    let mut health = Health { state: State::Well, said: None };
    let start = Instant::now();
    let mut turn = |outcome: Result<u64, StoreError>, seconds| {
        health.turn(&outcome, start + Duration::from_secs(seconds))
    };
    assert_eq!(turn(good(), 0), Turn::Same);
    assert_eq!(turn(bad(), 0), Turn::Worse);
    assert_eq!(turn(bad(), 100), Turn::Same, "an outage of hours is one line");
    assert_eq!(turn(good(), 101), Turn::Better);
    assert_eq!(turn(good(), 102), Turn::Same);
    // A database that comes and goes, with a run for every request.
    assert_eq!(turn(bad(), 110), Turn::Worse);
    assert_eq!(turn(good(), 110), Turn::Better);
    for _ in 0..100 {
        assert_eq!(turn(bad(), 169), Turn::Same);
        assert_eq!(turn(good(), 169), Turn::Same);
    }
    assert_eq!(turn(bad(), 169), Turn::Same);
    assert_eq!(turn(bad(), 170), Turn::Worse);
    assert_eq!(turn(good(), 171), Turn::Better);
}

#[tokio::test(start_paused = true)]
async fn it_stops_when_told_and_when_dropped_and_with_its_store() {
    let (target, mut asked) = scripted([]);
    let sweeper = start(Sweep::Every(Duration::from_mins(1)), &target);
    next(&mut asked).await;
    sweeper.stop().await;
    assert_eq!(Arc::strong_count(&target), 1, "the task has let go of the store");
    sweeper.stop().await;

    let sweeper = start(Sweep::Every(Duration::from_mins(1)), &target);
    next(&mut asked).await;
    drop(sweeper);
    settle().await;
    assert_eq!(Arc::strong_count(&target), 1);

    let (target, mut asked) = scripted([failure(ErrorKind::Closed)]);
    let _sweeper = start(Sweep::Every(Duration::from_mins(1)), &target);
    next(&mut asked).await;
    settle().await;
    assert_eq!(Arc::strong_count(&target), 1, "a closed store is not swept any more");
}

#[tokio::test(start_paused = true)]
async fn it_stops_in_the_middle_of_a_batch() {
    let (target, mut asked) = slow([], Duration::from_hours(9));
    let sweeper = start(Sweep::Every(Duration::from_mins(1)), &target);
    settle().await;
    advance(Duration::from_mins(2)).await;
    settle().await;
    let before = Instant::now();
    sweeper.stop().await;
    assert_eq!(Instant::now(), before);
    assert!(asked.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn off_is_off() {
    let (target, mut asked) = scripted([]);
    let sweeper = start(Sweep::Off, &target);
    for _ in 0..100 {
        sweeper.requested();
        sweeper.inserted();
    }
    settle().await;
    advance(Duration::from_hours(24)).await;
    settle().await;
    assert!(asked.try_recv().is_err());
    assert_eq!(Arc::strong_count(&target), 1, "there is no task");
}

#[tokio::test(start_paused = true)]
async fn every_new_session_removes_a_few_expired_ones() {
    let (target, mut asked) = scripted([Ok(more())]);
    let sweeper = start(Sweep::OnInsert { at_most: NonZeroU32::new(3).unwrap() }, &target);
    let before = Instant::now();
    sweeper.requested();
    settle().await;
    assert!(asked.try_recv().is_err());
    sweeper.inserted();
    assert_eq!(next(&mut asked).await.0, 3);
    // Those that come together are served together, within the bound of a batch.
    for _ in 0..5 {
        sweeper.inserted();
    }
    assert_eq!(next(&mut asked).await.0, 15);
    for _ in 0..1_000 {
        sweeper.inserted();
    }
    assert_eq!(next(&mut asked).await.0, 500);
    settle().await;
    assert!(asked.try_recv().is_err());
    assert_eq!(Instant::now(), before, "no timer");
}

#[tokio::test(start_paused = true)]
async fn one_request_in_a_few_sweeps() {
    let (target, mut asked) = scripted([]);
    let sweeper = start(Sweep::OneRequestIn(NonZeroU32::new(10).unwrap()), &target);
    let mut runs = 0;
    for _ in 0..100 {
        sweeper.inserted();
        sweeper.requested();
        settle().await;
        runs += usize::from(asked.try_recv().is_ok());
    }
    assert_eq!(runs, 10);
}

#[tokio::test(start_paused = true)]
async fn sweeping_now_goes_on_until_nothing_is_left_and_counts() {
    let (target, _asked) = slow(
        std::iter::repeat_with(|| Ok(more()))
            .take(20)
            .chain([Ok(Swept { removed: 7, remaining: Remaining::Nothing })]),
        Duration::from_secs(1),
    );
    assert_eq!(sweep_now(target.as_ref(), Timestamp::from_millis(7)).await.unwrap(), 10_007);
    let (target, _asked) = scripted([Ok(more()), failure(ErrorKind::Unavailable)]);
    let failed = sweep_now(target.as_ref(), Timestamp::from_millis(7)).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Unavailable);
}
