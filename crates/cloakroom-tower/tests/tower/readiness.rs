//! The service that is called is the one that was polled ready.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use http::{Request, Response};
use tower::{Layer as _, Service, ServiceExt as _};

use crate::support::{Probe, get};
use crate::{Body, layer};

/// Gets ready at the second poll; a clone has to get ready itself, as services behind a concurrency limit have to.
struct TakesTwoPolls {
    polls: u32,
}

impl Clone for TakesTwoPolls {
    fn clone(&self) -> Self {
        Self { polls: 0 }
    }
}

impl Service<Request<Body>> for TakesTwoPolls {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.polls += 1;
        if self.polls < 2 {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        assert!(self.polls >= 2, "called without having been polled ready");
        self.polls = 0;
        ready(Ok(Response::default()))
    }
}

#[tokio::test]
async fn the_service_that_was_polled_ready_is_called() {
    let mut service = layer(&Probe::default()).layer(TakesTwoPolls { polls: 0 });
    for _ in 0..3 {
        let response = service.ready().await.unwrap().call(get("/", &[])).await.unwrap();
        assert!(response.status().is_success());
    }
    // Clones of the wrapped service, which servers make for every connection, get ready by themselves.
    assert!(service.clone().oneshot(get("/", &[])).await.unwrap().status().is_success());
}
