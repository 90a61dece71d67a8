//! C to a component: clang, wasi-libc, and the adapter of WASI preview 1.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
};
use wit_component::ComponentEncoder;

/// Returns the folder of the programs.
pub(crate) fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("c")
}

/// Options for the programs of that folder.
const OPTIONS: [&str; 6] =
    ["-std=gnu11", "-D_GNU_SOURCE", "-O1", "-Wextra", "-Wno-unused-function", "-s"];

/// Compiles `NAME.c` of the folder of programs to a core module of WASI preview 1.
pub(crate) fn program(name: &str) -> Vec<u8> {
    module(&sources().join(format!("{name}.c")), &OPTIONS)
}

/// Compiles a program to a core module of WASI preview 1.
pub(crate) fn module(source: &Path, options: &[&str]) -> Vec<u8> {
    let directory = tempfile::tempdir().expect("a directory");
    let output = directory.path().join("module.wasm");
    let status = Command::new("clang")
        .args(["--target=wasm32-wasi", "-Wall", "-Werror"])
        .args(options)
        .arg("-I")
        .arg(sources())
        .arg(source)
        .arg("-o")
        .arg(&output)
        .status()
        .expect("clang runs: `cargo xtask c-guests` says how to install it");
    assert!(status.success(), "{} does not compile", source.display());
    fs::read(&output).expect("clang has written it")
}

/// Makes a component of a core module of WASI preview 1.
pub(crate) fn component(module: &[u8]) -> Vec<u8> {
    ComponentEncoder::default()
        .module(module)
        .and_then(|encoder| {
            let adapter = WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER;
            encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, adapter)
        })
        .and_then(|mut encoder| encoder.encode())
        .expect("clang makes core modules that can be adapted")
}
