;; newsletter: sends messages until its rate is used up, and hears so.
;;
;;   wasm-limits run examples/newsletter/Component.toml --messages sent.jsonl --invoke 'send()'
(component
  (import "wasi:messaging/types@0.2.0-draft" (instance $types
    (export "client" (type $client (sub resource)))
    (export "message" (type $message (sub resource)))
    (type $reason (variant
      (case "timeout") (case "connection" string) (case "permission-denied" string)
      (case "other" string)))
    (export "error" (type $error (eq $reason)))
    (export "[static]client.connect" (func (param "name" string)
      (result (result (own $client) (error $error)))))
    (export "[constructor]message" (func (param "data" (list u8)) (result (own $message))))))
  (alias export $types "client" (type $client))
  (alias export $types "message" (type $message))
  (alias export $types "error" (type $error))
  (import "wasi:messaging/producer@0.2.0-draft" (instance $producer
    (alias outer 1 $client (type $client))
    (alias outer 1 $message (type $message))
    (alias outer 1 $error (type $error))
    (export "send" (func
      (param "c" (borrow $client)) (param "topic" string) (param "message" (own $message))
      (result (result (error $error)))))))

  (core module $memory
    (memory (export "memory") 1)
    (data (i32.const 32) "news.daily")
    (data (i32.const 48) "hello")
    ;; The host writes the text of an error here: one at a time, and no page long.
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $memory (instantiate $memory))

  (core func $connect (canon lower (func $types "[static]client.connect")
    (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (core func $message (canon lower (func $types "[constructor]message")
    (memory (core memory $memory "memory"))))
  (core func $send (canon lower (func $producer "send")
    (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))

  (core module $module
    (import "host" "connect" (func $connect (param i32 i32 i32)))
    (import "host" "message" (func $message (param i32 i32) (result i32)))
    (import "host" "send" (func $send (param i32 i32 i32 i32 i32)))
    (import "memory" "memory" (memory 1))
    ;; Returns the number of messages that were taken.
    (func (export "send") (result i32)
      (local $client i32) (local $sent i32)
      (call $connect (i32.const 0) (i32.const 0) (i32.const 0))
      (if (i32.load8_u (i32.const 0)) (then (return (i32.const 0))))
      (local.set $client (i32.load (i32.const 4)))
      (loop $more (result i32)
        (call $send (local.get $client) (i32.const 32) (i32.const 10)
          (call $message (i32.const 48) (i32.const 5)) (i32.const 0))
        (if (i32.load8_u (i32.const 0)) (then (return (local.get $sent))))
        (local.set $sent (i32.add (local.get $sent) (i32.const 1)))
        (br $more))))
  (core instance $guest (instantiate $module
    (with "memory" (instance $memory))
    (with "host" (instance
      (export "connect" (func $connect))
      (export "message" (func $message))
      (export "send" (func $send))))))

  (func (export "send") (result u32) (canon lift (core func $guest "send"))))
