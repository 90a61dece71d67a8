;; trap: prints a line, then divides by zero.
;;
;; A trap is WebAssembly's crash: the guest is over and nothing in it can catch that. What it wrote
;; before stays written. Nothing that it touched outside of its own memory is damaged.
(component
  ;; The resources and types of `wasi:io` that writing to a stream needs. An instance's type names a
  ;; resource of another instance through an alias: `outer 1` is the component around the type.
  (import "wasi:io/error@0.2.0" (instance $errors
    (export "error" (type (sub resource)))))
  (alias export $errors "error" (type $error))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (export "output-stream" (type $output-stream (sub resource)))
    (alias outer 1 $error (type $error))
    (type $variant (variant (case "last-operation-failed" (own $error)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $variant)))
    (export "[method]output-stream.blocking-write-and-flush" (func
      (param "self" (borrow $output-stream)) (param "contents" (list u8))
      (result (result (error $stream-error)))))))
  (alias export $streams "output-stream" (type $output-stream))
  (import "wasi:cli/stdout@0.2.0" (instance $stdout
    (alias outer 1 $output-stream (type $output-stream))
    (export "get-stdout" (func (result (own $output-stream))))))

  ;; The host reads lists from the guest's memory, so the memory has to exist before the host's
  ;; function can be lowered: it gets a module of its own.
  (core module $memory-module
    (memory (export "memory") 1)
    (data (i32.const 16) "about to divide by zero\n")) ;; 24 bytes
  (core instance $memory (instantiate $memory-module))
  (core func $get-stdout (canon lower (func $stdout "get-stdout")))
  (core func $write (canon lower (func $streams "[method]output-stream.blocking-write-and-flush")
    (memory (core memory $memory "memory"))))

  (core module $module
    (import "host" "get-stdout" (func $get-stdout (result i32)))
    (import "host" "write"
      (func $write (param $stream i32) (param $address i32) (param $length i32) (param $result i32)))
    (func (export "run") (result i32)
      ;; Whether the write worked is stored at address 0, and this guest does not look.
      (call $write (call $get-stdout) (i32.const 16) (i32.const 24) (i32.const 0))
      (i32.div_u (i32.const 1) (i32.const 0))))
  (core instance $guest (instantiate $module
    (with "host" (instance
      (export "get-stdout" (func $get-stdout))
      (export "write" (func $write))))))

  (func $run (result (result)) (canon lift (core func $guest "run")))
  (instance (export "wasi:cli/run@0.2.0")
    (export "run" (func $run))))
