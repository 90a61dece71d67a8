//! A program that answers as a server does which cannot be started here.

use std::io::{BufRead, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use quota_cluster::{RedisSettings, RedisStore};

pub(crate) const SERVER: &str = "redis_version:7.2.4\r\nredis_mode:standalone\r\n\
                                 run_id:0123456789abcdef0123456789abcdef01234567\r\n";
const REPLICATION: &str = "role:master\r\nconnected_slaves:0\r\n\
                           master_replid:fedcba9876543210fedcba9876543210fedcba98\r\n";

/// Returns a store of a server that has the given `INFO server`, and that answers the questions
/// with the given replies, in turn. The threads end with the test's process.
pub(crate) fn store(server: &'static str, replies: &[&str]) -> RedisStore {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let replies: Vec<_> = replies.iter().map(|&reply| reply.to_owned()).collect();
    thread::spawn(move || {
        let mut replies = replies.into_iter();
        for stream in listener.incoming() {
            serve(stream.unwrap(), server, &mut replies);
        }
    });
    RedisStore::new(RedisSettings::new(url)).unwrap()
}

fn serve(
    mut stream: TcpStream,
    server: &str,
    replies: &mut impl Iterator<Item = String>,
) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let words = command(&mut reader)?;
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let reply = match words.as_slice() {
            ["INFO", "server"] => bulk(server),
            ["INFO", "replication"] => bulk(REPLICATION),
            ["INFO", _] => bulk("maxmemory_policy:noeviction\r\n"),
            ["EVALSHA", _, "0"] => bulk(server),
            ["EVALSHA", ..] => replies.next()?,
            _ => bulk("x"),
        };
        stream.write_all(reply.as_bytes()).ok()?;
    }
}

/// Reads a command: an array of strings.
fn command(reader: &mut impl BufRead) -> Option<Vec<String>> {
    let count = number(reader, "*")?;
    (0..count)
        .map(|_| {
            let mut text = vec![0; number(reader, "$")? + 2];
            reader.read_exact(&mut text).ok()?;
            text.truncate(text.len() - 2);
            String::from_utf8(text).ok()
        })
        .collect()
}

fn number(reader: &mut impl BufRead, mark: &str) -> Option<usize> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    line.trim_end().strip_prefix(mark)?.parse().ok()
}

fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}
