//! Reading the command line, and saying what is wrong with it.

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
/// The exit code with which to end: help was shown, or the command line makes no sense and
/// stderr says why.
pub(crate) fn read() -> Result<Args, i32> {
    parse(std::env::args_os()).map_err(|error| {
        let code = error.exit_code();
        if error.use_stderr() {
            let is_coloured = !matches!(AutoStream::choice(&io::stderr()), ColorChoice::Never);
            let says = lines(&error.render().ansi().to_string(), is_coloured);
            // Nobody is left to tell if this fails.
            let _ = io::stderr().write_all(says.as_bytes());
        } else {
            let _ = error.print();
        }
        code
    })
}

/// Arguments may come from strangers by way of a script. The error quotes them, and must be what it
/// says whatever they are.
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

/// Escapes what the error quotes; the usage, which has lines, is ours alone.
fn escaped(value: &ContextValue) -> Option<ContextValue> {
    match value {
        ContextValue::String(text) => Some(ContextValue::String(quoted(text))),
        ContextValue::Strings(texts) => {
            Some(ContextValue::Strings(texts.iter().map(|text| quoted(text)).collect()))
        }
        // Suggestions, which quote as well.
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
