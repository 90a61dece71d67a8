//! The file of `--report`.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::args::DirGrant;
use crate::inputs::names_within::names_within;
use crate::outcome::failure::Failure;
use crate::outcome::system_error::SystemError;
use crate::quote::quoted_path;
use crate::stdio::output_pipe::{Drained, OutputPipe, REPORT_PATIENCE};

/// Streams of the process, which a report file must not be either. They are names that every Unix
/// has; elsewhere they lead nowhere.
const STREAMS: [&str; 3] = ["/dev/stdin", "/dev/stdout", "/dev/stderr"];

/// A report file, open and still empty.
pub(crate) struct ReportFile {
    path: PathBuf,
    sink: Sink,
}

enum Sink {
    Regular(File),
    /// A pipe or a device, whose other end can stall.
    Stream(OutputPipe),
}

impl ReportFile {
    /// Opens or creates the file, and empties it: the report of an earlier run must not pass for
    /// this one. Does not wait, not even for the reader of a pipe.
    ///
    /// # Errors
    ///
    /// [`Failure::Report`] if it cannot be opened, if it is one of `inputs` or a standard stream,
    /// which it would destroy, or if it lies in a directory of `dirs` that the guest may write,
    /// who could then replace it.
    pub(crate) fn open(
        path: &Path,
        inputs: &[PathBuf],
        dirs: &[DirGrant],
    ) -> Result<Self, Failure> {
        let failed = |reason| Failure::Report { path: path.to_path_buf(), reason };
        let refused = |reason| failed(SystemError::Other(reason));
        let broken = |error: io::Error| failed(SystemError::of(&error));
        refuse_within(path, dirs).map_err(refused)?;
        let file = open(path).map_err(failed)?;
        // Again, since a link that led nowhere leads to a file now.
        refuse_within(path, dirs).map_err(refused)?;
        let opened = file.metadata().map_err(broken)?;
        let streams = STREAMS.iter().map(Path::new);
        for input in inputs.iter().map(PathBuf::as_path).chain(streams) {
            // A device that discards, such as /dev/null, mixes nothing up.
            if is_at(&opened, path, input) && !is_device(&opened) {
                let input = quoted_path(input);
                return Err(refused(format!(
                    "it is the same file as {input}, which would be lost"
                )));
            }
        }
        if !opened.is_file() {
            let stream = OutputPipe::new("report", false, file)
                .map_err(|error| Failure::no_thread(&error))?;
            return Ok(Self { path: path.to_path_buf(), sink: Sink::Stream(stream) });
        }
        if is_component(path) {
            return Err(refused(String::from("it is a component, which would be lost")));
        }
        file.set_len(0).map_err(broken)?;
        Ok(Self { path: path.to_path_buf(), sink: Sink::Regular(file) })
    }

    /// Writes the report, which is then the whole content of the file.
    ///
    /// # Errors
    ///
    /// [`Failure::Report`] if not all of it could be written.
    pub(crate) fn write(&mut self, json: &str) -> Result<(), Failure> {
        let line = format!("{json}\n");
        let written = match &mut self.sink {
            Sink::Regular(file) => file
                .set_len(0)
                .and_then(|()| file.rewind())
                .and_then(|()| file.write_all(line.as_bytes()))
                .map_err(|error| SystemError::of(&error)),
            Sink::Stream(stream) => {
                stream.push(&line);
                match stream.finish(REPORT_PATIENCE) {
                    Drained::All => Ok(()),
                    Drained::ReaderLeft => Err(SystemError::Other(String::from("its reader left"))),
                    Drained::Lost(reason) => Err(reason),
                }
            }
        };
        written.map_err(|reason| Failure::Report { path: self.path.clone(), reason })
    }
}

/// Refuses stdout where it is a file that the guest may write as well: bytes of the guest beyond
/// the end of the report would follow it. Known on Linux only.
///
/// # Errors
///
/// [`Failure::Report`].
pub(crate) fn refuse_stdout_within(dirs: &[DirGrant]) -> Result<(), Failure> {
    const STDOUT: &str = "/proc/self/fd/1";
    // Anything else has no place among files.
    let is_file = fs::metadata(STDOUT).is_ok_and(|stdout| stdout.is_file());
    match fs::read_link(STDOUT) {
        Ok(path) if is_file => refuse_within(&path, dirs).map_err(|reason| {
            let reason = SystemError::Other(reason);
            Failure::Report { path: PathBuf::from("to stdout"), reason }
        }),
        _ => Ok(()),
    }
}

/// Refuses a file that the guest could replace: one of the names on the way to it lies in a
/// directory that the guest may write.
fn refuse_within(path: &Path, dirs: &[DirGrant]) -> Result<(), String> {
    for DirGrant { host, .. } in dirs.iter().filter(|dir| !dir.is_read_only) {
        // A missing directory is refused when it is given to the guest.
        if !names_within(path, host).is_empty() {
            return Err(format!(
                "it lies in {}, which the guest may write; choose another folder, or give this one \
                 with :ro",
                quoted_path(host)
            ));
        }
    }
    Ok(())
}

#[cfg(unix)]
fn open(path: &Path) -> Result<File, SystemError> {
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
    use rustix::io::Errno;
    use std::os::unix::fs::OpenOptionsExt as _;

    // Without these, opening a pipe waits for a reader and opening a terminal may take it over.
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file =
        options().custom_flags(flags).open(path).map_err(|error| {
            match Errno::from_io_error(&error) {
                Some(Errno::NXIO) => {
                    SystemError::Other(String::from("it is a pipe without a reader"))
                }
                _ => SystemError::of(&error),
            }
        })?;
    fcntl_getfl(&file)
        .and_then(|flags| fcntl_setfl(&file, flags - OFlags::NONBLOCK))
        .map_err(|errno| SystemError::of(&errno.into()))?;
    Ok(file)
}

#[cfg(not(unix))]
fn open(path: &Path) -> Result<File, SystemError> {
    options().open(path).map_err(|error| SystemError::of(&error))
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    options
}

/// Returns whether a file begins as a component does, in binary or as text. The path of a
/// component is unknown if its Component.toml is invalid.
fn is_component(path: &Path) -> bool {
    let mut start = [0; 64];
    let read = File::open(path).and_then(|mut file| io::Read::read(&mut file, &mut start));
    let start = start.get(..read.unwrap_or_default()).unwrap_or_default();
    let text = start.trim_ascii_start();
    start.starts_with(b"\0asm") || text.starts_with(b"(") || text.starts_with(b";;")
}

/// Returns whether a file is a character device.
#[cfg(unix)]
fn is_device(opened: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt as _;

    opened.file_type().is_char_device()
}

#[cfg(not(unix))]
const fn is_device(_opened: &Metadata) -> bool {
    false
}

/// Returns whether `input` is the opened file under another name.
#[cfg(unix)]
fn is_at(opened: &Metadata, _path: &Path, input: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    fs::metadata(input)
        .is_ok_and(|input| (input.dev(), input.ino()) == (opened.dev(), opened.ino()))
}

#[cfg(not(unix))]
fn is_at(_opened: &Metadata, path: &Path, input: &Path) -> bool {
    match (fs::canonicalize(path), fs::canonicalize(input)) {
        (Ok(path), Ok(input)) => path == input,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::ReportFile;
    use crate::args::DirGrant;
    use std::fs;
    use std::path::Path;

    fn grant(host: &Path, is_read_only: bool) -> DirGrant {
        DirGrant { host: host.to_path_buf(), guest: String::from("/d"), is_read_only }
    }

    #[test]
    fn a_file_is_emptied_when_it_is_opened_and_again_when_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r.json");
        fs::write(&path, "the report of an earlier run").unwrap();
        let mut file = ReportFile::open(&path, &[], &[]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
        fs::write(&path, "lines of another process").unwrap();
        file.write("{}").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{}\n");
    }

    #[test]
    #[cfg(unix)]
    fn a_file_that_the_guest_could_replace_is_refused_by_whatever_way_it_is_named() {
        use std::os::unix::fs::symlink;

        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("given/sub")).unwrap();
        fs::create_dir(at("safe")).unwrap();
        symlink(at("given"), at("to-given")).unwrap();
        symlink(at("given/new.json"), at("safe/dangling.json")).unwrap();
        symlink(at("safe"), at("given/to-safe")).unwrap();
        let open = |name: &str, is_read_only| {
            ReportFile::open(&at(name), &[], &[grant(&at("to-given"), is_read_only)])
        };
        for name in [
            "given/r.json",
            "given/sub/r.json",
            "to-given/r.json",
            "given/to-safe/r.json",
            "given/sub/../../safe/r.json",
            "safe/../given/r.json",
            "safe/dangling.json",
        ] {
            let error = open(name, false).err().unwrap().to_string();
            assert!(error.contains(", which the guest may write; choose another"), "{error}");
            assert!(!at("given/r.json").exists() && !at("safe/r.json").exists(), "{name}");
        }
        open("given/r.json", true).unwrap();
        open("safe/r.json", false).unwrap();
        open("given/../safe/r.json", false).unwrap();
    }

    #[test]
    fn an_input_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let (input, link) = (dir.path().join("input"), dir.path().join("link"));
        fs::write(&input, "precious").unwrap();
        fs::hard_link(&input, &link).unwrap();
        let error =
            ReportFile::open(&link, core::slice::from_ref(&input), &[]).err().unwrap().to_string();
        assert!(error.ends_with("/input, which would be lost"), "{error}");
        assert_eq!(fs::read_to_string(&input).unwrap(), "precious");
    }
}
