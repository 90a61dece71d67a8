//! The client of guests' requests.

use core::fmt;
use std::sync::Arc;

use http::uri::{PathAndQuery, Uri};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::{Error, WasiBody};

use super::authority::Authority;
use super::connection::{Opening, Unanswered};
use super::failure;
use super::limits::{Times, after};
use super::options::HttpOptions;
use super::pool::Pool;
use super::progress::Late;
use super::response_body::{Lease, ResponseBody};
use super::store_http::PlaceWait;
use crate::store_quota::StoreQuota;

/// The client of all requests of a component.
pub(crate) struct HttpClient {
    tls: Result<TlsConnector, rustls::Error>,
    pool: Arc<Pool>,
}

/// A request that was counted.
pub(crate) struct Exchange {
    pub(crate) quota: StoreQuota,
    pub(crate) authority: Authority,
    pub(crate) times: Times,
    pub(crate) place: PlaceWait,
}

impl HttpClient {
    pub(crate) fn new(options: HttpOptions) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map(|builder| {
                let mut config =
                    builder.with_root_certificates(options.into_roots()).with_no_client_auth();
                config.alpn_protocols = vec![b"http/1.1".to_vec()];
                TlsConnector::from(Arc::new(config))
            });
        Self { tls, pool: Arc::new(Pool::default()) }
    }
}

impl Exchange {
    /// Sends the request, and waits for the head of its response.
    pub(crate) async fn run(self, request: Request<WasiBody>) -> Result<Response<WasiBody>, Error> {
        let Self { quota, authority, times, place } = self;
        let deadline = after(Instant::now(), times.total);
        let place = match timeout_at(deadline, place.place()).await {
            Ok(Some(place)) => place,
            Ok(None) => return Err(Error::ConnectionTerminated),
            Err(_) => return Err(failure::of_late(Late::Total)),
        };
        let client = quota.shared().network.http.as_ref().ok_or(Error::HttpRequestDenied)?;
        let limits = quota.http().limits();
        let usage = quota.usage();
        let connect_by = after(Instant::now(), times.connect).min(deadline);
        let host = authority.host();
        let targets = quota.reach().targets(&host, authority.port());
        let targets = match timeout_at(connect_by, targets).await {
            Ok(targets) => targets.map_err(failure::of_lookup)?,
            Err(_) => return Err(Error::DnsTimeout),
        };
        let mut request = in_origin_form(request)?;
        let (connection, response) = loop {
            let kept = client.pool.take(&authority, &targets);
            let is_new = kept.is_none();
            let mut connection = match kept {
                Some(connection) => connection,
                None => {
                    let opening = Opening {
                        authority: &authority,
                        targets: &targets,
                        tls: client.tls.as_ref().map_err(|_error| Error::ConfigurationError)?,
                        wire: &quota.shared().network.wire,
                        limits: &limits,
                        usage: &usage,
                        connect_by,
                        times: &times,
                        deadline,
                    };
                    opening.open().await?
                }
            };
            match connection.send(request, &usage, &limits, &times, deadline).await {
                Ok(response) => break (connection, response),
                // The server has closed it meanwhile.
                Err(Unanswered::Unsent(unsent)) if !is_new => request = *unsent,
                Err(Unanswered::Unsent(_)) => {
                    let failure = connection.progress().failure();
                    return Err(failure.unwrap_or(Error::ConnectionTerminated));
                }
                Err(Unanswered::Failed(error)) => return Err(error),
            }
        };
        let length = http_body::Body::size_hint(response.body()).exact();
        if length.is_some_and(|length| length > limits.body_bytes) {
            return Err(Error::HttpResponseBodySize(length));
        }
        let pool = Arc::downgrade(&client.pool);
        let lease = Lease { connection, authority, pool, _place: place };
        Ok(response.map(|incoming| {
            ResponseBody::new(incoming, lease, limits, &times, deadline).boxed_unsync()
        }))
    }
}

/// Returns the request with its path alone, as a server expects it.
fn in_origin_form(mut request: Request<WasiBody>) -> Result<Request<WasiBody>, Error> {
    let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    let rooted = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let uri = Uri::builder().path_and_query(rooted).build();
    *request.uri_mut() = uri.map_err(|_error| Error::HttpRequestUriInvalid)?;
    Ok(request)
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("pool", &self.pool).finish_non_exhaustive()
    }
}
