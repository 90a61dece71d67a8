;; composed: two components in one, as composition tools make them. The greeter puts a greeting
;; together and hands it to the shouter, which gives it back in capitals.
;;
;;   wasm-limits run examples/composed/Component.toml --invoke 'greet("wörld")'
;;
;; Each part has a memory of its own, and they keep strings in different encodings: the greeter in
;; UTF-8, the shouter in UTF-16. The runtime copies and converts between the two memories. Limits
;; are of the whole: memory, fuel, handles and the deadline are counted over both parts.
(component
  (component $shouter
    (core module $module
      (memory (export "memory") 1)

      ;; Room for the argument, always the same: the greeting is 32 KiB at most.
      (func (export "realloc")
        (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
        (if (i32.gt_u (local.get $size) (i32.const 32768))
          (then unreachable))
        i32.const 1024)

      ;; A string arrives as its address and its length in units of two bytes. Letters of ASCII and
      ;; of Latin-1 have their capital 32 places earlier.
      (func (export "shout") (param $text i32) (param $length i32) (result i32)
        (local $at i32) (local $end i32) (local $unit i32)
        (local.set $at (local.get $text))
        (local.set $end
          (i32.add (local.get $text) (i32.mul (local.get $length) (i32.const 2))))
        (block $done
          (loop $next
            (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
            (local.set $unit (i32.load16_u (local.get $at)))
            (if (i32.or
                  (i32.lt_u (i32.sub (local.get $unit) (i32.const 0x61)) (i32.const 26))
                  (i32.lt_u (i32.sub (local.get $unit) (i32.const 0xe0)) (i32.const 23)))
              (then
                (i32.store16 (local.get $at) (i32.sub (local.get $unit) (i32.const 32)))))
            (local.set $at (i32.add (local.get $at) (i32.const 2)))
            (br $next)))
        (i32.store (i32.const 0) (local.get $text))
        (i32.store (i32.const 4) (local.get $length))
        i32.const 0))
    (core instance $it (instantiate $module))
    (func (export "shout") (param "text" string) (result string)
      (canon lift (core func $it "shout") string-encoding=utf16
        (memory (core memory $it "memory"))
        (realloc (core func $it "realloc")))))

  (component $greeter
    (import "shout" (func $shout (param "text" string) (result string)))

    ;; The memory comes first, in a module of its own: `shout` needs it to be called, and the
    ;; module below needs `shout`.
    (core module $memory
      (memory (export "memory") 1)
      (data (i32.const 1024) "Hello, ")
      (global $calls (mut i32) (i32.const 0))

      ;; Called twice in a run: for the name, which goes right behind "Hello, ", and for what the
      ;; shouter gives back.
      (func (export "realloc")
        (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
        (if (i32.gt_u (local.get $size) (i32.const 24000))
          (then unreachable))
        (if (result i32) (i32.eqz (global.get $calls))
          (then (global.set $calls (i32.const 1)) (i32.const 1031))
          (else
            ;; A string that turns out longer than it was taken for is given more room in place.
            (i32.const 32768)))))
    (core instance $memory (instantiate $memory))

    (core func $shout' (canon lower (func $shout)
      (memory (core memory $memory "memory"))
      (realloc (core func $memory "realloc"))))

    (core module $module
      (import "memory" "memory" (memory 1))
      (import "shouter" "shout" (func $shout (param i32 i32 i32)))

      ;; Gives back what the shouter wrote at 8: the address and the length of its answer.
      (func (export "greet") (param $name i32) (param $length i32) (result i32)
        (i32.store8 (i32.add (local.get $name) (local.get $length)) (i32.const 33)) ;; "!"
        (call $shout
          (i32.const 1024)
          (i32.add (local.get $length) (i32.const 8)) ;; 7 + length + 1
          (i32.const 8))
        i32.const 8))
    (core instance $it (instantiate $module
      (with "memory" (instance $memory))
      (with "shouter" (instance (export "shout" (func $shout'))))))
    (func (export "greet") (param "name" string) (result string)
      (canon lift (core func $it "greet")
        (memory (core memory $memory "memory"))
        (realloc (core func $memory "realloc")))))

  (instance $shouter (instantiate $shouter))
  (instance $greeter (instantiate $greeter (with "shout" (func $shouter "shout"))))
  (export "greet" (func $greeter "greet")))
