//! The parsers of strangers' input, each as a function of bytes, with valid inputs to begin with.
//!
//! A target must not panic, must end, and asserts what it knows of its parser beside that. The
//! binary `fuzz-cases` feeds seeded mutations of the corpus, `fuzz/` at the root of the repository
//! the inputs of libFuzzer.

pub mod corpus;
pub mod mutator;
pub mod target;
mod targets;

/// Defines the entry of libFuzzer for a target.
#[macro_export]
macro_rules! fuzz {
    ($name:literal) => {
        libfuzzer_sys::fuzz_target!(|data: &[u8]| {
            if let Some(target) = $crate::target::Target::named($name) {
                let _ = (target.run)(data);
            }
        });
    };
}
