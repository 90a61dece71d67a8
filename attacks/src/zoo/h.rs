//! Section H of the catalogue: files of strangers, and careless ones.
//!
//! Each is given to `wasm-limits run`. A refusal names the place and the value.

mod conflicts;
mod documents;
mod paths;
mod values;

use std::path::Path;
use std::{fs, io};

use crate::outcome::Outcome;
use crate::vector::{FileCase, Vector};
use crate::wat;

const RUN: &[&str] = &["--invoke", "run()"];
const RUN_UNDER_POLICY: &[&str] = &["--invoke", "run()", "--policy", "policy.toml"];
const IDENTITY: &str = "component = { name = \"attacker\", version = \"1.0.0\" }\n";
const LIMITS: &str = "component = { name = \"attacker\", version = \"1.0.0\" }\n\
                      resources.memory.max_bytes = \"1MiB\"\n";

/// Returns the vectors of the section.
#[must_use]
pub fn vectors() -> Vec<Vector> {
    let parts = [values::vectors(), conflicts::vectors(), paths::vectors(), documents::vectors()];
    parts.into_iter().flatten().collect()
}

/// A folder that ends in this way, in these words.
const fn ends(
    id: &'static str,
    title: &'static str,
    make: fn(&Path) -> io::Result<()>,
    ends: Outcome,
    says: &'static str,
) -> Vector {
    Vector::file(id, title, FileCase { make, args: RUN, ends, says })
}

/// A folder that is refused in these words.
const fn refused(
    id: &'static str,
    title: &'static str,
    make: fn(&Path) -> io::Result<()>,
    says: &'static str,
) -> Vector {
    ends(id, title, make, Outcome::Error, says)
}

/// A folder with a `policy.toml` that ends in this way, in these words.
const fn under_policy(
    id: &'static str,
    title: &'static str,
    make: fn(&Path) -> io::Result<()>,
    ends: Outcome,
    says: &'static str,
) -> Vector {
    Vector::file(id, title, FileCase { make, args: RUN_UNDER_POLICY, ends, says })
}

/// Writes a `Component.toml`, and a component that does nothing beside it.
fn document(folder: &Path, text: impl AsRef<[u8]>) -> io::Result<()> {
    fs::write(folder.join("Component.toml"), text)?;
    fs::write(folder.join("component.wat"), wat::run(""))
}

/// Writes a `Component.toml` with good limits and these lines.
fn lines(folder: &Path, lines: &str) -> io::Result<()> {
    document(folder, format!("{LIMITS}{lines}\n"))
}

/// Writes a component with these limits and a policy; its module has these fields.
fn governed(folder: &Path, document: &str, policy: &str, fields: &str) -> io::Result<()> {
    fs::write(folder.join("Component.toml"), document)?;
    fs::write(folder.join("policy.toml"), policy)?;
    fs::write(folder.join("component.wat"), wat::component(fields))
}
