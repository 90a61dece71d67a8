;; A guest that can do, one function each, what a guest can do to a host.
(component
  (import "wait" (func $wait))
  (import "pause" (func $pause (param "ms" u32)))
  (import "charge" (func $charge (param "units" u64)))
  (import "fuel-left" (func $fuel-left (result u64)))

  (core func $host-wait (canon lower (func $wait)))
  (core func $host-pause (canon lower (func $pause)))
  (core func $host-charge (canon lower (func $charge)))
  (core func $host-fuel-left (canon lower (func $fuel-left)))

  (core module $m
    (import "host" "wait" (func $wait))
    (import "host" "pause" (func $pause (param i32)))
    (import "host" "charge" (func $charge (param i64)))
    (import "host" "fuel-left" (func $fuel-left (result i64)))
    (memory 1)

    (func (export "idle"))

    (func (export "spin")
      (loop $again (br $again)))

    ;; Counts to n, at the same price for each step.
    (func (export "count") (param $n i32) (result i32)
      (local $i i32)
      (loop $again
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $i) (local.get $n))))
      (local.get $i))

    ;; One instruction that costs a unit for each byte.
    (func (export "fill") (param $bytes i32)
      (memory.fill (i32.const 0) (i32.const 7) (local.get $bytes)))

    (func (export "grow") (param $pages i32) (result i32)
      (memory.grow (local.get $pages)))

    (func (export "trap") unreachable)

    (func (export "wait") (call $wait))
    (func (export "pause") (param i32) (call $pause (local.get 0)))
    (func (export "charge") (param i64) (call $charge (local.get 0)))
    (func (export "fuel-left") (result i64) (call $fuel-left)))

  (core instance $i (instantiate $m
    (with "host" (instance
      (export "wait" (func $host-wait))
      (export "pause" (func $host-pause))
      (export "charge" (func $host-charge))
      (export "fuel-left" (func $host-fuel-left))))))

  (func (export "idle") (canon lift (core func $i "idle")))
  (func (export "spin") (canon lift (core func $i "spin")))
  (func (export "count") (param "n" u32) (result u32) (canon lift (core func $i "count")))
  (func (export "fill") (param "bytes" u32) (canon lift (core func $i "fill")))
  (func (export "grow") (param "pages" u32) (result s32) (canon lift (core func $i "grow")))
  (func (export "trap") (canon lift (core func $i "trap")))
  (func (export "wait") (canon lift (core func $i "wait")))
  (func (export "pause") (param "ms" u32) (canon lift (core func $i "pause")))
  (func (export "charge") (param "units" u64) (canon lift (core func $i "charge")))
  (func (export "fuel-left") (result u64) (canon lift (core func $i "fuel-left"))))
