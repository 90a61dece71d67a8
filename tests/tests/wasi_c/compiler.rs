//! C to a component: clang, wasi-libc, and the adapter of WASI preview 1.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, process};

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
};
use wit_component::ComponentEncoder;

/// Returns the folder of the programs.
pub(crate) fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("c")
}

/// Compiles a program to a core module of WASI preview 1.
pub(crate) fn module(source: &Path) -> Vec<u8> {
    let name = source.file_stem().expect("a file").to_string_lossy();
    let output =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.wasm", process::id()));
    let status = Command::new("clang")
        .args(["--target=wasm32-wasi", "-std=gnu11", "-D_GNU_SOURCE", "-O1", "-s"])
        .args(["-Wall", "-Wextra", "-Werror", "-Wno-unused-function"])
        .arg("-I")
        .arg(sources())
        .arg(source)
        .arg("-o")
        .arg(&output)
        .status()
        .expect("clang runs: `cargo xtask c-guests` says how to install it");
    assert!(status.success(), "{} does not compile", source.display());
    let module = fs::read(&output).expect("clang has written it");
    fs::remove_file(&output).expect("it is ours");
    module
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
