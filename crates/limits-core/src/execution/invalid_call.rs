//! A call that does not fit the component's exports.

use alloc::string::String;
use core::error::Error;
use core::fmt;

use crate::escaped::{Escaped, quoted};

/// Characters of a type or a signature that an error shows.
const MOST_OF_A_TYPE: usize = 160;

/// The reason for which a call does not fit the component. No guest code has run.
///
/// Types and signatures are written as in WIT. Names and types are kept as the component or the
/// caller wrote them; `Display` [escapes](Escaped) and cuts them.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum InvalidCall {
    /// The component exports nothing of that name.
    NoExport {
        /// The requested name.
        export: String,
        /// The most similar function that the component exports, if one is similar.
        nearest: Option<String>,
    },
    /// The component exports the name, but not as a function.
    NotAFunction {
        /// The requested name.
        export: String,
    },
    /// The caller gave more or fewer arguments than the function takes.
    ParameterCount {
        /// The function's name.
        export: String,
        /// The number of parameters that the component declares.
        expected: usize,
        /// The number of arguments that the caller gave.
        given: usize,
        /// The type of the function in the component.
        signature: String,
    },
    /// An argument has another type than its parameter.
    ParameterType {
        /// The function's name.
        export: String,
        /// The name of the parameter, where it is known. A typed call knows only the types.
        parameter: Option<String>,
        /// The type that the component declares.
        expected: String,
        /// The type that the caller gave.
        given: String,
        /// The type of the function in the component.
        signature: String,
    },
    /// The function returns more or fewer values than the caller takes.
    ResultCount {
        /// The function's name.
        export: String,
        /// The number of results that the component declares.
        expected: usize,
        /// The number of results that the caller takes.
        given: usize,
        /// The type of the function in the component.
        signature: String,
    },
    /// The function returns another type than the caller takes.
    ResultType {
        /// The function's name.
        export: String,
        /// The type that the component declares.
        expected: String,
        /// The type that the caller takes.
        given: String,
        /// The type of the function in the component.
        signature: String,
    },
}

impl InvalidCall {
    /// Returns the requested name.
    #[must_use]
    pub fn export(&self) -> &str {
        match self {
            Self::NoExport { export, .. }
            | Self::NotAFunction { export }
            | Self::ParameterCount { export, .. }
            | Self::ParameterType { export, .. }
            | Self::ResultCount { export, .. }
            | Self::ResultType { export, .. } => export,
        }
    }
}

impl fmt::Display for InvalidCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |ty| Escaped::head(ty, MOST_OF_A_TYPE);
        let export = quoted(self.export());
        let signature = match self {
            Self::NoExport { nearest, .. } => {
                write!(f, "the component exports no function `{export}`")?;
                return match nearest {
                    Some(nearest) => write!(f, ", did you mean `{}`?", quoted(nearest)),
                    None => Ok(()),
                };
            }
            Self::NotAFunction { .. } => {
                return write!(f, "the component exports `{export}`, but not as a function");
            }
            Self::ParameterCount { expected, given, signature, .. } => {
                let arguments = Count(*expected, "argument");
                write!(f, "the component's `{export}` takes {arguments}, the caller gave {given}")?;
                signature
            }
            Self::ParameterType { parameter, expected, given, signature, .. } => {
                if let Some(parameter) = parameter {
                    write!(f, "argument `{}` of ", quoted(parameter))?;
                }
                let (expected, given) = (shown(expected), shown(given));
                write!(
                    f,
                    "`{export}`: the component takes `{expected}`, the caller gave `{given}`"
                )?;
                signature
            }
            Self::ResultCount { expected, given, signature, .. } => {
                let results = Count(*expected, "result");
                write!(
                    f,
                    "the component's `{export}` returns {results}, the caller takes {given}"
                )?;
                signature
            }
            Self::ResultType { expected, given, signature, .. } => {
                let (expected, given) = (shown(expected), shown(given));
                write!(
                    f,
                    "`{export}`: the component returns `{expected}`, the caller takes `{given}`"
                )?;
                signature
            }
        };
        write!(f, "; it is {}", shown(signature))
    }
}

impl Error for InvalidCall {}

struct Count(usize, &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, noun) = self;
        write!(f, "{count} {noun}{}", if *count == 1 { "" } else { "s" })
    }
}

#[cfg(test)]
mod tests {
    use super::InvalidCall;
    use crate::escaped::is_hidden;
    use std::format;
    use std::string::{String, ToString as _};

    fn all(name: &str) -> [InvalidCall; 7] {
        let name = || String::from(name);
        let signature = || format!("func({}: u32) -> u32", name());
        [
            InvalidCall::NoExport { export: name(), nearest: None },
            InvalidCall::NoExport { export: name(), nearest: Some(name()) },
            InvalidCall::NotAFunction { export: name() },
            InvalidCall::ParameterCount {
                export: name(),
                expected: 1,
                given: 2,
                signature: signature(),
            },
            InvalidCall::ParameterType {
                export: name(),
                parameter: Some(name()),
                expected: name(),
                given: name(),
                signature: signature(),
            },
            InvalidCall::ResultCount {
                export: name(),
                expected: 2,
                given: 0,
                signature: signature(),
            },
            InvalidCall::ResultType {
                export: name(),
                expected: name(),
                given: name(),
                signature: signature(),
            },
        ]
    }

    #[test]
    fn each_side_is_named_with_its_type() {
        let unnamed = InvalidCall::ParameterType {
            export: String::from("eat"),
            parameter: None,
            expected: String::from("u32"),
            given: String::from("string"),
            signature: String::from("func(much: u32)"),
        };
        assert_eq!(
            unnamed.to_string(),
            "`eat`: the component takes `u32`, the caller gave `string`; it is func(much: u32)"
        );
        let words = [
            "the component exports no function `f`",
            "the component exports no function `f`, did you mean `f`?",
            "the component exports `f`, but not as a function",
            "the component's `f` takes 1 argument, the caller gave 2; it is func(f: u32) -> u32",
            "argument `f` of `f`: the component takes `f`, the caller gave `f`; it is func(f: u32) \
             -> u32",
            "the component's `f` returns 2 results, the caller takes 0; it is func(f: u32) -> u32",
            "`f`: the component returns `f`, the caller takes `f`; it is func(f: u32) -> u32",
        ];
        for (error, words) in all("f").iter().zip(words) {
            assert_eq!(error.to_string(), words);
            assert_eq!(error.export(), "f");
        }
    }

    #[test]
    fn no_hidden_character_and_no_long_name_gets_out() {
        for letter in ('\0'..=char::MAX).filter(|letter| is_hidden(*letter)) {
            for error in all(&format!("a{letter}b")) {
                let shown = error.to_string();
                assert!(!shown.contains(is_hidden), "{shown:?}");
                assert!(shown.contains('a') && shown.contains('b'), "{shown}");
            }
        }
        for error in all(&"x".repeat(100_000)) {
            assert!(error.to_string().len() < 1_000, "{error}");
        }
    }
}
