//! The phases of a run, in the report. The fields are the keys of the JSON.

use core::time::Duration;

use limits_config::format_size;
use limits_wasmtime::ExecutionReport;
use serde::Serialize;

use crate::units::milliseconds;

/// The phases of a run, in milliseconds; null for those that were not reached.
///
/// Of several runs, loading and compiling are done once, and the others are those of the reported
/// run.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Phases {
    /// Reading the files.
    pub(crate) load_ms: Option<f64>,
    pub(crate) compile: Option<CompilePhase>,
    /// Until the call began.
    pub(crate) instantiate_ms: Option<f64>,
    /// The call.
    pub(crate) run_ms: Option<f64>,
}

/// Parsing, adapting and compiling, or taking the result from the cache.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CompilePhase {
    pub(crate) ms: f64,
    /// `worker` or `inline`.
    pub(crate) mode: &'static str,
    /// `hit`, `miss` or `off`.
    pub(crate) cache: &'static str,
    /// Of the worker, all its threads together; null where none ran.
    pub(crate) cpu_ms: Option<f64>,
    /// Of the worker, in bytes; null where none ran.
    pub(crate) peak_memory: Option<u64>,
    /// The restrictions of the worker that depend on the kernel; null where none ran.
    pub(crate) confinement: Option<Confined>,
}

/// The restrictions that a kernel may lack.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Confined {
    pub(crate) seccomp: bool,
    pub(crate) landlock: bool,
}

impl Confined {
    /// Returns the words for what is missing, if anything is.
    pub(crate) fn lacks(self) -> Option<&'static str> {
        match (self.seccomp, self.landlock) {
            (true, true) => None,
            (false, true) => Some("seccomp"),
            (true, false) => Some("Landlock"),
            (false, false) => Some("seccomp and Landlock"),
        }
    }
}

impl CompilePhase {
    fn text(&self) -> String {
        let memory = self.peak_memory.map(|bytes| format!("{} at most", format_size(bytes)));
        let cpu = self.cpu_ms.map(|ms| format!("{ms:.3} ms CPU"));
        let lacks = self.confinement.and_then(Confined::lacks);
        let details = [
            Some(String::from(self.mode)),
            Some(format!("cache {}", self.cache)),
            cpu,
            memory,
            lacks.map(|lacks| format!("without {lacks}")),
        ];
        let details: Vec<String> = details.into_iter().flatten().collect();
        format!("compile {:.3} ms ({})", self.ms, details.join(", "))
    }
}

impl Phases {
    /// Begins with loading.
    pub(crate) fn loaded(time: Duration) -> Self {
        Self { load_ms: Some(milliseconds(time)), ..Self::default() }
    }

    /// Adds the phases of one execution.
    pub(crate) fn with_execution(self, used: &ExecutionReport) -> Self {
        let run = used.wall_time.saturating_sub(used.instantiate_time);
        Self {
            instantiate_ms: Some(milliseconds(used.instantiate_time)),
            run_ms: Some(milliseconds(run)),
            ..self
        }
    }

    /// Returns the phases in one line for people, or `None` if there was none.
    pub(crate) fn text(&self) -> Option<String> {
        let phase = |name: &str, ms: Option<f64>| ms.map(|ms| format!("{name} {ms:.3} ms"));
        let phases = [
            phase("load", self.load_ms),
            self.compile.as_ref().map(CompilePhase::text),
            phase("instantiate", self.instantiate_ms),
            phase("run", self.run_ms),
        ];
        let phases: Vec<String> = phases.into_iter().flatten().collect();
        (!phases.is_empty()).then(|| phases.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::{CompilePhase, Confined, Phases};
    use core::time::Duration;
    use serde_json::json;

    fn phases() -> Phases {
        let compile = CompilePhase {
            ms: 12.5,
            mode: "worker",
            cache: "miss",
            cpu_ms: Some(9.25),
            peak_memory: Some(30 << 20),
            confinement: Some(Confined { seccomp: true, landlock: false }),
        };
        let loaded = Phases::loaded(Duration::from_micros(500));
        let (instantiate_ms, run_ms) = (Some(0.25), Some(1.75));
        Phases { compile: Some(compile), instantiate_ms, run_ms, ..loaded }
    }

    #[test]
    fn the_phases_are_one_line() {
        assert_eq!(
            phases().text().as_deref(),
            Some(
                "load 0.500 ms, compile 12.500 ms (worker, cache miss, 9.250 ms CPU, 31457280 (30 \
                 MiB) at most, without Landlock), instantiate 0.250 ms, run 1.750 ms"
            )
        );
        assert_eq!(Phases::default().text(), None);
    }

    #[test]
    fn the_keys_are_those_that_are_documented() {
        assert_eq!(
            serde_json::to_value(phases()).unwrap(),
            json!({
                "load_ms": 0.5,
                "compile": {
                    "ms": 12.5, "mode": "worker", "cache": "miss", "cpu_ms": 9.25,
                    "peak_memory": 31_457_280,
                    "confinement": {"seccomp": true, "landlock": false},
                },
                "instantiate_ms": 0.25,
                "run_ms": 1.75,
            })
        );
        assert_eq!(
            serde_json::to_value(Phases::default()).unwrap(),
            json!({"load_ms": null, "compile": null, "instantiate_ms": null, "run_ms": null})
        );
    }

    #[test]
    fn each_missing_restriction_is_named() {
        let lacks = |seccomp, landlock| Confined { seccomp, landlock }.lacks();
        assert_eq!(lacks(true, true), None);
        assert_eq!(lacks(false, true), Some("seccomp"));
        assert_eq!(lacks(true, false), Some("Landlock"));
        assert_eq!(lacks(false, false), Some("seccomp and Landlock"));
    }
}
