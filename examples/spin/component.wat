;; spin: loops for ever and never calls the host.
;;
;; Nothing in here ever gives way, so a plain timer around the call would never fire. The deadline
;; works because the runtime interrupts the loop itself, every so many instructions, to read the clock.
(component
  ;; The code of a component lives in core modules. This one imports nothing and has no memory.
  (core module $module
    (func (export "run") (result i32)
      (loop $again
        br $again)
      unreachable))
  (core instance $guest (instantiate $module))

  ;; `wasi:cli/run` is the `main` of a component: one function that returns ok or an error.
  ;; `canon lift` gives the core function that type: an i32 result of 0 is ok, 1 is an error.
  (func $run (result (result)) (canon lift (core func $guest "run")))
  (instance (export "wasi:cli/run@0.2.0")
    (export "run" (func $run))))
