;; greet: exports plain functions instead of a command.
;;
;;   wasm-limits run examples/greet/Component.toml --invoke 'greet("world")'
;;   wasm-limits run examples/greet/Component.toml --invoke 'example:math/ops#add(20, 22)'
(component
  (core module $module
    (memory (export "memory") 1)

    ;; The greeting is put together in place. "Hello, " takes 7 bytes from 1024 on, the host
    ;; writes the name right behind it, at 1031, and `greet` appends the "!".
    (data (i32.const 1024) "Hello, ")

    ;; The host calls this when it needs room in our memory: here, for the name.
    ;; Real toolchains put their allocator in this place.
    (func (export "realloc")
      (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
      (if (i32.gt_u (local.get $size) (i32.const 60000))
        (then unreachable)) ;; the name would not fit into our one page of 64 KiB
      i32.const 1031)

    ;; A string arrives as its address and its length in bytes (UTF-8). A string is returned as the
    ;; address of such a pair; ours is at 0.
    (func (export "greet") (param $name i32) (param $length i32) (result i32)
      (i32.store8 (i32.add (local.get $name) (local.get $length)) (i32.const 33)) ;; "!"
      (i32.store (i32.const 0) (i32.const 1024))
      (i32.store (i32.const 4) (i32.add (local.get $length) (i32.const 8))) ;; 7 + length + 1
      i32.const 0)

    ;; Numbers need no memory. The sum wraps at 2^32.
    (func (export "add") (param $a i32) (param $b i32) (result i32)
      (i32.add (local.get $a) (local.get $b))))
  (core instance $guest (instantiate $module))

  ;; A function exported by its bare name ...
  (func (export "greet") (param "name" string) (result string)
    (canon lift (core func $guest "greet")
      (memory (core memory $guest "memory"))
      (realloc (core func $guest "realloc"))))

  ;; ... and one inside a named interface.
  (func $add (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $guest "add")))
  (instance (export "example:math/ops")
    (export "add" (func $add))))
