//! A worker has no authority but its two pipes.

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use limits_compile::{CompileError, Compiled, WorkerProgram, testing};
use limits_core::{CompileBudget, CompileResource, Rejection};
use limits_wasmtime::EngineBuilder;

use crate::{Subject, WORKER, example};

fn provoke(act: &str) -> Result<Compiled, CompileError> {
    let budget = CompileBudget {
        cpu_ms: 600,
        cpu_ms_per_mib: 0,
        memory_bytes: 64 << 20,
        memory_bytes_per_mib: 0,
        ..CompileBudget::default()
    };
    Subject::with(WorkerProgram::new(example("provoke"))).budget(budget).compile(act.as_bytes())
}

fn rejected(act: &str) -> Rejection {
    use limits_core::WasmError::Rejected;
    match provoke(act) {
        Err(CompileError::Wasm(Rejected(rejection))) => rejection,
        other => panic!("{act}: {other:?}"),
    }
}

// I3.
#[test]
fn a_system_call_that_compiling_does_not_make_ends_the_worker() {
    let killed =
        Rejection::Crashed { reason: String::from("the compiler made a forbidden system call") };
    for act in ["tcp", "udp", "exec", "thread", "signal", "limit", "code"] {
        assert_eq!(rejected(act), killed, "{act}");
    }
}

// I3.
#[test]
fn a_worker_opens_no_file() {
    for act in ["open", "create", "list"] {
        // It went on to compile the name of the act, which is no component.
        let error = provoke(act).unwrap_err();
        assert!(matches!(error, CompileError::Source(_)), "{act}: {error}");
    }
}

#[test]
fn a_worker_that_does_nothing_wrong_answers() {
    // The provoking worker finds no act of this name, and compiles it.
    assert!(provoke("(component)").is_ok());
}

#[test]
fn each_part_of_the_budget_ends_the_worker() {
    let late = Rejection::Budget { resource: CompileResource::WallTime, limit: 2_400 };
    // On a busy machine, the wall-clock time may be over before the CPU time.
    let spun = (0..20).map(|_| rejected("spin")).find(|rejection| *rejection != late);
    let spent = Rejection::Budget { resource: CompileResource::CpuTime, limit: 600 };
    assert_eq!(spun, Some(spent));
    for (act, resource, limit) in [
        ("sleep", CompileResource::WallTime, 2_400),
        ("allocate", CompileResource::Memory, 64 << 20),
    ] {
        assert_eq!(rejected(act), Rejection::Budget { resource, limit }, "{act}");
    }
}

#[test]
fn a_crash_is_the_components_fault() {
    let overflow = Rejection::Crashed { reason: String::from("the compiler overflowed its stack") };
    assert_eq!(rejected("recurse"), overflow);
    let aborted = Rejection::Crashed { reason: String::from("signal 6 ended the compiler: ") };
    assert_eq!(rejected("panic"), aborted);
}

/// Starts a worker with an open file beside its pipes, and looks at it from outside after it has
/// restricted itself.
// I3, I4.
#[test]
fn a_restricted_worker_has_nothing_to_reach_for() {
    let settings = EngineBuilder::new().settings();
    let request = testing::request(settings, CompileBudget::default(), 1).unwrap();
    let mut worker = Command::new("/bin/sh")
        .args(["-c", "exec 9</etc/passwd; exec \"$0\"", WORKER])
        .env("SECRET", "1")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    worker.stdin.as_mut().unwrap().write_all(&request).unwrap();
    let mut first = [0; 128];
    let read = worker.stdout.as_mut().unwrap().read(&mut first).unwrap();
    assert!(testing::parse_answer(&first[..read]), "{:?}", String::from_utf8_lossy(&first));

    let of = |name: &str| format!("/proc/{}/{name}", worker.id());
    let status = fs::read_to_string(of("status")).unwrap();
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(status.contains(line), "{status}");
    }
    let limits = fs::read_to_string(of("limits")).unwrap();
    let bounds = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        let mut words = line[name.len()..].split_whitespace();
        (words.next().unwrap().to_owned(), words.next().unwrap().to_owned())
    };
    for name in ["Max core file size", "Max file size", "Max open files", "Max processes"] {
        assert_eq!(bounds(name), ("0".to_owned(), "0".to_owned()), "{name}");
    }
    assert_eq!(bounds("Max cpu time"), ("2".to_owned(), "3".to_owned()));
    let space: u64 = bounds("Max address space").0.parse().unwrap();
    assert!(space > 256 << 20, "{space}");
    // Every thread is under the filter, and none is left out.
    for thread in fs::read_dir(of("task")).unwrap() {
        let status = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        assert!(status.contains("Seccomp:\t2"), "{status}");
    }
    // Only a privileged observer may look into a process that has no dumps.
    if let Ok(open) = fs::read_dir(of("fd")) {
        let mut open: Vec<String> =
            open.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        open.sort();
        assert_eq!(open, ["0", "1", "2", "3", "4"]);
        for (descriptor, path) in [("3", "statm"), ("4", "status")] {
            let link = fs::read_link(of("fd").to_owned() + "/" + descriptor).unwrap();
            assert!(link.ends_with(path), "{}", link.display());
        }
    }
    worker.kill().unwrap();
    worker.wait().unwrap();
}

/// Reads the first answer of a worker that has so much memory in its budget, under a limit of its
/// host in KiB.
fn first_answer(memory_bytes: u64, limit: &str) -> String {
    let budget = CompileBudget { memory_bytes, ..CompileBudget::default() };
    let request = testing::request(EngineBuilder::new().settings(), budget, 1).unwrap();
    let mut worker = Command::new("/bin/sh")
        .args(["-c", "ulimit -v $1; exec \"$0\"", WORKER, limit])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    worker.stdin.as_mut().unwrap().write_all(&request).unwrap();
    let mut first = [0; 256];
    let read = worker.stdout.as_mut().unwrap().read(&mut first).unwrap();
    worker.kill().unwrap();
    worker.wait().unwrap();
    String::from_utf8_lossy(&first[..read]).into_owned()
}

#[test]
fn a_worker_says_whether_it_may_have_its_memory() {
    let limited = first_answer(8 << 30, "4194304");
    assert!(limited.contains("\"has_memory\":false"), "{limited}");
    let free = first_answer(8 << 30, "unlimited");
    assert!(free.contains("\"has_memory\":true"), "{free}");
}

/// The last answer cannot come before the restrictions: there is none without a source.
#[test]
fn a_worker_of_a_host_that_has_gone_does_nothing() {
    // The parent of this worker is a shell, not the process that the request names.
    let settings = EngineBuilder::new().settings();
    let request = testing::request(settings, CompileBudget::default(), 0).unwrap();
    let mut shell = Command::new("/bin/sh")
        .args(["-c", "\"$0\"; true", WORKER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    shell.stdin.take().unwrap().write_all(&request).unwrap();
    let output = shell.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("PR_SET_PDEATHSIG") && text.contains("the host has ended"), "{text}");
}
