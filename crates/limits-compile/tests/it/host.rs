//! Workers end with their host, and are reaped by one that lives on.

use core::time::Duration;
use std::fs;
use std::process::Command;
use std::time::Instant;

use limits_compile::WorkerProgram;
use limits_core::CompileBudget;

use crate::{Subject, example};

/// Waits for something to become true that does so soon.
fn soon<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn children(of: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{of}/task/{of}/children")).unwrap_or_default();
    text.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

fn is_running(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}

// I1.
#[test]
fn a_worker_ends_with_a_host_that_is_killed() {
    let mut host = Command::new(example("host")).spawn().unwrap();
    let worker = soon("the host starts a worker", || {
        // One that is restricted: until then the pipe's end would end it as well.
        let worker = children(host.id()).first().copied()?;
        let status = fs::read_to_string(format!("/proc/{worker}/status")).ok()?;
        status.contains("Seccomp:\t2").then_some(worker)
    });
    host.kill().unwrap();
    host.wait().unwrap();
    soon("the worker ends", || (!is_running(worker)).then_some(()));
}

// I1.
#[test]
fn an_ended_worker_is_reaped() {
    let budget = CompileBudget { cpu_ms: 100, ..CompileBudget::default() };
    let subject = Subject::with(WorkerProgram::new(example("provoke"))).budget(budget);
    for act in [b"sleep".as_slice(), b"open", b"spin", b"(component)"] {
        let _ = subject.compile(act);
        let me = std::thread::current();
        // The children of this thread, whose worker it was.
        let own = rustix::thread::gettid().as_raw_nonzero();
        let path = format!("/proc/self/task/{own}/children");
        assert_eq!(fs::read_to_string(path).unwrap(), "", "{:?}", me.name());
    }
}
