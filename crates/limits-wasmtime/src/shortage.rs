//! Shortages of the host, recognised in errors.

use core::num::NonZeroUsize;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use limits_core::{HostResource, HostShortage, WasmError};
use wasmtime::{Error, OutOfMemory, PoolConcurrencyLimitError};

use crate::error_text::whole;

/// Returns the shortage of the host that caused `error`, if one did.
///
/// Wasmtime wraps the system's error in a text of its own. An error type of a host function that
/// has such an error as its source stays the host function's error.
pub(crate) fn shortage(error: &Error) -> Option<HostShortage> {
    let resource = if error.is::<OutOfMemory>() {
        HostResource::Memory
    } else if let Some(error) = error.downcast_ref::<io::Error>() {
        host_resource(error)?
    } else {
        of_errno(error)?
    };
    Some(HostShortage::new(resource, whole(error)))
}

#[cfg(target_os = "linux")]
fn of_errno(error: &Error) -> Option<HostResource> {
    host_resource(&io::Error::from(*error.downcast_ref::<rustix::io::Errno>()?))
}

#[cfg(not(target_os = "linux"))]
const fn of_errno(_error: &Error) -> Option<HostResource> {
    None
}

/// Returns the resource that the host ran short of, if that is the cause of a system error.
///
/// A file larger than the system allows (`ulimit -f`) counts as a lack of room on the disk; a file
/// larger than a program of its own accord reads does not. `EAGAIN` is no shortage by itself:
/// non-blocking reads return it in normal operation.
#[must_use]
pub fn host_resource(error: &io::Error) -> Option<HostResource> {
    #[cfg(target_os = "linux")]
    {
        use rustix::io::Errno;

        if let Some(Errno::MFILE | Errno::NFILE) = Errno::from_io_error(error) {
            return Some(HostResource::Descriptors);
        }
    }
    match error.kind() {
        io::ErrorKind::OutOfMemory => Some(HostResource::Memory),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(HostResource::Disk),
        io::ErrorKind::FileTooLarge if error.raw_os_error().is_some() => Some(HostResource::Disk),
        _ => None,
    }
}

/// Returns the shortage of threads, if the system grants fewer than the compiler wants: starts as
/// many.
///
/// The compiler's thread pool takes one for each core and panics if it gets fewer; the panic has no
/// type.
pub(crate) fn lacks_threads() -> Option<HostShortage> {
    let wanted = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    // All at once: each waits until all are started.
    let (hold, held) = mpsc::channel::<()>();
    let held = Arc::new(Mutex::new(held));
    let mut threads = Vec::with_capacity(wanted);
    let mut shortage = None;
    for _ in 0..wanted {
        let held = Arc::clone(&held);
        let wait = move || {
            // Ends as `hold` is dropped; nothing is ever sent.
            let _ = held.lock().unwrap_or_else(PoisonError::into_inner).recv();
        };
        match std::thread::Builder::new().spawn(wait) {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                shortage = Some(HostShortage::new(HostResource::Threads, error.to_string()));
                break;
            }
        }
    }
    drop(hold);
    for thread in threads {
        // Cannot fail: the thread only waits.
        let _ = thread.join();
    }
    shortage
}

/// Returns the error of an execution that found no place in the engine's pool.
pub(crate) fn exhausted_pool(error: &Error) -> Option<WasmError> {
    let full = error.downcast_ref::<PoolConcurrencyLimitError>()?;
    // `maximum concurrent limit of 20 for memories reached`; its fields are private.
    let words = full.to_string();
    let mut numbers = words.split_whitespace().filter_map(|word| word.parse().ok());
    let max_concurrent = numbers.next().unwrap_or(0);
    let kind = KINDS.into_iter().find(|(theirs, _)| words.contains(theirs));
    let pooled = kind.map_or("places", |(_, ours)| ours);
    Some(WasmError::HostBusy { max_concurrent, pooled: Some(pooled) })
}

/// The contents of Wasmtime's pools, in its words and in ours.
const KINDS: [(&str, &str); 5] = [
    ("fibers", "stacks"),
    ("tables", "tables"),
    ("memory stripe", "memories"),
    ("component instances", "component instances"),
    ("core instances", "core instances"),
];

#[cfg(test)]
mod tests {
    use super::{lacks_threads, shortage};
    use limits_core::HostResource;
    use std::io;
    use wasmtime::Error;

    fn resource(error: &Error) -> Option<HostResource> {
        shortage(error).map(|shortage| shortage.resource())
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_systems_errors_tell_what_the_host_lacks() {
        use rustix::io::Errno;
        let table = [
            (Errno::NOMEM, Some(HostResource::Memory)),
            (Errno::MFILE, Some(HostResource::Descriptors)),
            (Errno::NFILE, Some(HostResource::Descriptors)),
            (Errno::NOSPC, Some(HostResource::Disk)),
            (Errno::DQUOT, Some(HostResource::Disk)),
            (Errno::FBIG, Some(HostResource::Disk)),
            (Errno::AGAIN, None),
            (Errno::ACCESS, None),
        ];
        for (errno, lacking) in table {
            assert_eq!(resource(&Error::from(errno)), lacking, "{errno}");
            assert_eq!(resource(&Error::from(io::Error::from(errno))), lacking, "{errno}");
            let within = Error::from(errno).context("mmap failed to reserve 0x1000 bytes");
            assert_eq!(resource(&within), lacking, "{errno}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_shortage_keeps_the_systems_words() {
        let error = Error::from(rustix::io::Errno::NOMEM).context("mmap failed");
        assert_eq!(
            shortage(&error).unwrap().to_string(),
            "the host ran out of memory or address space: mmap failed: Cannot allocate memory \
             (os error 12)"
        );
    }

    #[test]
    fn other_errors_are_no_shortage() {
        let bounded = io::Error::new(io::ErrorKind::FileTooLarge, "2 bytes of at most 1");
        for error in [
            Error::msg("Cannot allocate memory"),
            Error::from(core::fmt::Error),
            Error::from(bounded),
        ] {
            assert_eq!(resource(&error), None, "{error}");
        }
    }

    #[test]
    fn threads_are_to_be_had_here() {
        assert_eq!(lacks_threads(), None);
    }
}
