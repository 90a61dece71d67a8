//! The ledger on real files, beside a count of what is on disk that knows nothing of it.

mod directories;
mod failures;
mod files;
mod free;
mod full;
mod links;
mod locks;
mod model;
mod others;
mod recount;
mod removals;
mod threads;
mod walks;

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use limits_core::{CapabilitySet, ResourceQuota, StorageBaseline};
use quota_enforce::{ComponentHandle, QuotaRegistry, SecurityContext};
use rustix::fs::OFlags;
use tempfile::TempDir;

use self::recount::recount;
use super::DiskLedger;
use super::error::DiskError;
use super::open_file::OpenFile;

/// The bytes of a directory entry.
const ENTRY: u64 = 64;

/// A component with one directory.
struct Disk {
    folder: TempDir,
    root: File,
    component: ComponentHandle,
    ledger: Arc<DiskLedger>,
}

impl Disk {
    /// A component that may store so many bytes, in an empty directory.
    fn new(quota: u64) -> Self {
        Self::with(quota, StorageBaseline::Count, |_| {})
    }

    /// A component without a limit.
    fn unlimited() -> Self {
        Self::new(u64::MAX)
    }

    /// A component in a directory that `prepare` has filled before.
    fn with(quota: u64, baseline: StorageBaseline, prepare: impl FnOnce(&Path)) -> Self {
        Self::of(component(quota), baseline, prepare)
    }

    fn of(
        component: ComponentHandle,
        baseline: StorageBaseline,
        prepare: impl FnOnce(&Path),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let root = File::open(folder.path()).unwrap();
        let ledger = DiskLedger::new(component.clone(), ENTRY, baseline);
        ledger.count(&[&root], &mut |_| core::ops::ControlFlow::Continue(())).unwrap();
        Self { folder, root, component, ledger }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn create(&self, name: &str) -> OpenFile {
        self.try_create(name).unwrap()
    }

    fn try_create(&self, name: &str) -> Result<OpenFile, DiskError> {
        self.ledger.names().create_file(&self.root, OsStr::new(name), OFlags::RDWR)
    }

    fn open(&self, name: &str) -> OpenFile {
        let file = File::options().read(true).write(true).open(self.path(name)).unwrap();
        self.ledger.opened(Arc::new(file)).unwrap()
    }

    /// Makes a file of so many bytes.
    fn file(&self, name: &str, len: usize) -> OpenFile {
        let file = self.create(name);
        assert_eq!(file.write_at(&vec![b'x'; len], 0).unwrap(), len);
        file
    }

    fn dir(&self, name: &str) {
        self.ledger.names().create_dir(&self.root, OsStr::new(name)).unwrap();
    }

    fn link(&self, name: &str, to: &str) -> Result<(), DiskError> {
        let (name, to) = (OsStr::new(name), OsStr::new(to));
        self.ledger.names().hard_link(&self.root, name, &self.root, to)
    }

    fn symlink(&self, target: &str, name: &str) -> Result<(), DiskError> {
        self.ledger.names().symlink(OsStr::new(target), &self.root, OsStr::new(name))
    }

    fn rename(&self, name: &str, to: &str) -> Result<(), DiskError> {
        let (name, to) = (OsStr::new(name), OsStr::new(to));
        self.ledger.names().rename(&self.root, name, &self.root, to)
    }

    fn unlink(&self, name: &str) -> Result<(), DiskError> {
        self.ledger.names().unlink(&self.root, OsStr::new(name))
    }

    fn remove_dir(&self, name: &str) -> Result<(), DiskError> {
        self.ledger.names().remove_dir(&self.root, OsStr::new(name))
    }

    /// The bytes that the component uses.
    fn used(&self) -> u64 {
        self.component.usage().storage_used
    }

    fn used_entries(&self) -> u64 {
        self.component.usage().storage_entries_used
    }

    /// Asserts that the use is that of so many entries and bytes, and what is on disk, some of it
    /// perhaps without a name.
    #[track_caller]
    fn assert_use(&self, entries: u64, bytes: u64, open: &[&OpenFile]) {
        let on_disk = recount(&[self.folder.path()], open);
        assert_eq!((on_disk.entries, on_disk.bytes), (entries, bytes), "on disk");
        assert_eq!(self.used(), entries * ENTRY + bytes, "used");
        assert_eq!(self.used_entries(), entries, "used entries");
    }
}

/// Registers a component in a registry of its own.
fn component(quota: u64) -> ComponentHandle {
    register(&QuotaRegistry::new(), ResourceQuota::new().with_storage(quota))
}

fn register(registry: &QuotaRegistry, quota: ResourceQuota) -> ComponentHandle {
    let context = SecurityContext::with_quota("a", CapabilitySet::new(), quota);
    registry.register(context).unwrap()
}

/// The refused amount and the use of a refusal by the quota.
#[track_caller]
fn refused<T>(result: Result<T, DiskError>) -> (u64, u64) {
    match result {
        Err(DiskError::Quota(error)) => {
            let error = error.as_quota().expect("a refusal by a quota");
            (error.requested(), error.used())
        }
        Err(DiskError::Io(error)) => panic!("not the quota: {error}"),
        Ok(_) => panic!("granted"),
    }
}

/// The errno of a refusal by the system.
#[track_caller]
fn errno<T>(result: Result<T, DiskError>) -> rustix::io::Errno {
    match result {
        Err(DiskError::Io(error)) => rustix::io::Errno::from_io_error(&error).expect("an errno"),
        Err(DiskError::Quota(error)) => panic!("not the system: {error}"),
        Ok(_) => panic!("granted"),
    }
}

/// Runs the test of this name again in a child process, after a command of the shell. False in the
/// child.
fn run_in_child(prepare: &str, test: &str) -> bool {
    const IN_CHILD: &str = "QUOTA_WASI_TEST_CHILD";
    if std::env::var_os(IN_CHILD).is_some() {
        return false;
    }
    let output = std::process::Command::new("sh")
        .args(["-c", &format!("{prepare}; exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args([test, "--nocapture"])
        .env(IN_CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    true
}
