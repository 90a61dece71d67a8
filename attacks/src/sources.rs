//! Promises about the repository's own files: rows of documents and names of tests.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;

/// The folders that have tests.
const FOLDERS: [&str; 4] = ["crates", "tests", "attacks", "fuzz/cases"];

/// Returns the root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_path_buf()
}

/// Tells whether `docs/limits.md` has a row or a paragraph that begins with these words, beside
/// markup.
///
/// # Errors
///
/// If the file cannot be read.
pub fn has_row(row: &str) -> Result<bool> {
    let text = fs::read_to_string(root().join("docs/limits.md"))?;
    Ok(text.lines().any(|line| line.trim_start_matches(['|', '-', '*', '#', ' ']).starts_with(row)))
}

/// The test functions of the repository.
#[derive(Debug)]
pub struct Tests {
    texts: Vec<String>,
}

impl Tests {
    /// Reads the sources.
    ///
    /// # Errors
    ///
    /// If one cannot be read.
    pub fn read() -> Result<Self> {
        let mut texts = Vec::new();
        let mut folders: Vec<PathBuf> = FOLDERS.map(|folder| root().join(folder)).into();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    texts.push(fs::read_to_string(path)?);
                }
            }
        }
        Ok(Self { texts })
    }

    /// Tells whether a test has this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        let function = format!("fn {name}(");
        self.texts.iter().any(|text| {
            let mut is_test = false;
            text.lines().map(str::trim).any(|line| {
                if line.starts_with("#[") {
                    is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
                    return false;
                }
                is_test && {
                    is_test = line.starts_with("//");
                    line.contains(&function)
                }
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Tests, has_row};

    #[test]
    fn a_test_is_found_by_its_name_and_another_function_is_not() {
        let tests = Tests::read().unwrap();
        assert!(tests.has("a_test_is_found_by_its_name_and_another_function_is_not"));
        assert!(!tests.has("read"));
        assert!(!tests.has("a_test_is_found"));
    }

    #[test]
    fn a_row_is_found_by_its_first_words() {
        assert!(has_row("table elements").unwrap());
        assert!(has_row("Side channels").unwrap());
        assert!(!has_row("no such row").unwrap());
    }
}
