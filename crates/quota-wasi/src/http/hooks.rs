//! What wasmtime-wasi-http asks its host.

use http::{Request, Response};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// The future of a response, and of the work that goes on behind it.
pub(crate) type Sending =
    Box<dyn Future<Output = Result<(Response<WasiBody>, Work), Error>> + Send>;

/// Work behind a response or a request.
pub(crate) type Work = Box<dyn Future<Output = Result<(), Error>> + Send>;

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
        // Requests are sent by other hooks.
        Box::new(async { Err(Error::HttpRequestDenied) })
    }
}
