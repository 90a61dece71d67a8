//! A guest that makes requests.

use core::time::Duration;
use std::sync::LazyLock;

use limits_core::ResourceLimitsBuilder;
use quota_wasi::{StoreQuota, WasiHttpQuotaView, WasiQuota, add_http_to_linker, add_to_linker};
use wasmtime::component::{Component, Linker, ResourceAny, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, HeaderError};

use super::ask::{Answer, Ask};
use super::part::HTTP;
use crate::guest::Guest;
use crate::host::Host;
use crate::puppet::puppet_of;

/// A guest for the version of WASI that most toolchains name.
static REQUESTER: LazyLock<(Engine, Component)> = LazyLock::new(|| {
    let (engine, text) = (Engine::default(), puppet_of(&HTTP, "0.2.0"));
    let component = Component::new(&engine, wat::parse_str(text).unwrap()).unwrap();
    (engine, component)
});

/// The response to come, and the body that is to be written with its bytes.
type Started = (ResourceAny, Option<(ResourceAny, Vec<u8>)>);

/// The failure of a stream, as a guest has it.
#[derive(wasmtime::component::ComponentType, wasmtime::component::Lift)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    LastOperationFailed(ResourceAny),
    #[component(name = "closed")]
    Closed,
}

impl WasiHttpQuotaView for Host {
    fn quota_and_table(&mut self) -> (&mut StoreQuota, &mut ResourceTable) {
        (self.quota.as_mut().unwrap(), &mut self.table)
    }
}

fn text(code: ErrorCode) -> String {
    format!("{code:?}")
}

impl Guest {
    /// A guest that makes requests.
    pub(crate) async fn of_http(quota: &WasiQuota, limits: ResourceLimitsBuilder) -> Self {
        let (engine, component) = &*REQUESTER;
        let mut linker = Linker::new(engine);
        add_to_linker(&mut linker).unwrap();
        add_http_to_linker(&mut linker).unwrap();
        let host = Host {
            table: ResourceTable::new(),
            wasi: WasiCtxBuilder::new().build(),
            quota: Some(quota.store(&limits.build().unwrap())),
        };
        let mut store = Store::new(engine, host);
        let instance = linker.instantiate_async(&mut store, component).await.unwrap();
        Self { store, instance }
    }

    /// Makes a request, and reads its answer to the end.
    pub(crate) async fn fetch(&mut self, ask: Ask) -> Result<Answer, String> {
        let (response, body) = self.start(ask).await?;
        if let Some((body, bytes)) = body {
            self.write_body(body, &bytes).await;
        }
        let response = self.response(response).await?;
        Ok(self.answer(response).await)
    }

    /// Makes a request. Its body, if it has one, is to be written.
    pub(crate) async fn start(&mut self, ask: Ask) -> Result<Started, String> {
        let headers: ResourceAny = self.call("new-fields", ()).await;
        for (name, value) in &ask.headers {
            let appended: Result<(), HeaderError> =
                self.call("append", (headers, name.as_str(), value.as_bytes())).await;
            appended.map_err(|error| format!("{name}: {error:?}"))?;
        }
        let request: ResourceAny = self.call("new-request", (headers,)).await;
        let set: Result<(), ()> = self.call("set-method", (request, ask.method)).await;
        set.map_err(|()| "no method")?;
        let set: Result<(), ()> = self.call("set-scheme", (request, ask.scheme)).await;
        set.map_err(|()| "no scheme")?;
        let set: Result<(), ()> = self.call("set-authority", (request, ask.authority)).await;
        set.map_err(|()| "no authority")?;
        let set: Result<(), ()> = self.call("set-path", (request, ask.path)).await;
        set.map_err(|()| "no path")?;
        let body: Option<ResourceAny> = match ask.body {
            Some(_) => {
                Some(self.call::<_, Result<_, ()>>("request-body", (request,)).await.unwrap())
            }
            None => None,
        };
        let options = self.options(ask.timeouts).await;
        let handled: Result<ResourceAny, ErrorCode> = self.call("handle", (request, options)).await;
        match handled {
            Ok(response) => Ok((response, body.zip(ask.body))),
            Err(code) => {
                if let Some(body) = body {
                    self.drop_any(body).await;
                }
                Err(text(code))
            }
        }
    }

    async fn options(&mut self, timeouts: [Option<Duration>; 3]) -> Option<ResourceAny> {
        let names = ["set-connect-timeout", "set-first-byte-timeout", "set-between-bytes-timeout"];
        timeouts.iter().any(Option::is_some).then_some(())?;
        let options: ResourceAny = self.call("new-options", ()).await;
        for (name, time) in names.into_iter().zip(timeouts) {
            let nanos = time.map(|time| u64::try_from(time.as_nanos()).unwrap());
            let set: Result<(), ()> = self.call(name, (options, nanos)).await;
            set.unwrap();
        }
        Some(options)
    }

    /// Writes the whole body, or as much as the server takes.
    pub(crate) async fn write_body(&mut self, body: ResourceAny, bytes: &[u8]) {
        let stream = self.body_stream(body).await;
        for part in bytes.chunks(4_096) {
            if !self.write_part(stream, part).await {
                break;
            }
        }
        self.drop_any(stream).await;
        self.finish(body).await;
    }

    /// Writes a part of a body; false once nothing more is taken.
    pub(crate) async fn write_part(&mut self, stream: ResourceAny, part: &[u8]) -> bool {
        let written: Result<(), StreamError> =
            self.call("blocking-write-and-flush", (stream, part)).await;
        match written {
            Ok(()) => true,
            Err(StreamError::Closed) => false,
            Err(StreamError::LastOperationFailed(error)) => {
                self.drop_any(error).await;
                false
            }
        }
    }

    /// The bytes that a body takes at once, once it takes any.
    pub(crate) async fn body_room(&mut self, body: ResourceAny) -> u64 {
        let stream = self.body_stream(body).await;
        let room: Result<u64, StreamError> = self.call("check-write", (stream,)).await;
        room.unwrap_or_default()
    }

    /// The stream of a request's body.
    pub(crate) async fn body_stream(&mut self, body: ResourceAny) -> ResourceAny {
        let stream: Result<ResourceAny, ()> = self.call("body-write", (body,)).await;
        stream.unwrap()
    }

    /// Ends a request's body, after its stream.
    pub(crate) async fn finish(&mut self, body: ResourceAny) {
        let none: Option<ResourceAny> = None;
        let finished: Result<(), ErrorCode> = self.call("finish-request", (body, none)).await;
        finished.unwrap();
    }

    /// Waits for the response of a request.
    pub(crate) async fn response(&mut self, future: ResourceAny) -> Result<ResourceAny, String> {
        self.wait_on("response-subscribe", future).await;
        let got: Option<Result<Result<ResourceAny, ErrorCode>, ()>> =
            self.call("response-get", (future,)).await;
        self.drop_any(future).await;
        got.unwrap().unwrap().map_err(text)
    }

    /// Reads a response to its end.
    pub(crate) async fn answer(&mut self, response: ResourceAny) -> Answer {
        let (status, headers) = self.head(response).await;
        let body = self.open_body(response).await;
        self.drop_any(response).await;
        let (bytes, broken) = self.read_body(&body).await;
        self.close_body(body).await;
        Answer { status, headers, body: bytes, broken }
    }

    pub(crate) async fn head(&mut self, response: ResourceAny) -> (u16, Vec<(String, String)>) {
        let status: u16 = self.call("status", (response,)).await;
        let fields: ResourceAny = self.call("response-headers", (response,)).await;
        let headers = self.entries(fields).await;
        self.drop_any(fields).await;
        (status, headers)
    }

    async fn entries(&mut self, fields: ResourceAny) -> Vec<(String, String)> {
        let entries: Vec<(String, Vec<u8>)> = self.call("entries", (fields,)).await;
        let readable =
            |(name, value): (String, Vec<u8>)| (name, String::from_utf8_lossy(&value).into_owned());
        entries.into_iter().map(readable).collect()
    }

    /// The body of a response, and its stream.
    pub(crate) async fn open_body(&mut self, response: ResourceAny) -> [ResourceAny; 2] {
        let body: Result<ResourceAny, ()> = self.call("consume", (response,)).await;
        let body = body.unwrap();
        let stream: Result<ResourceAny, ()> = self.call("body-stream", (body,)).await;
        [body, stream.unwrap()]
    }

    pub(crate) async fn close_body(&mut self, [body, stream]: [ResourceAny; 2]) {
        self.drop_any(stream).await;
        self.drop_any(body).await;
    }

    /// Reads to the end, or to an error.
    pub(crate) async fn read_body(
        &mut self,
        [_, stream]: &[ResourceAny; 2],
    ) -> (Vec<u8>, Option<String>) {
        let mut bytes = Vec::new();
        loop {
            match self.read_part(*stream).await {
                Ok(Some(part)) => bytes.extend(part),
                Ok(None) => return (bytes, None),
                Err(error) => return (bytes, Some(error)),
            }
        }
    }

    /// Waits for a part of a body; none at its end.
    pub(crate) async fn read_part(
        &mut self,
        stream: ResourceAny,
    ) -> Result<Option<Vec<u8>>, String> {
        let read: Result<Vec<u8>, StreamError> =
            self.call("input-blocking-read", (stream, 1_u64 << 16)).await;
        match read {
            Ok(part) => Ok(Some(part)),
            Err(StreamError::Closed) => Ok(None),
            Err(StreamError::LastOperationFailed(error)) => {
                let code: Option<ErrorCode> = self.call("http-error-code", (error,)).await;
                let debug: String = self.call("to-debug-string", (error,)).await;
                self.drop_any(error).await;
                Err(code.map_or(format!("no code: {debug}"), text))
            }
        }
    }

    /// Ends a body after its stream, and reads its trailers.
    pub(crate) async fn trailers(
        &mut self,
        [body, stream]: [ResourceAny; 2],
    ) -> Result<Option<Vec<(String, String)>>, String> {
        self.drop_any(stream).await;
        let future: ResourceAny = self.call("finish-response", (body,)).await;
        self.wait_on("trailers-subscribe", future).await;
        let got: Option<Result<Result<Option<ResourceAny>, ErrorCode>, ()>> =
            self.call("trailers-get", (future,)).await;
        self.drop_any(future).await;
        match got.unwrap().unwrap() {
            Ok(None) => Ok(None),
            Ok(Some(fields)) => {
                let entries = self.entries(fields).await;
                self.drop_any(fields).await;
                Ok(Some(entries))
            }
            Err(code) => Err(text(code)),
        }
    }
}
