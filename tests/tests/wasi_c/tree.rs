//! What lies on disk: a listing to compare, and the use that it makes.

use std::collections::HashSet;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

/// Returns a line for each entry below a directory, in the order of names: path, type, size, links,
/// permission bits, content.
pub(crate) fn listing(directory: &Path) -> String {
    let mut lines = String::new();
    list(directory, "", &mut lines);
    lines
}

fn list(directory: &Path, above: &str, lines: &mut String) {
    for (name, path) in entries(directory) {
        let meta = path.symlink_metadata().expect("it was just listed");
        let kind = meta.file_type();
        let name = format!("{above}/{name}");
        let mode = meta.mode() & 0o7777;
        let about = if kind.is_dir() {
            String::from("directory")
        } else if kind.is_symlink() {
            format!("link to {}", path.read_link().expect("a link").display())
        } else if kind.is_file() {
            let content = fs::read(&path).expect("a file");
            format!("{} bytes, {} links, sum {}", content.len(), meta.nlink(), sum(&content))
        } else {
            format!("special, fifo {}", kind.is_fifo())
        };
        lines.push_str(&format!("{name} {mode:o} {about}\n"));
        if kind.is_dir() {
            list(&path, &name, lines);
        }
    }
}

/// Returns the bytes and entries that quota-wasi counts for a directory: the size of each file,
/// and of each link's target, once, and an overhead for each entry.
pub(crate) fn usage(directory: &Path, entry_bytes: u64) -> (u64, u64) {
    let (mut bytes, mut entries) = (0, 0);
    let mut seen = HashSet::new();
    count(directory, &mut |path| {
        let meta = path.symlink_metadata().expect("it was just listed");
        entries += 1;
        bytes += entry_bytes;
        // A link, too, may have several names.
        if !meta.is_dir() && seen.insert((meta.dev(), meta.ino())) {
            bytes += meta.len();
        }
    });
    (bytes, entries)
}

fn count(directory: &Path, each: &mut impl FnMut(&Path)) {
    for (_, path) in entries(directory) {
        each(&path);
        if path.symlink_metadata().expect("it was just listed").is_dir() {
            count(&path, each);
        }
    }
}

fn entries(directory: &Path) -> Vec<(String, std::path::PathBuf)> {
    let listed = fs::read_dir(directory).expect("a directory");
    let mut found: Vec<_> = listed
        .map(|entry| {
            let path = entry.expect("readable").path();
            (path.file_name().expect("a name").as_bytes().escape_ascii().to_string(), path)
        })
        .collect();
    found.sort();
    found
}

/// Returns the FNV-1a hash of a content.
fn sum(content: &[u8]) -> u64 {
    content.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
