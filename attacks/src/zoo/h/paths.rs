//! Files in places that are none, and names that are paths.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::outcome::Outcome::{Error, Rejected};
use crate::vector::Vector;

use super::{LIMITS, document, ends, refused, under_policy};

/// Bytes of a sparse file: a tebibyte.
const VAST: u64 = 1 << 40;

pub(super) fn vectors() -> Vec<Vector> {
    let mut all = documents();
    all.extend(components());
    all.extend(names());
    all
}

fn documents() -> Vec<Vector> {
    vec![
        refused(
            "H7",
            "a pipe without a writer as the file",
            |folder| pipe(&folder.join("Component.toml")),
            "Component.toml: cannot read: not a regular file",
        ),
        refused(
            "H7",
            "/dev/zero as the file",
            |folder| symlink("/dev/zero", folder.join("Component.toml")),
            "Component.toml: cannot read: not a regular file",
        ),
        refused(
            "H7",
            "a directory as the file",
            |folder| fs::create_dir(folder.join("Component.toml")),
            "Component.toml: cannot read: not a regular file",
        ),
        refused(
            "H7",
            "a link to itself as the file",
            |folder| symlink("Component.toml", folder.join("Component.toml")),
            "Too many levels of symbolic links",
        ),
        refused(
            "H7",
            "the memory of the process as the file",
            |folder| symlink("/proc/self/mem", folder.join("Component.toml")),
            "Component.toml: cannot read: Input/output error",
        ),
        refused(
            "H9",
            "a tebibyte as the file",
            |folder| vast(&folder.join("Component.toml")),
            "the file has 1099511627776 bytes, the most that is read is 1048576",
        ),
        under_policy(
            "H7",
            "a pipe without a writer as the policy",
            |folder| {
                document(folder, LIMITS)?;
                pipe(&folder.join("policy.toml"))
            },
            Error,
            "policy.toml: cannot read: not a regular file",
        ),
        under_policy(
            "H9",
            "a tebibyte as the policy",
            |folder| {
                document(folder, LIMITS)?;
                vast(&folder.join("policy.toml"))
            },
            Error,
            "the file has 1099511627776 bytes, the most that is read is 1048576",
        ),
    ]
}

fn components() -> Vec<Vector> {
    vec![
        refused(
            "H7",
            "a pipe without a writer as the component",
            |folder| beside(folder, pipe),
            "component.wasm: not a regular file",
        ),
        refused(
            "H7",
            "a directory as the component",
            |folder| beside(folder, |path| fs::create_dir(path)),
            "component.wasm: not a regular file",
        ),
        refused(
            "H7",
            "a socket as the component",
            |folder| beside(folder, |path| UnixListener::bind(path).map(drop)),
            "component.wasm: No such device or address",
        ),
        refused(
            "H7",
            "a link to /dev/zero as the component",
            |folder| beside(folder, |path| symlink("/dev/zero", path)),
            "is outside the folder of its Component.toml: it leads to /dev/zero",
        ),
        refused(
            "H7",
            "a link to the command's input as the component",
            |folder| beside(folder, |path| symlink("/dev/stdin", path)),
            "is outside the folder of its Component.toml",
        ),
        refused(
            "H7",
            "a link to a file of the host as the component",
            |folder| beside(folder, |path| symlink("/etc/passwd", path)),
            "is outside the folder of its Component.toml: it leads to /etc/passwd",
        ),
        refused(
            "H7",
            "a link to the memory of the process as the component",
            |folder| beside(folder, |path| symlink("/proc/self/mem", path)),
            "is outside the folder of its Component.toml",
        ),
        ends(
            "H7",
            "a tebibyte as the component",
            |folder| beside(folder, vast),
            Rejected,
            "the file has 1099511627776 bytes, the most that is read is 67108864",
        ),
    ]
}

fn names() -> Vec<Vector> {
    // One function for each: what makes a folder holds no values.
    macro_rules! refusals {
        ($key:literal, $reason:literal: $($title:literal: $value:expr => $shown:literal,)*) => {
            vec![$(refused(
                "H6",
                $title,
                |folder| {
                    let others = match $key {
                        "name" => "version = \"1.0.0\"",
                        _ => "name = \"attacker\", version = \"1.0.0\"",
                    };
                    let limits = "resources.memory.max_bytes = 0\n";
                    let value = $value;
                    let text = format!("component = {{ {} = {value}, {others} }}\n{limits}", $key);
                    document(folder, text)
                },
                concat!("`component.", $key, "`: `", $shown, "` ", $reason),
            ),)*]
        };
    }
    let mut all = refusals! {
        "name", "is not a name: 1 to 64 of a-z, 0-9, `.`, `_` and `-`":
        "an empty name": "\"\"" => "",
        "a name that is a path": "\"../x\"" => "../x",
        "a name that is a place-holder": "\"<id>\"" => "<id>",
        "a name that turns the writing": "\"\\u202e\"" => "\\u{202e}",
        "a name that speaks to the terminal": "\"\\u001b[31m\"" => "\\u{1b}[31m",
        "a name of a megabyte": format!("\"{}\"", "a".repeat(1_000_000)) =>
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…",
    };
    all.extend(refusals! {
        "path", "is not a relative path inside this file's folder":
        "an absolute path": "\"/etc/passwd\"" => "/etc/passwd",
        "a path out of the folder": "\"../component.wat\"" => "../component.wat",
        "a path out of the folder and back": "\"a/../../x\"" => "a/../../x",
        "a path with a zero byte": "\"a\\u0000b\"" => "a\\u{0}b",
        "a path of another system": "\"C:\\\\x\"" => "C:\\x",
        "an empty path": "\"\"" => "",
    });
    all.push(refused(
        "H6",
        "a path of ten thousand bytes",
        |folder| {
            let path = "a/".repeat(5_000);
            let text = LIMITS.replace("version", &format!("path = \"{path}x\", version"));
            document(folder, text)
        },
        "File name too long",
    ));
    all
}

/// Makes the component by `make`, beside a good `Component.toml`.
fn beside(folder: &Path, make: fn(&Path) -> io::Result<()>) -> io::Result<()> {
    fs::write(folder.join("Component.toml"), LIMITS)?;
    make(&folder.join("component.wasm"))
}

fn pipe(path: &Path) -> io::Result<()> {
    Ok(mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?)
}

fn vast(path: &Path) -> io::Result<()> {
    File::create(path)?.set_len(VAST)
}
