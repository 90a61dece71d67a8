//! The keys, values and messages of WASI that the [puppet](crate::puppet) calls, as text.

use quota_wasi::{StoreQuota, add_keyvalue_to_linker, add_messaging_to_linker};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::WasiCtx;

use crate::guest::Guest;
use crate::host::Host;
use crate::puppet::Part;

/// The export of a function without an end.
const RUN: &str = r#"(func (export "run") (canon lift (core func $shims "run")))"#;

/// `wasi:keyvalue`, and a guest that sets a pair for ever.
pub(crate) const KEYS: Part = Part {
    resources: &[("store", "bucket")],
    instances: &[
        ("store", "wasi:keyvalue/store", &[]),
        ("atomics", "wasi:keyvalue/atomics", &["bucket", "error"]),
        ("batch", "wasi:keyvalue/batch", &["bucket", "error"]),
    ],
    calls: "
store | open | open | identifier string | (result (own $bucket) (error $error))
store | [method]bucket.get | get | self (borrow $bucket), key string | (result (option (list u8)) (error $error))
store | [method]bucket.set | set | self (borrow $bucket), key string, value (list u8) | (result (error $error))
store | [method]bucket.delete | delete | self (borrow $bucket), key string | (result (error $error))
store | [method]bucket.exists | exists | self (borrow $bucket), key string | (result bool (error $error))
store | [method]bucket.list-keys | list-keys | self (borrow $bucket), cursor (option u64) | (result $key-response (error $error))
atomics | increment | increment | bucket (borrow $bucket), key string, delta u64 | (result u64 (error $error))
batch | get-many | get-many | bucket (borrow $bucket), keys (list string) | (result (list (option (tuple string (list u8)))) (error $error))
batch | set-many | set-many | bucket (borrow $bucket), key-values (list (tuple string (list u8))) | (result (error $error))
batch | delete-many | delete-many | bucket (borrow $bucket), keys (list string) | (result (error $error))
",
    types: r#"
store | error | (variant (case "no-such-store") (case "access-denied") (case "other" string))
store | key-response | (record (field "keys" (list string)) (field "cursor" (option u64)))
"#,
    further: (
        r#"
    (func (export "run") (local $bucket i32)
      (call $open (i32.const 0) (i32.const 0) (i32.const 1024))
      (local.set $bucket (i32.load (i32.const 1028)))
      (loop $more
        (call $set (local.get $bucket)
          (i32.const 2048) (i32.const 3) (i32.const 2051) (i32.const 3) (i32.const 1024))
        (br $more)))"#,
        RUN,
    ),
};

/// `wasi:messaging`, and a guest that sends for ever.
pub(crate) const MESSAGES: Part = Part {
    resources: &[("types", "client"), ("types", "message")],
    instances: &[
        ("types", "wasi:messaging/types", &[]),
        ("producer", "wasi:messaging/producer", &["client", "message", "error"]),
    ],
    calls: "
types | [static]client.connect | connect | name string | (result (own $client) (error $error))
types | [method]client.disconnect | disconnect | self (borrow $client) | (result (error $error))
types | [constructor]message | new-message | data (list u8) | (own $message)
types | [method]message.topic | topic | self (borrow $message) | (option string)
types | [method]message.content-type | content-type | self (borrow $message) | (option string)
types | [method]message.set-content-type | set-content-type | self (borrow $message), content-type string |
types | [method]message.data | data | self (borrow $message) | (list u8)
types | [method]message.set-data | set-data | self (borrow $message), data (list u8) |
types | [method]message.metadata | metadata | self (borrow $message) | (option (list (tuple string string)))
types | [method]message.add-metadata | add-metadata | self (borrow $message), key string, value string |
types | [method]message.set-metadata | set-metadata | self (borrow $message), meta (list (tuple string string)) |
types | [method]message.remove-metadata | remove-metadata | self (borrow $message), key string |
producer | send | send | c (borrow $client), topic string, message (borrow $message) | (result (error $error))
",
    types: r#"
types | error | (variant (case "timeout") (case "connection" string) (case "permission-denied" string) (case "other" string))
"#,
    further: (
        r#"
    (func (export "run") (local $client i32) (local $message i32)
      (call $connect (i32.const 0) (i32.const 0) (i32.const 1024))
      (local.set $client (i32.load (i32.const 1028)))
      (local.set $message (call $new-message (i32.const 2048) (i32.const 3)))
      (loop $more
        (call $send (local.get $client) (i32.const 2048) (i32.const 3) (local.get $message)
          (i32.const 1024))
        (br $more)))"#,
        RUN,
    ),
};

impl Guest {
    /// A guest with `wasi:keyvalue` and `wasi:messaging` and nothing else.
    pub(crate) async fn of_services(
        (engine, component): &(Engine, Component),
        quota: StoreQuota,
    ) -> Self {
        let mut linker = Linker::new(engine);
        add_keyvalue_to_linker(&mut linker).unwrap();
        add_messaging_to_linker(&mut linker).unwrap();
        let wasi = WasiCtx::builder().build();
        let host = Host { table: ResourceTable::new(), wasi, quota: Some(quota) };
        let mut store = Store::new(engine, host);
        let instance = linker.instantiate_async(&mut store, component).await.unwrap();
        Self { store, instance }
    }
}
