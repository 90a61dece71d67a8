//! One request, from its first byte to the last answer.

use std::io::{self, Read, stdin};
use std::process::ExitCode;
use std::sync::Arc;

use limits_wasmtime::EngineBuilder;

use crate::frame::read_header;
use crate::protocol::{Answer, Failed, Request, Task, limits_from_wire};
use crate::source::Source;
use crate::worker::output::Output;
use crate::worker::restriction::Restriction;
use crate::worker::task::{Work, engine};
use crate::worker::{confine, descriptors};

/// The act of a test in place of compiling.
type Act = Option<fn(&[u8])>;

pub(super) fn serve(change: fn(EngineBuilder) -> EngineBuilder, act: Act) -> ExitCode {
    let output = Arc::new(Output::default());
    // A host that has gone, or that does not speak the protocol, hears nothing.
    match answer(change, act, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn answer(
    change: fn(EngineBuilder) -> EngineBuilder,
    act: Act,
    output: &Arc<Output>,
) -> io::Result<()> {
    let closed = descriptors::close_inherited();
    let mut input = stdin().lock();
    // The standard input buffers, so it may hold bytes of the source already; nothing looks at
    // them before the restrictions are complete.
    let (request, length) = read_header::<Request>(&mut input)?;
    let restricted = closed.and_then(|()| confine::begin(&request, output));
    let confined = match restricted {
        Ok(confined) => confined,
        Err(restriction) => return output.end(&unrestricted(restriction), &[]),
    };
    // Trusted code, which may ask the system more than compiling does.
    let engine = match &request.task {
        Task::Translate => None,
        Task::Compile { engine: settings, fingerprint } => {
            match engine(*settings, change, *fingerprint) {
                Ok(engine) => Some(engine),
                Err(failed) => return output.end(&Answer::Failed(failed), &[]),
            }
        }
    };
    let Some(limits) = limits_from_wire(&request.structure) else {
        return Err(io::Error::other("the host is of another version"));
    };
    let vitals = match confined.finish() {
        Ok((ready, vitals)) => {
            output.say(&ready)?;
            vitals
        }
        Err(restriction) => return output.end(&unrestricted(restriction), &[]),
    };
    let mut source = Vec::new();
    if !usize::try_from(length).is_ok_and(|length| source.try_reserve_exact(length).is_ok()) {
        return output.end(&Answer::Failed(Failed::Refused), &[]);
    }
    input.take(length).read_to_end(&mut source)?;
    if let Some(act) = act {
        act(&source);
    }
    let work = Work { engine, limits };
    match work.run(Source::from_parts(&source, request.forms)) {
        Ok(made) => {
            let used = vitals.used();
            match vitals.spent(request.allowance, used) {
                None => made.send(output, used),
                Some(failed) => output.end(&Answer::Failed(failed), &[]),
            }
        }
        Err(failed) => output.end(&Answer::Failed(failed), &[]),
    }
}

fn unrestricted(Restriction { what, reason }: Restriction) -> Answer {
    Answer::Unrestricted { what: String::from(what), reason }
}

/// Words for a failure that neither the component nor its budget is to blame for.
pub(super) fn host(reason: impl ToString) -> Failed {
    Failed::Host { reason: reason.to_string() }
}
