//! A body that may have been read already.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// The body of a request behind a [`CsrfLayer`](super::CsrfLayer): what the client sent, byte for byte and piece by
    /// piece, also when its form was searched for a token.
    #[derive(Debug)]
    pub struct CsrfBody<B> {
        #[pin]
        state: State<B>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = StateProjection]
    enum State<B> {
        Unread { #[pin] body: B },
        // To its end, so that nothing of the original is needed any more.
        Read { frames: VecDeque<Frame<Bytes>> },
    }
}

impl<B> CsrfBody<B> {
    pub(super) const fn unread(body: B) -> Self {
        Self { state: State::Unread { body } }
    }

    pub(super) const fn read(frames: VecDeque<Frame<Bytes>>) -> Self {
        Self { state: State::Read { frames } }
    }
}

impl<B: Body<Data = Bytes>> Body for CsrfBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.project().state.project() {
            StateProjection::Unread { body } => body.poll_frame(context),
            StateProjection::Read { frames } => Poll::Ready(frames.pop_front().map(Ok)),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.state {
            State::Unread { body } => body.is_end_stream(),
            State::Read { frames } => frames.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.state {
            State::Unread { body } => body.size_hint(),
            State::Read { frames } => {
                let data = frames.iter().filter_map(Frame::data_ref);
                SizeHint::with_exact(data.map(|data| data.len() as u64).sum())
            }
        }
    }
}
