//! A cache of compiled components.

/// A directory with compiled components, each authenticated by a key outside of it.
#[derive(Clone, Debug)]
pub struct Cache {}
