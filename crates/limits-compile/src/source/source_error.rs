//! A reason why no component can be made of the bytes of a source.

use limits_core::Escaped;
use serde::{Deserialize, Serialize};

use crate::source::module_error::ModuleError;

/// Characters that an error shows of a reason. A worker that was subverted could send more.
const MOST_OF_A_REASON: usize = 1_024;

/// A reason why no binary component can be made of the bytes of a [`Source`](crate::Source).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The bytes are neither binary nor text.
    #[error(
        "neither a binary component nor component text: {}",
        Escaped::head(reason, MOST_OF_A_REASON)
    )]
    Text {
        /// The parser's reason, with line and column.
        reason: String,
    },
    /// The text is too long to be parsed.
    #[error(
        "component text of {bytes} bytes is not parsed, {most} are the most: turn it into a binary \
         component with `wasm-tools parse`"
    )]
    TextTooLarge {
        /// The length of the text.
        bytes: u64,
        /// The most that is parsed.
        most: u64,
    },
    /// A core module.
    #[error("cannot make a component of the core module: {0}")]
    Module(#[from] ModuleError),
}

impl SourceError {
    /// Returns whether a bound refused the source, as a limit of its structure would: a smaller
    /// one of the same kind might pass.
    #[must_use]
    pub const fn is_bound(&self) -> bool {
        matches!(self, Self::TextTooLarge { .. } | Self::Module(ModuleError::TooMuch(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::SourceError;
    use crate::source::module_error::{ModuleBound, ModuleError};

    #[test]
    fn errors_read_as_documented_and_survive_the_way_from_the_worker() {
        for (error, text, is_bound) in [
            (
                SourceError::Text { reason: String::from("oops\u{1b} at line 1, column 2") },
                "neither a binary component nor component text: oops\\u{1b} at line 1, column 2",
                false,
            ),
            (
                SourceError::TextTooLarge { bytes: 8, most: 7 },
                "component text of 8 bytes is not parsed, 7 are the most: turn it into a binary \
                 component with `wasm-tools parse`",
                true,
            ),
            (
                SourceError::Module(ModuleError::TooMuch(ModuleBound::Imports)),
                "cannot make a component of the core module: it has more than 4096 imports",
                true,
            ),
            (
                SourceError::Module(ModuleError::Memory64),
                "cannot make a component of the core module: its memory has 64-bit addresses, \
                 which components cannot have",
                false,
            ),
        ] {
            assert_eq!((error.to_string().as_str(), error.is_bound()), (text, is_bound));
            let sent = serde_json::to_string(&error).unwrap();
            assert_eq!(serde_json::from_str::<SourceError>(&sent).unwrap(), error);
        }
    }
}
