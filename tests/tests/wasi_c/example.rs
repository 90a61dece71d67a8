//! The module of examples/fill-storage does as its source says, compiled now.

use std::fs;
use std::path::Path;

use limits_core::ResourceQuota;

use crate::compiler::module;
use crate::fixture::Fixture;
use crate::program::{Ending, Program, wide_limits};
use crate::quoted::{component_with, open, run};
use crate::tree::listing;

/// The options that the head of the source names.
const OPTIONS: [&str; 3] = ["-Oz", "-s", "-lc-printscan-no-floating-point"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_module_of_the_example_is_its_source_compiled() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/fill-storage");
    let source = folder.join("fill.c");
    let how =
        format!("clang --target=wasm32-wasi {} -o component.wasm fill.c\n", OPTIONS.join(" "));
    assert!(fs::read_to_string(&source).expect("a file").contains(&how), "its head says how");
    let expected = fs::read_to_string(folder.join("output.txt")).expect("a file");
    let mut left = Vec::new();
    for module in
        [fs::read(folder.join("component.wasm")).expect("a file"), module(&source, &OPTIONS)]
    {
        let fixture = Fixture::empty();
        let quota = ResourceQuota::new().with_storage(64 * 1024);
        let wasi = open(&component_with(quota, &[], &["/data/log"]), &fixture);
        let ran = run(&Program::of_module(&module), &wide_limits(), &wasi, &[]).await;
        assert_eq!((&ran.ending, ran.stdout.as_str()), (&Ending::Success, expected.as_str()));
        left.push(listing(&fixture.root()));
    }
    assert_eq!(left.first(), left.last());
}
