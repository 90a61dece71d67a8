//! A worker's answers, as its host parses them.

use limits_compile::testing::{answers, parse_answer};

use crate::corpus::Corpus;
use crate::targets::request::WORDS;

pub(crate) fn run(bytes: &[u8]) -> bool {
    parse_answer(bytes)
}

pub(crate) fn corpus() -> Corpus {
    Corpus { inputs: answers(), words: WORDS, most: 4_096 }
}
