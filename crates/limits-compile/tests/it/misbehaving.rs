//! Workers that do not speak the protocol.

use limits_compile::{CompileError, WorkerFailure, WorkerProgram};
use limits_core::{CompileBudget, CompileResource, Rejection, WasmError};

use crate::Subject;

const COMPONENT: &[u8] = b"(component)";

fn script(text: &str) -> Subject {
    let budget = CompileBudget { cpu_ms: 100, ..CompileBudget::default() };
    Subject::with(WorkerProgram::new("/bin/sh").arg("-c").arg(text)).budget(budget)
}

fn failure(text: &str) -> WorkerFailure {
    match script(text).compile(COMPONENT) {
        Err(CompileError::Worker(failure)) => failure,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn a_program_that_is_missing_is_the_hosts_failure() {
    let missing = Subject::with(WorkerProgram::new("/nowhere/worker"));
    let error = missing.compile(COMPONENT).unwrap_err();
    assert_eq!(
        error.to_string(),
        "compile worker: cannot start /nowhere/worker: No such file or directory (os error 2)"
    );
}

#[test]
fn answers_that_are_none_are_refused() {
    for (text, reason) in [
        ("echo this is not an answer at all", "it is of another version, or no worker"),
        ("printf 'wlcomp01\\377\\377\\377\\377........'", "a header is too long"),
        ("printf 'wlcomp01\\2\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0{}'", "a header makes no sense"),
        ("exit 3", "it ended with code 3 and without an answer"),
        ("echo oops >&2; exit 1", "it ended with code 1 and without an answer: oops"),
        ("exec >&-", "it ended with code 0 and without an answer"),
    ] {
        let WorkerFailure::Protocol { reason: found } = failure(text) else { panic!("{text}") };
        assert!(found.starts_with(reason), "{text}: {found}");
    }
}

#[test]
fn a_body_that_is_longer_than_allowed_is_not_read() {
    // Ready, and then a body of 2^40 bytes.
    let ready = r#"{"Ready":{"seccomp":true,"landlock":true,"has_memory":true}}"#;
    let text = format!(
        "printf 'wlcomp01\\074\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0{ready}'; \
         printf 'wlcomp01\\2\\0\\0\\0\\0\\0\\0\\0\\0\\1\\0\\0{{}}'; cat /dev/zero"
    );
    let error = script(&text).compile(COMPONENT).unwrap_err();
    let CompileError::Wasm(WasmError::Rejected(Rejection::Budget { resource, .. })) = error else {
        panic!("{error}")
    };
    assert_eq!(resource, CompileResource::Artifact);
}

#[test]
fn a_host_without_the_memory_for_a_worker_is_to_blame_itself() {
    let ended = |has_memory: bool| {
        let ready =
            format!(r#"{{"Ready":{{"seccomp":true,"landlock":true,"has_memory":{has_memory}}}}}"#);
        let length = format!("\\{:03o}", ready.len());
        let text = format!(
            "printf 'wlcomp01{length}\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0{ready}'; \
             echo memory allocation of 8 bytes failed >&2; kill -6 $$"
        );
        script(&text).compile(COMPONENT).unwrap_err().to_string()
    };
    assert_eq!(
        ended(false),
        "the host ran out of memory or address space: its own RLIMIT_AS leaves a compile worker \
         less than the budget"
    );
    let spent = ended(true);
    assert!(spent.contains("compiling it takes more than 28"), "{spent}");
}

#[test]
fn a_signal_of_another_process_is_the_hosts_failure() {
    assert_eq!(failure("kill -9 $$"), WorkerFailure::Killed { signal: 9 });
    assert_eq!(failure("kill -15 $$"), WorkerFailure::Killed { signal: 15 });
}

// I2.
#[test]
fn a_worker_that_says_nothing_or_too_much_is_ended_at_the_deadline() {
    let late = Rejection::Budget { resource: CompileResource::WallTime, limit: 0 };
    let is_late = |rejection: Rejection| {
        matches!(rejection, Rejection::Budget { resource: CompileResource::WallTime, .. })
    };
    assert!(is_late(late));
    for text in [
        "while :; do :; done",
        // Reads nothing, and fills standard error for ever.
        "while :; do echo noise >&2; done",
        // Closes its output, and lives on.
        "exec >&-; while :; do :; done",
        // Half an answer.
        "printf wlcomp; while :; do :; done",
    ] {
        assert!(is_late(script(text).rejection(COMPONENT)), "{text}");
    }
}

#[test]
fn a_worker_that_cannot_restrict_itself_compiles_nothing() {
    let said = r#"{"Unrestricted":{"what":"RLIMIT_AS","reason":"no"}}"#;
    let text = format!("printf 'wlcomp01\\063\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0{said}'");
    let error = script(&text).compile(COMPONENT).unwrap_err();
    assert_eq!(error.to_string(), "compile worker: cannot restrict itself by RLIMIT_AS: no");
}

/// A source that is larger than a pipe does not hold up a worker that answers without reading it.
#[test]
fn a_worker_need_not_read_its_source() {
    let large = format!("(component){}", " ".repeat(1 << 20));
    let WorkerFailure::Protocol { reason } =
        (match script("echo 12345678901234567890").compile(large.as_bytes()) {
            Err(CompileError::Worker(failure)) => failure,
            other => panic!("{other:?}"),
        })
    else {
        panic!("no protocol failure")
    };
    assert_eq!(reason, "it is of another version, or no worker");
}
