;; too-big: asks for 2 MiB before its first instruction runs.
;;
;; The memory that a module declares is part of the total. Here it does not fit, so the component
;; is refused when it is instantiated and `run` is never entered.
(component
  (core module $module
    (memory 32) ;; pages of 64 KiB
    (func (export "run") (result i32)
      i32.const 0))
  (core instance $guest (instantiate $module))

  (func $run (result (result)) (canon lift (core func $guest "run")))
  (instance (export "wasi:cli/run@0.2.0")
    (export "run" (func $run))))
