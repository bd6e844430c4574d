//! Running cases without depending on a runtime.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use futures_channel::oneshot;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};

use crate::outcome::{Checked, Failure};

/// Starts a task beside the others, on whatever runtime the store needs.
pub type Spawner = Arc<dyn Fn(BoxFuture<'static, ()>) + Send + Sync>;

/// Runs a future to its end on this thread. For stores that need no runtime; others bring their runtime's own.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

/// Runs a task on a thread of its own. A [`Spawner`] for stores that need no runtime.
pub fn spawn_thread(task: BoxFuture<'static, ()>) {
    thread::spawn(|| block_on(task));
}

/// Runs the tasks side by side: on the spawner if there is one, otherwise interleaved on this task. They start
/// together. Answers come in the order of the tasks.
pub(crate) async fn parallel<T, F>(
    spawner: Option<&Spawner>,
    tasks: impl IntoIterator<Item = F>,
) -> Result<Vec<T>, Failure>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let Some(spawner) = spawner else { return Ok(join_all(tasks).await) };
    let (start, started) = oneshot::channel::<()>();
    let started = started.shared();
    let mut answers = Vec::new();
    for task in tasks {
        let (sender, answer) = oneshot::channel();
        let started = started.clone();
        answers.push(answer);
        spawner(Box::pin(async move {
            // Whether the signal came or its sender went away makes no difference to a task that only waits for it.
            let _ = started.await;
            let _ = sender.send(task.await);
        }));
    }
    let _ = start.send(());
    let answers = join_all(answers).await;
    answers.into_iter().map(|answer| answer.map_err(|_| Failure::new("a parallel task panicked"))).collect()
}

/// Turns a panic inside a case into its failure, so that the cases after it still run.
pub(crate) async fn guarded(case: BoxFuture<'static, Checked>) -> Checked {
    let outcome = AssertUnwindSafe(case).catch_unwind().await;
    outcome.unwrap_or_else(|panic| Err(Failure::new(format!("panicked: {}", panic_text(panic.as_ref())))))
}

/// Lets every other task of this executor take a turn.
pub(crate) async fn yield_now() {
    let mut yielded = false;
    poll_fn(|context| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Drives a future for at most `polls` polls and then drops it. `None` when it was not done by then.
pub(crate) async fn drop_after<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = Box::pin(future);
    let mut left = polls;
    poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("with something other than text")
}
