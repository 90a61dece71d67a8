//! A reason why a core module cannot be made into a component.

use core::fmt;

use limits_core::Escaped;
use serde::{Deserialize, Serialize};
use wasmparser::{BinaryReaderError, Import};

/// Imports that an error names at most, and characters that it shows of each.
const MOST_NAMED: usize = 4;
const MOST_OF_A_NAME: usize = 64;
/// Characters of a name that was escaped: ten for each, and the mark of the cut.
const MOST_OF_AN_ESCAPED_NAME: usize = 10 * MOST_OF_A_NAME + 1;
/// Characters that an error shows of a reason. A worker that was subverted could send more.
const MOST_OF_A_REASON: usize = 1_024;

/// A reason why a core module cannot be made into a component.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleError {
    /// The encoder refused the module, or panicked.
    #[error("{}", Escaped::head(reason, MOST_OF_A_REASON))]
    Encoder {
        /// The encoder's reason.
        reason: String,
    },
    /// The bytes are no module.
    #[error("{}", Escaped::head(reason, MOST_OF_A_REASON))]
    Malformed {
        /// The parser's reason.
        reason: String,
    },
    /// A memory of more than 4 GiB.
    #[error("its memory has 64-bit addresses, which components cannot have")]
    Memory64,
    /// Imports of the module's own host.
    #[error("it imports {0}, which WASI preview 1 does not have")]
    MissingImports(ImportNames),
    /// The memory that the calls of WASI would read and write.
    #[error("it does not export a memory of its own as `memory`, which WASI preview 1 requires")]
    NoMemory,
    /// A library whose functions have no component-level types, or a module without WASI.
    #[error(
        "nothing of it can be called: it exports no `_start`, and has no WIT world (a \
         `component-type` section) that gives its functions types; build it as a command or a \
         component"
    )]
    NothingToCall,
    /// Threads.
    #[error(
        "it shares memory between threads, which are not supported: build it without threads, for \
         wasm32-wasip1"
    )]
    Threads,
    /// More of something than is looked at.
    #[error("it has more than {most} {0}", most = .0.most())]
    TooMuch(ModuleBound),
    /// WASI before preview 1.
    #[error(
        "it imports `wasi_unstable`, the WASI before preview 1: build it with a newer toolchain, \
         for wasm32-wasip1"
    )]
    Unstable,
}

impl From<BinaryReaderError> for ModuleError {
    fn from(error: BinaryReaderError) -> Self {
        Self::Malformed { reason: Escaped::head(&error.to_string(), MOST_OF_A_REASON).to_string() }
    }
}

/// A bound of a core module that is made into a component.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[non_exhaustive]
pub enum ModuleBound {
    /// Imports.
    Imports,
    /// Bytes of the import sections.
    ImportBytes,
    /// Sections with a WIT world.
    WorldSections,
    /// Bytes of those sections.
    WorldBytes,
}

impl ModuleBound {
    /// Returns the most that a module may have.
    #[must_use]
    pub const fn most(self) -> usize {
        match self {
            // The encoder takes quadratic time for repeated imports, a second for as many as these.
            // A program of wasi-libc has up to 46.
            Self::Imports => 4_096,
            Self::ImportBytes => 256 * 1024,
            // One for each library that has a part of the world.
            Self::WorldSections => 128,
            // All of WASI 0.2 has 40 KiB.
            Self::WorldBytes => 1024 * 1024,
        }
    }

    /// Checks a count.
    pub(crate) const fn check(self, count: usize) -> Result<(), ModuleError> {
        if count > self.most() { Err(ModuleError::TooMuch(self)) } else { Ok(()) }
    }
}

impl fmt::Display for ModuleBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Imports => "imports",
            Self::ImportBytes => "bytes of imports",
            Self::WorldSections => "sections with a WIT world",
            Self::WorldBytes => "bytes of WIT worlds",
        })
    }
}

/// The names of some imports, escaped and shortened where they are shown.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ImportNames {
    first: Vec<String>,
    more: usize,
}

impl ImportNames {
    pub(crate) fn add(&mut self, import: Import<'_>) {
        if self.first.len() < MOST_NAMED {
            let name = format!("{}.{}", import.module, import.name);
            self.first.push(Escaped::head(&name, MOST_OF_A_NAME).to_string());
        } else {
            self.more += 1;
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.first.is_empty()
    }
}

impl fmt::Display for ImportNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, name) in self.first.iter().take(MOST_NAMED).enumerate() {
            let separator = if place == 0 { "" } else { ", " };
            write!(f, "{separator}`{}`", Escaped::head(name, MOST_OF_AN_ESCAPED_NAME))?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
