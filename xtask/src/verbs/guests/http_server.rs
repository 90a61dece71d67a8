//! An HTTP/1.1 server for guests: as much of the protocol as their requests need.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// The bytes of `/download`, in chunks of [`CHUNK`].
pub(super) const DOWNLOAD: usize = 1024 * 1024;
const CHUNK: usize = 8 * 1024;
/// The longest line, and the longest body, of a request.
const MOST: u64 = 64 * 1024;

/// A request without the headers that do not tell its length.
struct Request {
    line: String,
    body: Vec<u8>,
}

/// Answers the requests of one connection, until the peer sends no more.
pub(super) fn talk(mut stream: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(request) = read(&mut reader)? {
        answer(&request, &mut stream)?;
    }
    Ok(())
}

fn answer(request: &Request, stream: &mut impl Write) -> io::Result<()> {
    let target = request.line.rsplit_once(' ').map_or("", |(target, _version)| target);
    match target {
        "GET /hello" => plain(stream, "200 OK", "", b"hello"),
        "POST /echo" => plain(stream, "200 OK", "", &request.body),
        "GET /metadata" => {
            let location = "location: http://169.254.169.254/latest/meta-data/\r\n";
            plain(stream, "302 Found", location, b"elsewhere")
        }
        "GET /download" => download(stream),
        _ => plain(stream, "404 Not Found", "", b"there is nothing"),
    }
}

fn plain(stream: &mut impl Write, status: &str, headers: &str, body: &[u8]) -> io::Result<()> {
    let length = body.len();
    let mut whole =
        format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n").into_bytes();
    whole.extend_from_slice(body);
    stream.write_all(&whole)
}

fn download(stream: &mut impl Write) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
    let chunk = [b'x'; CHUNK];
    for _ in 0..DOWNLOAD / CHUNK {
        write!(stream, "{CHUNK:x}\r\n")?;
        stream.write_all(&chunk)?;
        stream.write_all(b"\r\n")?;
    }
    stream.write_all(b"0\r\n\r\n")
}

/// Reads a request; `None` at the end of the connection.
fn read(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let line = read_line(reader)?;
    if line.is_empty() {
        return Ok(None);
    }
    let (mut length, mut chunked) = (0, false);
    loop {
        let header = read_line(reader)?.to_ascii_lowercase();
        match header.split_once(':').map(|(name, value)| (name, value.trim())) {
            None => break,
            Some(("content-length", value)) => length = number(value, 10)?,
            Some(("transfer-encoding", "chunked")) => chunked = true,
            Some(_) => {}
        }
    }
    let mut body = Vec::new();
    if !chunked {
        read_part(reader, length, &mut body)?;
        return Ok(Some(Request { line, body }));
    }
    loop {
        let size = number(&read_line(reader)?, 16)?;
        read_part(reader, size, &mut body)?;
        // The end of a chunk, or of all trailers, of which there are none.
        read_line(reader)?;
        if size == 0 {
            return Ok(Some(Request { line, body }));
        }
    }
}

fn read_line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    reader.take(MOST).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

fn read_part(reader: &mut impl BufRead, length: u64, body: &mut Vec<u8>) -> io::Result<()> {
    let read = reader.take(length.min(MOST)).read_to_end(body)?;
    if u64::try_from(read) == Ok(length) { Ok(()) } else { Err(invalid("the length of a body")) }
}

fn number(text: &str, radix: u32) -> io::Result<u64> {
    u64::from_str_radix(text, radix)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn invalid(part: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{part} is wrong"))
}

#[cfg(test)]
mod tests {
    use super::{DOWNLOAD, answer, read};

    #[test]
    fn requests_of_both_kinds_of_length_are_read_one_after_the_other() {
        let mut sent = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab\
                        POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
                        2\r\ncd\r\n1\r\ne\r\n0\r\n\r\n\
                        GET /hello HTTP/1.1\r\n\r\n"
            .as_bytes();
        let mut answers = Vec::new();
        while let Some(request) = read(&mut sent).unwrap() {
            answer(&request, &mut answers).unwrap();
        }
        let head = |length| format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
        let expected = format!("{}ab{}cde{}hello", head(2), head(3), head(5));
        assert_eq!(String::from_utf8(answers).unwrap(), expected);
        let cut = "POST /echo HTTP/1.1\r\ncontent-length: 3\r\n\r\nab";
        assert!(read(&mut cut.as_bytes()).is_err());
    }

    #[test]
    fn a_download_has_all_its_bytes() {
        let request = read(&mut "GET /download HTTP/1.1\r\n\r\n".as_bytes()).unwrap().unwrap();
        let mut sent = Vec::new();
        answer(&request, &mut sent).unwrap();
        assert_eq!(sent.iter().filter(|byte| **byte == b'x').count(), DOWNLOAD);
        assert!(sent.ends_with(b"\r\n0\r\n\r\n"));
    }
}
