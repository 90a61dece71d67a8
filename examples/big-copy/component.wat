;; big-copy: hands the host 2 MiB in one call.
;;
;; What a guest passes to the host is copied into the host's memory before the host's function sees
;; it. The bytes that one call may copy are limited, so the guest is stopped before the copy is made.
(component
  (import "wasi:io/error@0.2.0" (instance $errors
    (export "error" (type (sub resource)))))
  (alias export $errors "error" (type $error))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (export "output-stream" (type $output-stream (sub resource)))
    (alias outer 1 $error (type $error))
    (type $variant (variant (case "last-operation-failed" (own $error)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $variant)))
    (export "[method]output-stream.write" (func
      (param "self" (borrow $output-stream)) (param "contents" (list u8))
      (result (result (error $stream-error)))))))
  (alias export $streams "output-stream" (type $output-stream))
  (import "wasi:cli/stdout@0.2.0" (instance $stdout
    (alias outer 1 $output-stream (type $output-stream))
    (export "get-stdout" (func (result (own $output-stream))))))

  ;; The host reads lists from the guest's memory, so the memory has to exist before the host's
  ;; function can be lowered: it gets a module of its own.
  (core module $memory-module
    (memory (export "memory") 32)) ;; 2 MiB, in pages of 64 KiB
  (core instance $memory (instantiate $memory-module))
  (core func $get-stdout (canon lower (func $stdout "get-stdout")))
  (core func $write (canon lower (func $streams "[method]output-stream.write")
    (memory (core memory $memory "memory"))))

  (core module $module
    (import "host" "get-stdout" (func $get-stdout (result i32)))
    (import "host" "write"
      (func $write (param $stream i32) (param $address i32) (param $length i32) (param $result i32)))
    (func (export "run") (result i32)
      ;; All of our memory, from address 0 on. The result would be written to address 0.
      (call $write (call $get-stdout) (i32.const 0) (i32.const 0x200000) (i32.const 0))
      i32.const 0))
  (core instance $guest (instantiate $module
    (with "host" (instance
      (export "get-stdout" (func $get-stdout))
      (export "write" (func $write))))))

  (func $run (result (result)) (canon lift (core func $guest "run")))
  (instance (export "wasi:cli/run@0.2.0")
    (export "run" (func $run))))
