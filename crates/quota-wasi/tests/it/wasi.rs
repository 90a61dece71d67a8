//! The files, streams and random bytes of WASI 0.2 that the [puppet](crate::puppet) calls, as text.

use crate::puppet::Part;

pub(crate) const FILES: Part = Part {
    resources: &[
        ("types", "descriptor"),
        ("types", "directory-entry-stream"),
        ("streams", "input-stream"),
        ("streams", "output-stream"),
        ("poll", "pollable"),
        ("error", "error"),
    ],
    instances: &[
        ("error", "wasi:io/error", &[]),
        ("poll", "wasi:io/poll", &[]),
        ("streams", "wasi:io/streams", &["error", "pollable"]),
        ("clock", "wasi:clocks/wall-clock", &[]),
        ("types", "wasi:filesystem/types", &["error", "input-stream", "output-stream", "datetime"]),
        ("preopens", "wasi:filesystem/preopens", &["descriptor"]),
        ("stdout", "wasi:cli/stdout", &["output-stream"]),
        ("stderr", "wasi:cli/stderr", &["output-stream"]),
        ("random", "wasi:random/random", &[]),
        ("insecure", "wasi:random/insecure", &[]),
    ],
    calls: CALLS,
    types: TYPES,
    further: (STORM, STORM_EXPORTS),
};

/// Writes to a stream, or to stdout, for ever, 4 KiB at a time.
const STORM: &str = r#"
    (func (export "chatter") (call $storm (call $get-stdout)))
    (func $storm (export "storm") (param i32)
      (loop $more
        (call $blocking-write-and-flush
          (local.get 0) (i32.const 8192) (i32.const 4096) (i32.const 1024))
        (br $more)))"#;

const STORM_EXPORTS: &str = r#"
    (func (export "storm") (param "it" (own $output-stream))
      (canon lift (core func $shims "storm")))
    (func (export "chatter") (canon lift (core func $shims "chatter")))"#;

const CALLS: &str = "
preopens | get-directories | get-directories |  | (list (tuple (own $descriptor) string))
types | [method]descriptor.read-via-stream | read-via-stream | self (borrow $descriptor), offset u64 | (result (own $input-stream) (error $error-code))
types | [method]descriptor.write-via-stream | write-via-stream | self (borrow $descriptor), offset u64 | (result (own $output-stream) (error $error-code))
types | [method]descriptor.append-via-stream | append-via-stream | self (borrow $descriptor) | (result (own $output-stream) (error $error-code))
types | [method]descriptor.advise | advise | self (borrow $descriptor), offset u64, length u64, advice $advice | (result (error $error-code))
types | [method]descriptor.sync-data | sync-data | self (borrow $descriptor) | (result (error $error-code))
types | [method]descriptor.get-flags | get-flags | self (borrow $descriptor) | (result $descriptor-flags (error $error-code))
types | [method]descriptor.get-type | get-type | self (borrow $descriptor) | (result $descriptor-type (error $error-code))
types | [method]descriptor.set-size | set-size | self (borrow $descriptor), size u64 | (result (error $error-code))
types | [method]descriptor.set-times | set-times | self (borrow $descriptor), data-access-timestamp $new-timestamp, data-modification-timestamp $new-timestamp | (result (error $error-code))
types | [method]descriptor.read | read | self (borrow $descriptor), length u64, offset u64 | (result (tuple (list u8) bool) (error $error-code))
types | [method]descriptor.write | write | self (borrow $descriptor), buffer (list u8), offset u64 | (result u64 (error $error-code))
types | [method]descriptor.read-directory | read-directory | self (borrow $descriptor) | (result (own $directory-entry-stream) (error $error-code))
types | [method]descriptor.sync | sync | self (borrow $descriptor) | (result (error $error-code))
types | [method]descriptor.create-directory-at | create-directory-at | self (borrow $descriptor), path string | (result (error $error-code))
types | [method]descriptor.stat | stat | self (borrow $descriptor) | (result $descriptor-stat (error $error-code))
types | [method]descriptor.stat-at | stat-at | self (borrow $descriptor), path-flags $path-flags, path string | (result $descriptor-stat (error $error-code))
types | [method]descriptor.set-times-at | set-times-at | self (borrow $descriptor), path-flags $path-flags, path string, data-access-timestamp $new-timestamp, data-modification-timestamp $new-timestamp | (result (error $error-code))
types | [method]descriptor.link-at | link-at | self (borrow $descriptor), old-path-flags $path-flags, old-path string, new-descriptor (borrow $descriptor), new-path string | (result (error $error-code))
types | [method]descriptor.open-at | open-at | self (borrow $descriptor), path-flags $path-flags, path string, open-flags $open-flags, flags $descriptor-flags | (result (own $descriptor) (error $error-code))
types | [method]descriptor.readlink-at | readlink-at | self (borrow $descriptor), path string | (result string (error $error-code))
types | [method]descriptor.remove-directory-at | remove-directory-at | self (borrow $descriptor), path string | (result (error $error-code))
types | [method]descriptor.rename-at | rename-at | self (borrow $descriptor), old-path string, new-descriptor (borrow $descriptor), new-path string | (result (error $error-code))
types | [method]descriptor.symlink-at | symlink-at | self (borrow $descriptor), old-path string, new-path string | (result (error $error-code))
types | [method]descriptor.unlink-file-at | unlink-file-at | self (borrow $descriptor), path string | (result (error $error-code))
types | [method]descriptor.is-same-object | is-same-object | self (borrow $descriptor), other (borrow $descriptor) | bool
types | [method]descriptor.metadata-hash | metadata-hash | self (borrow $descriptor) | (result $metadata-hash-value (error $error-code))
types | [method]descriptor.metadata-hash-at | metadata-hash-at | self (borrow $descriptor), path-flags $path-flags, path string | (result $metadata-hash-value (error $error-code))
types | [method]directory-entry-stream.read-directory-entry | read-directory-entry | self (borrow $directory-entry-stream) | (result (option $directory-entry) (error $error-code))
types | filesystem-error-code | filesystem-error-code | err (borrow $error) | (option $error-code)
streams | [method]input-stream.read | input-read | self (borrow $input-stream), len u64 | (result (list u8) (error $stream-error))
streams | [method]input-stream.blocking-read | input-blocking-read | self (borrow $input-stream), len u64 | (result (list u8) (error $stream-error))
streams | [method]input-stream.subscribe | input-subscribe | self (borrow $input-stream) | (own $pollable)
streams | [method]output-stream.check-write | check-write | self (borrow $output-stream) | (result u64 (error $stream-error))
streams | [method]output-stream.write | output-write | self (borrow $output-stream), contents (list u8) | (result (error $stream-error))
streams | [method]output-stream.blocking-write-and-flush | blocking-write-and-flush | self (borrow $output-stream), contents (list u8) | (result (error $stream-error))
streams | [method]output-stream.flush | flush | self (borrow $output-stream) | (result (error $stream-error))
streams | [method]output-stream.blocking-flush | blocking-flush | self (borrow $output-stream) | (result (error $stream-error))
streams | [method]output-stream.subscribe | output-subscribe | self (borrow $output-stream) | (own $pollable)
streams | [method]output-stream.splice | splice | self (borrow $output-stream), src (borrow $input-stream), len u64 | (result u64 (error $stream-error))
poll | [method]pollable.block | block | self (borrow $pollable) |
stdout | get-stdout | get-stdout |  | (own $output-stream)
stderr | get-stderr | get-stderr |  | (own $output-stream)
random | get-random-bytes | get-random-bytes | len u64 | (list u8)
insecure | get-insecure-random-bytes | get-insecure-random-bytes | len u64 | (list u8)
";

const TYPES: &str = r#"
clock | datetime | (record (field "seconds" u64) (field "nanoseconds" u32))
streams | stream-error | (variant (case "last-operation-failed" (own $error)) (case "closed"))
types | descriptor-type | (enum "unknown" "block-device" "character-device" "directory" "fifo" "symbolic-link" "regular-file" "socket")
types | descriptor-flags | (flags "read" "write" "file-integrity-sync" "data-integrity-sync" "requested-write-sync" "mutate-directory")
types | path-flags | (flags "symlink-follow")
types | open-flags | (flags "create" "directory" "exclusive" "truncate")
types | descriptor-stat | (record (field "type" $descriptor-type) (field "link-count" u64) (field "size" u64) (field "data-access-timestamp" (option $datetime)) (field "data-modification-timestamp" (option $datetime)) (field "status-change-timestamp" (option $datetime)))
types | new-timestamp | (variant (case "no-change") (case "now") (case "timestamp" $datetime))
types | directory-entry | (record (field "type" $descriptor-type) (field "name" string))
types | error-code | (enum "access" "would-block" "already" "bad-descriptor" "busy" "deadlock" "quota" "exist" "file-too-large" "illegal-byte-sequence" "in-progress" "interrupted" "invalid" "io" "is-directory" "loop" "too-many-links" "message-size" "name-too-long" "no-device" "no-entry" "no-lock" "insufficient-memory" "insufficient-space" "not-directory" "not-empty" "not-recoverable" "unsupported" "no-tty" "no-such-device" "overflow" "not-permitted" "pipe" "read-only" "invalid-seek" "text-file-busy" "cross-device")
types | advice | (enum "normal" "sequential" "random" "will-need" "dont-need" "no-reuse")
types | metadata-hash-value | (record (field "lower" u64) (field "upper" u64))
"#;
