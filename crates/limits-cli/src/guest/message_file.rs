//! The file that takes the messages of guests.

use core::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use quota_wasi::{MessageError, MessageTransport, OutgoingMessage, Sending};
use serde::Serialize;
use tokio::task::spawn_blocking;

use crate::outcome::failure::Failure;
use crate::outcome::service_failure::ServiceFailure;
use crate::outcome::system_error::SystemError;
use crate::report::json;

const OPTION: &str = "--messages";

/// A file that messages are appended to, each as one line of JSON. It is locked for this process.
#[derive(Clone, Debug)]
pub(crate) struct MessageFile(Arc<Mutex<File>>);

/// A message as the file has it. The fields are the keys of the JSON.
#[derive(Debug, Serialize)]
struct Line<'m> {
    /// The id of the component that sent it.
    component: &'m str,
    /// The name under which the guest connected.
    client: &'m str,
    topic: &'m str,
    content_type: Option<&'m str>,
    metadata: &'m [(String, String)],
    /// The bytes of the message, if they are text.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'m str>,
    /// The bytes of the message in hexadecimal, if they are no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    data_hex: Option<String>,
}

impl Line<'_> {
    /// Writes a message in one line, in which nothing is hidden.
    fn of(message: &OutgoingMessage) -> Result<String, Failure> {
        let text = core::str::from_utf8(message.data()).ok();
        json::written(&Line {
            component: message.sender(),
            client: message.client(),
            topic: message.topic(),
            content_type: message.content_type(),
            metadata: message.metadata(),
            data: text,
            data_hex: text.is_none().then(|| hex::encode(message.data())),
        })
    }
}

impl MessageFile {
    /// Opens or makes the file. What it has stays.
    ///
    /// # Errors
    ///
    /// [`ServiceFailure::File`] if it cannot be opened or is no regular file;
    /// [`ServiceFailure::InUse`] if another process appends to it.
    pub(crate) fn open(path: &Path) -> Result<Self, ServiceFailure> {
        let failed =
            |reason| ServiceFailure::File { option: OPTION, path: path.to_path_buf(), reason };
        let broken = |error: io::Error| failed(SystemError::of(&error));
        let file = options().open(path).map_err(broken)?;
        if !file.metadata().map_err(broken)?.is_file() {
            return Err(failed(SystemError::Other(String::from("it is no regular file"))));
        }
        match file.try_lock() {
            Ok(()) => Ok(Self(Arc::new(Mutex::new(file)))),
            Err(TryLockError::WouldBlock) => {
                Err(ServiceFailure::InUse { option: OPTION, path: path.to_path_buf() })
            }
            Err(TryLockError::Error(error)) => Err(broken(error)),
        }
    }

    /// Appends a line, whole or not at all. Blocks the thread.
    fn append(&self, line: &str) -> io::Result<()> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = file.metadata()?.len();
        let written = file.write_all(line.as_bytes());
        // A part of a line would spoil the next one. If the disk refuses this as well, the reader
        // of the file finds a line that is no JSON.
        written.inspect_err(|_| drop(file.set_len(before)))
    }
}

impl MessageTransport for MessageFile {
    fn send(&self, message: OutgoingMessage) -> Sending<'_> {
        let file = self.clone();
        // Not on the executor's thread: a disk can be slow.
        let appending = spawn_blocking(move || {
            let failed = |reason: &dyn fmt::Display| MessageError::connection(reason.to_string());
            let line = Line::of(&message).map_err(|failure| failed(&failure))?;
            file.append(&format!("{line}\n")).map_err(|error| failed(&error))
        });
        Box::pin(async {
            let lost = |_| MessageError::connection("the command is ending");
            appending.await.map_err(lost).flatten()
        })
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;

        // Without these, opening a pipe waits for a reader and opening a terminal may take it over.
        options.custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed());
    }
    options
}

#[cfg(test)]
mod tests {
    use super::{Line, MessageFile};
    use quota_wasi::{MessageTransport as _, OutgoingMessage};
    use std::fs;

    #[test]
    fn a_line_hides_nothing_and_has_bytes_that_are_no_text_in_hexadecimal() {
        let message = OutgoingMessage::new("shop", "a\u{202e}b", &b"\xff\x00"[..])
            .with_client("c\n")
            .with_metadata(vec![(String::from("k"), String::from("\u{1b}"))]);
        assert_eq!(
            Line::of(&message).unwrap(),
            "{\"component\":\"shop\",\"client\":\"c\\n\",\"topic\":\"a\\u202eb\",\
             \"content_type\":null,\"metadata\":[[\"k\",\"\\u001b\"]],\"data_hex\":\"ff00\"}"
        );
    }

    #[tokio::test]
    async fn messages_are_appended_in_their_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sent");
        fs::write(&path, "before\n").unwrap();
        let file = MessageFile::open(&path).unwrap();
        for data in ["1", "2"] {
            let message = OutgoingMessage::new("shop", "t", data.as_bytes()).with_content_type("x");
            file.send(message).await.unwrap();
        }
        let line = |data| {
            format!(
                "{{\"component\":\"shop\",\"client\":\"\",\"topic\":\"t\",\
                 \"content_type\":\"x\",\"metadata\":[],\"data\":\"{data}\"}}\n"
            )
        };
        let expected = format!("before\n{}{}", line(1), line(2));
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
        // Another opening of it is refused while it is open.
        assert!(MessageFile::open(&path).is_err());
        drop(file);
        assert!(MessageFile::open(&path).is_ok());
    }
}
