//! HTTP for guests that import it unasked: every request is refused.

use core::future::Future;

use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// Bytes that a guest may put into the body of a request at once.
const BODY_CHUNK_BYTES: usize = 16 * 1024;

/// Refuses every outgoing request with WASI's own error.
pub(crate) struct RefuseRequests;

/// The body of a response, which is never sent.
type Rest = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for RefuseRequests {
    fn send_request(
        &mut self,
        _request: http::Request<WasiBody>,
        _options: Option<RequestOptions>,
        _sent: Rest,
    ) -> Box<dyn Future<Output = Result<(http::Response<WasiBody>, Rest), Error>> + Send> {
        Box::new(core::future::ready(Err(Error::HttpRequestDenied)))
    }

    /// A request that is never sent still holds the bytes of the guest.
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_CHUNK_BYTES
    }
}
