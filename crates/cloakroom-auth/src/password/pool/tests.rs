use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{ThreadId, current};

use futures_util::FutureExt as _;
use futures_util::future::{Either, select};

use super::*;

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, PasswordError>> + Send>>;

fn pool(threads: usize, places: usize) -> Arc<Pool> {
    let number = |n| NonZeroUsize::new(n).unwrap();
    Arc::new(Pool::new(number(threads), number(places)))
}

/// Submitted, and not yet answered.
fn begin<T: Send + 'static>(pool: &Arc<Pool>, task: impl FnOnce() -> T + Send + 'static) -> Answer<T> {
    let pool = Arc::clone(pool);
    let mut answer: Answer<T> = Box::pin(async move { pool.run(task).await });
    assert!((&mut answer).now_or_never().is_none(), "answered at once");
    answer
}

/// A task that says on which thread it began and goes on when it is told to.
struct Held {
    answer: Answer<()>,
    began: Receiver<ThreadId>,
    go_on: Sender<()>,
}

impl Held {
    fn submit(pool: &Arc<Pool>) -> Self {
        Self::after(pool, || ())
    }

    /// One that does something first.
    fn after(pool: &Arc<Pool>, first: impl FnOnce() + Send + 'static) -> Self {
        let (begins, began) = channel();
        let (go_on, going_on) = channel();
        let answer = begin(pool, move || {
            first();
            begins.send(current().id()).unwrap();
            going_on.recv().unwrap();
        });
        Self { answer, began, go_on }
    }

    /// Waits until a thread is in it.
    fn begun(pool: &Arc<Pool>) -> Self {
        let held = Self::submit(pool);
        held.began.recv().unwrap();
        held
    }

    async fn end(self) {
        self.go_on.send(()).unwrap();
        self.answer.await.unwrap();
    }
}

thread_local! {
    static AT_THE_END: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
}

/// Left in a thread, it tells when that thread ends.
struct AtTheEnd(Option<oneshot::Sender<()>>);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        let _ = self.0.take().unwrap().send(());
    }
}

/// A task that leaves one in its thread.
fn mark_thread() -> (impl FnOnce() + Send + 'static, oneshot::Receiver<()>) {
    let (ended, ends) = oneshot::channel();
    (move || AT_THE_END.set(Some(AtTheEnd(Some(ended)))), ends)
}

#[tokio::test]
async fn threads_start_when_there_is_work_and_no_more_than_allowed() {
    let pool = pool(2, 8);
    assert_eq!(pool.0.lock().started, 0);

    let first = Held::begun(&pool);
    assert_eq!(pool.0.lock().started, 1);
    let second = Held::begun(&pool);
    let third = Held::submit(&pool);
    assert_eq!(pool.0.lock().started, 2);
    assert_eq!(pool.0.lock().waiting.len(), 1, "the third waits");

    first.end().await;
    third.began.recv().unwrap();
    second.end().await;
    third.end().await;
}

#[tokio::test]
async fn a_full_queue_refuses_and_says_when_to_try_again() {
    let pool = pool(1, 2);
    let held = Held::begun(&pool);
    let waiting = [begin(&pool, || 1), begin(&pool, || 2)];

    let refused = pool.run(|| 3).now_or_never().expect("refused at once");
    let error = refused.unwrap_err();
    assert!(matches!(error, PasswordError::Busy { .. }));
    assert_eq!(error.status(), http::StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(error.retry_after(), Some(RETRY_AFTER));

    held.end().await;
    for (answer, expected) in waiting.into_iter().zip([1, 2]) {
        assert_eq!(answer.await.unwrap(), expected, "what had a place was done");
    }
    assert_eq!(pool.run(|| 4).await.unwrap(), 4);
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_not_done_and_takes_no_place() {
    let pool = pool(1, 1);
    let held = Held::begun(&pool);

    let ran = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ran);
    drop(begin(&pool, move || seen.store(true, Ordering::SeqCst)));
    // There is one place, and the one who had it has gone.
    let next = begin(&pool, || "next");
    held.end().await;
    assert_eq!(next.await.unwrap(), "next");
    assert!(!ran.load(Ordering::SeqCst));

    // Nobody came after this one, so the thread itself passes it by.
    let held = Held::begun(&pool);
    let seen = Arc::clone(&ran);
    drop(begin(&pool, move || seen.store(true, Ordering::SeqCst)));
    held.end().await;
    pool.run(|| ()).await.unwrap();
    assert!(!ran.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_panic_is_the_callers_error_and_the_thread_goes_on() {
    let pool = pool(1, 4);
    let (mark, ends) = mark_thread();
    pool.run(mark).await.unwrap();
    let interrupted = pool.run(|| panic!("on purpose")).await;
    assert!(matches!(interrupted, Err(PasswordError::Interrupted)));
    match select(Box::pin(pool.run(|| "next")), ends).await {
        Either::Left((answer, _)) => assert_eq!(answer.unwrap(), "next"),
        Either::Right(_) => panic!("the thread has ended"),
    }
}

// What must end is waited for without a limit: if it did not, these tests would not either.

#[tokio::test]
async fn dropping_the_pool_ends_idle_threads() {
    let pool = pool(2, 4);
    let ((first_mark, first_ends), (second_mark, second_ends)) = (mark_thread(), mark_thread());
    // Both are in a task at once, so they are two threads.
    let (first, second) = (Held::after(&pool, first_mark), Held::after(&pool, second_mark));
    first.began.recv().unwrap();
    second.began.recv().unwrap();
    first.end().await;
    second.end().await;
    drop(pool);
    first_ends.await.unwrap();
    second_ends.await.unwrap();
}

#[tokio::test]
async fn dropping_the_pool_ends_a_busy_thread_after_what_it_does() {
    let pool = pool(1, 4);
    let (mark, mut ends) = mark_thread();
    let Held { answer, began, go_on } = Held::after(&pool, mark);
    began.recv().unwrap();
    let ran = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ran);
    drop((answer, begin(&pool, move || seen.store(true, Ordering::SeqCst))));
    drop(pool);
    assert_eq!(ends.try_recv(), Ok(None), "still in its task");
    go_on.send(()).unwrap();
    ends.await.unwrap();
    assert!(!ran.load(Ordering::SeqCst));
}
