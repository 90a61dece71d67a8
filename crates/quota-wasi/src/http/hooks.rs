//! Answers to the questions that wasmtime-wasi-http has for its host.

use http::{Request, Response};
use http_body_util::BodyExt as _;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::client::Exchange;
use super::drained_body::DrainedBody;

/// The response to come, and the work that goes on behind it.
type Sending = Box<dyn Future<Output = Result<(Response<WasiBody>, Work), Error>> + Send>;

/// Work behind a request or a response.
type Work = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// The most bytes of one write to the body of a request.
const CHUNK_BYTES: usize = 16 * 1024;

/// The hooks of fields and bodies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TypeHooks;

impl WasiHttpHooks for TypeHooks {
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK_BYTES
    }

    fn send_request(
        &mut self,
        _request: Request<WasiBody>,
        _options: Option<RequestOptions>,
        _received: Work,
    ) -> Sending {
        // Requests are sent by the hooks below.
        Box::new(async { Err(Error::HttpRequestDenied) })
    }
}

/// The hooks of one request.
pub(crate) struct RequestHooks(pub(crate) Option<Exchange>);

impl WasiHttpHooks for RequestHooks {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        _options: Option<RequestOptions>,
        _received: Work,
    ) -> Sending {
        let exchange = self.0.take();
        Box::new(async move {
            let exchange = exchange.ok_or(Error::HttpRequestDenied)?;
            let request = request.map(|body| DrainedBody::new(body).boxed_unsync());
            let response = exchange.run(request).await?;
            // The connection moves its bytes itself.
            let no_work: Work = Box::new(async { Ok(()) });
            Ok((response.map(|body| body.boxed_unsync()), no_work))
        })
    }
}
