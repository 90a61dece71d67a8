//! The public API of each published library, as a listing under docs/api.
//!
//! rustdoc writes the API as JSON, which is stable neither in its form nor as an option. The format
//! of Rust 1.95 is the one that the `public-api` crate of this version reads, so another compiler
//! needs another version of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use public_api::Builder;

use crate::failure::Result;
use crate::manifest::Manifest;
use crate::{cargo, workspace};

/// Set where cargo calls this program in place of rustdoc.
const WRAPPED: &str = "XTASK_WRAPS_RUSTDOC";

/// The crates whose types stand in the APIs of others.
const OURS: [&str; 2] = ["limits_config", "limits_core"];

const UPDATE: &str = "if the change is meant, run `cargo xtask api` and commit docs/api";

/// Writes the listings, or compares with them if `--check` is given.
pub(crate) fn run(args: &[String]) -> Result {
    match args {
        [] => each(write),
        [only] if only == "--check" => check(),
        _ => Err("takes nothing or `--check`".into()),
    }
}

/// Compares the listings with the source.
pub(crate) fn check() -> Result {
    each(compare)
}

/// Applies an action to the path and the text of each listing.
fn each(action: fn(&Path, &str) -> Result) -> Result {
    let this = std::env::current_exe().map_err(|error| format!("cannot find xtask: {error}"))?;
    let this = this.display().to_string();
    // The features are those of the other steps, so that no dependency is compiled again.
    let doc = ["doc", "--workspace", "--lib", "--no-deps", "--all-features"];
    cargo::run_with(&doc, &[("RUSTDOC", &this), (WRAPPED, "1")])?;
    let folder = workspace::root().join("docs/api");
    let failures: Vec<String> = libraries()?
        .iter()
        .filter_map(|name| {
            let path = folder.join(format!("{name}.txt"));
            let listed = list(name).and_then(|text| action(&path, &text));
            listed.err().map(|failure| format!("{name}: {failure}"))
        })
        .collect();
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}

/// Returns the names of the published packages that have a library.
fn libraries() -> Result<Vec<String>> {
    let published = workspace::published()?;
    let names = published.iter().map(Manifest::name);
    let has_library =
        |name: &&str| workspace::root().join(format!("crates/{name}/src/lib.rs")).exists();
    Ok(names.filter(has_library).map(str::to_owned).collect())
}

/// Returns the listing of a library, one item a line.
fn list(name: &str) -> Result<String> {
    let json = workspace::target().join(format!("doc/{}.json", name.replace('-', "_")));
    let lines = |with_derived: bool| -> Result<Vec<String>> {
        let builder = Builder::from_rustdoc_json(&json).omit_auto_derived_impls(!with_derived);
        let api = builder.omit_blanket_impls(true).omit_auto_trait_impls(true).build();
        let api =
            api.map_err(|error| format!("{}: {error}; is this Rust 1.95?", json.display()))?;
        Ok(api.items().map(|item| short(&item.to_string())).collect())
    };
    let written: BTreeSet<String> = lines(false)?.into_iter().collect();
    // Of a derived trait, the line that names it is enough.
    let derived = |line: &str| line.starts_with("impl ") && !line.contains("StructuralPartialEq");
    let wanted = |line: &String| derived(line) || written.contains(line);
    Ok(lines(true)?.into_iter().filter(wanted).map(|line| line + "\n").collect())
}

/// Removes the private modules from the paths of our own types: users import them from the root.
fn short(line: &str) -> String {
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let mut shortened = String::new();
    for part in line.split_inclusive(|c| !is_path(c)) {
        let (path, end) = part.split_at(part.find(|c| !is_path(c)).unwrap_or(part.len()));
        let (first, rest) = path.split_once("::").unwrap_or((path, ""));
        let of_type = rest.find(|c: char| c.is_ascii_uppercase());
        match of_type.filter(|_| OURS.contains(&first)) {
            Some(start) => shortened.extend([first, "::", &rest[start..]]),
            None => shortened.push_str(path),
        }
        shortened.push_str(end);
    }
    shortened
}

fn write(path: &Path, text: &str) -> Result {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| format!("cannot write {}: {error}", path.display()).into())
}

fn compare(path: &Path, text: &str) -> Result {
    let listed = fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}; {UPDATE}", path.display()))?;
    if listed == text {
        return Ok(());
    }
    Err(format!("the public API changed\n{}{UPDATE}", difference(&listed, text)).into())
}

/// Returns the lines that only one of two listings has.
fn difference(listed: &str, current: &str) -> String {
    let missing = |from: &str, line: &&str| !from.lines().any(|other| other == *line);
    let gone =
        listed.lines().filter(|line| missing(current, line)).map(|line| format!("- {line}\n"));
    let new =
        current.lines().filter(|line| missing(listed, line)).map(|line| format!("+ {line}\n"));
    gone.chain(new).collect()
}

/// Runs rustdoc with JSON as its output, if cargo called this program in place of rustdoc.
///
/// The option is for nightly compilers, but for `RUSTC_BOOTSTRAP`. Cargo must not see the variable:
/// build scripts look at it, and their crates and all that depend on them would be compiled again.
pub(crate) fn wrap_rustdoc() -> Option<ExitCode> {
    std::env::var_os(WRAPPED)?;
    let status = Command::new("rustdoc")
        .args(std::env::args_os().skip(1))
        .args(["-Z", "unstable-options", "--output-format", "json"])
        .env("RUSTC_BOOTSTRAP", "1")
        .status();
    match status {
        Ok(status) if status.success() => Some(ExitCode::SUCCESS),
        Ok(_) => Some(ExitCode::FAILURE),
        Err(error) => {
            eprintln!("cannot run rustdoc: {error}");
            Some(ExitCode::FAILURE)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{compare, difference, short};
    use crate::workspace;

    #[test]
    fn lines_of_one_listing_alone_are_the_difference() {
        let listed = "pub fn a::f()\npub fn a::g()\n";
        assert_eq!(difference(listed, listed), "");
        assert_eq!(
            difference(listed, "pub fn a::f()\npub fn a::g(u8)\n"),
            "- pub fn a::g()\n+ pub fn a::g(u8)\n"
        );
    }

    #[test]
    fn a_type_stands_at_the_root_of_its_crate() {
        assert_eq!(
            short("pub fn a::b::f(&limits_core::quota::usage::Usage) -> core::fmt::Result"),
            "pub fn a::b::f(&limits_core::Usage) -> core::fmt::Result"
        );
        assert_eq!(short("limits_core::Usage::new()"), "limits_core::Usage::new()");
    }

    #[test]
    fn a_listing_that_is_not_current_is_refused_with_the_way_to_update_it() {
        let path = workspace::scratch().unwrap().join("api.txt");
        fs::write(&path, "pub fn a::f()\n").unwrap();
        assert!(compare(&path, "pub fn a::f()\n").is_ok());
        assert!(compare(&path, "pub fn a::f()\npub fn a::f()\n").is_err());
        assert_eq!(
            compare(&path, "").unwrap_err().to_string(),
            "the public API changed\n- pub fn a::f()\nif the change is meant, run `cargo xtask api` \
             and commit docs/api"
        );
    }
}
