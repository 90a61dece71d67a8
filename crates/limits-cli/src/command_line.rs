//! The parser of the command line, and its errors.

use std::ffi::OsString;
use std::io::{self, Write as _};

use anstream::{AutoStream, ColorChoice};
use clap::Parser as _;
use clap::error::{ContextKind, ContextValue};

use crate::args::Args;
use crate::quote::quoted;
use crate::stdio::terminal::lines;

/// Reads the command line of this process.
///
/// # Errors
///
/// The exit code of the process: help was printed to stdout, or the error of an invalid command
/// line to stderr.
pub(crate) fn read() -> Result<Args, i32> {
    parse(std::env::args_os()).map_err(|error| {
        let code = error.exit_code();
        if error.use_stderr() {
            let is_coloured = !matches!(AutoStream::choice(&io::stderr()), ColorChoice::Never);
            let says = lines(&error.render().ansi().to_string(), is_coloured);
            // A failure of this cannot be reported anywhere.
            let _ = io::stderr().write_all(says.as_bytes());
        } else {
            let _ = error.print();
        }
        code
    })
}

/// Escapes the arguments that an error quotes: a script may pass foreign texts as arguments, which
/// must not forge lines of the error.
fn parse(line: impl IntoIterator<Item = OsString>) -> Result<Args, clap::Error> {
    Args::try_parse_from(line).map_err(|mut error| {
        let quoted: Vec<(ContextKind, ContextValue)> =
            error.context().filter_map(|(kind, value)| Some((kind, escaped(value)?))).collect();
        for (kind, value) in quoted {
            error.insert(kind, value);
        }
        error
    })
}

/// Escapes a quoted value; the usage has several lines, and no argument in it.
fn escaped(value: &ContextValue) -> Option<ContextValue> {
    match value {
        ContextValue::String(text) => Some(ContextValue::String(quoted(text))),
        ContextValue::Strings(texts) => {
            Some(ContextValue::Strings(texts.iter().map(|text| quoted(text)).collect()))
        }
        // Suggestions quote as well.
        ContextValue::StyledStrs(texts) => {
            let plain = texts.iter().map(|text| quoted(&text.to_string()).into());
            Some(ContextValue::StyledStrs(plain.collect()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::stdio::terminal::lines;
    use limits_core::is_hidden;
    use std::ffi::OsString;

    #[test]
    fn an_error_quotes_no_hidden_character_and_has_no_line_of_a_stranger() {
        let hidden: String = ('\u{1}'..=char::MAX).filter(|c| is_hidden(*c)).take(300).collect();
        for hostile in [hidden, String::from("\n\nerror: forged\u{1b}[2J\u{202e}")] {
            let option = format!("--{hostile}");
            for args in [
                &[&*hostile][..],
                &["run", &option],
                &["run", "C.toml", &hostile],
                &["run", "C.toml", "--id", &hostile],
                &["run", "C.toml", "--dir", &hostile],
                &["run", "C.toml", "--env", &hostile],
                &["run", "C.toml", "--format", &hostile],
                &["run", "C.toml", "--repeat", &hostile],
                &["calibrate", "C.toml", "--headroom", &hostile],
                &["calibrate", "C.toml", "--timeout", &hostile],
            ] {
                let line = core::iter::once("wasm-limits").chain(args.iter().copied());
                let error = parse(line.map(OsString::from)).unwrap_err();
                let says = lines(&error.render().ansi().to_string(), false);
                assert!(!says.contains(|c| is_hidden(c) && c != '\n'), "{says:?}");
                assert_eq!(says.matches("error: ").count() - says.matches("nerror: ").count(), 1);
                assert!(!says.contains("\nerror: forged"), "{says}");
            }
        }
    }
}
