;; too-many-handles: asks for its standard output over and over and never lets go of it.
;;
;; A handle costs the guest nothing and the host an object, outside of the guest's memory, where
;; the memory limit does not see it. So the number of objects that a guest may hold is limited too.
(component
  (import "wasi:io/streams@0.2.0" (instance $streams
    (export "output-stream" (type (sub resource)))))
  (alias export $streams "output-stream" (type $output-stream))
  (import "wasi:cli/stdout@0.2.0" (instance $stdout
    (alias outer 1 $output-stream (type $output-stream))
    (export "get-stdout" (func (result (own $output-stream))))))
  (core func $get-stdout (canon lower (func $stdout "get-stdout")))

  (core module $module
    (import "host" "get-stdout" (func $get-stdout (result i32)))
    (func (export "run") (result i32)
      (loop $leak
        ;; `drop` forgets the number. It does not give the handle back: `resource.drop` would.
        (drop (call $get-stdout))
        br $leak)
      unreachable))
  (core instance $guest (instantiate $module
    (with "host" (instance
      (export "get-stdout" (func $get-stdout))))))

  (func $run (result (result)) (canon lift (core func $guest "run")))
  (instance (export "wasi:cli/run@0.2.0")
    (export "run" (func $run))))
