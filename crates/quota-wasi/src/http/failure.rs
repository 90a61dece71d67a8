//! Failures of requests, as guests read them.

use core::error::Error as _;
use std::io;

use limits_core::Denial;
use quota_enforce::EnforceError;
use rustls::AlertDescription;
use wasmtime_wasi_http::Error;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, TlsAlertReceivedPayload};

use super::progress::Late;
use crate::names::lookup_error::LookupError;
use crate::wire::wire_error::WireError;

/// Returns an error whose text the guest reads.
pub(crate) fn with_text(text: impl ToString) -> Error {
    Error::InternalError(Some(text.to_string()))
}

/// Returns the error of a wait that took too long.
pub(crate) fn of_late(late: Late) -> Error {
    match late {
        Late::Write => Error::ConnectionWriteTimeout,
        Late::Read => Error::ConnectionReadTimeout,
        Late::Total => Error::HttpResponseTimeout,
    }
}

/// Returns the error of a host that has no addresses for the guest.
pub(crate) fn of_lookup(error: LookupError) -> Error {
    match error {
        LookupError::Invalid => Error::HttpRequestUriInvalid,
        LookupError::Denied(denied) => match denied.into_error() {
            EnforceError::Capability(denied)
                if matches!(denied.reason(), Denial::Special { .. }) =>
            {
                Error::DestinationIpProhibited
            }
            EnforceError::Capability(_) => Error::HttpRequestDenied,
            other => with_text(other),
        },
        LookupError::TimedOut { .. } => Error::DnsTimeout,
        LookupError::TooMany { .. } | LookupError::TooManyAddresses { .. } => with_text(error),
        LookupError::Unresolvable(_) => {
            Error::DnsError { rcode: Some("the name has no address".to_owned()), info_code: None }
        }
    }
}

/// Returns the error of a connection that was not made.
pub(crate) fn of_connect(error: &io::Error) -> Error {
    use io::ErrorKind;
    let of_host = [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE, rustix::io::Errno::NOBUFS];
    match error.kind() {
        _ if of_host.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error())) => {
            Error::ConnectionLimitReached
        }
        ErrorKind::OutOfMemory => Error::ConnectionLimitReached,
        ErrorKind::TimedOut => Error::ConnectionTimeout,
        ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable => {
            Error::DestinationIpUnroutable
        }
        _ => Error::ConnectionRefused,
    }
}

/// Returns the error of a TLS handshake that failed.
pub(crate) fn of_tls(error: &io::Error) -> Error {
    if let Some(refused) = inner::<WireError>(error) {
        return with_text(refused);
    }
    match inner::<rustls::Error>(error) {
        Some(rustls::Error::InvalidCertificate(_)) => Error::TlsCertificateError,
        Some(rustls::Error::AlertReceived(alert)) => of_alert(*alert),
        Some(_) => Error::TlsProtocolError,
        // The peer went away.
        None => Error::ConnectionTerminated,
    }
}

fn of_alert(alert: AlertDescription) -> Error {
    Error::TlsAlertReceived {
        alert_id: Some(u8::from(alert)),
        alert_message: Some(format!("{alert:?}")),
    }
}

/// Returns the error of a connection that failed in the middle of a request or a response, whose
/// head may have `head_bytes`.
pub(crate) fn of_hyper(error: &hyper::Error, head_bytes: u64) -> Error {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            return of_stream(io);
        }
        source = cause.source();
    }
    if error.is_parse_too_large() {
        let most = u32::try_from(head_bytes).unwrap_or(u32::MAX);
        Error::HttpResponseHeaderSectionSize(Some(most))
    } else if error.is_incomplete_message() {
        Error::HttpResponseIncomplete
    } else if error.is_closed() || error.is_canceled() {
        Error::ConnectionTerminated
    } else {
        Error::HttpProtocolError
    }
}

/// Returns the code of an error that ended a body.
pub(crate) fn code(error: &Error) -> ErrorCode {
    match error {
        Error::InternalError(text) => ErrorCode::InternalError(text.clone()),
        Error::HttpResponseTimeout => ErrorCode::HttpResponseTimeout,
        Error::ConnectionReadTimeout => ErrorCode::ConnectionReadTimeout,
        Error::ConnectionTerminated => ErrorCode::ConnectionTerminated,
        Error::HttpResponseIncomplete => ErrorCode::HttpResponseIncomplete,
        Error::HttpResponseBodySize(size) => ErrorCode::HttpResponseBodySize(*size),
        Error::HttpResponseHeaderSectionSize(size) => {
            ErrorCode::HttpResponseHeaderSectionSize(*size)
        }
        Error::HttpResponseTrailerSectionSize(size) => {
            ErrorCode::HttpResponseTrailerSectionSize(*size)
        }
        Error::TlsProtocolError => ErrorCode::TlsProtocolError,
        Error::TlsAlertReceived { alert_id, alert_message } => {
            ErrorCode::TlsAlertReceived(TlsAlertReceivedPayload {
                alert_id: *alert_id,
                alert_message: alert_message.clone(),
            })
        }
        _ => ErrorCode::HttpProtocolError,
    }
}

fn of_stream(error: &io::Error) -> Error {
    use io::ErrorKind;
    if let Some(refused) = inner::<WireError>(error) {
        return with_text(refused);
    }
    match (inner::<rustls::Error>(error), error.kind()) {
        (Some(rustls::Error::AlertReceived(alert)), _) => of_alert(*alert),
        (Some(_), _) => Error::TlsProtocolError,
        (
            None,
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::NotConnected
            | ErrorKind::WriteZero,
        ) => Error::ConnectionTerminated,
        (None, ErrorKind::UnexpectedEof) => Error::HttpResponseIncomplete,
        (None, _) => Error::HttpProtocolError,
    }
}

fn inner<E: core::error::Error + 'static>(error: &io::Error) -> Option<&E> {
    error.get_ref()?.downcast_ref::<E>()
}
