;; burn: counts for ever, and runs out of fuel.
;;
;; Most instructions cost one unit of fuel. The same guest with the same input burns the same fuel
;; on every machine, so where it stops does not depend on how fast or how busy the machine is.
(component
  (core module $module
    (func (export "run") (result i32)
      (local $count i64)
      (loop $again
        (local.set $count (i64.add (local.get $count) (i64.const 1)))
        br $again)
      unreachable))
  (core instance $guest (instantiate $module))

  (func $run (result (result)) (canon lift (core func $guest "run")))
  (instance (export "wasi:cli/run@0.2.0")
    (export "run" (func $run))))
