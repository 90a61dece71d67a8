//! A bucket that a guest has opened.

/// A bucket that a guest has opened.
#[derive(Debug)]
pub struct Bucket;
