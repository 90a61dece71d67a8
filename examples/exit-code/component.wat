;; exit-code: ends itself with an error, through `wasi:cli/exit`.
;;
;; No limit stops it. A guest that fails on its own terms has an outcome of its own, `exit`, and the
;; command passes the guest's exit code on: 0 for ok, 1 for an error.
(component
  (import "wasi:cli/exit@0.2.0" (instance $exit
    (export "exit" (func (param "status" (result))))))
  (core func $exit (canon lower (func $exit "exit")))

  (core module $module
    (import "host" "exit" (func $exit (param $status i32)))
    (func (export "run") (result i32)
      (call $exit (i32.const 1)) ;; 0 is ok, 1 is an error
      unreachable)) ;; `exit` does not return
  (core instance $guest (instantiate $module
    (with "host" (instance
      (export "exit" (func $exit))))))

  (func $run (result (result)) (canon lift (core func $guest "run")))
  (instance (export "wasi:cli/run@0.2.0")
    (export "run" (func $run))))
