//! The secret that authenticates the entries of a cache.
//!
//! # Invariants
//!
//! - I30: all processes that open one key file at a time get the same secret, also those that find
//!   none.
//! - I31: a secret is never taken from a file that another user owns, may read or may write, from a
//!   link, or from anything but a regular file; nor does opening one block.

use core::fmt;
use std::fs::{DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::cache::cache_error::{CacheError, KeyDefect};

const LENGTH: usize = 32;

/// The secret that authenticates the entries of a cache.
#[derive(Clone)]
pub(crate) struct Secret([u8; LENGTH]);

impl Secret {
    /// Reads the secret in `file`, or makes one there, with the directories above it.
    pub(crate) fn in_file(file: &Path) -> Result<Self, CacheError> {
        let failed = |error| CacheError::KeyFile { file: file.to_path_buf(), error };
        // The second time reads what this process or a faster one made.
        for _ in 0..2 {
            match Self::read(file) {
                Ok(Ok(secret)) => return Ok(secret),
                Ok(Err(defect)) => {
                    return Err(CacheError::UnsafeKey { file: file.to_path_buf(), defect });
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    make(file).map_err(failed)?;
                }
                Err(error) => return Err(failed(error)),
            }
        }
        Err(failed(io::Error::other("it disappears as soon as it is made")))
    }

    fn read(path: &Path) -> io::Result<Result<Self, KeyDefect>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(CWD, path, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            // A link, a socket.
            Err(Errno::LOOP | Errno::NXIO) => return Ok(Err(KeyDefect::NoFile)),
            Err(error) => return Err(error.into()),
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Ok(Err(KeyDefect::NoFile));
        }
        let (owner, user) = (metadata.uid(), geteuid().as_raw());
        if owner != user {
            return Ok(Err(KeyDefect::Owner { owner, user }));
        }
        let mode = metadata.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Ok(Err(KeyDefect::Mode { mode }));
        }
        let mut bytes = Vec::with_capacity(LENGTH);
        (&file).take(33).read_to_end(&mut bytes)?;
        let secret = <[u8; LENGTH]>::try_from(bytes);
        Ok(secret.map(Self).map_err(|_bytes| KeyDefect::Length { bytes: metadata.len() }))
    }

    /// Returns the authentication code of some bytes.
    pub(crate) fn authenticate(&self, bytes: &[u8]) -> blake3::Hash {
        blake3::keyed_hash(&self.0, bytes)
    }

    pub(crate) const fn from_bytes(bytes: [u8; LENGTH]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Makes a key file, unless there is one. It appears with its contents, in one step.
fn make(file: &Path) -> io::Result<()> {
    let dir = match file.parent() {
        Some(dir) if dir != Path::new("") => dir,
        _ => Path::new("."),
    };
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let mut secret = [0; LENGTH];
    File::open("/dev/urandom")?.read_exact(&mut secret)?;
    // Of mode 0600.
    let mut new = tempfile::Builder::new().prefix(".cache-key-").tempfile_in(dir)?;
    new.write_all(&secret)?;
    new.as_file().sync_all()?;
    match new.persist_noclobber(file) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.error),
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;
    use crate::cache::cache_error::{CacheError, KeyDefect};
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::Path;
    use std::sync::Barrier;
    use std::thread;

    fn defect(file: &Path) -> KeyDefect {
        match Secret::in_file(file).unwrap_err() {
            CacheError::UnsafeKey { defect, .. } => defect,
            error => panic!("{error}"),
        }
    }

    // I30: among others, those that find no file at all.
    #[test]
    fn processes_that_come_first_agree_on_one_secret() {
        for _ in 0..20 {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("state/wasm-limits/cache.key");
            let start = Barrier::new(8);
            let secrets: Vec<_> = thread::scope(|scope| {
                let open = || {
                    start.wait();
                    Secret::in_file(&file).unwrap().0
                };
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(secrets.iter().all(|secret| *secret == secrets[0]));
            assert_eq!(Secret::in_file(&file).unwrap().0, secrets[0]);
            let parent = file.parent().unwrap();
            assert_eq!(fs::read_dir(parent).unwrap().count(), 1, "nothing is left behind");
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
            assert_eq!(fs::metadata(parent).unwrap().permissions().mode() & 0o7777, 0o700);
        }
    }

    #[test]
    fn two_files_have_two_secrets_and_neither_shows() {
        let dir = tempfile::tempdir().unwrap();
        let one = Secret::in_file(&dir.path().join("one")).unwrap();
        let two = Secret::in_file(&dir.path().join("two")).unwrap();
        assert_ne!(one.0, two.0);
        assert_ne!(one.authenticate(b"a"), two.authenticate(b"a"));
        assert_eq!(format!("{one:?}"), "Secret");
    }

    // I31.
    #[test]
    fn a_key_file_that_others_may_have_touched_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        Secret::in_file(&file).unwrap();
        for mode in [0o640, 0o604, 0o660, 0o602, 0o601, 0o777] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            assert_eq!(defect(&file), KeyDefect::Mode { mode });
        }
        fs::set_permissions(&file, Permissions::from_mode(0o400)).unwrap();
        Secret::in_file(&file).unwrap();
        let link = dir.path().join("link");
        symlink(&file, &link).unwrap();
        assert_eq!(defect(&link), KeyDefect::NoFile);
        assert_eq!(defect(dir.path()), KeyDefect::NoFile);
        let pipe = dir.path().join("pipe");
        make_pipe(&pipe);
        assert_eq!(defect(&pipe), KeyDefect::NoFile);
        for length in [0_usize, 31, 33] {
            let short = dir.path().join("short");
            fs::write(&short, vec![7; length]).unwrap();
            fs::set_permissions(&short, Permissions::from_mode(0o600)).unwrap();
            assert_eq!(defect(&short), KeyDefect::Length { bytes: length.try_into().unwrap() });
        }
    }

    // I31, for those who may give files away.
    #[test]
    fn a_key_file_of_another_user_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        Secret::in_file(&file).unwrap();
        if std::os::unix::fs::chown(&file, Some(12_345), None).is_err() {
            return;
        }
        assert_eq!(defect(&file), KeyDefect::Owner { owner: 12_345, user: 0 });
    }

    #[test]
    fn a_place_where_no_file_can_be_made_is_an_error() {
        let error = Secret::in_file(Path::new("/proc/none/key")).unwrap_err();
        assert!(matches!(error, CacheError::KeyFile { .. }), "{error}");
    }

    fn make_pipe(path: &Path) {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    }
}
