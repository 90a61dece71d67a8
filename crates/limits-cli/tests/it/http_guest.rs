//! A guest that makes an HTTP request, for `--invoke`.

use std::sync::LazyLock;

use crate::guests::against;

/// Exports `get`, which asks for `/` of an authority, over TLS or not. Returns the status of the
/// response if its whole body came, or else 1000 and the place of the error among WASI's.
pub(crate) static HTTP_GUEST: LazyLock<Vec<u8>> = LazyLock::new(|| against(WIT, MODULE));

/// The result of a request that was denied.
pub(crate) const REQUEST_DENIED: u32 = 1_015;

const WIT: &str = "
package test:guest;

world guest {
    import wasi:http/outgoing-handler@0.2.0;
    export get: func(authority: string, tls: bool) -> u32;
}

package wasi:io@0.2.0 {
    interface poll { resource pollable { block: func(); } }
    interface error { resource error; }
    interface streams {
        use error.{error};
        variant stream-error { last-operation-failed(error), closed }
        resource input-stream {
            blocking-read: func(len: u64) -> result<list<u8>, stream-error>;
        }
    }
}

package wasi:http@0.2.0 {
    interface types {
        use wasi:io/poll@0.2.0.{pollable};
        use wasi:io/streams@0.2.0.{input-stream};
        variant scheme { HTTP, HTTPS, other(string) }
        record DNS-error-payload { rcode: option<string>, info-code: option<u16> }
        record TLS-alert-received-payload { alert-id: option<u8>, alert-message: option<string> }
        record field-size-payload { field-name: option<string>, field-size: option<u32> }
        variant error-code {
            DNS-timeout, DNS-error(DNS-error-payload), destination-not-found,
            destination-unavailable, destination-IP-prohibited, destination-IP-unroutable,
            connection-refused, connection-terminated, connection-timeout,
            connection-read-timeout, connection-write-timeout, connection-limit-reached,
            TLS-protocol-error, TLS-certificate-error,
            TLS-alert-received(TLS-alert-received-payload), HTTP-request-denied,
            HTTP-request-length-required, HTTP-request-body-size(option<u64>),
            HTTP-request-method-invalid, HTTP-request-URI-invalid, HTTP-request-URI-too-long,
            HTTP-request-header-section-size(option<u32>),
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
            HTTP-upgrade-failed, HTTP-protocol-error, loop-detected, configuration-error,
            internal-error(option<string>),
        }
        resource fields { constructor(); }
        resource incoming-body {
            %stream: func() -> result<input-stream>;
        }
        resource incoming-response {
            status: func() -> u16;
            consume: func() -> result<incoming-body>;
        }
        resource request-options;
        resource outgoing-request {
            constructor(headers: fields);
            set-scheme: func(scheme: option<scheme>) -> result;
            set-authority: func(authority: option<string>) -> result;
            set-path-with-query: func(path: option<string>) -> result;
        }
        resource future-incoming-response {
            subscribe: func() -> pollable;
            get: func() -> option<result<result<incoming-response, error-code>>>;
        }
    }
    interface outgoing-handler {
        use types.{outgoing-request, request-options, future-incoming-response, error-code};
        handle: func(request: outgoing-request, options: option<request-options>)
            -> result<future-incoming-response, error-code>;
    }
}
";

/// Results of calls lie at 0, `/` at 256, arguments from 1024 on.
const MODULE: &str = r#"(module
    (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
    (import "wasi:io/streams@0.2.0" "[method]input-stream.blocking-read"
        (func $read (param i32 i64 i32)))
    (import "wasi:http/types@0.2.0" "[constructor]fields" (func $fields (result i32)))
    (import "wasi:http/types@0.2.0" "[constructor]outgoing-request"
        (func $request (param i32) (result i32)))
    (import "wasi:http/types@0.2.0" "[method]outgoing-request.set-scheme"
        (func $scheme (param i32 i32 i32 i32 i32) (result i32)))
    (import "wasi:http/types@0.2.0" "[method]outgoing-request.set-authority"
        (func $authority (param i32 i32 i32 i32) (result i32)))
    (import "wasi:http/types@0.2.0" "[method]outgoing-request.set-path-with-query"
        (func $path (param i32 i32 i32 i32) (result i32)))
    (import "wasi:http/types@0.2.0" "[method]future-incoming-response.subscribe"
        (func $subscribe (param i32) (result i32)))
    (import "wasi:http/types@0.2.0" "[method]future-incoming-response.get"
        (func $get (param i32 i32)))
    (import "wasi:http/types@0.2.0" "[method]incoming-response.status"
        (func $status (param i32) (result i32)))
    (import "wasi:http/types@0.2.0" "[method]incoming-response.consume"
        (func $consume (param i32 i32)))
    (import "wasi:http/types@0.2.0" "[method]incoming-body.stream" (func $body (param i32 i32)))
    (import "wasi:http/outgoing-handler@0.2.0" "handle" (func $handle (param i32 i32 i32 i32)))
    (memory (export "memory") 2)
    (data (i32.const 256) "/")
    (global $free (mut i32) (i32.const 1024))
    (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
        (local $at i32)
        (local.set $at (global.get $free))
        (global.set $free (i32.and
            (i32.add (i32.add (local.get $at) (local.get $size)) (i32.const 7)) (i32.const -8)))
        (local.get $at))
    (func $must (param $failed i32) (if (local.get $failed) (then unreachable)))
    (func (export "get") (param $name i32) (param $length i32) (param $tls i32) (result i32)
        (local $request i32) (local $response i32) (local $input i32)
        (local.set $request (call $request (call $fields)))
        (call $must (call $scheme (local.get $request)
            (i32.const 1) (local.get $tls) (i32.const 0) (i32.const 0)))
        (call $must (call $authority (local.get $request)
            (i32.const 1) (local.get $name) (local.get $length)))
        (call $must (call $path (local.get $request)
            (i32.const 1) (i32.const 256) (i32.const 1)))
        (call $handle (local.get $request) (i32.const 0) (i32.const 0) (i32.const 0))
        (if (i32.load8_u (i32.const 0))
            (then (return (i32.add (i32.const 1000) (i32.load8_u (i32.const 8))))))
        (local.set $response (i32.load (i32.const 8)))
        (call $block (call $subscribe (local.get $response)))
        (call $get (local.get $response) (i32.const 64))
        (if (i32.load8_u (i32.const 80))
            (then (return (i32.add (i32.const 1000) (i32.load8_u (i32.const 88))))))
        (local.set $response (i32.load (i32.const 88)))
        (call $consume (local.get $response) (i32.const 0))
        (call $must (i32.load8_u (i32.const 0)))
        (call $body (i32.load (i32.const 4)) (i32.const 0))
        (call $must (i32.load8_u (i32.const 0)))
        (local.set $input (i32.load (i32.const 4)))
        (loop $more
            (call $read (local.get $input) (i64.const 4096) (i32.const 0))
            (br_if $more (i32.eqz (i32.load8_u (i32.const 0)))))
        ;; Only the end of the body closes the stream.
        (if (i32.ne (i32.load8_u (i32.const 4)) (i32.const 1)) (then (return (i32.const 999))))
        (call $status (local.get $response))))"#;
