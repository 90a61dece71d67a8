//! Compiles one component that its parent sends, and ends.

fn main() {}
