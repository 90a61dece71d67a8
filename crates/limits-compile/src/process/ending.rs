//! The death of a worker, sorted.

use limits_core::{CompileResource, Escaped};

use crate::worker_failure::WorkerFailure;

/// Characters of a worker's last words that an error shows.
const MOST_WORDS: usize = 300;

/// The reason of a worker's death.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum End {
    /// A part of the budget was spent.
    Spent(CompileResource),
    /// The system refused memory.
    Refused,
    /// The component made the compiler crash.
    Crashed(String),
    /// The host has to act.
    Failed(WorkerFailure),
}

/// Sorts the death of a worker by its signal, its exit code and the end of its standard error.
pub(super) fn classify(signal: Option<i32>, code: Option<i32>, words: &str) -> End {
    let crashed = |reason: &str| End::Crashed(String::from(reason));
    match signal {
        Some(libc::SIGXCPU) => End::Spent(CompileResource::CpuTime),
        // An allocation that RLIMIT_AS refuses ends a program of Rust.
        Some(libc::SIGABRT) if words.contains("memory allocation of") => End::Refused,
        Some(libc::SIGABRT | libc::SIGSEGV) if words.contains("overflowed its stack") => {
            crashed("the compiler overflowed its stack")
        }
        Some(libc::SIGSYS) => crashed("the compiler made a forbidden system call"),
        Some(
            signal @ (libc::SIGABRT | libc::SIGBUS | libc::SIGFPE | libc::SIGILL | libc::SIGSEGV),
        ) => {
            let words = Escaped::head(words.trim(), MOST_WORDS);
            End::Crashed(format!("signal {signal} ended the compiler: {words}"))
        }
        Some(signal) => End::Failed(WorkerFailure::Killed { signal }),
        None => {
            let code = code.map_or_else(|| String::from("no code"), |code| format!("code {code}"));
            let mut reason = format!("it ended with {code} and without an answer");
            if !words.trim().is_empty() {
                reason.push_str(": ");
                reason.push_str(words.trim());
            }
            End::Failed(WorkerFailure::Protocol { reason })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{End, classify};
    use crate::worker_failure::WorkerFailure;
    use limits_core::CompileResource;

    #[test]
    fn each_death_has_its_reason() {
        let alloc = "memory allocation of 8388608 bytes failed\n";
        let stack = "thread 'main' has overflowed its stack\n";
        let crashed = |reason: &str| End::Crashed(String::from(reason));
        for (signal, words, end) in [
            (libc::SIGXCPU, "", End::Spent(CompileResource::CpuTime)),
            (libc::SIGABRT, alloc, End::Refused),
            (libc::SIGABRT, stack, crashed("the compiler overflowed its stack")),
            (libc::SIGABRT, "oops\n", crashed("signal 6 ended the compiler: oops")),
            (libc::SIGSYS, "", crashed("the compiler made a forbidden system call")),
            (libc::SIGKILL, alloc, End::Failed(WorkerFailure::Killed { signal: 9 })),
        ] {
            assert_eq!(classify(Some(signal), None, words), end);
        }
        let reason = String::from("it ended with code 1 and without an answer: why");
        assert_eq!(
            classify(None, Some(1), "why\n"),
            End::Failed(WorkerFailure::Protocol { reason })
        );
    }
}
