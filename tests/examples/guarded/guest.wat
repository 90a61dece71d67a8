;; A guest that asks its host for something again and again until the host refuses, and then tells
;; what it read in the refusal.
(component
  (import "example:guarded/io" (instance $io
    (type $over-quota' (record
      (field "used" u64) (field "limit" u64) (field "retry-ms" (option u64))))
    (export "over-quota" (type $over-quota (eq $over-quota')))
    (type $refusal' (variant
      (case "denied") (case "over-quota" $over-quota) (case "host-full" (option u64))
      (case "failed")))
    (export "refusal" (type $refusal (eq $refusal')))
    (export "write" (func
      (param "path" string) (param "data" (list u8)) (result (result (error $refusal)))))
    (export "send" (func (param "topic" string) (result (result (error $refusal)))))
    (export "transfer" (func
      (param "to" string) (param "bytes" u64) (result (result (error $refusal)))))
    (export "write-or-end" (func (param "path" string) (param "data" (list u8))))))

  (core module $m
    (memory (export "memory") 1)
    ;; There is one string at a time, of a call's parameters.
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $m (instantiate $m))
  (alias core export $m "memory" (core memory $memory))
  (alias core export $m "realloc" (core func $realloc))

  (core func $write (canon lower (func $io "write") (memory $memory)))
  (core func $send (canon lower (func $io "send") (memory $memory)))
  (core func $transfer (canon lower (func $io "transfer") (memory $memory)))
  (core func $write-or-end (canon lower (func $io "write-or-end") (memory $memory)))

  (core module $g
    (import "host" "memory" (memory 1))
    (import "host" "write" (func $write (param i32 i32 i32 i32 i32)))
    (import "host" "send" (func $send (param i32 i32 i32)))
    (import "host" "transfer" (func $transfer (param i32 i32 i64 i32)))
    (import "host" "write-or-end" (func $write-or-end (param i32 i32 i32 i32)))

    ;; The host answers at 128: refused at 0, case at 8; for over-quota used at 16, limit at 24,
    ;; whether there is a time to retry at 32, that time at 40; for host-full whether at 16, that
    ;; time at 24. What the guest tells is at 256: successful calls,
    ;; 0 or the case plus 1, used, limit, time to retry or all ones.
    (func $tell (param $calls i32) (result i32)
      (local $retry i32)
      (i32.store (i32.const 256) (local.get $calls))
      (if (i32.load8_u (i32.const 128)) (then
        (i32.store (i32.const 260) (i32.add (i32.load8_u (i32.const 136)) (i32.const 1)))))
      (i64.store (i32.const 264) (i64.load (i32.const 144)))
      (i64.store (i32.const 272) (i64.load (i32.const 152)))
      (local.set $retry (select (i32.const 144) (i32.const 160)
        (i32.eq (i32.load8_u (i32.const 136)) (i32.const 2))))
      (i64.store (i32.const 280)
        (if (result i64) (i32.load8_u (local.get $retry))
          (then (i64.load offset=8 (local.get $retry)))
          (else (i64.const -1))))
      (i32.const 256))

    (func (export "write")
      (param $path i32) (param $len i32) (param $size i32) (param $times i32) (result i32)
      (local $calls i32)
      (block $end
        (loop $again
          (br_if $end (i32.ge_u (local.get $calls) (local.get $times)))
          (call $write (local.get $path) (local.get $len)
            (i32.const 4096) (local.get $size) (i32.const 128))
          (br_if $end (i32.load8_u (i32.const 128)))
          (local.set $calls (i32.add (local.get $calls) (i32.const 1)))
          (br $again)))
      (call $tell (local.get $calls)))

    (func (export "send") (param $topic i32) (param $len i32) (param $times i32) (result i32)
      (local $calls i32)
      (block $end
        (loop $again
          (br_if $end (i32.ge_u (local.get $calls) (local.get $times)))
          (call $send (local.get $topic) (local.get $len) (i32.const 128))
          (br_if $end (i32.load8_u (i32.const 128)))
          (local.set $calls (i32.add (local.get $calls) (i32.const 1)))
          (br $again)))
      (call $tell (local.get $calls)))

    (func (export "transfer")
      (param $to i32) (param $len i32) (param $bytes i64) (param $times i32) (result i32)
      (local $calls i32)
      (block $end
        (loop $again
          (br_if $end (i32.ge_u (local.get $calls) (local.get $times)))
          (call $transfer (local.get $to) (local.get $len) (local.get $bytes) (i32.const 128))
          (br_if $end (i32.load8_u (i32.const 128)))
          (local.set $calls (i32.add (local.get $calls) (i32.const 1)))
          (br $again)))
      (call $tell (local.get $calls)))

    ;; This one is not told; the host ends it.
    (func (export "write-or-end")
      (param $path i32) (param $len i32) (param $size i32) (param $times i32) (result i32)
      (local $calls i32)
      (block $end
        (loop $again
          (br_if $end (i32.ge_u (local.get $calls) (local.get $times)))
          (call $write-or-end (local.get $path) (local.get $len)
            (i32.const 4096) (local.get $size))
          (local.set $calls (i32.add (local.get $calls) (i32.const 1)))
          (br $again)))
      (call $tell (local.get $calls))))

  (core instance $g (instantiate $g
    (with "host" (instance
      (export "memory" (memory $memory))
      (export "write" (func $write))
      (export "send" (func $send))
      (export "transfer" (func $transfer))
      (export "write-or-end" (func $write-or-end))))))

  (type $told (tuple u32 u32 u64 u64 u64))
  (func (export "write")
    (param "path" string) (param "size" u32) (param "times" u32) (result $told)
    (canon lift (core func $g "write") (memory $memory) (realloc $realloc)))
  (func (export "send") (param "topic" string) (param "times" u32) (result $told)
    (canon lift (core func $g "send") (memory $memory) (realloc $realloc)))
  (func (export "transfer")
    (param "to" string) (param "bytes" u64) (param "times" u32) (result $told)
    (canon lift (core func $g "transfer") (memory $memory) (realloc $realloc)))
  (func (export "write-or-end")
    (param "path" string) (param "size" u32) (param "times" u32) (result $told)
    (canon lift (core func $g "write-or-end") (memory $memory) (realloc $realloc))))
