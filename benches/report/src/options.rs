//! The options of a measuring program.

use std::env;
use std::path::PathBuf;

/// The options that every measuring program takes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// `--quick`: few rounds, to see that the program runs. Figures mean nothing.
    pub is_quick: bool,
    /// `--json FILE`: the file that rows and points are appended to.
    pub json: Option<PathBuf>,
    /// The arguments that are neither, in order.
    pub rest: Vec<String>,
}

impl Options {
    /// Returns the options of this process. Arguments that `cargo bench` adds are left out.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_args(env::args().skip(1))
    }

    /// Returns the options among arguments.
    #[must_use]
    pub fn from_args(args: impl IntoIterator<Item = String>) -> Self {
        let mut options = Self::default();
        let mut args = args.into_iter();
        while let Some(argument) = args.next() {
            match argument.as_str() {
                "--quick" => options.is_quick = true,
                "--json" => options.json = args.next().map(PathBuf::from),
                "--bench" => {}
                _ => options.rest.push(argument),
            }
        }
        options
    }

    /// Returns `rounds`, or few of them with `--quick`.
    #[must_use]
    pub fn rounds(&self, rounds: usize) -> usize {
        if self.is_quick { rounds.min(3) } else { rounds }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::Options;

    #[test]
    fn the_options_are_found_among_other_arguments() {
        let args = ["--bench", "7", "--quick", "--json", "rows", "x"].map(str::to_owned);
        let options = Options::from_args(args);
        assert!(options.is_quick);
        assert_eq!(options.json, Some(PathBuf::from("rows")));
        assert_eq!(options.rest, ["7", "x"]);
        assert_eq!(options.rounds(100), 3);
        assert_eq!(Options::default().rounds(100), 100);
    }
}
