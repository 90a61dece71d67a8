;; sleep: waits on a clock for ever, and uses next to no CPU while it does.
;;
;; Fuel cannot stop this guest, since it executes nothing. The deadline does: it also covers the
;; time that a guest spends waiting inside the host.
(component
  ;; A pollable is the host's "wake me when": a resource, which the guest holds by its handle.
  (import "wasi:io/poll@0.2.0" (instance $poll
    (export "pollable" (type $pollable (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
  (alias export $poll "pollable" (type $pollable))

  ;; The clock hands out pollables, so its type must name the very same resource: `outer 1` reaches
  ;; from inside the instance's type to the component around it.
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $pollable))
    (export "subscribe-duration" (func (param "when" u64) (result (own $pollable))))))

  ;; `canon lower` turns a typed function of the host into one that a core module can call:
  ;; a handle becomes an i32, a u64 an i64.
  (core func $subscribe (canon lower (func $clock "subscribe-duration")))
  (core func $block (canon lower (func $poll "[method]pollable.block")))

  (core module $module
    (import "host" "subscribe-duration" (func $subscribe (param $nanoseconds i64) (result i32)))
    (import "host" "block" (func $block (param $pollable i32)))

    (func (export "run") (result i32)
      ;; As an unsigned number -1 is the largest duration there is: 584 years.
      (call $block (call $subscribe (i64.const -1)))
      i32.const 0))
  (core instance $guest (instantiate $module
    (with "host" (instance
      (export "subscribe-duration" (func $subscribe))
      (export "block" (func $block))))))

  (func $run (result (result)) (canon lift (core func $guest "run")))
  (instance (export "wasi:cli/run@0.2.0")
    (export "run" (func $run))))
