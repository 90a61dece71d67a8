//! Foreign texts in the lines of the command.

use std::path::Path;

use limits_core::Escaped;

/// Characters of a foreign text that a line shows.
const MOST_OF_A_TEXT: usize = 512;
/// Characters of a path that a line shows, its last ones: a longer path would push the reason out
/// of the message.
const MOST_OF_A_PATH: usize = 128;

/// Escapes a text that a guest, a file or a peer wrote, and cuts it.
pub(crate) fn quoted(text: &str) -> String {
    Escaped::head(text, MOST_OF_A_TEXT).to_string()
}

/// Escapes a path, and cuts its beginning.
pub(crate) fn quoted_path(path: &Path) -> String {
    Escaped::tail(&path.to_string_lossy(), MOST_OF_A_PATH).to_string()
}
