//! A guest that does one thing many times, through WASI.

/// A thing that the guest does.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// For people.
    pub name: &'static str,
    /// The guest's export, which is given the number of calls.
    pub export: &'static str,
    /// Calls into the host in one run.
    pub calls: u32,
}

/// 64 MiB in calls of 4 KiB, through a stream, as a C program's `write` does.
pub const WRITE_STREAM: Work =
    Work { name: "64 MiB through a stream", export: "write-stream", calls: 16_384 };
/// 64 MiB in calls of 4 KiB, at offsets, as a C program's `pwrite` does.
pub const WRITE_AT: Work = Work { name: "64 MiB at offsets", export: "write-at", calls: 16_384 };
/// A call on a file's stream that does nothing.
pub const CHECK_WRITE: Work = Work { name: "check-write", export: "check-write", calls: 50_000 };
/// The smallest call for random bytes.
pub const RANDOM: Work = Work { name: "get-random-u64", export: "random", calls: 50_000 };

/// The guest. Its exports open the file `f` of the first preopen anew, but for `random`.
pub const GUEST: &str = r#"(component
  (import "wasi:io/error@0.2.0" (instance $errors (export "error" (type (sub resource)))))
  (alias export $errors "error" (type $error))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (alias outer 1 $error (type $e0))
    (export "error" (type $e (eq $e0)))
    (type $failed (variant (case "last-operation-failed" (own $e)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $failed)))
    (export "output-stream" (type $out (sub resource)))
    (export "[method]output-stream.check-write" (func
      (param "self" (borrow $out)) (result (result u64 (error $stream-error)))))
    (export "[method]output-stream.blocking-write-and-flush" (func
      (param "self" (borrow $out)) (param "contents" (list u8))
      (result (result (error $stream-error)))))))
  (alias export $streams "output-stream" (type $output-stream))
  (import "wasi:filesystem/types@0.2.0" (instance $files
    (alias outer 1 $output-stream (type $o0))
    (export "output-stream" (type $out (eq $o0)))
    (export "descriptor" (type $descriptor (sub resource)))
    (type $codes (enum
      "access" "would-block" "already" "bad-descriptor" "busy" "deadlock" "quota" "exist"
      "file-too-large" "illegal-byte-sequence" "in-progress" "interrupted" "invalid" "io"
      "is-directory" "loop" "too-many-links" "message-size" "name-too-long" "no-device"
      "no-entry" "no-lock" "insufficient-memory" "insufficient-space" "not-directory" "not-empty"
      "not-recoverable" "unsupported" "no-tty" "no-such-device" "overflow" "not-permitted" "pipe"
      "read-only" "invalid-seek" "text-file-busy" "cross-device"))
    (export "error-code" (type $code (eq $codes)))
    (type $path (flags "symlink-follow"))
    (export "path-flags" (type $path-flags (eq $path)))
    (type $open (flags "create" "directory" "exclusive" "truncate"))
    (export "open-flags" (type $open-flags (eq $open)))
    (type $modes (flags "read" "write" "file-integrity-sync" "data-integrity-sync"
      "requested-write-sync" "mutate-directory"))
    (export "descriptor-flags" (type $descriptor-flags (eq $modes)))
    (export "[method]descriptor.open-at" (func
      (param "self" (borrow $descriptor)) (param "path-flags" $path-flags) (param "path" string)
      (param "open-flags" $open-flags) (param "flags" $descriptor-flags)
      (result (result (own $descriptor) (error $code)))))
    (export "[method]descriptor.write-via-stream" (func
      (param "self" (borrow $descriptor)) (param "offset" u64)
      (result (result (own $out) (error $code)))))
    (export "[method]descriptor.write" (func
      (param "self" (borrow $descriptor)) (param "buffer" (list u8)) (param "offset" u64)
      (result (result u64 (error $code)))))))
  (alias export $files "descriptor" (type $descriptor))
  (import "wasi:filesystem/preopens@0.2.0" (instance $preopens
    (alias outer 1 $descriptor (type $d0))
    (export "descriptor" (type $d (eq $d0)))
    (export "get-directories" (func (result (list (tuple (own $d) string)))))))
  (import "wasi:random/random@0.2.0" (instance $random
    (export "get-random-u64" (func (result u64)))))

  (core module $libc
    (memory (export "mem") 2)
    (global $next (mut i32) (i32.const 1024))
    (data (i32.const 0) "f")
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.get $next)
      (global.set $next (i32.and
        (i32.add (i32.add (global.get $next) (local.get 3)) (i32.const 7)) (i32.const -8)))))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "mem" (core memory $mem))
  (alias core export $libc "realloc" (core func $realloc))
  (core func $dirs (canon lower (func $preopens "get-directories")
    (memory $mem) (realloc $realloc)))
  (core func $open (canon lower (func $files "[method]descriptor.open-at") (memory $mem)))
  (core func $stream (canon lower
    (func $files "[method]descriptor.write-via-stream") (memory $mem)))
  (core func $write (canon lower (func $files "[method]descriptor.write") (memory $mem)))
  (core func $check (canon lower
    (func $streams "[method]output-stream.check-write") (memory $mem)))
  (core func $flush (canon lower
    (func $streams "[method]output-stream.blocking-write-and-flush") (memory $mem)))
  (core func $drop-stream (canon resource.drop $output-stream))
  (core func $drop-file (canon resource.drop $descriptor))
  (core func $u64 (canon lower (func $random "get-random-u64")))
  (core module $m
    (import "libc" "mem" (memory 1))
    (import "host" "dirs" (func $dirs (param i32)))
    (import "host" "open" (func $open (param i32 i32 i32 i32 i32 i32 i32)))
    (import "host" "stream" (func $stream (param i32 i64 i32)))
    (import "host" "write" (func $write (param i32 i32 i32 i64 i32)))
    (import "host" "check" (func $check (param i32 i32)))
    (import "host" "flush" (func $flush (param i32 i32 i32 i32)))
    (import "host" "drop-stream" (func $drop-stream (param i32)))
    (import "host" "drop-file" (func $drop-file (param i32)))
    (import "host" "u64" (func $u64 (result i64)))
    (func $ok
      (if (i32.load8_u (i32.const 16)) (then unreachable)))
    (func $file (result i32)
      (call $dirs (i32.const 16))
      ;; Created and truncated, to be written.
      (call $open (i32.load (i32.load (i32.const 16)))
        (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 9) (i32.const 2) (i32.const 16))
      (call $ok)
      (i32.load (i32.const 20)))
    (func $output (param $file i32) (result i32)
      (call $stream (local.get $file) (i64.const 0) (i32.const 16))
      (call $ok)
      (i32.load (i32.const 20)))
    (func (export "write-stream") (param $n i32) (local $file i32) (local $out i32)
      (local.set $file (call $file))
      (local.set $out (call $output (local.get $file)))
      (loop $l
        (call $flush (local.get $out) (i32.const 65536) (i32.const 4096) (i32.const 16))
        (call $ok)
        (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (call $drop-stream (local.get $out))
      (call $drop-file (local.get $file)))
    (func (export "write-at") (param $n i32) (local $file i32) (local $at i64)
      (local.set $file (call $file))
      (loop $l
        (call $write (local.get $file)
          (i32.const 65536) (i32.const 4096) (local.get $at) (i32.const 16))
        (call $ok)
        (local.set $at (i64.add (local.get $at) (i64.const 4096)))
        (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (call $drop-file (local.get $file)))
    (func (export "check-write") (param $n i32) (local $file i32) (local $out i32)
      (local.set $file (call $file))
      (local.set $out (call $output (local.get $file)))
      (loop $l
        (call $check (local.get $out) (i32.const 16))
        (call $ok)
        (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (call $drop-stream (local.get $out))
      (call $drop-file (local.get $file)))
    (func (export "random") (param $n i32)
      (loop $l
        (drop (call $u64))
        (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))
  (core instance $i (instantiate $m
    (with "libc" (instance $libc))
    (with "host" (instance
      (export "dirs" (func $dirs)) (export "open" (func $open))
      (export "stream" (func $stream)) (export "write" (func $write))
      (export "check" (func $check)) (export "flush" (func $flush))
      (export "drop-stream" (func $drop-stream)) (export "drop-file" (func $drop-file))
      (export "u64" (func $u64))))))
  (func (export "write-stream") (param "n" u32) (canon lift (core func $i "write-stream")))
  (func (export "write-at") (param "n" u32) (canon lift (core func $i "write-at")))
  (func (export "check-write") (param "n" u32) (canon lift (core func $i "check-write")))
  (func (export "random") (param "n" u32) (canon lift (core func $i "random"))))"#;
