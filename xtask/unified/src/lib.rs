//! Nothing: the manifest of this crate is all of it.
