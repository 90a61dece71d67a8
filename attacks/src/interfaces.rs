//! The part of WASI that hostile guests call, as text.

/// An interface of WASI.
#[derive(Debug)]
pub(crate) struct Interface {
    pub(crate) key: &'static str,
    pub(crate) path: &'static str,
    /// Types of interfaces before it.
    pub(crate) uses: &'static [&'static str],
    /// Its own types, one a line: the name, and the text unless it is a resource.
    pub(crate) types: &'static str,
}

const fn interface(
    key: &'static str,
    path: &'static str,
    uses: &'static [&'static str],
    types: &'static str,
) -> Interface {
    Interface { key, path, uses, types }
}

/// The interfaces, each after those that it uses.
pub(crate) const INTERFACES: [Interface; 23] = [
    interface("errors", "wasi:io/error@0.2.0", &[], "error = resource"),
    interface("poll", "wasi:io/poll@0.2.0", &[], "pollable = resource"),
    interface(
        "streams",
        "wasi:io/streams@0.2.0",
        &["error", "pollable"],
        r#"input-stream = resource
           output-stream = resource
           stream-error = (variant (case "last-operation-failed" (own $error)) (case "closed"))"#,
    ),
    interface("clock", "wasi:clocks/monotonic-clock@0.2.0", &["pollable"], ""),
    interface("stdin", "wasi:cli/stdin@0.2.0", &["input-stream"], ""),
    interface("stdout", "wasi:cli/stdout@0.2.0", &["output-stream"], ""),
    interface("stderr", "wasi:cli/stderr@0.2.0", &["output-stream"], ""),
    interface("random", "wasi:random/random@0.2.0", &[], ""),
    interface(
        "files",
        "wasi:filesystem/types@0.2.0",
        &["input-stream", "output-stream"],
        r#"descriptor = resource
           directory-entry-stream = resource
           path-flags = (flags "symlink-follow")
           open-flags = (flags "create" "directory" "exclusive" "truncate")
           descriptor-flags = (flags "read" "write" "file-integrity-sync" "data-integrity-sync" "requested-write-sync" "mutate-directory")
           file-error = (enum "access" "would-block" "already" "bad-descriptor" "busy" "deadlock" "quota" "exist" "file-too-large" "illegal-byte-sequence" "in-progress" "interrupted" "invalid" "io" "is-directory" "loop" "too-many-links" "message-size" "name-too-long" "no-device" "no-entry" "no-lock" "insufficient-memory" "insufficient-space" "not-directory" "not-empty" "not-recoverable" "unsupported" "no-tty" "no-such-device" "overflow" "not-permitted" "pipe" "read-only" "invalid-seek" "text-file-busy" "cross-device")"#,
    ),
    interface("preopens", "wasi:filesystem/preopens@0.2.0", &["descriptor"], ""),
    interface(
        "network",
        "wasi:sockets/network@0.2.0",
        &[],
        r#"network = resource
           socket-error = (enum "unknown" "access-denied" "not-supported" "invalid-argument" "out-of-memory" "timeout" "concurrency-conflict" "not-in-progress" "would-block" "invalid-state" "new-socket-limit" "address-not-bindable" "address-in-use" "remote-unreachable" "connection-refused" "connection-reset" "connection-aborted" "datagram-too-large" "name-unresolvable" "temporary-resolver-failure" "permanent-resolver-failure")
           ip-address-family = (enum "ipv4" "ipv6")
           ipv4-address = (tuple u8 u8 u8 u8)
           ipv6-address = (tuple u16 u16 u16 u16 u16 u16 u16 u16)
           ipv4-socket-address = (record (field "port" u16) (field "address" $ipv4-address))
           ipv6-socket-address = (record (field "port" u16) (field "flow-info" u32) (field "address" $ipv6-address) (field "scope-id" u32))
           ip-socket-address = (variant (case "ipv4" $ipv4-socket-address) (case "ipv6" $ipv6-socket-address))"#,
    ),
    interface("networks", "wasi:sockets/instance-network@0.2.0", &["network"], ""),
    interface(
        "tcp",
        "wasi:sockets/tcp@0.2.0",
        &[
            "pollable",
            "input-stream",
            "output-stream",
            "network",
            "socket-error",
            "ip-socket-address",
        ],
        "tcp-socket = resource",
    ),
    interface(
        "new-tcp",
        "wasi:sockets/tcp-create-socket@0.2.0",
        &["socket-error", "ip-address-family", "tcp-socket"],
        "",
    ),
    interface(
        "udp",
        "wasi:sockets/udp@0.2.0",
        &["pollable", "network", "socket-error", "ip-socket-address"],
        "udp-socket = resource",
    ),
    interface(
        "new-udp",
        "wasi:sockets/udp-create-socket@0.2.0",
        &["socket-error", "ip-address-family", "udp-socket"],
        "",
    ),
    interface(
        "names",
        "wasi:sockets/ip-name-lookup@0.2.0",
        &["network", "socket-error"],
        "resolve-address-stream = resource",
    ),
    interface("http", "wasi:http/types@0.2.0", &[], HTTP_TYPES),
    interface(
        "handler",
        "wasi:http/outgoing-handler@0.2.0",
        &["outgoing-request", "request-options", "future-incoming-response", "http-error"],
        "",
    ),
    interface(
        "keys",
        "wasi:keyvalue/store@0.2.0-draft",
        &[],
        r#"bucket = resource
           key-error = (variant (case "no-such-store") (case "access-denied") (case "other" string))
           key-response = (record (field "keys" (list string)) (field "cursor" (option u64)))"#,
    ),
    interface("batch", "wasi:keyvalue/batch@0.2.0-draft", &["bucket", "key-error"], ""),
    interface(
        "messages",
        "wasi:messaging/types@0.2.0-draft",
        &[],
        r#"client = resource
           message = resource
           message-error = (variant (case "timeout") (case "connection" string) (case "permission-denied" string) (case "other" string))"#,
    ),
    interface(
        "producer",
        "wasi:messaging/producer@0.2.0-draft",
        &["client", "message", "message-error"],
        "",
    ),
];

const HTTP_TYPES: &str = r#"fields = resource
    outgoing-request = resource
    request-options = resource
    future-incoming-response = resource
    header-error = (variant (case "invalid-syntax") (case "forbidden") (case "immutable"))
    scheme = (variant (case "HTTP") (case "HTTPS") (case "other" string))
    DNS-error-payload = (record (field "rcode" (option string)) (field "info-code" (option u16)))
    TLS-alert-received-payload = (record (field "alert-id" (option u8)) (field "alert-message" (option string)))
    field-size-payload = (record (field "field-name" (option string)) (field "field-size" (option u32)))
    http-error = (variant (case "DNS-timeout") (case "DNS-error" $DNS-error-payload) (case "destination-not-found") (case "destination-unavailable") (case "destination-IP-prohibited") (case "destination-IP-unroutable") (case "connection-refused") (case "connection-terminated") (case "connection-timeout") (case "connection-read-timeout") (case "connection-write-timeout") (case "connection-limit-reached") (case "TLS-protocol-error") (case "TLS-certificate-error") (case "TLS-alert-received" $TLS-alert-received-payload) (case "HTTP-request-denied") (case "HTTP-request-length-required") (case "HTTP-request-body-size" (option u64)) (case "HTTP-request-method-invalid") (case "HTTP-request-URI-invalid") (case "HTTP-request-URI-too-long") (case "HTTP-request-header-section-size" (option u32)) (case "HTTP-request-header-size" (option $field-size-payload)) (case "HTTP-request-trailer-section-size" (option u32)) (case "HTTP-request-trailer-size" $field-size-payload) (case "HTTP-response-incomplete") (case "HTTP-response-header-section-size" (option u32)) (case "HTTP-response-header-size" $field-size-payload) (case "HTTP-response-body-size" (option u64)) (case "HTTP-response-trailer-section-size" (option u32)) (case "HTTP-response-trailer-size" $field-size-payload) (case "HTTP-response-transfer-coding" (option string)) (case "HTTP-response-content-coding" (option string)) (case "HTTP-response-timeout") (case "HTTP-upgrade-failed") (case "HTTP-protocol-error") (case "loop-detected") (case "configuration-error") (case "internal-error" (option string)))"#;

/// The functions, one a line: the name in a guest, the interface, the name there, the type in a
/// component, the type in a core module.
pub(crate) const FUNCTIONS: &str = r#"
block | poll | [method]pollable.block | (param "self" (borrow $pollable)) | (param i32)
ready | poll | [method]pollable.ready | (param "self" (borrow $pollable)) (result bool) | (param i32) (result i32)
poll | poll | poll | (param "in" (list (borrow $pollable))) (result (list u32)) | (param i32 i32 i32)
timer | clock | subscribe-duration | (param "when" u64) (result (own $pollable)) | (param i64) (result i32)
random | random | get-random-bytes | (param "len" u64) (result (list u8)) | (param i64 i32)
stdin | stdin | get-stdin | (result (own $input-stream)) | (result i32)
stdout | stdout | get-stdout | (result (own $output-stream)) | (result i32)
stderr | stderr | get-stderr | (result (own $output-stream)) | (result i32)
check-write | streams | [method]output-stream.check-write | (param "self" (borrow $output-stream)) (result (result u64 (error $stream-error))) | (param i32 i32)
write | streams | [method]output-stream.write | (param "self" (borrow $output-stream)) (param "contents" (list u8)) (result (result (error $stream-error))) | (param i32 i32 i32 i32)
put | streams | [method]output-stream.blocking-write-and-flush | (param "self" (borrow $output-stream)) (param "contents" (list u8)) (result (result (error $stream-error))) | (param i32 i32 i32 i32)
zeroes | streams | [method]output-stream.write-zeroes | (param "self" (borrow $output-stream)) (param "len" u64) (result (result (error $stream-error))) | (param i32 i64 i32)
output-wait | streams | [method]output-stream.subscribe | (param "self" (borrow $output-stream)) (result (own $pollable)) | (param i32) (result i32)
take | streams | [method]input-stream.read | (param "self" (borrow $input-stream)) (param "len" u64) (result (result (list u8) (error $stream-error))) | (param i32 i64 i32)
take-all | streams | [method]input-stream.blocking-read | (param "self" (borrow $input-stream)) (param "len" u64) (result (result (list u8) (error $stream-error))) | (param i32 i64 i32)
directories | preopens | get-directories | (result (list (tuple (own $descriptor) string))) | (param i32)
open | files | [method]descriptor.open-at | (param "self" (borrow $descriptor)) (param "path-flags" $path-flags) (param "path" string) (param "open-flags" $open-flags) (param "flags" $descriptor-flags) (result (result (own $descriptor) (error $file-error))) | (param i32 i32 i32 i32 i32 i32 i32)
read | files | [method]descriptor.read | (param "self" (borrow $descriptor)) (param "length" u64) (param "offset" u64) (result (result (tuple (list u8) bool) (error $file-error))) | (param i32 i64 i64 i32)
write-at | files | [method]descriptor.write | (param "self" (borrow $descriptor)) (param "buffer" (list u8)) (param "offset" u64) (result (result u64 (error $file-error))) | (param i32 i32 i32 i64 i32)
set-size | files | [method]descriptor.set-size | (param "self" (borrow $descriptor)) (param "size" u64) (result (result (error $file-error))) | (param i32 i64 i32)
make-directory | files | [method]descriptor.create-directory-at | (param "self" (borrow $descriptor)) (param "path" string) (result (result (error $file-error))) | (param i32 i32 i32 i32)
unlink | files | [method]descriptor.unlink-file-at | (param "self" (borrow $descriptor)) (param "path" string) (result (result (error $file-error))) | (param i32 i32 i32 i32)
list | files | [method]descriptor.read-directory | (param "self" (borrow $descriptor)) (result (result (own $directory-entry-stream) (error $file-error))) | (param i32 i32)
file-input | files | [method]descriptor.read-via-stream | (param "self" (borrow $descriptor)) (param "offset" u64) (result (result (own $input-stream) (error $file-error))) | (param i32 i64 i32)
symlink | files | [method]descriptor.symlink-at | (param "self" (borrow $descriptor)) (param "old-path" string) (param "new-path" string) (result (result (error $file-error))) | (param i32 i32 i32 i32 i32 i32)
network | networks | instance-network | (result (own $network)) | (result i32)
new-tcp | new-tcp | create-tcp-socket | (param "address-family" $ip-address-family) (result (result (own $tcp-socket) (error $socket-error))) | (param i32 i32)
new-udp | new-udp | create-udp-socket | (param "address-family" $ip-address-family) (result (result (own $udp-socket) (error $socket-error))) | (param i32 i32)
connect | tcp | [method]tcp-socket.start-connect | (param "self" (borrow $tcp-socket)) (param "network" (borrow $network)) (param "remote-address" $ip-socket-address) (result (result (error $socket-error))) | (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)
connected | tcp | [method]tcp-socket.finish-connect | (param "self" (borrow $tcp-socket)) (result (result (tuple (own $input-stream) (own $output-stream)) (error $socket-error))) | (param i32 i32)
bind | tcp | [method]tcp-socket.start-bind | (param "self" (borrow $tcp-socket)) (param "network" (borrow $network)) (param "local-address" $ip-socket-address) (result (result (error $socket-error))) | (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)
bound | tcp | [method]tcp-socket.finish-bind | (param "self" (borrow $tcp-socket)) (result (result (error $socket-error))) | (param i32 i32)
listen | tcp | [method]tcp-socket.start-listen | (param "self" (borrow $tcp-socket)) (result (result (error $socket-error))) | (param i32 i32)
listening | tcp | [method]tcp-socket.finish-listen | (param "self" (borrow $tcp-socket)) (result (result (error $socket-error))) | (param i32 i32)
accept | tcp | [method]tcp-socket.accept | (param "self" (borrow $tcp-socket)) (result (result (tuple (own $tcp-socket) (own $input-stream) (own $output-stream)) (error $socket-error))) | (param i32 i32)
local | tcp | [method]tcp-socket.local-address | (param "self" (borrow $tcp-socket)) (result (result $ip-socket-address (error $socket-error))) | (param i32 i32)
socket-wait | tcp | [method]tcp-socket.subscribe | (param "self" (borrow $tcp-socket)) (result (own $pollable)) | (param i32) (result i32)
look-up | names | resolve-addresses | (param "network" (borrow $network)) (param "name" string) (result (result (own $resolve-address-stream) (error $socket-error))) | (param i32 i32 i32 i32)
new-fields | http | [constructor]fields | (result (own $fields)) | (result i32)
append | http | [method]fields.append | (param "self" (borrow $fields)) (param "name" string) (param "value" (list u8)) (result (result (error $header-error))) | (param i32 i32 i32 i32 i32 i32)
new-request | http | [constructor]outgoing-request | (param "headers" (own $fields)) (result (own $outgoing-request)) | (param i32) (result i32)
set-authority | http | [method]outgoing-request.set-authority | (param "self" (borrow $outgoing-request)) (param "authority" (option string)) (result (result)) | (param i32 i32 i32 i32) (result i32)
set-scheme | http | [method]outgoing-request.set-scheme | (param "self" (borrow $outgoing-request)) (param "scheme" (option $scheme)) (result (result)) | (param i32 i32 i32 i32 i32) (result i32)
handle | handler | handle | (param "request" (own $outgoing-request)) (param "options" (option (own $request-options))) (result (result (own $future-incoming-response) (error $http-error))) | (param i32 i32 i32 i32)
bucket | keys | open | (param "identifier" string) (result (result (own $bucket) (error $key-error))) | (param i32 i32 i32)
get | keys | [method]bucket.get | (param "self" (borrow $bucket)) (param "key" string) (result (result (option (list u8)) (error $key-error))) | (param i32 i32 i32 i32)
set | keys | [method]bucket.set | (param "self" (borrow $bucket)) (param "key" string) (param "value" (list u8)) (result (result (error $key-error))) | (param i32 i32 i32 i32 i32 i32)
delete | keys | [method]bucket.delete | (param "self" (borrow $bucket)) (param "key" string) (result (result (error $key-error))) | (param i32 i32 i32 i32)
list-keys | keys | [method]bucket.list-keys | (param "self" (borrow $bucket)) (param "cursor" (option u64)) (result (result $key-response (error $key-error))) | (param i32 i32 i64 i32)
get-many | batch | get-many | (param "bucket" (borrow $bucket)) (param "keys" (list string)) (result (result (list (option (tuple string (list u8)))) (error $key-error))) | (param i32 i32 i32 i32)
set-many | batch | set-many | (param "bucket" (borrow $bucket)) (param "key-values" (list (tuple string (list u8)))) (result (result (error $key-error))) | (param i32 i32 i32 i32)
client | messages | [static]client.connect | (param "name" string) (result (result (own $client) (error $message-error))) | (param i32 i32 i32)
message | messages | [constructor]message | (param "data" (list u8)) (result (own $message)) | (param i32 i32) (result i32)
add-metadata | messages | [method]message.add-metadata | (param "self" (borrow $message)) (param "key" string) (param "value" string) | (param i32 i32 i32 i32 i32)
send | producer | send | (param "c" (borrow $client)) (param "topic" string) (param "message" (own $message)) (result (result (error $message-error))) | (param i32 i32 i32 i32 i32)
"#;
