//! Texts from files, shortened and escaped.

use std::path::Path;

use limits_core::Escaped;

/// Shows the end of a path, since a long folder must not hide the message.
pub(crate) fn shown(file: &Path) -> String {
    const MOST: usize = 128;
    Escaped::tail(&file.to_string_lossy(), MOST).to_string()
}

/// Shows the beginning of a text from a file.
pub(crate) fn quoted(text: &str) -> Escaped<'_> {
    const MOST: usize = 64;
    Escaped::head(text, MOST)
}
