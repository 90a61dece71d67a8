//! The parts of the host that a guest can reach: only those that were granted.

use std::fs;

use serde_json::json;

use crate::command::{ALL_FILES, Case, ROOMY};
use crate::guests::{against, command};

/// Opens the file `name` in the first directory that was given, to read it or, with `create`, to
/// make it, and prints WASI's error number.
fn opener(name: &str, create: bool) -> Vec<u8> {
    let (flags, rights) = if create { (1, 64) } else { (0, 2) };
    command(
        name,
        &format!(
            "(call $print_number (call $path_open
                (i32.const 3) (i32.const 0) (i32.const 1024) (i32.const {})
                (i32.const {flags}) (i64.const {rights}) (i64.const 0) (i32.const 0)
                (i32.const 64)))",
            name.len()
        ),
    )
}

const OK: &str = "00\n";
/// `badf`: there is no such descriptor.
const NO_DESCRIPTOR: &str = "08\n";
/// `perm`: not permitted.
const NOT_PERMITTED: &str = "63\n";

/// A component that may use everything in the directories that it is given.
fn with_files(guest: Vec<u8>) -> Case {
    Case::new(&format!("{ROOMY}{ALL_FILES}"), guest)
}

#[test]
fn without_a_grant_there_are_no_files() {
    let case = with_files(opener("Component.toml", false));
    assert_eq!(case.run(&[]).stdout, NO_DESCRIPTOR);
}

#[test]
fn a_granted_directory_can_be_read_and_written() {
    for (guest, name) in
        [(opener("old.txt", false), "old.txt"), (opener("new.txt", true), "new.txt")]
    {
        let case = with_files(guest);
        fs::create_dir(case.path("data")).unwrap();
        case.write("data/old.txt", "");
        assert_eq!(case.run(&["--dir", "data::/data"]).stdout, OK);
        assert!(case.path("data").join(name).exists());
    }
}

#[test]
fn a_directory_granted_for_reading_cannot_be_written() {
    let reader = with_files(opener("Component.toml", false));
    assert_eq!(reader.run(&["--dir", ".::/data:ro"]).stdout, OK);
    let writer = with_files(opener("new.txt", true));
    assert_eq!(writer.run(&["--dir", ".::/data:ro"]).stdout, NOT_PERMITTED);
    for typo in [".::/data:RO", ".::/data:r"] {
        assert_eq!(writer.run(&["--dir", typo]).code, Some(2));
    }
    assert!(!writer.path("new.txt").exists());
}

#[test]
fn a_granted_directory_cannot_be_left() {
    let case = with_files(opener("../Component.toml", false));
    fs::create_dir(case.path("inside")).unwrap();
    assert_eq!(case.run(&["--dir", "inside::/data"]).stdout, NOT_PERMITTED);
}

#[test]
fn the_guest_sees_only_the_variables_it_was_given() {
    let guest = command(
        "",
        "(drop (call $environ_sizes (i32.const 0) (i32.const 4)))
         (i32.store (i32.const 40) (i32.load (i32.const 4)))
         (drop (call $environ (i32.const 4096) (i32.const 8192)))
         (call $print (i32.const 1) (i32.const 8192) (i32.load (i32.const 40)))",
    );
    let case = Case::new(ROOMY, guest);
    assert_eq!(case.run(&[]).stdout, "");
    assert_eq!(case.run(&["--env", "A=1", "--env", "B=x=y"]).stdout, "A=1\0B=x=y\0");
}

#[test]
fn the_guest_gets_its_name_and_its_arguments() {
    let guest = command(
        "",
        "(drop (call $args_sizes (i32.const 0) (i32.const 4)))
         (i32.store (i32.const 40) (i32.load (i32.const 4)))
         (drop (call $args (i32.const 4096) (i32.const 8192)))
         (call $print (i32.const 1) (i32.const 8192) (i32.load (i32.const 40)))",
    );
    assert_eq!(Case::new(ROOMY, guest).run(&["--", "--x", "y z"]).stdout, "guest\0--x\0y z\0");
}

#[test]
fn every_socket_and_every_look_up_is_refused() {
    let wit = "package test:guest;
        world guest {
            import wasi:sockets/instance-network@0.2.0;
            import wasi:sockets/tcp-create-socket@0.2.0;
            import wasi:sockets/udp-create-socket@0.2.0;
            import wasi:sockets/ip-name-lookup@0.2.0;
            export wasi:cli/run@0.2.0;
        }
        package wasi:cli@0.2.0 { interface run { run: func() -> result; } }
        package wasi:sockets@0.2.0 {
            interface network {
                resource network;
                enum error-code {
                    unknown, access-denied, not-supported, invalid-argument, out-of-memory,
                    timeout, concurrency-conflict, not-in-progress, would-block, invalid-state,
                    new-socket-limit, address-not-bindable, address-in-use, remote-unreachable,
                    connection-refused, connection-reset, connection-aborted, datagram-too-large,
                    name-unresolvable, temporary-resolver-failure, permanent-resolver-failure,
                }
                enum ip-address-family { ipv4, ipv6 }
            }
            interface instance-network {
                use network.{network};
                instance-network: func() -> network;
            }
            interface tcp { resource tcp-socket; }
            interface udp { resource udp-socket; }
            interface tcp-create-socket {
                use network.{error-code, ip-address-family};
                use tcp.{tcp-socket};
                create-tcp-socket: func(family: ip-address-family)
                    -> result<tcp-socket, error-code>;
            }
            interface udp-create-socket {
                use network.{error-code, ip-address-family};
                use udp.{udp-socket};
                create-udp-socket: func(family: ip-address-family)
                    -> result<udp-socket, error-code>;
            }
            interface ip-name-lookup {
                use network.{network, error-code};
                resource resolve-address-stream;
                resolve-addresses: func(network: borrow<network>, name: string)
                    -> result<resolve-address-stream, error-code>;
            }
        }";
    // Fails with the index of the first call that was not refused as it must be: 1 is
    // access-denied, 20 permanent-resolver-failure.
    let module = r#"(module
        (import "wasi:sockets/instance-network@0.2.0" "instance-network"
            (func $network (result i32)))
        (import "wasi:sockets/tcp-create-socket@0.2.0" "create-tcp-socket"
            (func $tcp (param i32 i32)))
        (import "wasi:sockets/udp-create-socket@0.2.0" "create-udp-socket"
            (func $udp (param i32 i32)))
        (import "wasi:sockets/ip-name-lookup@0.2.0" "resolve-addresses"
            (func $look_up (param i32 i32 i32 i32)))
        (memory (export "memory") 1)
        (data (i32.const 64) "localhost")
        (func $must_be (param $code i32)
            (if (i32.ne (i32.load8_u (i32.const 0)) (i32.const 1)) (then unreachable))
            (if (i32.ne (i32.load8_u (i32.const 4)) (local.get $code)) (then unreachable)))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
        (func (export "wasi:cli/run@0.2.0#run") (result i32)
            (call $tcp (i32.const 0) (i32.const 0))
            (call $must_be (i32.const 1))
            (call $udp (i32.const 1) (i32.const 0))
            (call $must_be (i32.const 1))
            (call $look_up (call $network) (i32.const 64) (i32.const 9) (i32.const 0))
            (call $must_be (i32.const 20))
            (i32.const 0)))"#;
    let (ended, json) = Case::new(ROOMY, against(wit, module)).json(&[]);
    assert_eq!((ended.code, &json["outcome"]), (Some(0), &json!("success")), "{ended:?}");
}

#[test]
fn every_http_request_is_refused_with_wasis_own_error() {
    let wit = "package test:guest;
        world guest {
            import wasi:http/outgoing-handler@0.2.0;
            export wasi:cli/run@0.2.0;
        }
        package wasi:cli@0.2.0 { interface run { run: func() -> result; } }
        package wasi:io@0.2.0 {
            interface poll { resource pollable { block: func(); } }
        }
        package wasi:http@0.2.0 {
            interface types {
                use wasi:io/poll@0.2.0.{pollable};
                record DNS-error-payload { rcode: option<string>, info-code: option<u16> }
                record TLS-alert-received-payload {
                    alert-id: option<u8>, alert-message: option<string>,
                }
                record field-size-payload {
                    field-name: option<string>, field-size: option<u32>,
                }
                variant error-code {
                    DNS-timeout, DNS-error(DNS-error-payload), destination-not-found,
                    destination-unavailable, destination-IP-prohibited,
                    destination-IP-unroutable, connection-refused, connection-terminated,
                    connection-timeout, connection-read-timeout, connection-write-timeout,
                    connection-limit-reached, TLS-protocol-error, TLS-certificate-error,
                    TLS-alert-received(TLS-alert-received-payload), HTTP-request-denied,
                    HTTP-request-length-required, HTTP-request-body-size(option<u64>),
                    HTTP-request-method-invalid, HTTP-request-URI-invalid,
                    HTTP-request-URI-too-long, HTTP-request-header-section-size(option<u32>),
                    HTTP-request-header-size(option<field-size-payload>),
                    HTTP-request-trailer-section-size(option<u32>),
                    HTTP-request-trailer-size(field-size-payload), HTTP-response-incomplete,
                    HTTP-response-header-section-size(option<u32>),
                    HTTP-response-header-size(field-size-payload),
                    HTTP-response-body-size(option<u64>),
                    HTTP-response-trailer-section-size(option<u32>),
                    HTTP-response-trailer-size(field-size-payload),
                    HTTP-response-transfer-coding(option<string>),
                    HTTP-response-content-coding(option<string>), HTTP-response-timeout,
                    HTTP-upgrade-failed, HTTP-protocol-error, loop-detected,
                    configuration-error, internal-error(option<string>),
                }
                resource fields { constructor(); }
                resource incoming-response;
                resource request-options;
                resource outgoing-request {
                    constructor(headers: fields);
                    set-authority: func(authority: option<string>) -> result;
                    set-path-with-query: func(path: option<string>) -> result;
                }
                resource future-incoming-response {
                    subscribe: func() -> pollable;
                    get: func() -> option<result<result<incoming-response, error-code>>>;
                }
            }
            interface outgoing-handler {
                use types.{outgoing-request, request-options, future-incoming-response,
                    error-code};
                handle: func(request: outgoing-request, options: option<request-options>)
                    -> result<future-incoming-response, error-code>;
            }
        }";
    let module = r#"(module
        (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
        (import "wasi:http/types@0.2.0" "[constructor]fields" (func $fields (result i32)))
        (import "wasi:http/types@0.2.0" "[constructor]outgoing-request"
            (func $request (param i32) (result i32)))
        (import "wasi:http/types@0.2.0" "[method]outgoing-request.set-authority"
            (func $authority (param i32 i32 i32 i32) (result i32)))
        (import "wasi:http/types@0.2.0" "[method]outgoing-request.set-path-with-query"
            (func $path (param i32 i32 i32 i32) (result i32)))
        (import "wasi:http/types@0.2.0" "[method]future-incoming-response.subscribe"
            (func $subscribe (param i32) (result i32)))
        (import "wasi:http/types@0.2.0" "[method]future-incoming-response.get"
            (func $get (param i32 i32)))
        (import "wasi:http/outgoing-handler@0.2.0" "handle"
            (func $handle (param i32 i32 i32 i32)))
        (memory (export "memory") 1)
        (data (i32.const 256) "localhost/")
        (func $must (param $is i32) (param $be i32)
            (if (i32.ne (local.get $is) (local.get $be)) (then unreachable)))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
        (func (export "wasi:cli/run@0.2.0#run") (result i32)
            (local $request i32) (local $response i32)
            (local.set $request (call $request (call $fields)))
            (call $must (call $authority (local.get $request)
                (i32.const 1) (i32.const 256) (i32.const 9)) (i32.const 0))
            (call $must (call $path (local.get $request)
                (i32.const 1) (i32.const 265) (i32.const 1)) (i32.const 0))
            (call $handle (local.get $request) (i32.const 0) (i32.const 0) (i32.const 0))
            ;; err(HTTP-request-denied), or a response to come, which a build without HTTP gives.
            (if (i32.load8_u (i32.const 0)) (then
                (call $must (i32.load8_u (i32.const 8)) (i32.const 15))
                (return (i32.const 0))))
            (local.set $response (i32.load (i32.const 8)))
            (call $block (call $subscribe (local.get $response)))
            (call $get (local.get $response) (i32.const 64))
            ;; some(ok(err(HTTP-request-denied)))
            (call $must (i32.load8_u (i32.const 64)) (i32.const 1))
            (call $must (i32.load8_u (i32.const 72)) (i32.const 0))
            (call $must (i32.load8_u (i32.const 80)) (i32.const 1))
            (call $must (i32.load8_u (i32.const 88)) (i32.const 15))
            (i32.const 0)))"#;
    let (ended, json) = Case::new(ROOMY, against(wit, module)).json(&[]);
    assert_eq!((ended.code, &json["outcome"]), (Some(0), &json!("success")), "{ended:?}");
}
