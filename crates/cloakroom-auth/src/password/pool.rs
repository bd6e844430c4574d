//! Threads of our own, for work that would hold up the threads that serve requests.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use futures_channel::oneshot;

use super::error::PasswordError;

/// A full queue of 64 checks is worked off in one to two seconds.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// A few threads and a bounded queue. Dropping it ends the threads, each after what it is doing.
pub(super) struct Pool(Arc<Shared>);

struct Shared {
    threads: NonZeroUsize,
    places: NonZeroUsize,
    queue: Mutex<Queue>,
    changed: Condvar,
}

struct Queue {
    waiting: VecDeque<Box<dyn Work>>,
    started: usize,
    /// Threads that work on nothing, those about to look for work included.
    idle: usize,
    state: State,
}

#[derive(PartialEq)]
enum State {
    Open,
    Closed,
}

impl Pool {
    /// Starts nothing: each thread is started when there is work for it.
    pub(super) fn new(threads: NonZeroUsize, places: NonZeroUsize) -> Self {
        let queue = Queue { waiting: VecDeque::new(), started: 0, idle: 0, state: State::Open };
        Self(Arc::new(Shared { threads, places, queue: Mutex::new(queue), changed: Condvar::new() }))
    }

    /// What `task` returns, computed on a thread of the pool. Cancel safe: dropped before a thread has taken it, the
    /// task does not run.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] when the queue is full, [`PasswordError::NoThread`], and
    /// [`PasswordError::Interrupted`] when the task panicked.
    pub(super) async fn run<T, F>(&self, task: F) -> Result<T, PasswordError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.submit(Box::new(Job { task, answer }))?;
        answered.await.map_err(|oneshot::Canceled| PasswordError::Interrupted)
    }

    fn submit(&self, work: Box<dyn Work>) -> Result<(), PasswordError> {
        let mut queue = self.0.lock();
        if queue.idle <= queue.waiting.len() && queue.started < self.0.threads.get() {
            self.start_thread(&mut queue)?;
        }
        let most = self.0.places.get().saturating_add(queue.idle);
        if queue.waiting.len() >= most {
            queue.waiting.retain(|work| !work.is_abandoned());
        }
        if queue.waiting.len() >= most {
            return Err(PasswordError::Busy { retry_after: RETRY_AFTER });
        }
        queue.waiting.push_back(work);
        drop(queue);
        self.0.changed.notify_one();
        Ok(())
    }

    fn start_thread(&self, queue: &mut Queue) -> Result<(), PasswordError> {
        let shared = Arc::clone(&self.0);
        match thread::Builder::new().name("cloakroom-hash".to_owned()).spawn(move || shared.serve()) {
            Ok(_) => {
                queue.started += 1;
                queue.idle += 1;
                Ok(())
            }
            // Those that run already will do.
            Err(_) if queue.started > 0 => Ok(()),
            Err(error) => Err(PasswordError::NoThread(error)),
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.state = State::Closed;
        queue.waiting.clear();
        drop(queue);
        self.0.changed.notify_all();
    }
}

impl Shared {
    /// One thread's life.
    fn serve(&self) {
        let mut queue = self.lock();
        loop {
            if let Some(work) = queue.waiting.pop_front() {
                if !work.is_abandoned() {
                    queue.idle -= 1;
                    drop(queue);
                    // A panic drops the sender, which the caller hears of; the thread goes on.
                    let _ = catch_unwind(AssertUnwindSafe(|| work.run()));
                    queue = self.lock();
                    queue.idle += 1;
                }
            } else if queue.state == State::Closed {
                return;
            } else {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Nothing that can panic runs under the lock.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something to do, and whether anybody still waits for it.
trait Work: Send {
    fn is_abandoned(&self) -> bool;
    fn run(self: Box<Self>);
}

struct Job<F, T> {
    task: F,
    answer: oneshot::Sender<T>,
}

impl<T: Send, F: FnOnce() -> T + Send> Work for Job<F, T> {
    fn is_abandoned(&self) -> bool {
        self.answer.is_canceled()
    }

    fn run(self: Box<Self>) {
        // Nobody may wait any more, which is no matter.
        let _ = self.answer.send((self.task)());
    }
}

#[cfg(test)]
mod tests;
