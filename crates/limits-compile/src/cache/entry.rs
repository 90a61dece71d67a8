//! One entry of a cache, as the bytes of a file.
//!
//! A magic number, the length of the header, the header as JSON, the authentication code of all
//! this, and the body: the translated binary, if there is one, and the compiled code. The header
//! has the hash of the body, so one code authenticates both; and a file that is not authentic costs
//! its reader a header, whatever its length.
//!
//! # Invariants
//!
//! - I20: the bytes that are handed out are those over which the hash was computed: nothing of a
//!   file is read twice.
//! - I21: an entry is handed out only for the key in its authenticated header.
//! - I22: of whatever bytes, reading makes the entry that was stored, or none.

use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use crate::cache::cache_key::CacheKey;
use crate::cache::code::{Code, NewCode};
use crate::cache::secret::Secret;
use crate::cache::verdict::Verdict;
use crate::source::adapter::Adapted;

/// The format with its version.
const MAGIC: &[u8; 8] = b"wlcache1";
/// The magic number and the length of the header.
const PREFIX: usize = 12;
const MOST_HEADER: usize = 64 * 1024;
/// Bytes of an authentication code.
const CODE: usize = 32;
/// Bytes of the body that are read at one time: they stay in the processor's cache.
const CHUNK: usize = 256 * 1024;

/// An entry that was read and is authentic.
#[derive(Debug)]
pub(crate) enum Entry {
    Component(Kept),
    Refused(Verdict),
}

/// A compiled component from an authentic entry.
#[derive(Debug)]
pub(crate) struct Kept {
    about: About,
    /// The translated binary; empty if the source was one.
    translated: Vec<u8>,
    code: Code,
}

/// The parts of a compiled component beside its bytes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct About {
    /// `Structure::to_counts`.
    pub(crate) counts: Vec<u64>,
    pub(crate) adapted: Option<Adapted>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Header {
    key: [u8; 32],
    /// The hash of the body.
    body: [u8; 32],
    holds: Holds,
}

#[derive(Debug, Deserialize, Serialize)]
enum Holds {
    Component { about: About, translated: Option<u64>, code: u64 },
    Refused(Verdict),
}

/// The contents of an entry by its header alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Component { is_translated: bool },
    Refused,
}

impl Kept {
    pub(crate) const fn about(&self) -> &About {
        &self.about
    }

    pub(crate) const fn code(&self) -> &Code {
        &self.code
    }

    /// Returns the translated binary, if the source was not one.
    pub(crate) fn into_translated(self) -> Option<Vec<u8>> {
        // A binary component is never empty.
        (!self.translated.is_empty()).then_some(self.translated)
    }
}

/// Returns the bytes before the body of an entry with a component; `None` if it cannot be kept.
pub(crate) fn seal_component(
    secret: &Secret,
    key: &CacheKey,
    about: &About,
    [translated, code]: [&[u8]; 2],
) -> Option<Vec<u8>> {
    let length = |bytes: &[u8]| u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let mut hasher = blake3::Hasher::new();
    hasher.update(translated);
    hasher.update(code);
    let holds = Holds::Component {
        about: about.clone(),
        translated: (!translated.is_empty()).then(|| length(translated)),
        code: length(code),
    };
    seal(secret, &Header { key: *key.as_bytes(), body: hasher.finalize().into(), holds })
}

/// Returns the bytes of an entry with a verdict; `None` if it cannot be kept.
pub(crate) fn seal_verdict(secret: &Secret, key: &CacheKey, verdict: &Verdict) -> Option<Vec<u8>> {
    let holds = Holds::Refused(verdict.clone());
    seal(secret, &Header { key: *key.as_bytes(), body: blake3::hash(b"").into(), holds })
}

fn seal(secret: &Secret, header: &Header) -> Option<Vec<u8>> {
    let header = serde_json::to_vec(header).ok().filter(|header| header.len() <= MOST_HEADER)?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend(u32::try_from(header.len()).ok()?.to_le_bytes());
    bytes.extend(header);
    let code = secret.authenticate(&bytes);
    bytes.extend(code.as_bytes());
    Some(bytes)
}

/// Reads the entry for `key` in a file of so many bytes; `None` if it has no authentic one.
///
/// # Errors
///
/// Those of reading.
pub(crate) fn read(
    file: &mut impl Read,
    length: u64,
    secret: &Secret,
    key: &CacheKey,
) -> io::Result<Option<Entry>> {
    let Some((header, left)) = read_header(file, length, secret)? else { return Ok(None) };
    if header.key != *key.as_bytes() {
        return Ok(None);
    }
    let (about, translated, code) = match header.holds {
        Holds::Refused(verdict) => return Ok((left == 0).then_some(Entry::Refused(verdict))),
        Holds::Component { about, translated, code } => (about, translated.unwrap_or(0), code),
    };
    if translated.checked_add(code) != Some(left) {
        return Ok(None);
    }
    // The lengths are authentic, so they were stored once; memory can be short all the same.
    let mut hasher = blake3::Hasher::new();
    let mut binary = Vec::new();
    let is_whole = copy(file, translated, &mut hasher, |part| {
        binary.try_reserve(part.len()).map_err(io::Error::other)?;
        binary.extend(part);
        Ok(())
    })?;
    let mut new = NewCode::of_size(code)?;
    let is_whole = is_whole && copy(file, code, &mut hasher, |part| new.add(part))?;
    if !is_whole || hasher.finalize() != blake3::Hash::from_bytes(header.body) {
        return Ok(None);
    }
    Ok(Some(Entry::Component(Kept { about, translated: binary, code: new.seal()? })))
}

/// Copies so many bytes, and hashes the very bytes that it hands on. Returns whether there were as
/// many.
fn copy(
    file: &mut impl Read,
    bytes: u64,
    hasher: &mut blake3::Hasher,
    mut to: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<bool> {
    let mut buffer = vec![0; usize::try_from(bytes).map_or(CHUNK, |bytes| bytes.min(CHUNK))];
    let mut left = bytes;
    while left > 0 {
        let most = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let count = match file.read(&mut buffer[..most]) {
            Ok(0) => return Ok(false),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&buffer[..count]);
        to(&buffer[..count])?;
        left = left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
    }
    Ok(true)
}

/// Reads the header of an entry for the key; `None` if it is not authentic.
pub(crate) fn read_kind(
    file: &mut impl Read,
    length: u64,
    secret: &Secret,
    key: &CacheKey,
) -> io::Result<Option<Kind>> {
    let header = read_header(file, length, secret)?;
    Ok(header.filter(|(header, _)| header.key == *key.as_bytes()).map(|(header, _)| {
        match header.holds {
            Holds::Component { translated, .. } => {
                Kind::Component { is_translated: translated.is_some() }
            }
            Holds::Refused(_) => Kind::Refused,
        }
    }))
}

/// Reads an authentic header. Returns it with the number of bytes that follow.
fn read_header(
    file: &mut impl Read,
    length: u64,
    secret: &Secret,
) -> io::Result<Option<(Header, u64)>> {
    let mut bytes = Vec::with_capacity(1_024);
    let mut more = |bytes: &mut Vec<u8>, count: usize| {
        let wanted = bytes.len() + count;
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        file.take(count).read_to_end(bytes)?;
        io::Result::Ok(bytes.len() == wanted)
    };
    if !more(&mut bytes, PREFIX)? || !bytes.starts_with(MAGIC) {
        return Ok(None);
    }
    let size = bytes.last_chunk().map_or(0, |size| u32::from_le_bytes(*size));
    let Some(size) = usize::try_from(size).ok().filter(|size| *size <= MOST_HEADER) else {
        return Ok(None);
    };
    if !more(&mut bytes, size + CODE)? {
        return Ok(None);
    }
    let Some((covered, code)) = bytes.split_last_chunk::<CODE>() else { return Ok(None) };
    // The comparison of hashes takes the same time whatever they are.
    if secret.authenticate(covered) != blake3::Hash::from_bytes(*code) {
        return Ok(None);
    }
    let header = covered.get(PREFIX..).and_then(|header| serde_json::from_slice(header).ok());
    let head = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    Ok(header.zip(length.checked_sub(head)))
}

/// Gives the bytes of an entry the authentication code that fits its header, if they have a place
/// for one.
pub(crate) fn authenticate_again(bytes: &mut [u8], secret: &Secret) -> Option<()> {
    let size = bytes.get(8..PREFIX)?.first_chunk().map(|size| u32::from_le_bytes(*size))?;
    let end = PREFIX.checked_add(usize::try_from(size).ok()?)?;
    let code = secret.authenticate(bytes.get(..end)?);
    bytes.get_mut(end..end.checked_add(CODE)?)?.copy_from_slice(code.as_bytes());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::{
        About, Entry, Kind, authenticate_again, read, read_kind, seal_component, seal_verdict,
    };
    use crate::cache::cache_key::CacheKey;
    use crate::cache::secret::Secret;
    use crate::cache::verdict::{Verdict, tests::too_many_functions};
    use crate::compile_report::CompileMode;
    use limits_core::StructureLimits;
    use proptest::prelude::*;

    const KEY: CacheKey = CacheKey::from_bytes([9; 32]);
    const SECRET: Secret = Secret::from_bytes([1; 32]);

    fn about() -> About {
        About { counts: vec![1, 2, u64::MAX], adapted: None }
    }

    fn component(secret: &Secret, translated: &[u8], code: &[u8]) -> Vec<u8> {
        let mut bytes = seal_component(secret, &KEY, &about(), [translated, code]).unwrap();
        bytes.extend(translated);
        bytes.extend(code);
        bytes
    }

    fn verdict() -> Verdict {
        let limits = StructureLimits::default();
        Verdict::of(&too_many_functions(), CompileMode::Worker, &limits).unwrap()
    }

    fn open(bytes: &[u8], key: &CacheKey) -> Option<Entry> {
        read(&mut &*bytes, bytes.len().try_into().unwrap(), &SECRET, key).unwrap()
    }

    #[test]
    fn an_entry_is_read_as_it_was_stored() {
        let long = vec![3; (1 << 20) + 1];
        for (translated, code) in
            [(&b"\0asm"[..], &b"ELF"[..]), (b"", b"ELF"), (b"", b""), (&long, &long)]
        {
            let bytes = component(&SECRET, translated, code);
            let Some(Entry::Component(kept)) = open(&bytes, &KEY) else { panic!("a miss") };
            assert_eq!((&kept.code().to_vec().unwrap()[..], kept.about()), (code, &about()));
            let expected = (!translated.is_empty()).then(|| translated.to_vec());
            let kind = Kind::Component { is_translated: expected.is_some() };
            assert_eq!(kept.into_translated(), expected);
            let length = bytes.len().try_into().unwrap();
            assert_eq!(read_kind(&mut &*bytes, length, &SECRET, &KEY).unwrap(), Some(kind));
        }
        let bytes = seal_verdict(&SECRET, &KEY, &verdict()).unwrap();
        let Some(Entry::Refused(read)) = open(&bytes, &KEY) else { panic!("a miss") };
        assert_eq!(read, verdict());
    }

    // I21: an authentic entry in another one's place.
    #[test]
    fn an_entry_of_another_key_is_none() {
        let other = CacheKey::from_bytes([8; 32]);
        assert!(open(&component(&SECRET, b"", b"ELF"), &other).is_none());
        assert!(open(&seal_verdict(&SECRET, &KEY, &verdict()).unwrap(), &other).is_none());
    }

    #[test]
    fn an_entry_of_another_secret_is_none() {
        assert!(open(&component(&Secret::from_bytes([2; 32]), b"", b"ELF"), &KEY).is_none());
    }

    #[test]
    fn the_head_of_one_entry_does_not_fit_the_body_of_another() {
        let (one, two) = (component(&SECRET, b"", b"ELF1"), component(&SECRET, b"", b"ELF2"));
        let mut mixed = one[..one.len() - 4].to_vec();
        mixed.extend(&two[two.len() - 4..]);
        assert!(open(&mixed, &KEY).is_none());
        // Nor does a byte move from the translated binary to the code.
        let (one, two) = (component(&SECRET, b"a", b"bc"), component(&SECRET, b"ab", b"c"));
        assert_ne!(one[..one.len() - 3], two[..two.len() - 3]);
    }

    #[test]
    fn a_header_that_is_too_long_is_not_made() {
        let about = About { counts: vec![u64::MAX; 4_000], adapted: None };
        assert_eq!(seal_component(&SECRET, &KEY, &about, [b"", b""]), None);
    }

    /// A reader that says how much was read of it.
    struct Counting<'a>(&'a [u8], usize);

    impl std::io::Read for Counting<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = self.0.read(buffer)?;
            self.1 += count;
            Ok(count)
        }
    }

    #[test]
    fn of_a_file_that_is_not_authentic_a_header_is_read_at_most() {
        let mut bytes = component(&Secret::from_bytes([2; 32]), b"", &vec![0; 1 << 20]);
        for header in [None, Some(u32::MAX), Some(65_536)] {
            if let Some(header) = header {
                bytes[8..12].copy_from_slice(&header.to_le_bytes());
            }
            let mut file = Counting(&bytes, 0);
            assert!(read(&mut file, u64::MAX, &SECRET, &KEY).unwrap().is_none());
            assert!(file.1 <= 12 + 65_536 + 32, "{}", file.1);
        }
    }

    // I22: each byte is checked.
    #[test]
    fn no_flipped_bit_and_no_other_length_is_an_entry() {
        let verdict = seal_verdict(&SECRET, &KEY, &verdict()).unwrap();
        for bytes in [component(&SECRET, b"\0asm", b"ELF"), verdict] {
            for at in 0..bytes.len() {
                for bit in 0..8 {
                    let mut bad = bytes.clone();
                    bad[at] ^= 1 << bit;
                    assert!(open(&bad, &KEY).is_none(), "byte {at}, bit {bit}");
                }
                assert!(open(&bytes[..at], &KEY).is_none(), "the first {at} bytes");
            }
            let mut long = bytes;
            long.push(0);
            assert!(open(&long, &KEY).is_none());
        }
    }

    proptest! {
        // I22, and I20: what is handed out is what was stored.
        #[test]
        fn damage_of_any_kind_makes_no_other_entry(
            code in prop::collection::vec(any::<u8>(), 0..200),
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            cut in any::<prop::sample::Index>(),
            more in prop::collection::vec(any::<u8>(), 0..40),
            is_cut in any::<bool>(),
            is_authenticated_again in any::<bool>(),
        ) {
            let good = component(&SECRET, b"\0asm", &code);
            let mut bytes = good.clone();
            for (at, byte) in damage {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if is_cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            bytes.extend(more);
            match open(&bytes, &KEY) {
                Some(Entry::Component(kept)) => {
                    prop_assert_eq!(&bytes, &good);
                    prop_assert_eq!(kept.code().to_vec().unwrap(), code);
                }
                Some(Entry::Refused(_)) => prop_assert!(false, "a verdict"),
                None => prop_assert_ne!(&bytes, &good),
            }
            // With an authentic header, nothing panics either.
            if is_authenticated_again && authenticate_again(&mut bytes, &SECRET).is_some() {
                let _ = open(&bytes, &KEY);
            }
        }
    }
}
