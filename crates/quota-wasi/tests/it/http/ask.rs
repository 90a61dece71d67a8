//! Requests, as tests describe them, and their answers.

use core::time::Duration;

use wasmtime_wasi_http::p2::bindings::http::types::{Method, Scheme};

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) scheme: Option<Scheme>,
    pub(crate) authority: Option<String>,
    pub(crate) path: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Vec<u8>>,
    /// To connect, to the first byte, between bytes.
    pub(crate) timeouts: [Option<Duration>; 3],
}

/// An answer. An error is the text of its code.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The error that ended the body.
    pub(crate) broken: Option<String>,
}

impl Ask {
    /// A request of `/` without TLS.
    pub(crate) fn http(authority: impl ToString) -> Self {
        Self {
            method: Method::Get,
            scheme: Some(Scheme::Http),
            authority: Some(authority.to_string()),
            path: Some("/".to_owned()),
            headers: Vec::new(),
            body: None,
            timeouts: [None; 3],
        }
    }

    /// The same with TLS.
    pub(crate) fn https(authority: impl ToString) -> Self {
        Self { scheme: Some(Scheme::Https), ..Self::http(authority) }
    }

    pub(crate) fn method(self, method: Method) -> Self {
        Self { method, ..self }
    }

    pub(crate) fn path(self, path: &str) -> Self {
        Self { path: Some(path.to_owned()), ..self }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A request with a body, in pieces if its length is not told.
    pub(crate) fn body(self, body: &[u8]) -> Self {
        Self { method: Method::Post, body: Some(body.to_vec()), ..self }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }
}
