//! HTTP in a command that was built without it: guests import it unasked, and every request is
//! refused.

use core::future::Future;

use quota_wasi::{Service, StoreUsage, WasiQuotaBuilder};
use wasmtime::component::Linker;
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use crate::args::service_args::ServiceArgs;
use crate::guest::store_data::StoreData;
use crate::outcome::service_failure::ServiceFailure;

/// Bytes that a guest may put into the body of a request at once.
const BODY_CHUNK_BYTES: usize = 16 * 1024;
/// Bytes of HTTP headers that one set of fields may hold.
const FIELD_BYTES: usize = 16 * 1024;

/// Links `wasi:http`, which refuses.
pub(crate) fn link(linker: &mut Linker<StoreData>) -> wasmtime::Result<()> {
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)
}

/// Adds nothing: the option was refused before.
pub(crate) fn open(
    _services: &ServiceArgs,
    builder: WasiQuotaBuilder,
) -> Result<WasiQuotaBuilder, ServiceFailure> {
    Ok(builder)
}

/// The HTTP of one execution.
pub(crate) struct Http {
    fields: WasiHttpCtx,
    requests: RefuseRequests,
}

impl Http {
    pub(crate) fn new(usage: StoreUsage) -> Self {
        let mut fields = WasiHttpCtx::new();
        fields.set_field_size_limit(FIELD_BYTES);
        Self { fields, requests: RefuseRequests(usage) }
    }
}

impl WasiHttpView for StoreData {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let (http, _, table) = self.http_parts();
        WasiHttpCtxView { hooks: &mut http.requests, table, ctx: &mut http.fields }
    }
}

/// Refuses every outgoing request with WASI's own error.
struct RefuseRequests(StoreUsage);

/// The body of a response, which is never sent.
type Rest = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for RefuseRequests {
    fn send_request(
        &mut self,
        _request: http::Request<WasiBody>,
        _options: Option<RequestOptions>,
        _sent: Rest,
    ) -> Box<dyn Future<Output = Result<(http::Response<WasiBody>, Rest), Error>> + Send> {
        self.0.refuse_service(Service::Http);
        Box::new(core::future::ready(Err(Error::HttpRequestDenied)))
    }

    /// A request that is never sent still holds the bytes of the guest.
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_CHUNK_BYTES
    }
}
