//! What the command line says about mutations.

use crate::failure::{Failure, Result};

const USAGE: &str = "usage: cargo xtask mutants [--seed N] [--count N] [--list] [PACKAGE ...]";

/// The packages that are looked at if none is named.
const PACKAGES: [&str; 2] = ["limits-wasmtime", "quota-enforce"];

#[derive(Debug, Eq, PartialEq)]
pub(super) struct Options {
    pub(super) seed: u64,
    /// How many mutations are tried over all packages.
    pub(super) count: usize,
    /// Whether the mutations are only told.
    pub(super) list: bool,
    pub(super) packages: Vec<String>,
}

impl Options {
    pub(super) fn parse(args: &[String]) -> Result<Self> {
        let mut options = Self { seed: 1, count: 30, list: false, packages: Vec::new() };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--seed" => options.seed = number(arg, args.next())?,
                "--count" => options.count = number(arg, args.next())?,
                "--list" => options.list = true,
                option if option.starts_with('-') => {
                    return Err(format!("no such option: `{option}`\n{USAGE}").into());
                }
                package if !options.packages.contains(arg) => {
                    options.packages.push(package.to_owned());
                }
                _ => {}
            }
        }
        if options.count == 0 {
            return Err("--count must be at least 1".into());
        }
        if options.packages.is_empty() {
            options.packages = PACKAGES.map(str::to_owned).to_vec();
        }
        Ok(options)
    }

    /// Returns each package with how many mutations are tried in it: an even share, what is left over
    /// in the first ones.
    pub(super) fn shares(&self) -> impl Iterator<Item = (&str, usize)> {
        let (share, left) = (self.count / self.packages.len(), self.count % self.packages.len());
        let packages = self.packages.iter().enumerate();
        packages.map(move |(at, package)| (package.as_str(), share + usize::from(at < left)))
    }
}

fn number<T: core::str::FromStr>(option: &str, value: Option<&String>) -> Result<T> {
    let number = value.and_then(|value| value.parse().ok());
    number.ok_or_else(|| {
        let found = value.map_or("nothing", String::as_str);
        Failure::from(format!("{option} takes a whole number, found {found}\n{USAGE}"))
    })
}

#[cfg(test)]
mod tests {
    use super::{Options, USAGE};
    use crate::failure::Result;

    fn parse(args: &str) -> Result<Options> {
        Options::parse(&args.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_not_said_has_its_default() {
        let options = parse("").unwrap();
        assert_eq!((options.seed, options.count, options.list), (1, 30, false));
        assert_eq!(options.packages, ["limits-wasmtime", "quota-enforce"]);
    }

    #[test]
    fn the_count_is_split_evenly() {
        let options = parse("--count 8 a --list b --seed 7 c a").unwrap();
        assert_eq!((options.seed, options.list), (7, true));
        assert_eq!(options.shares().collect::<Vec<_>>(), [("a", 3), ("b", 3), ("c", 2)]);
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (args, says) in [
            ("--count", format!("--count takes a whole number, found nothing\n{USAGE}")),
            ("--seed x", format!("--seed takes a whole number, found x\n{USAGE}")),
            ("--count 0", String::from("--count must be at least 1")),
            ("--all", format!("no such option: `--all`\n{USAGE}")),
        ] {
            assert_eq!(parse(args).unwrap_err().to_string(), says);
        }
    }
}
