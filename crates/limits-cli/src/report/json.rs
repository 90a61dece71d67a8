//! Reports as JSON, for stdout and for files.

use std::io;

use limits_core::EscapedJson;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use crate::outcome::failure::Failure;
use crate::report::console::Reported;

/// The version of the reports that docs/report.schema.json describes. It rises when a key changes
/// or goes; a new key leaves it.
const VERSION: u32 = 4;

/// Writes a report in one line, headed by its version and its command. Hidden characters are
/// escaped: results and patterns are foreign texts, and terminals show the report on stdout. A
/// parser of the JSON gets the same texts.
///
/// # Errors
///
/// [`Failure::Host`] if the report cannot be written as JSON.
pub(crate) fn line<R: Reported>(report: &R) -> Result<String, Failure> {
    #[derive(Serialize)]
    struct Headed<'r, R> {
        report_version: u32,
        command: &'static str,
        #[serde(flatten)]
        report: &'r R,
    }
    written(&Headed { report_version: VERSION, command: R::COMMAND, report })
}

/// Writes a value in one line, in which hidden characters are escaped.
///
/// # Errors
///
/// [`Failure::Host`] if it cannot be written as JSON.
pub(crate) fn written(value: &impl Serialize) -> Result<String, Failure> {
    let failed = |reason: String| Failure::Host { what: "writing the report as JSON", reason };
    let mut json = Vec::new();
    value
        .serialize(&mut Serializer::with_formatter(&mut json, Visible))
        .map_err(|error| failed(error.to_string()))?;
    String::from_utf8(json).map_err(|error| failed(error.to_string()))
}

struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        write!(writer, "{}", EscapedJson(fragment))
    }
}

#[cfg(test)]
mod tests {
    use super::written;
    use serde_json::{Value, json};

    #[test]
    fn json_hides_nothing_and_reads_back_as_it_was() {
        let hidden: String = ('\0'..=char::MAX).filter(|c| limits_core::is_hidden(*c)).collect();
        let report = json!({ hidden.clone(): [hidden, "say \"é\\漢🎈\""] });
        let written = written(&report).unwrap();
        assert!(!written.contains(limits_core::is_hidden));
        assert!(written.ends_with(r#","say \"é\\漢🎈\""]}"#), "{written}");
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), report);
    }
}
