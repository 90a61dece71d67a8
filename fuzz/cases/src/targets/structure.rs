//! The structural pre-pass.

use limits_core::{StructureCount, StructureLimits};
use limits_wasmtime::Structure;

use crate::corpus::Corpus;

const WORDS: &[&[u8]] = &[
    b"\0asm\x0d\0\x01\0",
    b"\0asm\x01\0\0\0",
    b"\xff\xff\xff\xff\x0f",
    b"\x80\x80\x80\x80\x08",
    b"\x0b",
    b"\x02\x40",
    b"\x03\x40",
    b"\x0e",
    b"\x00",
    b"\x7f",
    b"\x01\x00",
];

pub(crate) fn run(bytes: &[u8]) -> bool {
    let limits = StructureLimits::default();
    let Ok(structure) = Structure::of(bytes, &limits) else { return false };
    assert!(structure.check(&limits).is_ok());
    assert_eq!(Structure::from_counts(&structure.to_counts()).as_ref(), Some(&structure));
    assert!(structure.code_bytes() <= u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    // A limit below any count refuses.
    for count in StructureCount::ALL {
        if let Some(less) = structure.get(count).checked_sub(1) {
            assert!(structure.check(&limits.with(count, less)).is_err(), "{count}");
        }
    }
    true
}

pub(crate) fn corpus() -> Corpus {
    let texts = [
        "(component)",
        "(component (core module (func (param i32) (local i64 i64) (block (loop (br_if 0 (local.get \
         0)))) (br_table 0 0 0 (i32.const 1)))) (core module (memory 1) (data (i32.const 0) \"abc\") \
         (table 2 funcref) (global i32 (i32.add (i32.const 1) (i32.const 2))) (func $f) (elem \
         (i32.const 0) $f $f)))",
        "(component (component $c (core module $m (func (export \"f\"))) (core instance (instantiate \
         $m))) (instance (instantiate $c)) (instance (instantiate $c)))",
        "(component (type (record (field \"a\" (list string)) (field \"b\" (tuple u8 u16)))) (type \
         (func (param \"x\" u32) (result string))) (import \"f\" (func (type 1))) (export \"g\" (func \
         0)))",
        "(component (import \"i\" (instance (export \"r\" (type (sub resource))))) (alias export 0 \
         \"r\" (type $r)) (component $c (alias outer 1 $r (type))) (instance (instantiate $c)))",
    ];
    let inputs = texts.iter().filter_map(|text| wat::parse_str(text).ok()).collect();
    Corpus { inputs, words: WORDS, most: 4_096 }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_text_of_the_corpus_is_a_component() {
        assert_eq!(super::corpus().inputs.len(), 5);
    }
}
