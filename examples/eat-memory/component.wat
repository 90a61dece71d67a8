;; eat-memory: takes one page of memory after the other, and writes to each, until it gets no more.
;;
;; A refused `memory.grow` does not stop a guest: it returns -1 and the guest decides what to do.
;; Most programs abort when they cannot allocate, and so does this one. The run therefore ends as
;; a trap; the report shows the refusal that led to it.
(component
  (core module $module
    (memory 1) ;; pages of 64 KiB

    (func (export "run") (result i32)
      (local $page i32)
      (local $at i32)
      (local $end i32)
      (loop $eat
        (local.set $page (memory.grow (i32.const 1))) ;; the new page's number, or -1
        (if (i32.eq (local.get $page) (i32.const -1))
          (then unreachable)) ;; out of memory: give up

        ;; Write to each 4 KiB of the new page, so that the machine really has to provide it.
        (local.set $at (i32.shl (local.get $page) (i32.const 16)))
        (local.set $end (i32.add (local.get $at) (i32.const 65536)))
        (loop $touch
          (i32.store8 (local.get $at) (i32.const 1))
          (local.set $at (i32.add (local.get $at) (i32.const 4096)))
          (br_if $touch (i32.lt_u (local.get $at) (local.get $end))))
        br $eat)
      unreachable))
  (core instance $guest (instantiate $module))

  (func $run (result (result)) (canon lift (core func $guest "run")))
  (instance (export "wasi:cli/run@0.2.0")
    (export "run" (func $run))))
