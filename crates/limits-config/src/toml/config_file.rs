//! Files whose path or content comes from a stranger.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::path::Path;

use crate::toml::config_error::{ConfigError, ConfigErrorKind, Place};
use crate::toml::document::MAX_BYTES;

/// Reads a regular file of at most `max_bytes` bytes, and never blocks on anything else.
///
/// A pipe, a device, a socket or a folder is refused after it was opened without blocking, by
/// asking the open file itself, so a path cannot be exchanged in between. A symbolic link is
/// followed. On systems other than Unix, opening is an ordinary open.
///
/// # Errors
///
/// The error of opening or reading; [`io::ErrorKind::InvalidInput`] if it is not a regular file;
/// [`io::ErrorKind::FileTooLarge`] if it has more bytes than allowed;
/// [`io::ErrorKind::OutOfMemory`] if there is no memory for them.
pub fn read_regular_file(path: impl AsRef<Path>, max_bytes: u64) -> io::Result<Vec<u8>> {
    let file = open(path.as_ref())?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let too_large = |bytes: &dyn core::fmt::Display| {
        let message = format!("the file has {bytes} bytes, the most that is read is {max_bytes}");
        io::Error::new(io::ErrorKind::FileTooLarge, message)
    };
    if metadata.len() > max_bytes {
        return Err(too_large(&metadata.len()));
    }
    let mut bytes = Vec::new();
    // A lack of memory is then an error and not the end of the process.
    bytes.try_reserve_exact(usize::try_from(metadata.len()).unwrap_or_default())?;
    // The file may grow while it is read.
    file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > max_bytes {
        return Err(too_large(&format_args!("more than {max_bytes}")));
    }
    Ok(bytes)
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt as _;

    // Without these, opening a pipe waits for a writer and opening a terminal may take it over.
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

/// Reads a configuration file and hands its text to `parse`.
pub(crate) fn read<T>(
    path: &Path,
    parse: impl FnOnce(&str) -> Result<T, ConfigError>,
) -> Result<T, ConfigError> {
    let bytes = read_regular_file(path, MAX_BYTES)
        .map_err(|error| {
            ConfigError::new(ConfigErrorKind::File, format!("cannot read: {error}"))
                .with_os_error(error.raw_os_error())
        })
        .map_err(|error| error.in_file(path))?;
    let text = core::str::from_utf8(&bytes).map_err(|error| {
        let at = error.valid_up_to();
        let byte = bytes.get(at).copied().unwrap_or_default();
        // A byte order mark takes no column.
        let mark = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let place = Place::of(bytes.get(mark..).unwrap_or_default(), at.saturating_sub(mark));
        ConfigError::new(ConfigErrorKind::Encoding, format!("not UTF-8: byte 0x{byte:02x}"))
            .at(place)
            .in_file(path)
    })?;
    parse(text).map_err(|error| error.in_file(path))
}
