//! Gathering, with an executor that does nothing until the test says what.

mod batches;
mod cancellation;
mod closing;
mod failures;
mod limits;
mod order;
mod outage;
mod retries;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use cloakroom_core::{ErrorKind, Lifetime, Record, Scope, StoreKey, Timestamp};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::{Direction, Gather, Gathering};
use crate::admission::Admit;
use crate::executor::Executor;
use crate::failure::{Cause, Failure};
use crate::operation::{Answer, Operation, Outcome};

/// A gather and the batches that its executors were given.
struct Stage {
    gather: Arc<Gather>,
    batches: mpsc::UnboundedReceiver<Batch>,
    executors: Arc<Executors>,
}

/// How many executors were made, and how many of them are still there.
#[derive(Default)]
struct Executors {
    made: AtomicUsize,
    alive: AtomicUsize,
    /// How often one got ready, or tried to.
    prepared: AtomicUsize,
    obstacle: Mutex<Option<Obstacle>>,
}

/// What keeps executors from getting ready.
#[derive(Clone, Copy)]
enum Obstacle {
    Refuses(Cause),
    Hangs,
    Takes(Duration),
    Panics,
}

/// A batch that an executor was given and has not ended.
struct Batch {
    operations: Vec<String>,
    next: oneshot::Sender<Next>,
}

/// How a batch goes on.
enum Next {
    Answer(Vec<Outcome>),
    Panic,
}

struct Scripted {
    batches: mpsc::UnboundedSender<Batch>,
    executors: Arc<Executors>,
}

type Submitted = Pin<Box<dyn Future<Output = Outcome> + Send>>;

impl Stage {
    fn new(gathering: Gathering) -> Self {
        Self::with(gathering, |gathering, make| Gather::on_tasks(gathering, "scripted", None, make))
    }

    fn on_threads(gathering: Gathering) -> Self {
        Self::with(gathering, |gathering, make| Gather::on_threads(gathering, "scripted", None, make))
    }

    fn with(
        gathering: Gathering,
        start: impl FnOnce(Gathering, Box<dyn Fn() -> Scripted + Send + Sync>) -> Gather,
    ) -> Self {
        let (sender, batches) = mpsc::unbounded_channel();
        let executors = Arc::new(Executors::default());
        let shared = Arc::clone(&executors);
        let make = move || {
            shared.made.fetch_add(1, Ordering::SeqCst);
            shared.alive.fetch_add(1, Ordering::SeqCst);
            Scripted { batches: sender.clone(), executors: Arc::clone(&shared) }
        };
        Self { gather: Arc::new(start(gathering, Box::new(make))), batches, executors }
    }

    /// The next batch that an executor is given.
    async fn batch(&mut self) -> Batch {
        // So that a test whose batch never comes fails instead of hanging.
        let batch = timeout(Duration::from_mins(1), self.batches.recv()).await;
        batch.expect("a batch is begun").expect("the gather is alive")
    }

    /// Lets everything run that can run and sees that no executor is given a batch.
    async fn no_batch(&mut self) {
        settle().await;
        assert!(self.batches.try_recv().is_err(), "a batch was begun");
    }

    fn made(&self) -> usize {
        self.executors.made.load(Ordering::SeqCst)
    }

    fn prepared(&self) -> usize {
        self.executors.prepared.load(Ordering::SeqCst)
    }

    /// From now on executors do not get ready, or do again.
    fn obstruct(&self, obstacle: impl Into<Option<Obstacle>>) {
        *self.executors.obstacle.lock().unwrap() = obstacle.into();
    }

    fn alive(&self) -> usize {
        self.executors.alive.load(Ordering::SeqCst)
    }
}

impl Batch {
    /// Every operation succeeds.
    fn succeed(self) {
        let outcomes = self.operations.iter().map(|_| Ok(Answer::Done)).collect();
        self.go_on(Next::Answer(outcomes));
    }

    fn go_on(self, next: Next) {
        // The executor may have been dropped because its time was up.
        let _dropped = self.next.send(next);
    }
}

impl Executor for Scripted {
    type Ready = ();

    async fn prepare(&mut self, _: Direction) -> Result<(), Failure> {
        self.executors.prepared.fetch_add(1, Ordering::SeqCst);
        let obstacle = *self.executors.obstacle.lock().unwrap();
        match obstacle {
            None => Ok(()),
            Some(Obstacle::Refuses(cause)) => Err(Failure::new(cause, "the script says so")),
            Some(Obstacle::Takes(time)) => {
                tokio::time::sleep(time).await;
                Ok(())
            }
            Some(Obstacle::Hangs) => std::future::pending().await,
            Some(Obstacle::Panics) => panic!("the script says so"),
        }
    }

    async fn run(&mut self, (): (), batch: Vec<Operation>) -> Vec<Outcome> {
        let (next, told) = oneshot::channel();
        let operations = batch.iter().map(describe).collect();
        self.batches.send(Batch { operations, next }).expect("the test listens");
        match told.await {
            Ok(Next::Answer(outcomes)) => outcomes,
            Ok(Next::Panic) => panic!("the script says so"),
            // The test let go of the batch: it hangs for ever.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.executors.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Submits an operation, so that it is in the queue when this returns.
async fn submit(gather: &Arc<Gather>, operation: Operation) -> Submitted {
    let gather = Arc::clone(gather);
    let mut submitted: Submitted = Box::pin(async move { gather.submit(operation).await });
    assert!(poll_once(&mut submitted).await.is_none(), "answered before it could be run");
    submitted
}

async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    poll_fn(|context| match Pin::new(&mut *future).poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Lets the other tasks of a single-threaded runtime run until they wait.
async fn settle() {
    for _ in 0..16 {
        tokio::task::yield_now().await;
    }
}

#[track_caller]
fn assert_failed(outcome: &Outcome, kind: ErrorKind) {
    match outcome {
        Ok(answer) => panic!("succeeded with {answer:?} instead of failing with {kind:?}"),
        Err(error) => assert_eq!(error.kind(), kind),
    }
}

fn key(number: u8) -> StoreKey {
    StoreKey::from_bytes([number])
}

fn load(number: u8) -> Operation {
    Operation::Load { key: key(number) }
}

fn delete(number: u8) -> Operation {
    Operation::Delete { key: key(number) }
}

fn touch(number: u8, version: i64) -> Operation {
    let now = Timestamp::from_millis(0);
    Operation::Touch { key: key(number), version, seen: now, expires: now, now }
}

fn rename(from: u8, to: u8) -> Operation {
    let row = crate::operation::Row {
        user: None,
        handle: None,
        authenticated: None,
        method: None,
        proof: None,
        payload: crate::operation::Payload::Text(String::new()),
        format: String::new(),
        created: 0,
        seen: 0,
        expires: 0,
        deadline: None,
        idle: None,
        absolute: None,
        persistence: 0,
        device: None,
        verifier: Vec::new(),
        extra: Vec::new(),
    };
    let now = Timestamp::from_millis(0);
    Operation::Rename { from: key(from), version: 1, to: key(to), row, now }
}

fn count() -> Operation {
    Operation::Count { scope: Scope::All, now: Timestamp::from_millis(0) }
}

fn end() -> Operation {
    Operation::End { scope: Scope::All, keep: None, now: Timestamp::from_millis(0) }
}

/// Of a session and a mark that other operations name too.
fn admit() -> Operation {
    let now = Timestamp::from_millis(0);
    let (record, limit) = (Record::new(Lifetime::default(), now), None);
    let admit = Admit { put: touch(1, 0), key: key(1), record, mark: key(2), version: 1, limit, now };
    Operation::Admit(Box::new(admit))
}

/// An operation in the words of the tests: `load 1`, `touch 1 at 7`, `rename 1 to 2`.
fn describe(operation: &Operation) -> String {
    let number = |key: &StoreKey| key.as_bytes()[0];
    match operation {
        Operation::Load { key } => format!("load {}", number(key)),
        Operation::Create { key, .. } => format!("create {}", number(key)),
        Operation::Save { key, version, .. } => format!("save {} at {version}", number(key)),
        Operation::Touch { key, version, .. } => format!("touch {} at {version}", number(key)),
        Operation::Rename { from, to, .. } => format!("rename {} to {}", number(from), number(to)),
        Operation::Delete { key } => format!("delete {}", number(key)),
        Operation::Sweep { .. } => "sweep".to_owned(),
        Operation::List { .. } => "list".to_owned(),
        Operation::Count { .. } => "count".to_owned(),
        Operation::End { .. } => "end".to_owned(),
        Operation::Admit(_) => "admit".to_owned(),
    }
}
