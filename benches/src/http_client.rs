//! The client of `wasmtime-wasi-http`, without TLS.

use core::pin::{Pin, pin};
use core::task::{Context, Poll, ready};
use core::time::Duration;

use http::{Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming};
use tokio::net::TcpStream;
use tokio::time::{Interval, interval, timeout};
use wasmtime_wasi_http::io::TokioIo;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// Its waits where a guest sets none.
const PATIENCE: Duration = Duration::from_secs(600);

type Ended = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// The client that `wasmtime-wasi-http` has behind a feature, which would change what the whole
/// workspace is built with: a connection for each request, and a timer around each step.
#[derive(Debug, Default)]
pub struct PlainClient;

impl WasiHttpHooks for PlainClient {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Ended,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Ended), Error>> + Send> {
        Box::new(send(request, options))
    }
}

async fn send(
    mut request: Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<(Response<WasiBody>, Ended), Error> {
    let wait =
        |of: fn(RequestOptions) -> Option<Duration>| options.and_then(of).unwrap_or(PATIENCE);
    let connect = wait(|options| options.connect_timeout);
    let authority = request.uri().authority().ok_or(Error::HttpRequestUriInvalid)?.to_string();
    let stream = timeout(connect, TcpStream::connect(&authority));
    let stream = stream.await.map_err(|_late| Error::ConnectionTimeout)?.map_err(Error::Connect)?;
    let shake = hyper::client::conn::http1::Builder::new().handshake(TokioIo::new(stream));
    let shaken = timeout(connect, shake).await.map_err(|_late| Error::ConnectionTimeout)?;
    let (mut sender, mut connection) = shaken?;
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = Uri::builder()
        .path_and_query(path)
        .build()
        .map_err(|_error| Error::HttpRequestUriInvalid)?;
    let response =
        timeout(wait(|options| options.first_byte_timeout), sender.send_request(request));
    let mut response = pin!(response);
    let (response, ended): (_, Ended) = tokio::select! {
        biased;
        response = &mut response => {
            (response, Box::new(async move { connection.await.map_err(Error::from) }))
        }
        // The server has closed it: the response is there, or an error.
        ended = &mut connection => {
            ended?;
            (response.await, Box::new(async { Ok(()) }))
        }
    };
    let response = response.map_err(|_late| Error::ConnectionReadTimeout)??;
    let mut timer = interval(wait(|options| options.between_bytes_timeout));
    timer.reset();
    let response = response.map(|incoming| Timed { incoming, timer }.boxed_unsync());
    Ok((response, ended))
}

/// A response's body, whose every part is waited for by a timer.
struct Timed {
    incoming: Incoming,
    timer: Interval,
}

impl Body for Timed {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.timer.reset();
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(ended) => Poll::Ready(ended.map(|frame| frame.map_err(Error::from))),
            Poll::Pending => {
                ready!(self.timer.poll_tick(cx));
                Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
