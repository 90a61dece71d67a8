//! A parsed TOML text: values for serde, positions for errors.

use core::fmt::Write as _;

use limits_core::{Escaped, is_hidden};
use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};

use crate::toml::config_error::{ConfigError, ConfigErrorKind, Place};
use crate::toml::nearest::nearest;
use crate::toml::shown::quoted;
use crate::toml::spanned_de::{DeProblem, PathStep, SpannedValue};

/// The longest text that is read: 1 MiB.
pub(crate) const MAX_BYTES: u64 = 1024 * 1024;

/// A type that a whole file is read as, with advice on likely mistakes.
pub(crate) trait FileGrammar: DeserializeOwned {
    /// Returns what to write where a key is missing.
    fn on_missing(_key: &str) -> Option<&'static str> {
        None
    }

    /// Returns where a key belongs that is in the wrong table; its path begins at the root.
    fn on_misplaced(_path: &[&str]) -> Option<String> {
        None
    }
}

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
    pub(crate) fn read<T: FileGrammar>(&self) -> Result<T, ConfigError> {
        T::deserialize(SpannedValue(&self.root)).map_err(|error| {
            let parts = error.into_parts();
            let place = self.place(parts.span.map_or(0, |span| span.start));
            explain::<T>(parts.problem, &parts.path).at(place)
        })
    }

    /// Finds the value of a key, or the nearest table around it that is there.
    fn place_of(&self, key: &str) -> Place {
        let mut value = &self.root;
        let mut offset = 0;
        for step in key.split('.') {
            let Some(next) = value.as_table().and_then(|table| table.get(step)) else { break };
            offset = next.span().start;
            value = next.get_ref();
        }
        self.place(offset)
    }

    /// Refuses two settings of the text that contradict each other. The error points at `key`, and
    /// `message` is given the place of `other`.
    pub(crate) fn refuse_conflict(
        &self,
        key: &str,
        other: &str,
        message: impl FnOnce(&str) -> String,
    ) -> ConfigError {
        let line = self.place_of(other).line;
        ConfigError::new(ConfigErrorKind::Conflict, message(&format!(" on line {line}")))
            .at(self.place_of(key))
            .with_key(key.to_owned(), None)
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

fn explain<T: FileGrammar>(problem: DeProblem, path: &[PathStep]) -> ConfigError {
    let key = dotted(path);
    match problem {
        DeProblem::UnknownKey { expected } => {
            let name = path.first().map_or("", PathStep::name);
            let nearest = nearest(name, expected);
            let mut message = format!("unknown key `{key}`");
            if let Some(nearest) = nearest {
                message.push_str(&format!(": did you mean `{nearest}`?"));
            } else {
                let names: Vec<&str> = path.iter().rev().map(PathStep::name).collect();
                if let Some(advice) = T::on_misplaced(&names) {
                    message.push_str(&format!(": {advice}"));
                }
            }
            message.push_str(&format!(" (expected one of {})", expected.join(", ")));
            ConfigError::new(ConfigErrorKind::UnknownKey, message).with_key(key, nearest)
        }
        DeProblem::MissingKey => {
            let mut message = format!("missing key `{key}`");
            if let Some(advice) = T::on_missing(&key) {
                message.push_str(&format!(": {advice}"));
            }
            ConfigError::new(ConfigErrorKind::MissingKey, message).with_key(key, None)
        }
        DeProblem::WrongType { found, expected } => {
            let message = format!("`{key}`: expected {expected}, found {found}");
            ConfigError::new(ConfigErrorKind::WrongType, message).with_key(key, None)
        }
        DeProblem::Value(message) => {
            let message = format!("`{key}`: {message}");
            ConfigError::new(ConfigErrorKind::InvalidValue, message).with_key(key, None)
        }
    }
}

/// Writes a path, given innermost first, as it would stand in TOML.
fn dotted(path: &[PathStep]) -> String {
    let mut dotted = String::new();
    for segment in path.iter().rev() {
        match segment {
            PathStep::Key(name) => {
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
            PathStep::Index(index) => {
                // Writing to a string cannot fail.
                let _ = write!(dotted, "[{index}]");
            }
        }
    }
    dotted
}
