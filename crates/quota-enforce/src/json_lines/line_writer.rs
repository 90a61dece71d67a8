//! A writer that may fail half-way, or panic.

use std::io::{self, ErrorKind, Write};

use crate::caught::caught;

/// Writes whole lines to a writer that may fail half-way, or panic.
pub(super) struct LineWriter<W: Write> {
    /// `None` once it has panicked: its state is unknown.
    writer: Option<W>,
    /// True if the last line was written in part.
    torn: bool,
}

impl<W: Write> LineWriter<W> {
    pub(super) const fn new(writer: W) -> Self {
        Self { writer: Some(writer), torn: false }
    }

    /// Writes a line and returns whether the writer took all of it.
    pub(super) fn write(&mut self, line: &[u8]) -> bool {
        let mut torn = self.torn;
        let written = self.attempt(|writer| {
            if torn {
                // The part of the line before must not become one line with this.
                put(writer, b"\n", &mut torn)?;
            }
            put(writer, line, &mut torn)
        });
        self.torn = torn;
        written
    }

    pub(super) fn flush(&mut self) -> bool {
        self.attempt(W::flush)
    }

    /// Asks the writer for something and returns whether it did it.
    fn attempt(&mut self, ask: impl FnOnce(&mut W) -> io::Result<()>) -> bool {
        let Some(writer) = &mut self.writer else { return false };
        if let Some(result) = caught(|| ask(writer)) {
            return result.is_ok();
        }
        self.discard();
        false
    }

    /// Drops the writer, which may panic once more.
    fn discard(&mut self) {
        let _ = caught(|| drop(self.writer.take()));
    }
}

impl<W: Write> Drop for LineWriter<W> {
    fn drop(&mut self) {
        self.discard();
    }
}

/// Writes all bytes, as `write_all` does, and records in `torn` whether a part is missing.
fn put(writer: &mut impl Write, mut bytes: &[u8], torn: &mut bool) -> io::Result<()> {
    while !bytes.is_empty() {
        match writer.write(bytes) {
            Ok(0) => return Err(io::Error::from(ErrorKind::WriteZero)),
            Ok(taken) => {
                bytes = bytes.get(taken..).unwrap_or_default();
                *torn = !bytes.is_empty();
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
