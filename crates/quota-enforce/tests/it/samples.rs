//! The original design's sample programs, as they are written there. Differences are in
//! docs/history/design-map.md.
#![expect(clippy::as_conversions, reason = "the samples count lengths so")]
#![expect(clippy::unwrap_used, reason = "helpers of a test are test code")]

use std::io;
use std::sync::Mutex;

use limits_core::{CapabilitySet, Permission};
use quota_enforce::{
    EnforceError, SecurityContext, check_capability_with_quota, consume_quota, get_quota_status,
    has_quota_critical, has_quota_warning, register_component, release_quota, with_quota,
};

/// The names that the samples look for.
mod airssys_wasm {
    pub(super) mod security {
        pub(in super::super) mod quota {
            pub(in super::super::super) use limits_core::{QuotaTracker, QuotaType, ResourceQuota};
        }
    }
}

use airssys_wasm::security::quota::QuotaType;

/// The error of the samples' host functions.
#[derive(Debug)]
enum Error {
    Io(io::Error),
    Refused(EnforceError),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<EnforceError> for Error {
    fn from(error: EnforceError) -> Self {
        Self::Refused(error)
    }
}

/// The samples' runtime keeps what is sent.
struct Runtime(Mutex<Vec<(String, Message)>>);

#[derive(Debug, Eq, PartialEq)]
struct Message(&'static str);

static RUNTIME: Runtime = Runtime(Mutex::new(Vec::new()));

impl Runtime {
    fn send_message(&self, target: &str, message: Message) -> io::Result<()> {
        self.0.lock().unwrap().push((target.to_owned(), message));
        Ok(())
    }
}

/// Registers a component that may write below the directory of this test's files, and send.
fn register(id: &str) {
    let capabilities = CapabilitySet::builder()
        .grant(Permission::FilesystemWrite, concat!(env!("CARGO_TARGET_TMPDIR"), "/**"))
        .grant(Permission::MessagingSend, "orders.*")
        .build()
        .unwrap();
    register_component(SecurityContext::new(id, capabilities)).unwrap();
}

#[test]
fn sample_1_1_default_quota() {
    use airssys_wasm::security::quota::ResourceQuota;

    let quota = ResourceQuota::default();
    assert_eq!(quota.max_storage_bytes, 100 * 1024 * 1024); // 100 MB
}

#[test]
fn sample_1_1_custom_quota() {
    use airssys_wasm::security::quota::ResourceQuota;

    let quota = ResourceQuota::new()
        .with_storage(50 * 1024 * 1024) // 50 MB
        .with_message_rate(500) // 500 msg/sec
        .with_network_bandwidth(5 * 1024 * 1024); // 5 MB/sec
    assert_eq!(quota.max_message_rate, 500);
}

#[test]
#[expect(unused_must_use, reason = "the sample drops results, which the original had not")]
fn sample_1_2_basic_usage() {
    use airssys_wasm::security::quota::{QuotaTracker, ResourceQuota};

    let quota = ResourceQuota::default();
    let tracker = QuotaTracker::new(quota);

    // Check storage quota
    assert!(tracker.check_storage(1024).is_ok());

    // Consume storage quota
    tracker.consume_storage(1024);

    // Check message rate quota
    assert!(tracker.check_message_rate(1).is_ok());
    tracker.consume_message_rate(1);

    assert_eq!((tracker.usage().storage_used, tracker.usage().message_count), (1024, 1));
}

#[test]
fn sample_2_1_check_and_consume() {
    fn filesystem_write(component_id: &str, path: &str, data: &[u8]) -> Result<(), Error> {
        // Check capability + quota
        check_capability_with_quota(
            component_id,
            path,
            "write",
            QuotaType::Storage(data.len() as u64),
        )?;

        // Perform operation
        std::fs::write(path, data)?;

        // Update quota usage
        consume_quota(component_id, QuotaType::Storage(data.len() as u64))?;

        Ok(())
    }
    register("sample-2-1");
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/sample-2-1");
    filesystem_write("sample-2-1", path, b"one").unwrap();
    let refused = filesystem_write("sample-2-1", "/etc/sample", b"one");
    assert!(matches!(refused, Err(Error::Refused(EnforceError::Capability(_)))));
    let status = get_quota_status("sample-2-1").unwrap();
    assert_eq!(status.storage.used(), 3);
    assert!(!has_quota_warning("sample-2-1").unwrap());
    assert!(!has_quota_critical("sample-2-1").unwrap());
    release_quota("sample-2-1", QuotaType::Storage(3)).unwrap();
}

#[test]
fn sample_2_2_filesystem_write() {
    fn filesystem_write(component_id: &str, path: &str, data: &[u8]) -> Result<(), Error> {
        with_quota!(
            component_id,
            path,
            "write",
            QuotaType::Storage(data.len() as u64)
        => {
            std::fs::write(path, data)?;
            Ok(())
        })
    }
    register("sample-2-2-write");
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/sample-2-2");
    filesystem_write("sample-2-2-write", path, b"one").unwrap();
    // The operation fails: what it took goes back.
    let nowhere = concat!(env!("CARGO_TARGET_TMPDIR"), "/no/such/folder");
    let failed = filesystem_write("sample-2-2-write", nowhere, b"one");
    assert!(matches!(failed, Err(Error::Io(error)) if error.kind() == io::ErrorKind::NotFound));
    assert_eq!(get_quota_status("sample-2-2-write").unwrap().storage.used(), 3);
}

#[test]
fn sample_2_2_send_message() {
    fn send_message(component_id: &str, target: &str, message: Message) -> Result<(), Error> {
        with_quota!(
            component_id,
            target,
            "send",
            QuotaType::MessageRate(1)
        => {
            RUNTIME.send_message(target, message)?;
            Ok(())
        })
    }
    register("sample-2-2-send");
    send_message("sample-2-2-send", "orders.new", Message("hello")).unwrap();
    assert_eq!(*RUNTIME.0.lock().unwrap(), [("orders.new".to_owned(), Message("hello"))]);
    assert!(send_message("sample-2-2-send", "invoices.new", Message("hello")).is_err());
}
