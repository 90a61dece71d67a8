//! Guests, written in text and made into components as real toolchains do it.

use std::path::Path;

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A library without imports: what it exports is called with `--invoke`.
pub(crate) const LIBRARY: &str = r#"(component
    (core module $m
        (memory (export "mem") 1)
        (func (export "add") (param i32 i32) (result i32)
            (i32.add (local.get 0) (local.get 1)))
        (func (export "echo") (param i32 i32) (result i32)
            (i32.store (i32.const 8) (local.get 0))
            (i32.store (i32.const 12) (local.get 1))
            (i32.const 8))
        (func (export "spin") (loop $l (br $l)))
        (func (export "trap") unreachable)
        (func (export "eat")
            (loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
            unreachable)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
    (core instance $i (instantiate $m))
    (func $add (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $i "add")))
    (func $echo (param "text" string) (result string)
        (canon lift (core func $i "echo") (memory (core memory $i "mem"))
            (realloc (core func $i "realloc"))))
    (func $spin (canon lift (core func $i "spin")))
    (func $trap (canon lift (core func $i "trap")))
    (func $eat (canon lift (core func $i "eat")))
    (instance $math (export "add" (func $add)))
    (export "add" (func $add))
    (export "echo" (func $echo))
    (export "spin" (func $spin))
    (export "trap" (func $trap))
    (export "eat" (func $eat))
    (export "test:calc/math@1.2.3" (instance $math)))"#;

/// A guest that grows its memory and traps if that is refused, or else keeps its memory while
/// it counts to 120 million.
pub(crate) fn holder(grows_by: u32) -> String {
    format!(
        r#"(component
            (core module $m
                (memory 1)
                (func (export "hold")
                    (local $i i32)
                    (if (i32.eq (memory.grow (i32.const {grows_by})) (i32.const -1))
                        (then unreachable))
                    (loop $more
                        (local.set $i (i32.add (local.get $i) (i32.const 1)))
                        (br_if $more (i32.lt_u (local.get $i) (i32.const 120_000_000))))))
            (core instance $i (instantiate $m))
            (func (export "hold") (canon lift (core func $i "hold"))))"#
    )
}

/// Makes a command of a WASI preview 1 module whose `_start` is `body`.
pub(crate) fn command(text: &str, body: &str) -> Vec<u8> {
    let module = wat::parse_str(command_module(text, body)).unwrap();
    ComponentEncoder::default()
        .module(&module)
        .unwrap()
        .adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER)
        .unwrap()
        .encode()
        .unwrap()
}

/// Writes a WASI preview 1 module whose `_start` is `body`.
///
/// `print` writes to a stream what begins at an address and has a length; `text` lies at 1024.
pub(crate) fn command_module(text: &str, body: &str) -> String {
    let text: String = text.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write"
                (func $fd_write (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_read"
                (func $fd_read (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (import "wasi_snapshot_preview1" "args_sizes_get"
                (func $args_sizes (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "args_get"
                (func $args (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "environ_sizes_get"
                (func $environ_sizes (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "environ_get"
                (func $environ (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "path_open"
                (func $path_open
                    (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "path_create_directory"
                (func $mkdir (param i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_readdir"
                (func $readdir (param i32 i32 i32 i64 i32) (result i32)))
            (import "wasi_snapshot_preview1" "path_unlink_file"
                (func $unlink (param i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "poll_oneoff"
                (func $poll (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 2)
            (data (i32.const 1024) "{text}")
            (func $print (param $stream i32) (param $at i32) (param $length i32)
                (i32.store (i32.const 0) (local.get $at))
                (i32.store (i32.const 4) (local.get $length))
                (drop (call $fd_write
                    (local.get $stream) (i32.const 0) (i32.const 1) (i32.const 16))))
            ;; Reads up to 4096 bytes to 8192 and returns how many there were.
            (func $read (result i32)
                (i32.store (i32.const 0) (i32.const 8192))
                (i32.store (i32.const 4) (i32.const 4096))
                (drop (call $fd_read
                    (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))
                (i32.load (i32.const 16)))
            ;; Prints a number below 100 in two digits and ends the line.
            (func $print_number (param $n i32)
                (i32.store8 (i32.const 32)
                    (i32.add (i32.const 48) (i32.div_u (local.get $n) (i32.const 10))))
                (i32.store8 (i32.const 33)
                    (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
                (i32.store8 (i32.const 34) (i32.const 10))
                (call $print (i32.const 1) (i32.const 32) (i32.const 3)))
            (func (export "_start") {body}))"#
    )
}

/// Makes a command that prints `text` on stdout.
pub(crate) fn printer(text: &str) -> Vec<u8> {
    let body = format!("(call $print (i32.const 1) (i32.const 1024) (i32.const {}))", text.len());
    command(text, &body)
}

/// Makes a command that copies stdin to stdout.
pub(crate) fn cat() -> Vec<u8> {
    command(
        "",
        "(local $n i32)
         (loop $more
             (local.set $n (call $read))
             (if (local.get $n) (then
                 (call $print (i32.const 1) (i32.const 8192) (local.get $n))
                 (br $more))))",
    )
}

/// Makes a command that writes `blocks` times 4096 zeros to stdout.
pub(crate) fn zeros(blocks: u32) -> Vec<u8> {
    let body = format!(
        "(local $i i32)
         (loop $more
             (call $print (i32.const 1) (i32.const 8192) (i32.const 4096))
             (local.set $i (i32.add (local.get $i) (i32.const 1)))
             (br_if $more (i32.lt_u (local.get $i) (i32.const {blocks}))))"
    );
    command("", &body)
}

/// Makes a command that reads stdin for as long as anything comes, and takes an error for the end.
pub(crate) fn tolerant_reader() -> Vec<u8> {
    command(
        "",
        "(loop $more
             (i32.store (i32.const 16) (i32.const 0))
             (br_if $more (call $read)))",
    )
}

/// Makes a command that writes to stdout for ever.
pub(crate) fn flood() -> Vec<u8> {
    command(
        "",
        "(loop $more
             (call $print (i32.const 1) (i32.const 8192) (i32.const 4096))
             (br $more))",
    )
}

/// Makes a component of a core module and the WIT that it was written against.
pub(crate) fn against(wit: &str, module: &str) -> Vec<u8> {
    let module = module_against(wit, module);
    ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
}

/// Puts the WIT that a core module was written against into it, as toolchains do.
pub(crate) fn module_against(wit: &str, module: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str(Path::new("test.wit"), wit).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let mut module = wat::parse_str(module).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    module
}
