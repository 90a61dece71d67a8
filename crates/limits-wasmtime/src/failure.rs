//! An execution that did not end well.

use core::error::Error;
use core::fmt;

use limits_core::{Blame, WasmError};

use crate::report::ExecutionReport;

/// The reason for which an execution did not end well, and its report.
///
/// One pointer wide, so that a `Result` with it stays small.
#[derive(Debug)]
pub struct ExecutionFailure {
    inner: Box<Inner>,
}

#[derive(Debug)]
struct Inner {
    error: WasmError,
    report: ExecutionReport,
}

impl ExecutionFailure {
    pub(crate) fn new(error: WasmError, report: ExecutionReport) -> Self {
        Self { inner: Box::new(Inner { error, report }) }
    }

    /// Returns the reason.
    #[must_use]
    pub fn error(&self) -> &WasmError {
        &self.inner.error
    }

    /// Returns the party that must act on the failure: guest, own quota, host or caller.
    ///
    /// Short for [`WasmError::blame`]: the error carries the facts that decide, such as the quota
    /// that the execution waited for.
    #[must_use]
    pub fn blame(&self) -> Blame {
        self.inner.error.blame()
    }

    /// Returns the report of the resources used.
    #[must_use]
    pub fn report(&self) -> &ExecutionReport {
        &self.inner.report
    }

    /// Returns the reason without the report.
    #[must_use]
    pub fn into_error(self) -> WasmError {
        self.inner.error
    }

    /// Returns the reason and the report.
    #[must_use]
    pub fn into_parts(self) -> (WasmError, ExecutionReport) {
        (self.inner.error, self.inner.report)
    }
}

impl fmt::Display for ExecutionFailure {
    /// Writes the error, and behind the error of a trap the growth that the store's own limit had
    /// refused before. Other diagnoses are in the error itself: the CPU time that was waited for,
    /// and a growth that a quota or the host refused.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { error, report } = &*self.inner;
        fmt::Display::fmt(error, f)?;
        match (error, report.last_refusal) {
            (WasmError::Trap { refused: None, .. }, Some(refused)) => {
                write!(f, "; it had been refused memory before: {refused}")
            }
            _ => Ok(()),
        }
    }
}

impl Error for ExecutionFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.inner.error.source()
    }
}

impl From<ExecutionFailure> for WasmError {
    fn from(failure: ExecutionFailure) -> Self {
        failure.into_error()
    }
}

const _: () = assert!(size_of::<ExecutionFailure>() == size_of::<usize>());
