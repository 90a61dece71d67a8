//! Requests, as a worker parses them.

use limits_compile::testing::{parse_request, request};
use limits_core::CompileBudget;
use limits_wasmtime::{AddressSpace, EngineSettings};

use crate::corpus::Corpus;

/// Words of both sides of the protocol.
pub(crate) const WORDS: &[&[u8]] = &[
    b"wlcomp01",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"\"",
    b"null",
    b"true",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"\"Done\"",
    b"\"Failed\"",
    b"\"Ready\"",
    b"\\ud800",
    b"\xff\xff\xff\xff",
];

pub(crate) fn run(bytes: &[u8]) -> bool {
    parse_request(bytes)
}

pub(crate) fn corpus() -> Corpus {
    let tight = AddressSpace::Tight { largest_memory: 1 << 20 };
    let inputs = [AddressSpace::Wide, tight].into_iter().filter_map(|address_space| {
        let settings = EngineSettings { stack: 512 << 10, address_space };
        request(settings, CompileBudget::default(), 7).ok()
    });
    Corpus { inputs: inputs.collect(), words: WORDS, most: 4_096 }
}
