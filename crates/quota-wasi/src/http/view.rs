//! `wasi:http` of one execution.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceTable};
use wasmtime_wasi_http::p2::bindings::LinkOptions;
use wasmtime_wasi_http::p2::bindings::http::types::{self, ErrorCode};
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};
use wasmtime_wasi_http::{RequestOptions, WasiHttp};

use crate::service::Service;
use crate::store_quota::StoreQuota;
use crate::view::WasiQuotaView;

/// The interface, in the version of wasmtime-wasi-http's own.
const HANDLER: &str = "wasi:http/outgoing-handler@0.2.12";

/// The store data that has quotas of HTTP requests.
pub trait WasiHttpQuotaView: WasiQuotaView {
    /// Returns the quotas and limits of the execution, as [`quota`](WasiQuotaView::quota) does, and
    /// the table of its resources, as [`ctx`](wasmtime_wasi::WasiView::ctx) does.
    fn quota_and_table(&mut self) -> (&mut StoreQuota, &mut ResourceTable);
}

/// Links `wasi:http/types` and `wasi:http/outgoing-handler`, with capabilities, limits and the
/// bandwidth quota on the requests of guests.
///
/// Requests are refused unless the component has [`http`](crate::WasiQuotaBuilder::http).
///
/// # Errors
///
/// If the linker has one of the interfaces already.
pub fn add_http_to_linker<T: WasiHttpQuotaView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let options = LinkOptions::default();
    types::add_to_linker::<T, WasiHttp>(linker, &(&options).into(), |data| {
        let (quota, table) = data.quota_and_table();
        quota.http_context().view(table)
    })?;
    linker.instance(HANDLER)?.func_wrap("handle", handle::<T>)
}

/// The parameters of `outgoing-handler.handle`.
type Asked = (Resource<HostOutgoingRequest>, Option<Resource<RequestOptions>>);

/// The result of `outgoing-handler.handle`.
type Handled = Result<Resource<HostFutureIncomingResponse>, ErrorCode>;

fn handle<T: WasiHttpQuotaView>(
    mut store: StoreContextMut<'_, T>,
    (request, options): Asked,
) -> wasmtime::Result<(Handled,)> {
    let (quota, table) = store.data_mut().quota_and_table();
    let _options = options.map(|options| table.delete(options)).transpose()?;
    let _request = table.delete(request)?;
    quota.usage().refuse_service(Service::Http);
    Ok((Err(ErrorCode::HttpRequestDenied),))
}
