//! A guest that moves bytes over TCP, through WASI.

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

const WORLD: &str = "package bench:net;
world guest {
  import wasi:io/poll@0.2.12;
  import wasi:io/streams@0.2.12;
  import wasi:sockets/instance-network@0.2.12;
  import wasi:sockets/tcp-create-socket@0.2.12;
  import wasi:sockets/tcp@0.2.12;
  /// Copies what one port of the loopback sends to another, and returns the number of bytes.
  export copy: func(source: u16, sink: u16, in-parts: bool) -> u64;
  /// Sends to a port of the loopback until the guest is stopped.
  export send: func(sink: u16);
}";

/// Results lie at 16. A read fills the buffer at 65536; `realloc` is only called for that.
const MODULE: &str = r#"(module
  (import "wasi:sockets/instance-network@0.2.12" "instance-network" (func $network (result i32)))
  (import "wasi:sockets/tcp-create-socket@0.2.12" "create-tcp-socket"
    (func $create (param i32 i32)))
  (import "wasi:sockets/tcp@0.2.12" "[method]tcp-socket.start-connect" (func $start-connect
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "wasi:sockets/tcp@0.2.12" "[method]tcp-socket.finish-connect"
    (func $finish-connect (param i32 i32)))
  (import "wasi:sockets/tcp@0.2.12" "[method]tcp-socket.subscribe"
    (func $socket-subscribe (param i32) (result i32)))
  (import "wasi:sockets/tcp@0.2.12" "[method]tcp-socket.shutdown"
    (func $shutdown (param i32 i32 i32)))
  (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))
  (import "wasi:io/poll@0.2.12" "[resource-drop]pollable" (func $drop-pollable (param i32)))
  (import "wasi:io/streams@0.2.12" "[method]input-stream.blocking-read"
    (func $read (param i32 i64 i32)))
  (import "wasi:io/streams@0.2.12" "[method]output-stream.check-write"
    (func $check-write (param i32 i32)))
  (import "wasi:io/streams@0.2.12" "[method]output-stream.write"
    (func $write (param i32 i32 i32 i32)))
  (import "wasi:io/streams@0.2.12" "[method]output-stream.subscribe"
    (func $subscribe (param i32) (result i32)))
  (import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-write-and-flush"
    (func $write-and-flush (param i32 i32 i32 i32)))
  (memory (export "memory") 3)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536))

  (func $wait (param $pollable i32)
    (call $block (local.get $pollable))
    (call $drop-pollable (local.get $pollable)))
  (func $check (if (i32.load8_u (i32.const 16)) (then unreachable)))

  ;; Returns the socket; its streams are at 20 and 24.
  (func $connect (param $port i32) (result i32) (local $socket i32)
    (call $create (i32.const 0) (i32.const 16))
    (call $check)
    (local.set $socket (i32.load (i32.const 20)))
    (call $start-connect (local.get $socket) (call $network) (i32.const 0) (local.get $port)
      (i32.const 127) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 16))
    (call $check)
    (loop $again
      (call $finish-connect (local.get $socket) (i32.const 16))
      (if (i32.load8_u (i32.const 16)) (then
        (if (i32.ne (i32.load8_u (i32.const 20)) (i32.const 8)) (then unreachable))
        (call $wait (call $socket-subscribe (local.get $socket)))
        (br $again))))
    (local.get $socket))

  ;; Writes in parts of 4 KiB, as the adapter of WASI preview 1 does, or as much as there is room
  ;; for, as wasi-libc does.
  (func $write-all (param $to i32) (param $at i32) (param $left i32) (param $in-parts i32)
    (local $now i32)
    (loop $again
      (if (i32.eqz (local.get $left)) (then (return)))
      (local.set $now (i32.const 4096))
      (if (i32.eqz (local.get $in-parts)) (then
        (call $check-write (local.get $to) (i32.const 16))
        (call $check)
        (local.set $now (i32.load (i32.const 24)))
        (if (i32.eqz (local.get $now)) (then
          (call $wait (call $subscribe (local.get $to)))
          (br $again)))))
      (local.set $now (select (local.get $now) (local.get $left)
        (i32.lt_u (local.get $now) (local.get $left))))
      (if (local.get $in-parts)
        (then (call $write-and-flush
          (local.get $to) (local.get $at) (local.get $now) (i32.const 16)))
        (else (call $write (local.get $to) (local.get $at) (local.get $now) (i32.const 16))))
      (call $check)
      (local.set $at (i32.add (local.get $at) (local.get $now)))
      (local.set $left (i32.sub (local.get $left) (local.get $now)))
      (br $again)))

  (func (export "copy") (param $source i32) (param $sink i32) (param $in-parts i32) (result i64)
    (local $from i32) (local $to i32) (local $socket i32) (local $bytes i64)
    (drop (call $connect (local.get $source)))
    (local.set $from (i32.load (i32.const 20)))
    (local.set $socket (call $connect (local.get $sink)))
    (local.set $to (i32.load (i32.const 24)))
    (block $end (loop $again
      (call $read (local.get $from) (i64.const 65536) (i32.const 16))
      (if (i32.load8_u (i32.const 16)) (then
        (br_if $end (i32.load8_u (i32.const 20)))
        unreachable))
      (local.set $bytes
        (i64.add (local.get $bytes) (i64.extend_i32_u (i32.load (i32.const 24)))))
      (call $write-all (local.get $to) (i32.load (i32.const 20)) (i32.load (i32.const 24))
        (local.get $in-parts))
      (br $again)))
    (call $shutdown (local.get $socket) (i32.const 1) (i32.const 16))
    (call $check)
    (local.get $bytes))

  (func (export "send") (param $sink i32)
    (drop (call $connect (local.get $sink)))
    (global.set $out (i32.load (i32.const 24)))
    (loop $again
      (call $write-all (global.get $out) (i32.const 65536) (i32.const 65536) (i32.const 0))
      (br $again)))
  (global $out (mut i32) (i32.const 0)))"#;

/// Makes the guest's component.
///
/// # Errors
///
/// If the interfaces of `quota-wasi` are not those that it was written for.
pub fn component() -> Result<Vec<u8>, Box<dyn core::error::Error>> {
    encode(WORLD, MODULE)
}

/// Makes a component of a module that uses WASI as a world says.
pub(crate) fn encode(world: &str, module: &str) -> Result<Vec<u8>, Box<dyn core::error::Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut resolve = Resolve::default();
    resolve.push_dir(here.join("../crates/quota-wasi/wit"))?;
    resolve.push_file(here.join("wit/http.wit"))?;
    let package = resolve.push_str(Path::new("bench.wit"), world)?;
    let world = resolve.select_world(&[package], None)?;
    let mut module = wat::parse_str(module)?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    Ok(ComponentEncoder::default().module(&module)?.encode()?)
}
