//! A Cargo.toml, read as lines: enough for files that are all written in one style.

/// One `key = value` of a manifest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Entry {
    /// The table, such as `dev-dependencies`.
    pub(crate) table: String,
    /// The key, such as `serde` or `version.workspace`.
    pub(crate) key: String,
    /// The value as it is written.
    pub(crate) value: String,
    /// The line it starts on, from 1.
    pub(crate) line: usize,
}

impl Entry {
    /// Tells whether this entry names a dependency of any kind.
    pub(crate) fn is_dependency(&self) -> bool {
        self.table.ends_with("dependencies")
    }

    /// Returns the key up to its first dot: the name of a dependency or of a package key.
    pub(crate) fn name(&self) -> &str {
        self.key.split('.').next().unwrap_or(&self.key).trim()
    }

    /// Tells whether the value is the one of the workspace.
    pub(crate) fn inherits(&self) -> bool {
        (self.key.ends_with(".workspace") && self.value == "true")
            || self.value.contains("workspace = true")
    }
}

/// The entries of one manifest.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    entries: Vec<Entry>,
}

impl Manifest {
    /// Reads a manifest. Lines that are not understood are left out.
    pub(crate) fn parse(text: &str) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        let mut table = String::new();
        let mut open = 0_usize;
        for (line, raw) in (1..).zip(text.lines()) {
            let code = without_comment(raw);
            let opens = code.matches(['[', '{']).count();
            let closes = code.matches([']', '}']).count();
            if open > 0 {
                if let Some(last) = entries.last_mut() {
                    last.value.push(' ');
                    last.value.push_str(code);
                }
                open = (open + opens).saturating_sub(closes);
            } else if let Some(header) = code.strip_prefix('[') {
                table = header.trim_end_matches(']').to_owned();
            } else if let Some((key, value)) = code.split_once('=') {
                let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
                entries.push(Entry { table: table.clone(), key, value, line });
                open = opens.saturating_sub(closes);
            }
        }
        Self { entries }
    }

    /// Returns all entries in order.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Finds an entry of `[package]` by its exact key.
    pub(crate) fn package(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.table == "package" && entry.key == key)
    }

    /// Returns the package's name, empty if it has none.
    pub(crate) fn name(&self) -> &str {
        self.package("name").map_or("", |entry| entry.value.trim_matches('"'))
    }

    /// Tells whether the package is meant for a registry.
    pub(crate) fn is_published(&self) -> bool {
        self.package("publish").is_none_or(|entry| entry.value != "false")
    }

    /// Tells whether the package has features.
    pub(crate) fn has_features(&self) -> bool {
        self.entries.iter().any(|entry| entry.table == "features")
    }

    /// Returns the names of what the package needs to run or to be built, sorted, each once.
    pub(crate) fn dependencies(&self) -> Vec<&str> {
        let mut names: Vec<_> = self
            .entries
            .iter()
            .filter(|entry| entry.is_dependency() && !entry.table.ends_with("dev-dependencies"))
            .map(Entry::name)
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Cuts a comment off a line, minding strings.
fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '#' if !quoted => return line[..at].trim(),
            _ => {}
        }
    }
    line.trim()
}

#[cfg(test)]
mod tests {
    use super::Manifest;

    const SAMPLE: &str = r##"
[package]
name = "a" # not "b"
version.workspace = true
include = [
    "/src",
]
[features]
x = []
[dependencies]
serde.workspace = true
tokio = { workspace = true, features = ["rt"] }
[target.'cfg(unix)'.dependencies]
rustix.workspace = true
[dev-dependencies]
proptest = "1#"
"##;

    #[test]
    fn names_tables_and_values_are_found() {
        let manifest = Manifest::parse(SAMPLE);
        assert_eq!(manifest.name(), "a");
        assert!(manifest.has_features());
        assert!(manifest.is_published());
        assert_eq!(manifest.dependencies(), ["rustix", "serde", "tokio"]);
        let proptest = manifest.entries().last().unwrap();
        assert_eq!((proptest.value.as_str(), proptest.line), ("\"1#\"", 16));
        assert_eq!(manifest.package("include").unwrap().value, r#"[ "/src", ]"#);
    }

    #[test]
    fn both_ways_to_inherit_are_known() {
        let manifest = Manifest::parse(SAMPLE);
        let inherits = |name| manifest.entries().iter().any(|e| e.name() == name && e.inherits());
        assert!(inherits("serde") && inherits("tokio") && inherits("version"));
        assert!(!inherits("proptest"));
    }

    #[test]
    fn publish_false_is_unpublished() {
        assert!(!Manifest::parse("[package]\npublish = false\n").is_published());
    }
}
