//! The files that git tracks, with their texts.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::failure::Result;
use crate::manifest::Manifest;

/// The macros that read a file into the program at compile time.
const INCLUDES: [&str; 2] = ["include_bytes!(\"", "include_str!(\""];

/// Tracked files by their path from the root, with `/` between folders.
#[derive(Debug)]
pub(crate) struct Tree {
    /// `None` for a file that is no text.
    files: BTreeMap<String, Option<String>>,
}

impl Tree {
    /// Reads the tracked files under `root` as they are on disk now.
    pub(crate) fn tracked(root: &Path) -> Result<Self> {
        let output = Command::new("git")
            .args(["ls-files", "-z"])
            .current_dir(root)
            .output()
            .map_err(|error| format!("cannot run git: {error}"))?;
        if !output.status.success() {
            return Err(format!(
                "git ls-files failed, tidy needs a git checkout: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            )
            .into());
        }
        let mut files = BTreeMap::new();
        for path in String::from_utf8_lossy(&output.stdout).split_terminator('\0') {
            // A file that is deleted and not yet committed is none for the rules.
            if root.join(path).exists() {
                files.insert(path.to_owned(), std::fs::read_to_string(root.join(path)).ok());
            }
        }
        Ok(Self { files })
    }

    /// Makes a tree of samples.
    #[cfg(test)]
    pub(crate) fn of(samples: &[(&str, &str)]) -> Self {
        let pair = |(path, text): &(&str, &str)| ((*path).to_owned(), Some((*text).to_owned()));
        Self { files: samples.iter().map(pair).collect() }
    }

    /// Returns the text of a file, if it exists and is text.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.as_deref()
    }

    /// Reports whether a file or a folder exists.
    pub(crate) fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        self.files.contains_key(path) || self.files.keys().any(|file| is_inside(file, path))
    }

    /// Returns all paths.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Returns the text files whose paths end in `suffix`.
    pub(crate) fn ending(&self, suffix: &str) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .filter(move |(path, _)| path.ends_with(suffix))
            .filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// Returns the line and the path of each file that a Rust file of this path and text includes.
    pub(crate) fn included(path: &str, text: &str) -> Vec<(usize, String)> {
        let include = |line: &str| {
            let code = if line.trim_start().starts_with("//") { "" } else { line };
            INCLUDES
                .iter()
                .find_map(|name| Some(code.split_once(name)?.1.split('"').next()?.to_owned()))
        };
        let lines = (1..).zip(text.lines());
        let found = lines.filter_map(|(number, line)| Some((number, include(line)?)));
        found.map(|(number, file)| (number, join(folder(path), &file).unwrap_or(file))).collect()
    }

    /// Returns the manifest of each package with its folder.
    pub(crate) fn packages(&self) -> impl Iterator<Item = (&str, Manifest)> {
        self.ending("/Cargo.toml").map(|(path, text)| (folder(path), Manifest::parse(text)))
    }

    /// Returns the published packages with their folders.
    pub(crate) fn published(&self) -> impl Iterator<Item = (&str, Manifest)> {
        self.packages().filter(|(_, manifest)| manifest.is_published())
    }
}

/// Returns the folder of a path; empty at the root.
pub(crate) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Reports whether a file lies under a folder, at any depth.
pub(crate) fn is_inside(file: &str, folder: &str) -> bool {
    file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// Joins a folder and a relative path; `None` if the result is outside of the repository.
pub(crate) fn join(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{Tree, join};

    #[test]
    fn files_and_their_folders_exist_and_prefixes_do_not() {
        let tree = Tree::of(&[("docs/limits.md", "")]);
        assert!(tree.has("docs/limits.md") && tree.has("docs") && tree.has("docs/"));
        assert!(!tree.has("doc") && !tree.has("docs/limits"));
    }

    #[test]
    fn a_path_is_joined_without_leaving_the_repository() {
        assert_eq!(join("docs", "./a/../b.md").as_deref(), Some("docs/b.md"));
        assert_eq!(join("docs", "../README.md").as_deref(), Some("README.md"));
        assert_eq!(join("docs", "../../x"), None);
    }
}
