//! The part of `wasi:http` that the [puppet](crate::puppet) calls, as text.

use crate::puppet::Part;

pub(crate) const HTTP: Part = Part {
    resources: &[
        ("error", "error"),
        ("poll", "pollable"),
        ("streams", "input-stream"),
        ("streams", "output-stream"),
        ("http", "fields"),
        ("http", "outgoing-request"),
        ("http", "outgoing-body"),
        ("http", "request-options"),
        ("http", "future-incoming-response"),
        ("http", "incoming-response"),
        ("http", "incoming-body"),
        ("http", "future-trailers"),
    ],
    instances: &[
        ("error", "wasi:io/error", &[]),
        ("poll", "wasi:io/poll", &[]),
        ("streams", "wasi:io/streams", &["error", "pollable"]),
        ("http", "wasi:http/types", &["error", "pollable", "input-stream", "output-stream"]),
        (
            "handler",
            "wasi:http/outgoing-handler",
            &["outgoing-request", "request-options", "future-incoming-response", "error-code"],
        ),
    ],
    calls: "
error | [method]error.to-debug-string | to-debug-string | self (borrow $error) | string
poll | [method]pollable.block | block | self (borrow $pollable) |
streams | [method]input-stream.read | input-read | self (borrow $input-stream), len u64 | (result (list u8) (error $stream-error))
streams | [method]input-stream.blocking-read | input-blocking-read | self (borrow $input-stream), len u64 | (result (list u8) (error $stream-error))
streams | [method]output-stream.check-write | check-write | self (borrow $output-stream) | (result u64 (error $stream-error))
streams | [method]output-stream.blocking-write-and-flush | blocking-write-and-flush | self (borrow $output-stream), contents (list u8) | (result (error $stream-error))
http | [constructor]fields | new-fields |  | (own $fields)
http | [method]fields.append | append | self (borrow $fields), name string, value (list u8) | (result (error $header-error))
http | [method]fields.entries | entries | self (borrow $fields) | (list (tuple string (list u8)))
http | [constructor]outgoing-request | new-request | headers (own $fields) | (own $outgoing-request)
http | [method]outgoing-request.set-method | set-method | self (borrow $outgoing-request), method $method | (result)
http | [method]outgoing-request.set-path-with-query | set-path | self (borrow $outgoing-request), path-with-query (option string) | (result)
http | [method]outgoing-request.set-scheme | set-scheme | self (borrow $outgoing-request), scheme (option $scheme) | (result)
http | [method]outgoing-request.set-authority | set-authority | self (borrow $outgoing-request), authority (option string) | (result)
http | [method]outgoing-request.body | request-body | self (borrow $outgoing-request) | (result (own $outgoing-body))
http | [method]outgoing-body.write | body-write | self (borrow $outgoing-body) | (result (own $output-stream))
http | [static]outgoing-body.finish | finish-request | this (own $outgoing-body), trailers (option (own $fields)) | (result (error $error-code))
http | [constructor]request-options | new-options |  | (own $request-options)
http | [method]request-options.set-connect-timeout | set-connect-timeout | self (borrow $request-options), duration (option u64) | (result)
http | [method]request-options.set-first-byte-timeout | set-first-byte-timeout | self (borrow $request-options), duration (option u64) | (result)
http | [method]request-options.set-between-bytes-timeout | set-between-bytes-timeout | self (borrow $request-options), duration (option u64) | (result)
http | [method]future-incoming-response.subscribe | response-subscribe | self (borrow $future-incoming-response) | (own $pollable)
http | [method]future-incoming-response.get | response-get | self (borrow $future-incoming-response) | (option (result (result (own $incoming-response) (error $error-code))))
http | [method]incoming-response.status | status | self (borrow $incoming-response) | u16
http | [method]incoming-response.headers | response-headers | self (borrow $incoming-response) | (own $fields)
http | [method]incoming-response.consume | consume | self (borrow $incoming-response) | (result (own $incoming-body))
http | [method]incoming-body.stream | body-stream | self (borrow $incoming-body) | (result (own $input-stream))
http | [static]incoming-body.finish | finish-response | this (own $incoming-body) | (own $future-trailers)
http | [method]future-trailers.subscribe | trailers-subscribe | self (borrow $future-trailers) | (own $pollable)
http | [method]future-trailers.get | trailers-get | self (borrow $future-trailers) | (option (result (result (option (own $fields)) (error $error-code))))
http | http-error-code | http-error-code | err (borrow $error) | (option $error-code)
handler | handle | handle | request (own $outgoing-request), options (option (own $request-options)) | (result (own $future-incoming-response) (error $error-code))
",
    types: r#"
streams | stream-error | (variant (case "last-operation-failed" (own $error)) (case "closed"))
http | method | (variant (case "get") (case "head") (case "post") (case "put") (case "delete") (case "connect") (case "options") (case "trace") (case "patch") (case "other" string))
http | scheme | (variant (case "HTTP") (case "HTTPS") (case "other" string))
http | header-error | (variant (case "invalid-syntax") (case "forbidden") (case "immutable"))
http | DNS-error-payload | (record (field "rcode" (option string)) (field "info-code" (option u16)))
http | TLS-alert-received-payload | (record (field "alert-id" (option u8)) (field "alert-message" (option string)))
http | field-size-payload | (record (field "field-name" (option string)) (field "field-size" (option u32)))
http | error-code | (variant (case "DNS-timeout") (case "DNS-error" $DNS-error-payload) (case "destination-not-found") (case "destination-unavailable") (case "destination-IP-prohibited") (case "destination-IP-unroutable") (case "connection-refused") (case "connection-terminated") (case "connection-timeout") (case "connection-read-timeout") (case "connection-write-timeout") (case "connection-limit-reached") (case "TLS-protocol-error") (case "TLS-certificate-error") (case "TLS-alert-received" $TLS-alert-received-payload) (case "HTTP-request-denied") (case "HTTP-request-length-required") (case "HTTP-request-body-size" (option u64)) (case "HTTP-request-method-invalid") (case "HTTP-request-URI-invalid") (case "HTTP-request-URI-too-long") (case "HTTP-request-header-section-size" (option u32)) (case "HTTP-request-header-size" (option $field-size-payload)) (case "HTTP-request-trailer-section-size" (option u32)) (case "HTTP-request-trailer-size" $field-size-payload) (case "HTTP-response-incomplete") (case "HTTP-response-header-section-size" (option u32)) (case "HTTP-response-header-size" $field-size-payload) (case "HTTP-response-body-size" (option u64)) (case "HTTP-response-trailer-section-size" (option u32)) (case "HTTP-response-trailer-size" $field-size-payload) (case "HTTP-response-transfer-coding" (option string)) (case "HTTP-response-content-coding" (option string)) (case "HTTP-response-timeout") (case "HTTP-upgrade-failed") (case "HTTP-protocol-error") (case "loop-detected") (case "configuration-error") (case "internal-error" (option string)))
"#,
    further: ("", ""),
};
