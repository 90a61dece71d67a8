//! `wasi:http` of one execution.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceTable};
use wasmtime_wasi_http::p2::bindings::LinkOptions;
use wasmtime_wasi_http::p2::bindings::http::outgoing_handler::Host as _;
use wasmtime_wasi_http::p2::bindings::http::types::{self, ErrorCode, IoError, Method, Scheme};
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};
use wasmtime_wasi_http::{Error, RequestOptions, WasiHttp};

use super::authority::Authority;
use super::client::Exchange;
use super::failure;
use super::hooks::RequestHooks;
use super::store_http::RefusedRequest;
use crate::service::Service;
use crate::store_quota::StoreQuota;
use crate::view::WasiQuotaView;

/// The interfaces, in the version of wasmtime-wasi-http's own.
const TYPES: &str = "wasi:http/types@0.2.12";
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
/// Requests are refused unless the component has [`http`](crate::WasiQuotaBuilder::http). Shadowing
/// of the linker's definitions is off afterwards.
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
    linker.instance(HANDLER)?.func_wrap("handle", handle::<T>)?;
    // wasmtime-wasi-http's own knows no error of a response's body.
    linker.allow_shadowing(true);
    let shadowed = linker
        .instance(TYPES)
        .and_then(|mut types| types.func_wrap("http-error-code", http_error_code::<T>));
    linker.allow_shadowing(false);
    shadowed
}

/// Returns the code of an error that a stream of a body ended with.
fn http_error_code<T: WasiHttpQuotaView>(
    mut store: StoreContextMut<'_, T>,
    (error,): (Resource<IoError>,),
) -> wasmtime::Result<(Option<ErrorCode>,)> {
    let (_, table) = store.data_mut().quota_and_table();
    let error = table.get(&error)?;
    let of_request = || error.downcast_ref::<ErrorCode>().cloned();
    Ok((error.downcast_ref::<Error>().map(failure::code).or_else(of_request),))
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
    let options = options.map(|options| table.delete(options)).transpose()?;
    let exchange = match begin(quota, table.get_mut(&request)?, options) {
        Ok(exchange) => exchange,
        Err(code) => {
            table.delete(request)?;
            return Ok((Err(code),));
        }
    };
    let mut hooks = RequestHooks(Some(exchange));
    let mut view = quota.http_context().view_with(&mut hooks, table);
    match view.handle(request, None) {
        Ok(response) => Ok((Ok(response),)),
        Err(error) => Ok((Err(error.downcast()?),)),
    }
}

/// Decides whether a request may begin, and counts it.
fn begin(
    quota: &StoreQuota,
    request: &mut HostOutgoingRequest,
    options: Option<RequestOptions>,
) -> Result<Exchange, ErrorCode> {
    if quota.shared().network.http.is_none() {
        quota.usage().refuse_service(Service::Http);
        return Err(ErrorCode::HttpRequestDenied);
    }
    match &request.method {
        // It would turn the connection into something else than HTTP.
        Method::Connect => return Err(ErrorCode::HttpRequestMethodInvalid),
        Method::Other(name) if name == "CONNECT" => {
            return Err(ErrorCode::HttpRequestMethodInvalid);
        }
        _ => {}
    }
    let authority = request.authority.as_deref().unwrap_or_default();
    let tls = !matches!(request.scheme, Some(Scheme::Http));
    let authority = Authority::parse(authority, tls).ok_or(ErrorCode::HttpRequestUriInvalid)?;
    // wasmtime-wasi-http takes no request without one.
    request.path_with_query.get_or_insert_with(|| "/".to_owned());
    let http = quota.http();
    let place = http.begin().map_err(|refused| internal_error(&refused))?;
    let times = http.limits().times.shortened(options);
    Ok(Exchange { quota: quota.clone(), authority, times, place })
}

fn internal_error(refused: &RefusedRequest) -> ErrorCode {
    ErrorCode::InternalError(Some(refused.to_string()))
}
