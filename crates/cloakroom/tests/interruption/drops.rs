//! Futures that are dropped at a chosen point.

use std::future::poll_fn;
use std::task::Poll;

/// When a future is dropped, once it has been polled so many times without an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// At once: what it waits for is still under way.
    Waiting,
    /// As soon as it is woken: what it waited for has been done, and nobody takes the answer.
    Woken,
}

/// Polls a future until it is done, at most `polls` times, and drops it. `None` when it was not done by then.
pub(crate) async fn drop_at<T>(polls: usize, moment: Moment, future: impl Future<Output = T>) -> Option<T> {
    let mut future = Box::pin(future);
    let mut made = 0;
    poll_fn(|context| {
        if made == polls {
            return Poll::Ready(None);
        }
        made += 1;
        match future.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending if made == polls && moment == Moment::Waiting => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Polls a future, whenever it asks for it, until `reached` is true.
///
/// # Panics
/// When it is done before.
pub(crate) async fn drive_until(
    future: &mut (impl Future<Output: std::fmt::Debug> + Unpin),
    mut reached: impl FnMut() -> bool,
) {
    poll_fn(|context| match std::pin::Pin::new(&mut *future).poll(context) {
        Poll::Ready(value) => panic!("it ended with {value:?} before it was to be interrupted"),
        Poll::Pending if reached() => Poll::Ready(()),
        Poll::Pending => Poll::Pending,
    })
    .await;
}
