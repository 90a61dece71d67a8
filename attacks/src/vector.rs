//! A row of the attack catalogue.

use std::path::Path;

use crate::guest_case::GuestCase;
use crate::outcome::Outcome;

/// A row of the attack catalogue. A row may have several vectors.
#[derive(Debug)]
pub struct Vector {
    /// The row, such as `A1`.
    pub id: &'static str,
    /// The attack, in a few words.
    pub title: &'static str,
    /// The proof that it is contained.
    pub kind: Kind,
}

/// The proof that a vector is contained.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "both runners and the table know all kinds")]
pub enum Kind {
    /// A guest is run and ends as it must.
    Guest(GuestCase),
    /// The feature that the attack needs is off: the component is not compiled.
    Off(OffCase),
    /// A folder of files is given to the command and refused.
    File(FileCase),
    /// The host must act: `docs/limits.md` has this row or paragraph, named by its first words.
    Host {
        /// The first words of the row or the paragraph, without markup.
        row: &'static str,
    },
    /// A test elsewhere in the repository needs a harness of its own.
    Elsewhere {
        /// The name of the test function.
        test: &'static str,
    },
}

/// A feature that is off.
#[derive(Debug)]
pub struct OffCase {
    /// A component that uses the feature, as text.
    pub text: &'static str,
    /// Words of the error.
    pub error: &'static str,
}

/// A folder of files that the command is given.
#[derive(Debug)]
pub struct FileCase {
    /// Makes the files in an empty folder; `Component.toml` is among them.
    pub make: fn(&Path) -> std::io::Result<()>,
    /// The arguments after `wasm-limits run Component.toml`.
    pub args: &'static [&'static str],
    /// The outcome.
    pub ends: Outcome,
    /// Words of the message.
    pub says: &'static str,
}

impl Vector {
    /// A guest that is run.
    #[must_use]
    pub const fn guest(id: &'static str, title: &'static str, case: GuestCase) -> Self {
        Self { id, title, kind: Kind::Guest(case) }
    }

    /// A feature that is off: the component `text`, which uses it, is refused in these words.
    #[must_use]
    pub const fn off(
        id: &'static str,
        title: &'static str,
        text: &'static str,
        error: &'static str,
    ) -> Self {
        Self { id, title, kind: Kind::Off(OffCase { text, error }) }
    }

    /// A folder of files that the command refuses.
    #[must_use]
    pub const fn file(id: &'static str, title: &'static str, case: FileCase) -> Self {
        Self { id, title, kind: Kind::File(case) }
    }

    /// An attack that the host must prevent, as `docs/limits.md` says.
    #[must_use]
    pub const fn host(id: &'static str, title: &'static str, row: &'static str) -> Self {
        Self { id, title, kind: Kind::Host { row } }
    }

    /// An attack that a test elsewhere carries out.
    #[must_use]
    pub const fn elsewhere(id: &'static str, title: &'static str, test: &'static str) -> Self {
        Self { id, title, kind: Kind::Elsewhere { test } }
    }

    /// Returns id and title.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {}", self.id, self.title)
    }
}
