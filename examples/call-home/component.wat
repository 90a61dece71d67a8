;; call-home: asks for the address of a host that its capabilities do not name, and hears
;; `access-denied`. Nothing is sent: the host decides before it asks a resolver.
;;
;;   wasm-limits run examples/call-home/Component.toml --tcp --invoke 'look-up()'
(component
  (import "wasi:sockets/network@0.2.0" (instance $types
    (export "network" (type (sub resource)))
    (type $code (enum
      "unknown" "access-denied" "not-supported" "invalid-argument" "out-of-memory" "timeout"
      "concurrency-conflict" "not-in-progress" "would-block" "invalid-state" "new-socket-limit"
      "address-not-bindable" "address-in-use" "remote-unreachable" "connection-refused"
      "connection-reset" "connection-aborted" "datagram-too-large" "name-unresolvable"
      "temporary-resolver-failure" "permanent-resolver-failure"))
    (export "error-code" (type (eq $code)))))
  (alias export $types "network" (type $network))
  (alias export $types "error-code" (type $error-code))
  (import "wasi:sockets/instance-network@0.2.0" (instance $networks
    (alias outer 1 $network (type $network))
    (export "instance-network" (func (result (own $network))))))
  (import "wasi:sockets/ip-name-lookup@0.2.0" (instance $names
    (alias outer 1 $network (type $network))
    (alias outer 1 $error-code (type $error-code))
    (export "resolve-address-stream" (type $stream (sub resource)))
    (export "resolve-addresses" (func
      (param "network" (borrow $network)) (param "name" string)
      (result (result (own $stream) (error $error-code)))))))

  (core module $memory
    (memory (export "memory") 1)
    (data (i32.const 16) "tracker.example.net"))
  (core instance $memory (instantiate $memory))

  (core func $network (canon lower (func $networks "instance-network")))
  ;; The name is read from memory, and the result is written there.
  (core func $resolve (canon lower (func $names "resolve-addresses")
    (memory (core memory $memory "memory"))))

  (core module $module
    (import "host" "network" (func $network (result i32)))
    (import "host" "resolve" (func $resolve (param i32 i32 i32 i32)))
    (import "memory" "memory" (memory 1))
    ;; Returns the address of a result: ok or err in one byte, the code in the fifth. The function
    ;; that is exported has the code in the second.
    (func (export "look-up") (result i32)
      (call $resolve (call $network) (i32.const 16) (i32.const 19) (i32.const 0))
      (i32.store8 (i32.const 1) (i32.load8_u (i32.const 4)))
      (i32.const 0)))
  (core instance $guest (instantiate $module
    (with "memory" (instance $memory))
    (with "host" (instance
      (export "network" (func $network))
      (export "resolve" (func $resolve))))))

  (export $code "error-code" (type $error-code))
  (func (export "look-up") (result (result (error $code)))
    (canon lift (core func $guest "look-up") (memory (core memory $memory "memory")))))
