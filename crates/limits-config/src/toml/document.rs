//! A parsed TOML text: values for serde, positions for errors.

use core::fmt::Write as _;

use limits_core::{Escaped, is_hidden};
use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};

use crate::QuotaConflict;
use crate::error::{ConfigError, ConfigErrorKind, Place, quoted};
use crate::tree::{Node, Problem, Segment};

/// The longest text that is read: 1 MiB.
pub(crate) const MAX_BYTES: u64 = 1024 * 1024;

/// A parsed TOML text.
pub(crate) struct Document<'i> {
    text: &'i str,
    root: DeValue<'i>,
}

impl<'i> Document<'i> {
    pub(crate) fn parse(text: &'i str) -> Result<Self, ConfigError> {
        let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
        if bytes > MAX_BYTES {
            return Err(ConfigError::new(
                ConfigErrorKind::File,
                format!("the text has {bytes} bytes, the most that is read is {MAX_BYTES}"),
            ));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match DeTable::parse(text) {
            Ok(root) => Ok(Self { text, root: DeValue::Table(root.into_inner()) }),
            Err(error) => Err(refuse_syntax(text, &error)),
        }
    }

    /// Reads the whole text as a `T`.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        T::deserialize(Node(&self.root)).map_err(|fault| {
            let parts = fault.into_parts();
            let place = self.place(parts.span.map_or(0, |span| span.start));
            explain(parts.problem, &parts.path).at(place)
        })
    }

    /// Finds where the value of a key is, or the nearest table around it that is there.
    pub(crate) fn place_of(&self, key: &str) -> Place {
        let mut value = &self.root;
        let mut offset = 0;
        for step in key.split('.') {
            let Some(next) = value.as_table().and_then(|table| table.get(step)) else { break };
            offset = next.span().start;
            value = next.get_ref();
        }
        self.place(offset)
    }

    /// Says that two settings of the text contradict each other.
    pub(crate) fn refuse_conflict(&self, conflict: &QuotaConflict) -> ConfigError {
        let (key, other) = conflict.keys();
        let line = self.place_of(other.as_str()).line;
        let message = conflict.says(&format!(" on line {line}"));
        ConfigError::new(ConfigErrorKind::Conflict, message)
            .at(self.place_of(key.as_str()))
            .with_key(key.as_str().to_owned(), None)
    }

    fn place(&self, offset: usize) -> Place {
        Place::of(self.text.as_bytes(), offset)
    }
}

fn refuse_syntax(text: &str, error: &toml::de::Error) -> ConfigError {
    let span = error.span().unwrap_or_default();
    let place = Place::of(text.as_bytes(), span.start);
    if error.message() == "duplicate key" {
        let key = quoted(text.get(span).unwrap_or_default()).to_string();
        let message = format!("duplicate key `{key}`: it is already there");
        return ConfigError::new(ConfigErrorKind::DuplicateKey, message)
            .at(place)
            .with_key(key, None);
    }
    let mut message = format!("not valid TOML: {}", Escaped::head(error.message(), 256));
    let found = text.get(span.start..).and_then(|rest| rest.chars().next());
    if let Some(found) = found.filter(|letter| is_hidden(*letter) && *letter != '\n') {
        // An editor does not show it.
        let _ = write!(message, ", found `{}`", quoted(found.encode_utf8(&mut [0; 4])));
    }
    ConfigError::new(ConfigErrorKind::Syntax, message).at(place)
}

fn explain(problem: Problem, path: &[Segment]) -> ConfigError {
    let key = dotted(path);
    match problem {
        Problem::UnknownKey { expected } => {
            let name = match path.first() {
                Some(Segment::Key(name)) => name.as_str(),
                _ => "",
            };
            let nearest = nearest(name, expected);
            let mut message = format!("unknown key `{key}`");
            if let Some(nearest) = nearest {
                message.push_str(&format!(": did you mean `{nearest}`?"));
            } else if let Some(hint) = misplaced(path, expected) {
                message.push_str(&format!(": {hint}"));
            }
            message.push_str(&format!(" (expected one of {})", expected.join(", ")));
            ConfigError::new(ConfigErrorKind::UnknownKey, message).with_key(key, nearest)
        }
        Problem::MissingKey => {
            let mut message = format!("missing key `{key}`");
            if let "resources" | "resources.memory" | "resources.memory.max_bytes" = key.as_str() {
                message.push_str(
                    ": memory has no default, write `[resources.memory]` with, for example, \
                     `max_bytes = \"64MiB\"`",
                );
            }
            ConfigError::new(ConfigErrorKind::MissingKey, message).with_key(key, None)
        }
        Problem::WrongType { found, expected } => {
            let message = format!("`{key}`: expected {expected}, found {found}");
            ConfigError::new(ConfigErrorKind::WrongType, message).with_key(key, None)
        }
        Problem::Value(what) => {
            let message = format!("`{key}`: {what}");
            ConfigError::new(ConfigErrorKind::InvalidValue, message).with_key(key, None)
        }
    }
}

/// Says where a table of the policy belongs that is in another one, given innermost first.
fn misplaced(path: &[Segment], expected: &[&str]) -> Option<String> {
    let names: Vec<&str> = path
        .iter()
        .rev()
        .map(|segment| match segment {
            Segment::Key(name) => name.as_str(),
            Segment::Index(_) => "",
        })
        .collect();
    match names[..] {
        // `Component.toml` has no ceiling.
        [table @ ("resources" | "quota" | "capabilities")] if expected.contains(&"ceiling") => {
            Some(format!("write `[ceiling.{table}]`"))
        }
        ["ceiling", "host"] | ["component", _, "host"] => {
            Some(String::from("`[host]` stands by itself"))
        }
        ["host", "quota"] => Some(String::from("write its keys directly under `[host]`")),
        _ => None,
    }
}

/// Writes a path, given innermost first, as it would stand in TOML.
fn dotted(path: &[Segment]) -> String {
    let mut dotted = String::new();
    for segment in path.iter().rev() {
        match segment {
            Segment::Key(name) => {
                if !dotted.is_empty() {
                    dotted.push('.');
                }
                let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
                if !name.is_empty() && name.bytes().all(bare) {
                    dotted.push_str(&quoted(name).to_string());
                } else {
                    dotted.push_str(&format!("\"{}\"", quoted(name).in_quotes()));
                }
            }
            Segment::Index(index) => {
                // Writing to a string cannot fail.
                let _ = write!(dotted, "[{index}]");
            }
        }
    }
    dotted
}

/// Finds the word that was probably meant: at most a third of its letters are wrong, or one of the
/// two is a part of the other.
pub(crate) fn nearest(name: &str, valid: &'static [&'static str]) -> Option<&'static str> {
    const PART: usize = 3;
    const LONGEST: usize = 64;
    if name.len() > LONGEST {
        return None;
    }
    let name = name.to_lowercase();
    let part = |key: &str| name.len() >= PART && (key.contains(&name) || name.contains(key));
    valid
        .iter()
        .map(|key| (strsim::osa_distance(&name, key), *key))
        .filter(|(distance, key)| *distance <= 1.max(key.len() / 3) || part(key))
        .min()
        .map(|(_, key)| key)
}
