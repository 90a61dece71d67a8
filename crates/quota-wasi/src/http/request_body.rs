//! The body of a request on its way to a server.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::Arc;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use wasmtime_wasi_http::{Error, WasiBody};

use super::progress::{Progress, RequestBodyState};

/// The body of a request, which notes how far it is.
#[derive(Debug)]
pub(crate) struct RequestBody {
    inner: WasiBody,
    note: Note,
}

/// Notes the end of a body that is dropped: hyper drops one whose last byte it has.
#[derive(Debug)]
struct Note(Arc<Progress>);

impl RequestBody {
    pub(crate) fn new(inner: WasiBody, progress: Arc<Progress>) -> Self {
        if inner.is_end_stream() {
            progress.body(RequestBodyState::Ended);
        }
        Self { inner, note: Note(progress) }
    }

    /// Returns the guest's body, if nothing was read of it. The caller knows.
    pub(crate) fn into_unsent(self) -> WasiBody {
        self.inner
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        self.0.body(RequestBodyState::Ended);
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        self.note.0.body(match polled {
            Poll::Pending => RequestBodyState::Waits,
            Poll::Ready(Some(Ok(_))) => RequestBodyState::Moves,
            Poll::Ready(None | Some(Err(_))) => RequestBodyState::Ended,
        });
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
