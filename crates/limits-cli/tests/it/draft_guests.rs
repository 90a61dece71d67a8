//! Guests that keep keys and values, and that send messages, for `--invoke`.

use std::sync::LazyLock;

use crate::guests::against;

/// Exports `set`, `get` and `increment` on the bucket without a name. An error is 1000 and its
/// place: 0 `no-such-store`, 1 `access-denied`, 2 other.
pub(crate) static KEYVALUE_GUEST: LazyLock<Vec<u8>> =
    LazyLock::new(|| against(KEYVALUE_WIT, &KEYVALUE_MODULE.replace("MEMORY", MEMORY)));

/// Exports `send`, which sends `hello` to a topic up to so many times, and returns how often it was
/// taken before the first error; the second result is 100 and the place of that error: 0 `timeout`,
/// 1 `connection`, 2 `permission-denied`, 3 `other`.
pub(crate) static MESSAGE_GUEST: LazyLock<Vec<u8>> =
    LazyLock::new(|| against(MESSAGE_WIT, &MESSAGE_MODULE.replace("MEMORY", MEMORY)));

const KEYVALUE_WIT: &str = "
package test:guest;

world guest {
    import wasi:keyvalue/store@0.2.0-draft;
    import wasi:keyvalue/atomics@0.2.0-draft;
    /// Returns 0.
    export set: func(key: string, value: string) -> u32;
    /// Returns the length of the value, or 999 if there is none.
    export get: func(key: string) -> u32;
    /// Returns the new number.
    export increment: func(key: string, delta: u64) -> u64;
}

package wasi:keyvalue@0.2.0-draft {
    interface store {
        variant error { no-such-store, access-denied, other(string) }
        resource bucket {
            get: func(key: string) -> result<option<list<u8>>, error>;
            set: func(key: string, value: list<u8>) -> result<_, error>;
        }
        open: func(identifier: string) -> result<bucket, error>;
    }
    interface atomics {
        use store.{bucket, error};
        increment: func(bucket: borrow<bucket>, key: string, delta: u64) -> result<u64, error>;
    }
}
";

/// Memory that is never freed, from 1024 on.
const MEMORY: &str = r#"
    (memory (export "memory") 2)
    (global $free (mut i32) (i32.const 1024))
    (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
        (local $at i32)
        (local.set $at (global.get $free))
        (global.set $free (i32.and
            (i32.add (i32.add (local.get $at) (local.get $size)) (i32.const 7)) (i32.const -8)))
        (local.get $at))"#;

const KEYVALUE_MODULE: &str = r#"(module
    (import "wasi:keyvalue/store@0.2.0-draft" "open" (func $open (param i32 i32 i32)))
    (import "wasi:keyvalue/store@0.2.0-draft" "[method]bucket.get"
        (func $get (param i32 i32 i32 i32)))
    (import "wasi:keyvalue/store@0.2.0-draft" "[method]bucket.set"
        (func $set (param i32 i32 i32 i32 i32 i32)))
    (import "wasi:keyvalue/atomics@0.2.0-draft" "increment"
        (func $increment (param i32 i32 i32 i64 i32)))
    MEMORY
    ;; Opens the bucket; 0 is an error, which lies at 4.
    (func $bucket (result i32)
        (call $open (i32.const 0) (i32.const 0) (i32.const 0))
        (if (result i32) (i32.load8_u (i32.const 0))
            (then (i32.const 0)) (else (i32.load (i32.const 4)))))
    (func $error (param $at i32) (result i32)
        (i32.add (i32.const 1000) (i32.load8_u (local.get $at))))
    (func (export "set") (param $key i32) (param $key_length i32)
        (param $value i32) (param $length i32) (result i32)
        (local $bucket i32)
        (local.set $bucket (call $bucket))
        (if (i32.eqz (local.get $bucket)) (then (return (call $error (i32.const 4)))))
        (call $set (local.get $bucket) (local.get $key) (local.get $key_length)
            (local.get $value) (local.get $length) (i32.const 0))
        (if (i32.load8_u (i32.const 0)) (then (return (call $error (i32.const 4)))))
        (i32.const 0))
    (func (export "get") (param $key i32) (param $length i32) (result i32)
        (local $bucket i32)
        (local.set $bucket (call $bucket))
        (if (i32.eqz (local.get $bucket)) (then (return (call $error (i32.const 4)))))
        (call $get (local.get $bucket) (local.get $key) (local.get $length) (i32.const 0))
        (if (i32.load8_u (i32.const 0)) (then (return (call $error (i32.const 4)))))
        (if (result i32) (i32.load8_u (i32.const 4))
            (then (i32.load (i32.const 12))) (else (i32.const 999))))
    (func (export "increment") (param $key i32) (param $length i32) (param $delta i64)
        (result i64)
        (local $bucket i32)
        (local.set $bucket (call $bucket))
        (if (i32.eqz (local.get $bucket))
            (then (return (i64.extend_i32_u (call $error (i32.const 4))))))
        (call $increment (local.get $bucket) (local.get $key) (local.get $length)
            (local.get $delta) (i32.const 0))
        (if (i32.load8_u (i32.const 0))
            (then (return (i64.extend_i32_u (call $error (i32.const 8))))))
        (i64.load (i32.const 8))))"#;

const MESSAGE_WIT: &str = "
package test:guest;

world guest {
    import wasi:messaging/types@0.2.0-draft;
    import wasi:messaging/producer@0.2.0-draft;
    export send: func(topic: string, times: u32) -> tuple<u32, u32>;
}

package wasi:messaging@0.2.0-draft {
    interface types {
        resource client { connect: static func(name: string) -> result<client, error>; }
        variant error { timeout, connection(string), permission-denied(string), other(string) }
        resource message {
            constructor(data: list<u8>);
            set-content-type: func(content-type: string);
            add-metadata: func(key: string, value: string);
        }
    }
    interface producer {
        use types.{client, message, error};
        send: func(c: borrow<client>, topic: string, message: message) -> result<_, error>;
    }
}
";

/// The result of `send` lies at 32, the texts of the message from 64 on.
const MESSAGE_MODULE: &str = r#"(module
    (import "wasi:messaging/types@0.2.0-draft" "[static]client.connect"
        (func $connect (param i32 i32 i32)))
    (import "wasi:messaging/types@0.2.0-draft" "[constructor]message"
        (func $message (param i32 i32) (result i32)))
    (import "wasi:messaging/types@0.2.0-draft" "[method]message.set-content-type"
        (func $type (param i32 i32 i32)))
    (import "wasi:messaging/types@0.2.0-draft" "[method]message.add-metadata"
        (func $metadata (param i32 i32 i32 i32 i32)))
    (import "wasi:messaging/producer@0.2.0-draft" "send"
        (func $send (param i32 i32 i32 i32 i32)))
    MEMORY
    (data (i32.const 64) "hello")
    (data (i32.const 80) "text/plain")
    (data (i32.const 96) "k")
    (data (i32.const 97) "v")
    (func $failed (result i32)
        (i32.store (i32.const 36) (i32.add (i32.const 100) (i32.load8_u (i32.const 4))))
        (i32.const 32))
    (func (export "send") (param $topic i32) (param $length i32) (param $times i32) (result i32)
        (local $client i32) (local $message i32)
        (call $connect (i32.const 0) (i32.const 0) (i32.const 0))
        (if (i32.load8_u (i32.const 0)) (then (return (call $failed))))
        (local.set $client (i32.load (i32.const 4)))
        (loop $more
            (if (i32.lt_u (i32.load (i32.const 32)) (local.get $times)) (then
                (local.set $message (call $message (i32.const 64) (i32.const 5)))
                (call $type (local.get $message) (i32.const 80) (i32.const 10))
                (call $metadata (local.get $message)
                    (i32.const 96) (i32.const 1) (i32.const 97) (i32.const 1))
                (call $send (local.get $client) (local.get $topic) (local.get $length)
                    (local.get $message) (i32.const 0))
                (if (i32.load8_u (i32.const 0)) (then (return (call $failed))))
                (i32.store (i32.const 32) (i32.add (i32.load (i32.const 32)) (i32.const 1)))
                (br $more))))
        (i32.const 32)))"#;
