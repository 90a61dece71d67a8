//! The compiled code of an entry, in memory that nothing changes any more.
//!
//! # Invariants
//!
//! - I29: the pages that become executable are of a file in memory that was sealed against writing,
//!   and that has the bytes that were authenticated, or a copy of such bytes.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::process::{Resource, getrlimit};

/// Code of fewer bytes is kept in plain memory. A file in memory saves a copy of it, which costs
/// 0.5 ms for each MiB, and costs some system calls.
const LEAST_OF_A_FILE: u64 = 256 * 1024;

/// Compiled code that does not change any more.
#[derive(Debug)]
pub(crate) enum Code {
    /// In plain memory.
    Bytes(Vec<u8>),
    /// In a sealed file in memory, which can be mapped without a copy.
    Sealed(Sealed),
}

/// A file in memory that no process can change, and its length.
#[derive(Debug)]
pub(crate) struct Sealed {
    file: File,
    bytes: usize,
}

/// Compiled code that is read.
pub(super) enum NewCode {
    Bytes(Vec<u8>),
    File(File, usize),
}

impl NewCode {
    /// Begins with code of so many bytes.
    pub(super) fn of_size(bytes: u64) -> io::Result<Self> {
        if bytes >= LEAST_OF_A_FILE && within_file_limit(bytes) {
            let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
            if let Ok(file) = memfd_create("compiled component", flags) {
                return Ok(Self::File(File::from(file), 0));
            }
        }
        let mut memory = Vec::new();
        let size = usize::try_from(bytes).map_err(io::Error::other)?;
        memory.try_reserve_exact(size).map_err(io::Error::other)?;
        Ok(Self::Bytes(memory))
    }

    pub(super) fn add(&mut self, part: &[u8]) -> io::Result<()> {
        match self {
            Self::Bytes(bytes) => bytes.extend(part),
            Self::File(file, bytes) => {
                file.write_all(part)?;
                *bytes += part.len();
            }
        }
        Ok(())
    }

    pub(super) fn seal(self) -> io::Result<Code> {
        Ok(match self {
            Self::Bytes(bytes) => Code::Bytes(bytes),
            Self::File(file, bytes) => {
                let changes = SealFlags::GROW | SealFlags::SHRINK | SealFlags::WRITE;
                fcntl_add_seals(&file, changes | SealFlags::SEAL)?;
                Code::Sealed(Sealed { file, bytes })
            }
        })
    }
}

impl Sealed {
    /// Returns a path by which this process, while it keeps this, can open the file.
    pub(crate) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }

    /// Returns a copy of the code.
    pub(crate) fn to_vec(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.bytes];
        self.file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }
}

impl Code {
    /// Returns a copy of the code.
    pub(crate) fn to_vec(&self) -> io::Result<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.clone()),
            Self::Sealed(sealed) => sealed.to_vec(),
        }
    }
}

/// Returns whether files of so many bytes may be written. Where they may not, the system sends a
/// signal that ends the process by default.
pub(super) fn within_file_limit(bytes: u64) -> bool {
    getrlimit(Resource::Fsize).current.is_none_or(|limit| bytes <= limit)
}

#[cfg(test)]
mod tests {
    use super::{Code, LEAST_OF_A_FILE, NewCode};
    use std::fs::File;
    use std::io::Write as _;

    fn code(parts: &[&[u8]]) -> Code {
        let size = parts.iter().map(|part| part.len()).sum::<usize>();
        let mut code = NewCode::of_size(size.try_into().unwrap()).unwrap();
        parts.iter().for_each(|part| code.add(part).unwrap());
        code.seal().unwrap()
    }

    #[test]
    fn code_is_kept_as_it_was_added() {
        let part = vec![7; usize::try_from(LEAST_OF_A_FILE).unwrap() - 1];
        let small = code(&[&part]);
        assert!(matches!(small, Code::Bytes(_)));
        assert_eq!(small.to_vec().unwrap(), part);
        let large = code(&[&part, b"end"]);
        assert!(matches!(large, Code::Sealed(_)));
        assert_eq!(large.to_vec().unwrap(), [&part[..], b"end"].concat());
    }

    // I29: the file is open to every process of the user.
    #[test]
    fn no_process_can_write_to_sealed_code() {
        let Code::Sealed(sealed) = code(&[&vec![7; 1 << 20]]) else { panic!("no file") };
        let mut file = File::options().write(true).open(sealed.path()).unwrap();
        assert!(file.write(b"evil").is_err());
        assert!(file.set_len(0).is_err());
        assert!(file.set_len(2 << 20).is_err());
        assert_eq!(sealed.to_vec().unwrap(), vec![7; 1 << 20]);
        assert_eq!(std::fs::read(sealed.path()).unwrap(), vec![7; 1 << 20]);
    }
}
