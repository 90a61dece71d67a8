//! The body of a request, which a guest can write to its end.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::runtime::Handle;
use wasmtime_wasi_http::{Error, WasiBody};

/// The body of a request. Bytes that the guest writes after its request was refused or has failed
/// are dropped.
///
/// A guest whose write fails does not ask for the error of its request: StarlingMonkey, the engine
/// of componentize-js, ends. The drops end with the guest's body, or with the guest's store.
pub(crate) struct DrainedBody(Option<WasiBody>);

impl DrainedBody {
    pub(crate) const fn new(body: WasiBody) -> Self {
        Self(Some(body))
    }
}

impl Body for DrainedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(body) = &mut self.0 else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(cx);
        if let Poll::Ready(None | Some(Err(_))) = polled {
            self.0 = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for DrainedBody {
    fn drop(&mut self) {
        // Outside of a runtime there is no guest that goes on.
        if let Some(mut body) = self.0.take().filter(|body| !body.is_end_stream())
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(async move { while let Some(Ok(_)) = body.frame().await {} });
        }
    }
}

impl fmt::Debug for DrainedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DrainedBody").field("is_read", &self.0.is_none()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::DrainedBody;
    use bytes::Bytes;
    use core::pin::Pin;
    use core::task::{Context, Poll};
    use http_body::{Body, Frame};
    use http_body_util::{BodyExt as _, Empty};
    use tokio::sync::mpsc::{Receiver, Sender, channel};
    use wasmtime_wasi_http::Error;

    struct Written(Receiver<Bytes>);

    impl Body for Written {
        type Data = Bytes;
        type Error = Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
            self.0.poll_recv(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
        }
    }

    fn body() -> (Sender<Bytes>, DrainedBody) {
        let (writer, written) = channel(1);
        (writer, DrainedBody::new(Written(written).boxed_unsync()))
    }

    #[tokio::test]
    async fn a_body_that_was_dropped_can_be_written_to_its_end() {
        let (writer, mut body) = body();
        writer.send(Bytes::from_static(b"sent")).await.unwrap();
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), "sent");
        drop(body);
        for _ in 0..100 {
            writer.send(Bytes::from_static(b"dropped")).await.unwrap();
        }
    }

    #[tokio::test]
    async fn no_task_is_left_by_a_body_that_was_read() {
        let (writer, mut body) = body();
        drop(writer);
        assert!(body.frame().await.is_none() && body.is_end_stream());
        drop(body);
        drop(DrainedBody::new(Empty::new().map_err(|never| match never {}).boxed_unsync()));
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        assert_eq!(tasks, 0);
    }

    #[tokio::test]
    async fn the_task_of_a_dropped_body_ends_with_its_writer() {
        let (writer, body) = body();
        drop(body);
        let metrics = tokio::runtime::Handle::current().metrics();
        assert_eq!(metrics.num_alive_tasks(), 1);
        drop(writer);
        while metrics.num_alive_tasks() > 0 {
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn a_body_may_be_dropped_outside_of_a_runtime() {
        let (writer, body) = body();
        drop(body);
        assert!(writer.is_closed());
    }
}
