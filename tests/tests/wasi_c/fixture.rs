//! The directories of one run, with what each program finds there.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use tempfile::TempDir;

/// Directories on disk: `/data` to read and write, `/ro` to read, and a file outside of both.
pub(crate) struct Fixture {
    root: TempDir,
}

impl Fixture {
    /// Makes both directories, empty.
    pub(crate) fn empty() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        for name in ["data", "ro"] {
            fs::create_dir(root.path().join(name)).expect("a new one");
        }
        Self { root }
    }

    /// Makes both directories with the same content. Links out of a directory, FIFOs and names that
    /// are no text are made here, since guests cannot make them.
    pub(crate) fn filled() -> Self {
        let fixture = Self::empty();
        fs::write(fixture.root.path().join("secret"), "not for guests\n").expect("a file");
        for directory in [fixture.data(), fixture.read_only()] {
            let at = |name: &str| directory.join(name);
            fs::write(at("hello"), "hello, world\n").expect("a file");
            fs::write(at("empty"), "").expect("a file");
            fs::create_dir_all(at("dir/inner")).expect("a directory");
            fs::create_dir(at("void")).expect("a directory");
            fs::write(at("dir/file"), "in a directory\n").expect("a file");
            let links = [
                ("hello", "link"),
                ("dir", "to-dir"),
                ("nowhere", "dangling"),
                ("loop", "loop"),
                ("pong", "ping"),
                ("ping", "pong"),
                ("/etc/passwd", "absolute"),
                ("/data/hello", "inside"),
                ("../secret", "up"),
                ("dir/../../secret", "through"),
                ("dir/../hello", "round"),
                (".", "here"),
                ("hello/", "slash"),
            ];
            for (target, name) in links {
                symlink(target, at(name)).expect("a link");
            }
            fs::create_dir(at("chain")).expect("a directory");
            symlink("../hello", at("chain/0")).expect("a link");
            for n in 1..45 {
                symlink(format!("{}", n - 1), at(&format!("chain/{n}"))).expect("a link");
            }
            // Apart, since a directory with such a name cannot be listed.
            fs::create_dir(at("odd")).expect("a directory");
            let name = OsStr::from_bytes(b"not-\xff-text");
            fs::write(at("odd").join(name), "odd\n").expect("a file");
        }
        fixture
    }

    /// Returns the host's path of `/data`.
    pub(crate) fn data(&self) -> PathBuf {
        self.root.path().join("data")
    }

    /// Returns the host's path of `/ro`.
    pub(crate) fn read_only(&self) -> PathBuf {
        self.root.path().join("ro")
    }

    /// Returns the host's path of the directory around both.
    pub(crate) fn root(&self) -> PathBuf {
        self.root.path().to_path_buf()
    }
}
