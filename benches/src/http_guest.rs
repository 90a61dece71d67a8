//! A guest that makes HTTP requests, through WASI.

use crate::net_guest::encode;

const WORLD: &str = "package bench:http;
world guest {
  import wasi:io/poll@0.2.12;
  import wasi:io/streams@0.2.12;
  import wasi:http/types@0.2.12;
  import wasi:http/outgoing-handler@0.2.12;
  /// Makes requests one after the other, and returns the bytes of the responses' bodies.
  export fetch: func(authority: string, requests: u32) -> u64;
}";

/// Results lie at 16, the authority at 1024. A read fills the buffer at 65536.
const MODULE: &str = r#"(module
  (import "wasi:http/types@0.2.12" "[constructor]fields" (func $fields (result i32)))
  (import "wasi:http/types@0.2.12" "[constructor]outgoing-request"
    (func $request (param i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-scheme"
    (func $set-scheme (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-authority"
    (func $set-authority (param i32 i32 i32 i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-path-with-query"
    (func $set-path (param i32 i32 i32 i32) (result i32)))
  (import "wasi:http/outgoing-handler@0.2.12" "handle" (func $handle (param i32 i32 i32 i32)))
  (import "wasi:http/types@0.2.12" "[method]future-incoming-response.subscribe"
    (func $subscribe (param i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]future-incoming-response.get"
    (func $get (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[method]incoming-response.consume"
    (func $consume (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[method]incoming-body.stream" (func $stream (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[resource-drop]future-incoming-response"
    (func $drop-future (param i32)))
  (import "wasi:http/types@0.2.12" "[resource-drop]incoming-response"
    (func $drop-response (param i32)))
  (import "wasi:http/types@0.2.12" "[resource-drop]incoming-body" (func $drop-body (param i32)))
  (import "wasi:io/streams@0.2.12" "[resource-drop]input-stream"
    (func $drop-stream (param i32)))
  (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))
  (import "wasi:io/poll@0.2.12" "[resource-drop]pollable" (func $drop-pollable (param i32)))
  (import "wasi:io/streams@0.2.12" "[method]input-stream.blocking-read"
    (func $read (param i32 i64 i32)))
  (memory (export "memory") 3)
  (data (i32.const 512) "/")
  (global $next (mut i32) (i32.const 1024))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.get $next)
    (global.set $next (i32.const 65536)))
  (func $check (if (i32.load8_u (i32.const 16)) (then unreachable)))

  ;; Returns the bytes of the body.
  (func $fetch-one (param $authority i32) (param $length i32) (result i64)
    (local $it i32) (local $response i32) (local $body i32) (local $bytes i64)
    (local.set $it (call $request (call $fields)))
    (if (call $set-scheme (local.get $it)
      (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0)) (then unreachable))
    (if (call $set-authority (local.get $it) (i32.const 1) (local.get $authority)
      (local.get $length)) (then unreachable))
    (if (call $set-path (local.get $it) (i32.const 1) (i32.const 512) (i32.const 1))
      (then unreachable))
    (call $handle (local.get $it) (i32.const 0) (i32.const 0) (i32.const 16))
    (call $check)
    (local.set $it (i32.load (i32.const 24)))
    (local.set $response (call $subscribe (local.get $it)))
    (call $block (local.get $response))
    (call $drop-pollable (local.get $response))
    (call $get (local.get $it) (i32.const 16))
    (if (i32.eqz (i32.load8_u (i32.const 16))) (then unreachable))
    (if (i32.load8_u (i32.const 24)) (then unreachable))
    (if (i32.load8_u (i32.const 32)) (then unreachable))
    (local.set $response (i32.load (i32.const 40)))
    (call $drop-future (local.get $it))
    (call $consume (local.get $response) (i32.const 16))
    (call $check)
    (local.set $body (i32.load (i32.const 20)))
    (call $stream (local.get $body) (i32.const 16))
    (call $check)
    (local.set $it (i32.load (i32.const 20)))
    (block $end (loop $again
      (call $read (local.get $it) (i64.const 65536) (i32.const 16))
      (if (i32.load8_u (i32.const 16)) (then
        (br_if $end (i32.load8_u (i32.const 20)))
        unreachable))
      (local.set $bytes
        (i64.add (local.get $bytes) (i64.extend_i32_u (i32.load (i32.const 24)))))
      (br $again)))
    (call $drop-stream (local.get $it))
    (call $drop-body (local.get $body))
    (call $drop-response (local.get $response))
    (local.get $bytes))

  (func (export "fetch") (param $authority i32) (param $length i32) (param $requests i32)
    (result i64) (local $bytes i64)
    (loop $again
      (if (i32.eqz (local.get $requests)) (then (return (local.get $bytes))))
      (local.set $requests (i32.sub (local.get $requests) (i32.const 1)))
      (local.set $bytes (i64.add (local.get $bytes)
        (call $fetch-one (local.get $authority) (local.get $length))))
      (br $again))
    unreachable))"#;

/// Makes the guest's component.
///
/// # Errors
///
/// If the interfaces of `quota-wasi` are not those that it was written for.
pub fn component() -> Result<Vec<u8>, Box<dyn core::error::Error>> {
    encode(WORLD, MODULE)
}
