//! The sections of a component, without those of the modules and components inside.

use wasmparser::{BinaryReaderError, Chunk, Parser, Payload};

/// The sections of the outermost component. Modules and components inside are stepped over, so that
/// a walk takes microseconds, whatever their size.
#[derive(Debug)]
pub(crate) struct OuterSections<'a> {
    bytes: &'a [u8],
    parser: Parser,
    /// The bytes that were walked over, or `None` at the end.
    at: Option<usize>,
}

impl<'a> OuterSections<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, parser: Parser::new(0), at: Some(0) }
    }
}

impl<'a> Iterator for OuterSections<'a> {
    type Item = Result<Payload<'a>, BinaryReaderError>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at.take()?;
        match self.parser.parse(self.bytes.get(at..)?, true) {
            Ok(Chunk::Parsed { consumed, payload }) => {
                self.at = match &payload {
                    Payload::ModuleSection { unchecked_range, .. }
                    | Payload::ComponentSection { unchecked_range, .. } => {
                        Some(unchecked_range.end)
                    }
                    Payload::End(_) => None,
                    _ => at.checked_add(consumed),
                };
                Some(Ok(payload))
            }
            // All bytes were given, so there are no more.
            Ok(Chunk::NeedMoreData(_)) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::OuterSections;
    use wasmparser::Payload;

    const NESTED: &str = "(component
        (core module (func)) (component (core module) (import \"b\" (func)))
        (import \"a\" (func)) (core module))";

    #[test]
    fn what_is_inside_is_stepped_over() {
        let bytes = wat::parse_str(NESTED).unwrap();
        let (mut inside, mut imports, mut ends) = (0, 0, 0);
        for section in OuterSections::of(&bytes) {
            match section.unwrap() {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => inside += 1,
                Payload::ComponentImportSection(section) => imports += section.count(),
                Payload::End(_) => ends += 1,
                _ => {}
            }
        }
        assert_eq!((inside, imports, ends), (3, 1, 1));
    }

    #[test]
    fn bytes_that_are_cut_off_or_changed_anywhere_end_the_walk() {
        let good = wat::parse_str(NESTED).unwrap();
        for at in 0..good.len() {
            let _ = OuterSections::of(&good[..at]).count();
            for byte in [0, 1, 4, 5, 0x7f, 0xff] {
                let mut bad = good.clone();
                bad[at] = byte;
                assert!(OuterSections::of(&bad).count() <= good.len());
            }
        }
    }
}
