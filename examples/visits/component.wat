;; visits: counts its runs in a store of keys and values, which the host keeps in a file.
;;
;;   wasm-limits run examples/visits/Component.toml --keyvalue visits.redb --invoke 'visit()'
(component
  (import "wasi:keyvalue/store@0.2.0-draft" (instance $store
    (export "bucket" (type $bucket (sub resource)))
    (type $reason (variant (case "no-such-store") (case "access-denied") (case "other" string)))
    (export "error" (type $error (eq $reason)))
    (export "open" (func (param "identifier" string)
      (result (result (own $bucket) (error $error)))))))
  (alias export $store "bucket" (type $bucket))
  (alias export $store "error" (type $error))
  (import "wasi:keyvalue/atomics@0.2.0-draft" (instance $atomics
    (alias outer 1 $bucket (type $bucket))
    (alias outer 1 $error (type $error))
    (export "increment" (func
      (param "bucket" (borrow $bucket)) (param "key" string) (param "delta" u64)
      (result (result u64 (error $error)))))))

  (core module $memory
    (memory (export "memory") 1)
    (data (i32.const 16) "visits")
    ;; The host writes the text of an error here: one at a time, and no page long.
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $memory (instantiate $memory))

  (core func $open (canon lower (func $store "open")
    (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (core func $increment (canon lower (func $atomics "increment")
    (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))

  (core module $module
    (import "host" "open" (func $open (param i32 i32 i32)))
    (import "host" "increment" (func $increment (param i32 i32 i32 i64 i32)))
    (import "memory" "memory" (memory 1))
    ;; A trap, where a program would look at the error.
    (func $must_be_ok (if (i32.load8_u (i32.const 0)) (then unreachable)))
    (func (export "visit") (result i64)
      ;; The bucket without a name, which patterns call `default`.
      (call $open (i32.const 0) (i32.const 0) (i32.const 0))
      (call $must_be_ok)
      (call $increment (i32.load (i32.const 4))
        (i32.const 16) (i32.const 6) (i64.const 1) (i32.const 0))
      (call $must_be_ok)
      (i64.load (i32.const 8))))
  (core instance $guest (instantiate $module
    (with "memory" (instance $memory))
    (with "host" (instance
      (export "open" (func $open))
      (export "increment" (func $increment))))))

  (func (export "visit") (result u64) (canon lift (core func $guest "visit"))))
