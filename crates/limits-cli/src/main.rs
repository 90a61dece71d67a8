//! wasm-limits
fn main() {}
