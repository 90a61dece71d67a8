//! The error of reading a file, with its place.

use core::error::Error;
use core::fmt;
use std::path::{Path, PathBuf};

use crate::toml::shown::shown;

/// The error of reading a `Component.toml` or a policy file.
///
/// The text is one line. It names the place, the key, the value found, the value expected and, for
/// a misspelt key, the nearest valid one:
///
/// ```
/// use limits_config::{ComponentConfig, ConfigErrorKind};
///
/// let error = ComponentConfig::from_toml("[resources.cpu]\nmax_feul = 1\n").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "line 2, column 1: unknown key `resources.cpu.max_feul`: did you mean `max_fuel`? \
///      (expected one of max_fuel, timeout_ms)"
/// );
/// assert_eq!(error.kind(), ConfigErrorKind::UnknownKey);
/// assert_eq!(error.nearest_key(), Some("max_fuel"));
/// ```
///
/// Texts from the file and the file's name are escaped and shortened, so a hostile file cannot
/// write control sequences to a terminal or fill a log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigError(Box<Inner>);

#[derive(Clone, Debug, Eq, PartialEq)]
struct Inner {
    kind: ConfigErrorKind,
    file: Option<PathBuf>,
    place: Option<Place>,
    key: Option<String>,
    nearest: Option<&'static str>,
    message: String,
    os_error: Option<i32>,
}

/// A position in a text: both numbers count from 1, the column in characters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Place {
    /// Finds the position of a byte of `text`.
    pub(crate) fn of(text: &[u8], offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let within = before.get(line_start..).unwrap_or_default();
        Self { line, column: 1 + String::from_utf8_lossy(within).chars().count() }
    }
}

/// The kinds of errors of a file.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ConfigErrorKind {
    /// Two settings that are each valid contradict each other.
    Conflict,
    /// A key or a table is repeated.
    DuplicateKey,
    /// The file is not UTF-8.
    Encoding,
    /// The file cannot be read: it is missing, too large, or not a regular file.
    File,
    /// A value has the right type but is out of range or ill-formed.
    InvalidValue,
    /// A required key is missing.
    MissingKey,
    /// The text is not TOML.
    Syntax,
    /// A key is unknown.
    UnknownKey,
    /// A value has another type than the key takes.
    WrongType,
}

impl ConfigError {
    pub(crate) fn new(kind: ConfigErrorKind, message: String) -> Self {
        Self(Box::new(Inner {
            kind,
            file: None,
            place: None,
            key: None,
            nearest: None,
            message,
            os_error: None,
        }))
    }

    pub(crate) fn at(mut self, place: Place) -> Self {
        self.0.place = Some(place);
        self
    }

    pub(crate) fn with_key(mut self, key: String, nearest: Option<&'static str>) -> Self {
        self.0.key = Some(key);
        self.0.nearest = nearest;
        self
    }

    pub(crate) fn in_file(mut self, file: &Path) -> Self {
        self.0.file = Some(file.to_path_buf());
        self
    }

    pub(crate) fn with_os_error(mut self, number: Option<i32>) -> Self {
        self.0.os_error = number;
        self
    }

    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> ConfigErrorKind {
        self.0.kind
    }

    /// Returns the file, if the text came from one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// Returns the number of the system's error, if the system refused to read the file.
    ///
    /// It tells a missing file from a host without file descriptors or memory; see
    /// [`io::Error::raw_os_error`](std::io::Error::raw_os_error).
    #[must_use]
    pub fn raw_os_error(&self) -> Option<i32> {
        self.0.os_error
    }

    /// Returns the line, counted from 1, unless the file could not be read at all.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.0.place.map(|place| place.line)
    }

    /// Returns the column, counted in characters from 1.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        self.0.place.map(|place| place.column)
    }

    /// Returns the dotted path of the key, such as `resources.cpu.max_fuel`.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// Returns the valid key that an unknown one is closest to, if one is close.
    #[must_use]
    pub fn nearest_key(&self) -> Option<&'static str> {
        self.0.nearest
    }

    /// Returns the text without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0.file, self.0.place) {
            (Some(file), Some(Place { line, column })) => {
                write!(f, "{}:{line}:{column}: ", shown(file))?;
            }
            (Some(file), None) => write!(f, "{}: ", shown(file))?,
            (None, Some(Place { line, column })) => write!(f, "line {line}, column {column}: ")?,
            (None, None) => {}
        }
        f.write_str(&self.0.message)
    }
}

impl Error for ConfigError {}
