//! The frames that host and worker exchange: a header in JSON and bytes after it.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The first bytes of a frame, with the version of the protocol.
const MAGIC: [u8; 8] = *b"wlcomp01";
/// The bytes of the magic and the two lengths.
pub(crate) const PREFIX: usize = 8 + 4 + 8;
/// The most bytes of a header.
const MOST_HEADER: usize = 64 * 1024;

/// The lengths of a frame's parts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Lengths {
    pub(crate) header: usize,
    pub(crate) body: u64,
}

impl Lengths {
    /// Reads the first bytes of a frame, whose body may have `most_body` bytes.
    pub(crate) fn parse(prefix: &[u8; PREFIX], most_body: u64) -> Result<Self, &'static str> {
        let [m0, m1, m2, m3, m4, m5, m6, m7, h0, h1, h2, h3, body @ ..] = *prefix;
        if [m0, m1, m2, m3, m4, m5, m6, m7] != MAGIC {
            return Err("it is of another version, or no worker");
        }
        let header = usize::try_from(u32::from_le_bytes([h0, h1, h2, h3])).unwrap_or(usize::MAX);
        if header > MOST_HEADER {
            return Err("a header is too long");
        }
        let body = u64::from_le_bytes(body);
        if body > most_body {
            return Err("a body is too long");
        }
        Ok(Self { header, body })
    }
}

/// Returns the bytes of a frame before its body.
pub(crate) fn head(header: &impl Serialize, body: usize) -> io::Result<Vec<u8>> {
    let header = serde_json::to_vec(header).map_err(io::Error::other)?;
    let length = u32::try_from(header.len())
        .ok()
        .filter(|_| header.len() <= MOST_HEADER)
        .ok_or_else(|| io::Error::other("a header is too long"))?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend(length.to_le_bytes());
    bytes.extend(u64::try_from(body).unwrap_or(u64::MAX).to_le_bytes());
    bytes.extend(header);
    Ok(bytes)
}

/// Parses a header.
pub(crate) fn header<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("a header makes no sense: {error}"))
}

/// Writes a frame.
pub(crate) fn write(
    to: &mut impl Write,
    header: &impl Serialize,
    bodies: &[&[u8]],
) -> io::Result<()> {
    to.write_all(&head(header, bodies.iter().map(|body| body.len()).sum())?)?;
    for body in bodies {
        to.write_all(body)?;
    }
    to.flush()
}

/// Reads the header of a frame. Returns it with the length of the body that follows.
pub(crate) fn read_header<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<(T, u64)> {
    let mut prefix = [0; PREFIX];
    from.read_exact(&mut prefix)?;
    let lengths = Lengths::parse(&prefix, u64::MAX).map_err(io::Error::other)?;
    let mut bytes = vec![0; lengths.header];
    from.read_exact(&mut bytes)?;
    Ok((header(&bytes).map_err(io::Error::other)?, lengths.body))
}

/// Parses a whole frame, as far as its header.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let (prefix, rest) = bytes.split_first_chunk::<PREFIX>()?;
    let lengths = Lengths::parse(prefix, u64::MAX).ok()?;
    header(rest.get(..lengths.header)?).ok()
}

#[cfg(test)]
mod tests {
    use super::{Lengths, PREFIX, head, read_header, write};

    fn prefix(bytes: &[u8]) -> [u8; PREFIX] {
        bytes[..PREFIX].try_into().unwrap()
    }

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        let mut bytes = Vec::new();
        write(&mut bytes, &vec![1, 2], &[b"ab", b"c"]).unwrap();
        let mut rest = &bytes[..];
        assert_eq!(read_header::<Vec<u8>>(&mut rest).unwrap(), (vec![1, 2], 3));
        assert_eq!(rest, b"abc");
    }

    #[test]
    fn lengths_past_the_bounds_and_other_versions_are_refused() {
        let good = head(&"x", 5).unwrap();
        assert_eq!(Lengths::parse(&prefix(&good), 5), Ok(Lengths { header: 3, body: 5 }));
        assert_eq!(Lengths::parse(&prefix(&good), 4), Err("a body is too long"));
        let mut long = good.clone();
        long[8..12].copy_from_slice(&65_537_u32.to_le_bytes());
        assert_eq!(Lengths::parse(&prefix(&long), 5), Err("a header is too long"));
        let mut other = good;
        other[7] = b'2';
        let words = "it is of another version, or no worker";
        assert_eq!(Lengths::parse(&prefix(&other), 5), Err(words));
        assert!(head(&"x".repeat(65_536), 0).is_err());
    }
}
