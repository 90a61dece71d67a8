//! A parser with its corpus.

use crate::corpus::Corpus;
use crate::targets::{
    answer, bandwidth, cache_entry, component_toml, pattern, policy, request, size, structure,
};

/// A parser of strangers' input.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "of this repository alone")]
pub struct Target {
    /// The name on the command line.
    pub name: &'static str,
    /// Parses, and asserts what holds whatever the bytes. Tells whether they were accepted.
    pub run: fn(&[u8]) -> bool,
    /// Makes the inputs that mutations begin with.
    pub corpus: fn() -> Corpus,
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "component-toml", run: component_toml::run, corpus: component_toml::corpus },
    Target { name: "policy", run: policy::run, corpus: policy::corpus },
    Target { name: "size", run: size::run, corpus: size::corpus },
    Target { name: "bandwidth", run: bandwidth::run, corpus: bandwidth::corpus },
    Target { name: "pattern", run: pattern::run, corpus: pattern::corpus },
    Target { name: "structure", run: structure::run, corpus: structure::corpus },
    Target { name: "request", run: request::run, corpus: request::corpus },
    Target { name: "answer", run: answer::run, corpus: answer::corpus },
    Target { name: "cache-entry", run: cache_entry::run, corpus: cache_entry::corpus },
];

impl Target {
    /// Returns the target of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::{TARGETS, Target};
    use crate::mutator::mutation;

    #[test]
    fn each_target_takes_its_corpus() {
        for target in TARGETS {
            let corpus = (target.corpus)();
            assert!(!corpus.inputs.is_empty(), "{}", target.name);
            for input in corpus.inputs {
                assert!((target.run)(&input), "{}", target.name);
            }
        }
    }

    /// A mutation that is always refused, or never, tries little of a parser.
    #[test]
    fn mutations_are_accepted_now_and_then() {
        for target in TARGETS {
            let corpus = (target.corpus)();
            let accepted =
                (0..2_000).filter(|seed| (target.run)(&mutation(&corpus, *seed))).count();
            assert!((5..1_995).contains(&accepted), "{}: {accepted} of 2000", target.name);
        }
    }

    /// A finding is a file `TARGET-WORDS` with the bytes that were taken badly once.
    #[test]
    fn no_finding_comes_back() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/findings");
        for finding in std::fs::read_dir(folder).unwrap() {
            let path = finding.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if name == "README.md" {
                continue;
            }
            let target = TARGETS.iter().find(|target| name.starts_with(target.name));
            let target = target.unwrap_or_else(|| panic!("no target of {name}"));
            (target.run)(&std::fs::read(&path).unwrap());
        }
        assert!(Target::named("none").is_none());
    }
}
