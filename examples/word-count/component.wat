;; word-count: counts the lines, words and bytes of its standard input, as `wc` does for text.
;;
;; A word is a run of bytes that are not white space (space, \t, \n, \v, \f, \r); a line is counted
;; where it ends, at its \n. Any bytes will do. The input is read in pieces of up to 32 KiB and only
;; one piece is in memory at a time, so 64 KiB of memory are enough for an input of any size.
(component
  ;; --- What the guest uses of the host -----------------------------------------------------------
  ;;
  ;; The host has these interfaces as instances; each import lists the part that is used here. Streams
  ;; and errors are resources: objects of the host, which the guest holds by a handle. An instance's
  ;; type names a resource of another instance through an alias: `outer 1` is the component around it.
  (import "wasi:io/error@0.2.0" (instance $errors
    (export "error" (type (sub resource)))))
  (alias export $errors "error" (type $error))

  (import "wasi:io/streams@0.2.0" (instance $streams
    (export "input-stream" (type $input-stream (sub resource)))
    (export "output-stream" (type $output-stream (sub resource)))
    (alias outer 1 $error (type $error))
    (type $variant (variant (case "last-operation-failed" (own $error)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $variant)))
    (export "[method]input-stream.blocking-read" (func
      (param "self" (borrow $input-stream)) (param "len" u64)
      (result (result (list u8) (error $stream-error)))))
    (export "[method]output-stream.blocking-write-and-flush" (func
      (param "self" (borrow $output-stream)) (param "contents" (list u8))
      (result (result (error $stream-error)))))))
  (alias export $streams "input-stream" (type $input-stream))
  (alias export $streams "output-stream" (type $output-stream))

  (import "wasi:cli/stdin@0.2.0" (instance $stdin
    (alias outer 1 $input-stream (type $input-stream))
    (export "get-stdin" (func (result (own $input-stream))))))
  (import "wasi:cli/stdout@0.2.0" (instance $stdout
    (alias outer 1 $output-stream (type $output-stream))
    (export "get-stdout" (func (result (own $output-stream))))))

  ;; --- The guest's memory ------------------------------------------------------------------------
  ;;
  ;; The host reads and writes lists in the guest's memory, so the memory has to exist before the
  ;; host's functions can be lowered: it gets a module of its own.
  ;;
  ;;   address   what is there
  ;;   0         the result of the last call to the host (12 bytes)
  ;;   128..256  the line to print; it is written backwards, from 256 down
  ;;   4096      the piece of input at hand (up to 32 KiB)
  (core module $memory-module
    (memory (export "memory") 1)

    ;; The host calls this when it needs room in our memory. The one thing it ever brings is a piece
    ;; of input, and the piece before is counted by then, so there is one place for all of them.
    (func (export "realloc")
      (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
      (if (i32.gt_u (local.get $size) (i32.const 32768))
        (then unreachable)) ;; never: we ask for no more
      i32.const 4096))
  (core instance $memory (instantiate $memory-module))

  ;; `canon lower` turns a typed function of the host into one that a core module can call.
  (core func $get-stdin (canon lower (func $stdin "get-stdin")))
  (core func $get-stdout (canon lower (func $stdout "get-stdout")))
  (core func $read (canon lower (func $streams "[method]input-stream.blocking-read")
    (memory (core memory $memory "memory"))
    (realloc (core func $memory "realloc"))))
  (core func $write (canon lower (func $streams "[method]output-stream.blocking-write-and-flush")
    (memory (core memory $memory "memory"))))

  ;; --- The program -------------------------------------------------------------------------------
  (core module $module
    (import "memory" "memory" (memory 1))
    (import "host" "get-stdin" (func $get-stdin (result i32)))
    (import "host" "get-stdout" (func $get-stdout (result i32)))
    ;; A result that does not fit into one number is stored in memory, at $result:
    ;;   +0  0 is ok, 1 is an error
    ;;   +4  ok: the list's address. Error: 0 is "last operation failed", 1 is "closed"
    ;;   +8  ok: the list's length
    (import "host" "read" (func $read (param $stream i32) (param $length i64) (param $result i32)))
    (import "host" "write"
      (func $write (param $stream i32) (param $address i32) (param $length i32) (param $result i32)))

    (global $lines (mut i64) (i64.const 0))
    (global $words (mut i64) (i64.const 0))
    (global $bytes (mut i64) (i64.const 0))
    ;; 1 inside a word. It outlives the pieces, so a word that two of them share is counted once.
    (global $in-word (mut i32) (i32.const 0))

    (func (export "run") (result i32)
      (local $stdin i32)
      (local $start i32)
      (local.set $stdin (call $get-stdin))

      ;; Read and count, until the stream is closed.
      (block $closed
        (loop $next
          (call $read (local.get $stdin) (i64.const 32768) (i32.const 0))
          (if (i32.load8_u (i32.const 0)) ;; no list, an error?
            (then
              (br_if $closed (i32.load8_u (i32.const 4)))
              (return (i32.const 1)))) ;; reading failed: so did we
          (call $count (i32.load (i32.const 4)) (i32.load (i32.const 8)))
          br $next))

      ;; "  lines  words  bytes\n", put together from its end.
      (i32.store8 (i32.const 255) (i32.const 10)) ;; "\n"
      (local.set $start (call $prepend (i32.const 255) (global.get $bytes)))
      (local.set $start (call $prepend (local.get $start) (global.get $words)))
      (local.set $start (call $prepend (local.get $start) (global.get $lines)))
      (call $write
        (call $get-stdout)
        (local.get $start)
        (i32.sub (i32.const 256) (local.get $start))
        (i32.const 0))
      ;; As an i32, the result of `run` is 0 for ok and 1 for an error: so is the write's.
      (i32.load8_u (i32.const 0)))

    ;; Counts one piece of the input.
    (func $count (param $at i32) (param $length i32)
      (local $end i32)
      (local $byte i32)
      (local $in-word i32)
      (global.set $bytes (i64.add (global.get $bytes) (i64.extend_i32_u (local.get $length))))
      (local.set $end (i32.add (local.get $at) (local.get $length)))
      (block $done
        (loop $next
          (br_if $done (i32.eq (local.get $at) (local.get $end)))
          (local.set $byte (i32.load8_u (local.get $at)))

          (global.set $lines (i64.add (global.get $lines)
            (i64.extend_i32_u (i32.eq (local.get $byte) (i32.const 10)))))

          ;; In a word now? Not on a space (32), nor on 9 to 13, which are \t \n \v \f \r.
          (local.set $in-word (i32.and
            (i32.ne (local.get $byte) (i32.const 32))
            (i32.gt_u (i32.sub (local.get $byte) (i32.const 9)) (i32.const 4))))
          ;; A word starts where we are in one and were not in one at the byte before.
          (global.set $words (i64.add (global.get $words)
            (i64.extend_i32_u (i32.gt_u (local.get $in-word) (global.get $in-word)))))
          (global.set $in-word (local.get $in-word))

          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          br $next)))

    ;; Writes two spaces and $number in decimal so that they end just before $at.
    ;; Returns where they start.
    (func $prepend (param $at i32) (param $number i64) (result i32)
      (loop $digit
        (local.set $at (i32.sub (local.get $at) (i32.const 1)))
        (i32.store8 (local.get $at)
          (i32.add (i32.const 48) ;; "0"
            (i32.wrap_i64 (i64.rem_u (local.get $number) (i64.const 10)))))
        (local.set $number (i64.div_u (local.get $number) (i64.const 10)))
        (br_if $digit (i64.ne (local.get $number) (i64.const 0))))
      (local.set $at (i32.sub (local.get $at) (i32.const 2)))
      (i32.store16 (local.get $at) (i32.const 0x2020)) ;; two spaces
      (local.get $at)))
  (core instance $guest (instantiate $module
    (with "memory" (instance $memory))
    (with "host" (instance
      (export "get-stdin" (func $get-stdin))
      (export "get-stdout" (func $get-stdout))
      (export "read" (func $read))
      (export "write" (func $write))))))

  ;; --- What the host calls -----------------------------------------------------------------------
  ;;
  ;; `wasi:cli/run` is the `main` of a component: one function that returns ok or an error.
  (func $run (result (result)) (canon lift (core func $guest "run")))
  (instance (export "wasi:cli/run@0.2.0")
    (export "run" (func $run))))
