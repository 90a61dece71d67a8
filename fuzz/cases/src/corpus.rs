//! The inputs that mutations begin with.

/// The inputs that mutations begin with.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "of this repository alone")]
pub struct Corpus {
    /// Valid inputs.
    pub inputs: Vec<Vec<u8>>,
    /// Words that a mutation inserts.
    pub words: &'static [&'static [u8]],
    /// The most bytes of a mutation.
    pub most: usize,
}

/// Makes a corpus of texts.
pub(crate) fn texts(inputs: &[&str], words: &'static [&'static [u8]], most: usize) -> Corpus {
    let inputs = inputs.iter().map(|input| input.as_bytes().to_vec()).collect();
    Corpus { inputs, words, most }
}
