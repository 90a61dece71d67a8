//! The verdicts that a cache remembers.
//!
//! # Invariants
//!
//! - I27: only a refusal that the same bytes will always meet is remembered: one of the pre-pass,
//!   of translation or of validation. A spent budget, a crash, and a failure of the host are not,
//!   and a verdict holds only under the limits that it was made under.

use limits_core::{Rejection, StructureCount, StructureLimits, WasmError};
use serde::{Deserialize, Serialize};

use crate::compile_error::CompileError;
use crate::compile_report::CompileMode;
use crate::protocol::limits_to_wire;
use crate::source::module_error::ModuleError;
use crate::source::source_error::SourceError;

/// A refusal of a component, with the limits on its structure that it was made under.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Verdict {
    limits: Vec<u64>,
    reason: Reason,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
enum Reason {
    /// The pre-pass: too much of something, of this key.
    Structure { key: String, limit: u64, found: u64, place: String },
    /// Validation.
    Invalid { reason: String },
    /// Translation.
    Source(SourceError),
}

impl Verdict {
    /// Returns the verdict that an error is, if the same bytes will always meet it.
    pub(crate) fn of(
        error: &CompileError,
        mode: CompileMode,
        limits: &StructureLimits,
    ) -> Option<Self> {
        let reason = match error {
            CompileError::Wasm(WasmError::Rejected(Rejection::Structure {
                count,
                limit,
                found,
                place,
            })) => {
                let (key, place) = (String::from(count.key()), place.clone());
                Reason::Structure { key, limit: *limit, found: *found, place }
            }
            // In this process, a panic of the compiler is the same error.
            CompileError::Wasm(WasmError::InvalidComponent { reason })
                if mode == CompileMode::Worker =>
            {
                Reason::Invalid { reason: reason.clone() }
            }
            // The encoder's own words can be those of a panic.
            CompileError::Source(SourceError::Module(ModuleError::Encoder { .. })) => return None,
            CompileError::Source(error) => Reason::Source(error.clone()),
            _ => return None,
        };
        Some(Self { limits: limits_to_wire(limits), reason })
    }

    /// Returns the error, if it holds under `limits`.
    pub(crate) fn under(&self, limits: &StructureLimits) -> Option<CompileError> {
        if self.limits != limits_to_wire(limits) {
            return None;
        }
        Some(match &self.reason {
            Reason::Structure { key, limit, found, place } => {
                let count = *StructureCount::ALL.iter().find(|count| count.key() == key)?;
                let (limit, found, place) = (*limit, *found, place.clone());
                Rejection::Structure { count, limit, found, place }.into()
            }
            Reason::Invalid { reason } => {
                WasmError::InvalidComponent { reason: reason.clone() }.into()
            }
            Reason::Source(error) => error.clone().into(),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::Verdict;
    use crate::compile_error::CompileError;
    use crate::compile_report::CompileMode;
    use crate::source::module_error::ModuleError;
    use crate::source::source_error::SourceError;
    use crate::worker_failure::WorkerFailure;
    use limits_core::{
        CompileResource, HostResource, HostShortage, Rejection, StructureCount, StructureLimits,
        WasmError,
    };

    const LIMITS: fn() -> StructureLimits = StructureLimits::default;

    pub(crate) fn too_many_functions() -> CompileError {
        let place = String::from("module 2");
        let count = StructureCount::Functions;
        Rejection::Structure { count, limit: 5, found: 6, place }.into()
    }

    fn invalid() -> CompileError {
        WasmError::InvalidComponent { reason: String::from("type mismatch") }.into()
    }

    // I27.
    #[test]
    fn verdicts_of_the_bytes_are_remembered_word_for_word() {
        let text = SourceError::Text { reason: String::from("oops at line 1, column 2") };
        for error in [too_many_functions(), invalid(), text.into()] {
            let verdict = Verdict::of(&error, CompileMode::Worker, &LIMITS()).unwrap();
            let kept = serde_json::to_string(&verdict).unwrap();
            let kept: Verdict = serde_json::from_str(&kept).unwrap();
            assert_eq!(kept.under(&LIMITS()).unwrap().to_string(), error.to_string());
        }
    }

    // I27.
    #[test]
    fn budgets_crashes_and_failures_of_the_host_are_not_remembered() {
        let words = || String::from("x");
        let errors: [CompileError; 7] = [
            Rejection::Budget { resource: CompileResource::CpuTime, limit: 5 }.into(),
            Rejection::Crashed { reason: words() }.into(),
            WasmError::HostExhausted(HostShortage::new(HostResource::Memory, words())).into(),
            WasmError::InvalidConfiguration { reason: words() }.into(),
            WorkerFailure::Killed { signal: 9 }.into(),
            WorkerFailure::Engine.into(),
            SourceError::Module(ModuleError::Encoder { reason: words() }).into(),
        ];
        for error in errors {
            assert_eq!(Verdict::of(&error, CompileMode::Worker, &LIMITS()), None, "{error}");
        }
        assert_eq!(Verdict::of(&invalid(), CompileMode::Inline, &LIMITS()), None);
    }

    // I27.
    #[test]
    fn a_verdict_holds_only_under_its_own_limits() {
        let verdict = Verdict::of(&too_many_functions(), CompileMode::Worker, &LIMITS()).unwrap();
        for count in StructureCount::ALL {
            let other = LIMITS().with(count, LIMITS().get(count) + 1);
            assert!(verdict.under(&other).is_none(), "{count:?}");
        }
        assert!(verdict.under(&LIMITS()).is_some());
    }
}
