;; A plugin that counts its messages, and loops for ever once a message begins with an `s`.
(component
  (core module $bot
    (memory (export "memory") 1)
    (global $messages (mut i32) (i32.const 48))
    (data (i32.const 64) "message 0")
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "on-message") (param $text i32) (param $length i32) (result i32)
      (loop $spin
        (br_if $spin (i32.eq (i32.load8_u (local.get $text)) (i32.const 115))))
      (global.set $messages (i32.add (global.get $messages) (i32.const 1)))
      (i32.store8 (i32.const 72) (global.get $messages))
      (i32.store (i32.const 16) (i32.const 64))
      (i32.store (i32.const 20) (i32.const 9))
      (i32.const 16)))
  (core instance $b (instantiate $bot))
  (func (export "on-message") (param "text" string) (result string)
    (canon lift (core func $b "on-message")
      (memory (core memory $b "memory")) (realloc (core func $b "realloc")))))
