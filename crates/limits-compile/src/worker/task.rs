//! The work itself: a source becomes a binary component, and that compiled code.

use core::any::Any;
use core::panic::AssertUnwindSafe;
use std::borrow::Cow;
use std::io;
use std::panic::catch_unwind;

use limits_core::{Escaped, StructureLimits};
use limits_wasmtime::{EngineBuilder, Structure, invalid_component};
use wasmtime::Engine;

use crate::fingerprint::Fingerprint;
use crate::protocol::{self, Answer, Done, Failed, Used};
use crate::source::adapter::Adapted;
use crate::source::{Binary, Source};
use crate::worker::output::Output;
use crate::worker::session::host;

/// Characters of a panic's message that are sent.
const MOST_WORDS: usize = 1_024;

/// The work on one source.
pub(super) struct Work {
    /// None if the component is not to be compiled.
    pub(super) engine: Option<Engine>,
    pub(super) limits: StructureLimits,
}

/// A component, and its compiled code if it was to be compiled.
pub(super) struct Made<'a> {
    translated: Option<Cow<'a, [u8]>>,
    adapted: Option<Adapted>,
    structure: Structure,
    code: Vec<u8>,
}

/// Makes the engine that the host has.
pub(super) fn engine(
    settings: protocol::Engine,
    change: fn(EngineBuilder) -> EngineBuilder,
    wanted: Fingerprint,
) -> Result<Engine, Failed> {
    let engine = change(EngineBuilder::from_settings(settings.into())).build().map_err(host)?;
    if Fingerprint::of(&engine) == wanted { Ok(engine) } else { Err(Failed::Engine) }
}

impl Work {
    pub(super) fn run<'a>(&self, source: Source<'a>) -> Result<Made<'a>, Failed> {
        let is_translated = source.needs_translation();
        // Unwind safe: the process ends after a panic.
        catch_unwind(AssertUnwindSafe(|| {
            let Binary { bytes, adapted } = source.translate().map_err(Failed::Source)?;
            let structure = Structure::of(&bytes, &self.limits).map_err(Failed::of)?;
            let code = match &self.engine {
                None => Vec::new(),
                Some(engine) => engine
                    .precompile_component(&bytes)
                    .map_err(|error| Failed::of(invalid_component(&error)))?,
            };
            let translated = is_translated.then_some(bytes);
            Ok(Made { translated, adapted, structure, code })
        }))
        .unwrap_or_else(|panic| Err(Failed::Panicked { reason: words(&*panic) }))
    }
}

impl Made<'_> {
    /// Sends the component as the last answer.
    pub(super) fn send(&self, output: &Output, used: Used) -> io::Result<()> {
        let translated = self.translated.as_deref();
        let length = |bytes: &[u8]| u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let done = Done {
            counts: self.structure.to_counts(),
            adapted: self.adapted,
            translated: translated.map(length),
            used,
        };
        output.end(&Answer::Done(done), &[translated.unwrap_or_default(), &self.code])
    }
}

/// Returns the message of a panic.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Escaped::head(text.unwrap_or("a panic without words"), MOST_WORDS).to_string()
}
