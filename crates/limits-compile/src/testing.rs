//! Doors for the tests and the fuzzing of this repository. No part of the API.

use std::process::ExitCode;

use limits_core::{CompileBudget, StructureLimits};
use limits_wasmtime::EngineSettings;

use crate::fingerprint::Fingerprint;
use crate::frame;
use crate::protocol::{Answer, Done, Failed, Request, Task, Used, limits_to_wire};
use crate::source::{Forms, Source};

/// Serves as a worker that is restricted as any other and then does `act` with the source.
#[cfg(target_os = "linux")]
#[must_use]
pub fn serve_and(act: fn(&[u8])) -> ExitCode {
    crate::worker::serve_and(act)
}

/// Returns the bytes that a host sends before a source of `length` bytes.
///
/// # Errors
///
/// An error of the serialisation.
pub fn request(
    settings: EngineSettings,
    budget: CompileBudget,
    length: usize,
) -> std::io::Result<Vec<u8>> {
    let engine = limits_wasmtime::EngineBuilder::from_settings(settings)
        .build()
        .map_err(std::io::Error::other)?;
    let request = Request {
        host: i32::try_from(std::process::id()).unwrap_or(0),
        task: Task::Compile { engine: settings.into(), fingerprint: Fingerprint::of(&engine) },
        forms: Source::new(&[]).with_text().forms(),
        structure: limits_to_wire(&StructureLimits::default()),
        allowance: budget.for_size(0).into(),
    };
    frame::head(&request, length)
}

/// Returns an answer of each kind, as a worker writes it.
#[must_use]
pub fn answers() -> Vec<Vec<u8>> {
    let text = || String::from("text");
    let counts = vec![1; limits_core::StructureCount::ALL.len() + 1];
    let failed = [
        Failed::Structure { key: text(), limit: 1, found: 2, place: text() },
        Failed::Cpu,
        Failed::Panicked { reason: text() },
        Failed::Source(crate::source::source_error::SourceError::TextTooLarge {
            bytes: 2,
            most: 1,
        }),
        Failed::Engine,
    ];
    let done = Done { counts, adapted: None, translated: Some(3), used: Used::default() };
    let all = [
        Answer::Ready { seccomp: true, landlock: false, has_memory: true },
        Answer::Unrestricted { what: text(), reason: text() },
        Answer::Done(done),
    ];
    let all = all.into_iter().chain(failed.into_iter().map(Answer::Failed));
    all.filter_map(|answer| frame::head(&answer, 9).ok()).collect()
}

/// Parses a frame as the host parses a worker's answer. Returns whether it is one.
#[must_use]
pub fn parse_answer(bytes: &[u8]) -> bool {
    frame::parse::<Answer>(bytes).is_some()
}

/// Parses a frame as the worker parses a host's request. Returns whether it is one.
#[must_use]
pub fn parse_request(bytes: &[u8]) -> bool {
    frame::parse::<Request>(bytes).is_some()
}

/// Translates a source that may be text or a core module, as a worker does. Returns whether it is
/// one.
#[must_use]
pub fn translate(bytes: &[u8]) -> bool {
    let forms = Forms { text: true, modules: true };
    Source::from_parts(bytes, forms).translate().is_ok()
}
