;; A plugin that appends each message to a file through its host.
(component
  (import "demo:bot/io@0.1.0" (instance $io
    (type $refusal' (variant (case "denied") (case "over-quota" (option u64)) (case "failed")))
    (export "refusal" (type $refusal (eq $refusal')))
    (export "append" (func
      (param "path" string) (param "line" string) (result (result (error $refusal)))))))

  (core module $memory
    (memory (export "memory") 1)
    ;; The message is the only string that the host hands over.
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $m (instantiate $memory))
  (alias core export $m "memory" (core memory $memory))
  (alias core export $m "realloc" (core func $realloc))
  (core func $append (canon lower (func $io "append") (memory $memory)))

  (core module $bot
    (import "host" "memory" (memory 1))
    (import "host" "append" (func $append (param i32 i32 i32 i32 i32)))
    (data (i32.const 64) "/notes/./log")
    (data (i32.const 128) "noted")
    (data (i32.const 136) "denied")
    (data (i32.const 144) "over my quota")

    ;; The host's answer is at 32: whether it refused, and at 40 why. The reply is at 16: the address
    ;; and the length of a text.
    (func (export "on-message") (param $text i32) (param $length i32) (result i32)
      (call $append
        (i32.const 64) (i32.const 12) (local.get $text) (local.get $length) (i32.const 32))
      (if (i32.eqz (i32.load8_u (i32.const 32)))
        (then
          (i32.store (i32.const 16) (i32.const 128))
          (i32.store (i32.const 20) (i32.const 5)))
        (else (if (i32.eqz (i32.load8_u (i32.const 40)))
          (then
            (i32.store (i32.const 16) (i32.const 136))
            (i32.store (i32.const 20) (i32.const 6)))
          (else
            (i32.store (i32.const 16) (i32.const 144))
            (i32.store (i32.const 20) (i32.const 13))))))
      (i32.const 16)))
  (core instance $b (instantiate $bot (with "host" (instance
    (export "memory" (memory $memory))
    (export "append" (func $append))))))

  (func (export "on-message") (param "text" string) (result string)
    (canon lift (core func $b "on-message") (memory $memory) (realloc $realloc))))
