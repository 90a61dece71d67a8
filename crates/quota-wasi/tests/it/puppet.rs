//! A guest that makes each call to WASI that a test asks it for, and hands back the answer.
//!
//! Each of its exports has the type of an import and a body that calls the import: strings and lists
//! pass through its memory, and handles through its table, as in any guest.

/// The calls: the instance that has it, its name there, the name of the export, parameters, result.
const CALLS: [(&str, &str, &str, &[&str], &str); 45] = [
    (
        "preopens",
        "get-directories",
        "get-directories",
        &[],
        "(list (tuple (own $descriptor) string))",
    ),
    (
        "types",
        "[method]descriptor.read-via-stream",
        "read-via-stream",
        &["(borrow $descriptor)", "u64"],
        "(result (own $input-stream) (error $error-code))",
    ),
    (
        "types",
        "[method]descriptor.write-via-stream",
        "write-via-stream",
        &["(borrow $descriptor)", "u64"],
        "(result (own $output-stream) (error $error-code))",
    ),
    (
        "types",
        "[method]descriptor.append-via-stream",
        "append-via-stream",
        &["(borrow $descriptor)"],
        "(result (own $output-stream) (error $error-code))",
    ),
    (
        "types",
        "[method]descriptor.advise",
        "advise",
        &["(borrow $descriptor)", "u64", "u64", "$advice"],
        "(result (error $error-code))",
    ),
    (
        "types",
        "[method]descriptor.sync-data",
        "sync-data",
        &["(borrow $descriptor)"],
        "(result (error $error-code))",
    ),
    (
        "types",
        "[method]descriptor.get-flags",
        "get-flags",
        &["(borrow $descriptor)"],
        "(result $descriptor-flags (error $error-code))",
    ),
    (
        "types",
        "[method]descriptor.get-type",
        "get-type",
        &["(borrow $descriptor)"],
        "(result $descriptor-type (error $error-code))",
    ),
    (
        "types",
        "[method]descriptor.set-size",
        "set-size",
        &["(borrow $descriptor)", "u64"],
        "(result (error $error-code))",
    ),
    (
        "types",
        "[method]descriptor.set-times",
        "set-times",
        &["(borrow $descriptor)", "$new-timestamp", "$new-timestamp"],
        "(result (error $error-code))",
    ),
    (
        "types",
        "[method]descriptor.read",
        "read",
        &["(borrow $descriptor)", "u64", "u64"],
        "(result (tuple (list u8) bool) (error $error-code))",
    ),
    (
        "types",
        "[method]descriptor.write",
        "write",
        &["(borrow $descriptor)", "(list u8)", "u64"],
        "(result u64 (error $error-code))",
    ),
    (
        "types",
        "[method]descriptor.read-directory",
        "read-directory",
        &["(borrow $descriptor)"],
        "(result (own $directory-entry-stream) (error $error-code))",
    ),
    (
        "types",
        "[method]descriptor.sync",
        "sync",
        &["(borrow $descriptor)"],
        "(result (error $error-code))",
    ),
    (
        "types",
        "[method]descriptor.create-directory-at",
        "create-directory-at",
        &["(borrow $descriptor)", "string"],
        "(result (error $error-code))",
    ),
    (
        "types",
        "[method]descriptor.stat",
        "stat",
        &["(borrow $descriptor)"],
        "(result $descriptor-stat (error $error-code))",
    ),
    (
        "types",
        "[method]descriptor.stat-at",
        "stat-at",
        &["(borrow $descriptor)", "$path-flags", "string"],
        "(result $descriptor-stat (error $error-code))",
    ),
    (
        "types",
        "[method]descriptor.set-times-at",
        "set-times-at",
        &["(borrow $descriptor)", "$path-flags", "string", "$new-timestamp", "$new-timestamp"],
        "(result (error $error-code))",
    ),
    (
        "types",
        "[method]descriptor.link-at",
        "link-at",
        &["(borrow $descriptor)", "$path-flags", "string", "(borrow $descriptor)", "string"],
        "(result (error $error-code))",
    ),
    (
        "types",
        "[method]descriptor.open-at",
        "open-at",
        &["(borrow $descriptor)", "$path-flags", "string", "$open-flags", "$descriptor-flags"],
        "(result (own $descriptor) (error $error-code))",
    ),
    (
        "types",
        "[method]descriptor.readlink-at",
        "readlink-at",
        &["(borrow $descriptor)", "string"],
        "(result string (error $error-code))",
    ),
    (
        "types",
        "[method]descriptor.remove-directory-at",
        "remove-directory-at",
        &["(borrow $descriptor)", "string"],
        "(result (error $error-code))",
    ),
    (
        "types",
        "[method]descriptor.rename-at",
        "rename-at",
        &["(borrow $descriptor)", "string", "(borrow $descriptor)", "string"],
        "(result (error $error-code))",
    ),
    (
        "types",
        "[method]descriptor.symlink-at",
        "symlink-at",
        &["(borrow $descriptor)", "string", "string"],
        "(result (error $error-code))",
    ),
    (
        "types",
        "[method]descriptor.unlink-file-at",
        "unlink-file-at",
        &["(borrow $descriptor)", "string"],
        "(result (error $error-code))",
    ),
    (
        "types",
        "[method]descriptor.is-same-object",
        "is-same-object",
        &["(borrow $descriptor)", "(borrow $descriptor)"],
        "bool",
    ),
    (
        "types",
        "[method]descriptor.metadata-hash",
        "metadata-hash",
        &["(borrow $descriptor)"],
        "(result $metadata-hash-value (error $error-code))",
    ),
    (
        "types",
        "[method]descriptor.metadata-hash-at",
        "metadata-hash-at",
        &["(borrow $descriptor)", "$path-flags", "string"],
        "(result $metadata-hash-value (error $error-code))",
    ),
    (
        "types",
        "[method]directory-entry-stream.read-directory-entry",
        "read-directory-entry",
        &["(borrow $directory-entry-stream)"],
        "(result (option $directory-entry) (error $error-code))",
    ),
    (
        "types",
        "filesystem-error-code",
        "filesystem-error-code",
        &["(borrow $error)"],
        "(option $error-code)",
    ),
    (
        "streams",
        "[method]input-stream.read",
        "input-read",
        &["(borrow $input-stream)", "u64"],
        "(result (list u8) (error $stream-error))",
    ),
    (
        "streams",
        "[method]input-stream.blocking-read",
        "input-blocking-read",
        &["(borrow $input-stream)", "u64"],
        "(result (list u8) (error $stream-error))",
    ),
    (
        "streams",
        "[method]input-stream.subscribe",
        "input-subscribe",
        &["(borrow $input-stream)"],
        "(own $pollable)",
    ),
    (
        "streams",
        "[method]output-stream.check-write",
        "check-write",
        &["(borrow $output-stream)"],
        "(result u64 (error $stream-error))",
    ),
    (
        "streams",
        "[method]output-stream.write",
        "output-write",
        &["(borrow $output-stream)", "(list u8)"],
        "(result (error $stream-error))",
    ),
    (
        "streams",
        "[method]output-stream.blocking-write-and-flush",
        "blocking-write-and-flush",
        &["(borrow $output-stream)", "(list u8)"],
        "(result (error $stream-error))",
    ),
    (
        "streams",
        "[method]output-stream.flush",
        "flush",
        &["(borrow $output-stream)"],
        "(result (error $stream-error))",
    ),
    (
        "streams",
        "[method]output-stream.blocking-flush",
        "blocking-flush",
        &["(borrow $output-stream)"],
        "(result (error $stream-error))",
    ),
    (
        "streams",
        "[method]output-stream.subscribe",
        "output-subscribe",
        &["(borrow $output-stream)"],
        "(own $pollable)",
    ),
    (
        "streams",
        "[method]output-stream.splice",
        "splice",
        &["(borrow $output-stream)", "(borrow $input-stream)", "u64"],
        "(result u64 (error $stream-error))",
    ),
    ("poll", "[method]pollable.block", "block", &["(borrow $pollable)"], ""),
    ("stdout", "get-stdout", "get-stdout", &[], "(own $output-stream)"),
    ("stderr", "get-stderr", "get-stderr", &[], "(own $output-stream)"),
    ("random", "get-random-bytes", "get-random-bytes", &["u64"], "(list u8)"),
    ("insecure", "get-insecure-random-bytes", "get-insecure-random-bytes", &["u64"], "(list u8)"),
];

/// The resources, and the instances that have them.
const RESOURCES: [(&str, &str); 6] = [
    ("types", "descriptor"),
    ("types", "directory-entry-stream"),
    ("streams", "input-stream"),
    ("streams", "output-stream"),
    ("poll", "pollable"),
    ("error", "error"),
];

/// The types that calls name, by the instance that has them.
const TYPES: [(&str, &str, &str); 11] = [
    (
        "streams",
        "stream-error",
        "(variant (case \"last-operation-failed\" (own $error)) (case \"closed\"))",
    ),
    (
        "types",
        "descriptor-type",
        "(enum \"unknown\" \"block-device\" \"character-device\" \"directory\" \"fifo\" \"symbolic-link\" \"regular-file\" \"socket\")",
    ),
    (
        "types",
        "descriptor-flags",
        "(flags \"read\" \"write\" \"file-integrity-sync\" \"data-integrity-sync\" \"requested-write-sync\" \"mutate-directory\")",
    ),
    ("types", "path-flags", "(flags \"symlink-follow\")"),
    ("types", "open-flags", "(flags \"create\" \"directory\" \"exclusive\" \"truncate\")"),
    (
        "types",
        "descriptor-stat",
        "(record (field \"type\" $descriptor-type) (field \"link-count\" u64) (field \"size\" u64) (field \"data-access-timestamp\" (option $datetime)) (field \"data-modification-timestamp\" (option $datetime)) (field \"status-change-timestamp\" (option $datetime)))",
    ),
    (
        "types",
        "new-timestamp",
        "(variant (case \"no-change\") (case \"now\") (case \"timestamp\" $datetime))",
    ),
    (
        "types",
        "directory-entry",
        "(record (field \"type\" $descriptor-type) (field \"name\" string))",
    ),
    (
        "types",
        "error-code",
        "(enum \"access\" \"would-block\" \"already\" \"bad-descriptor\" \"busy\" \"deadlock\" \"quota\" \"exist\" \"file-too-large\" \"illegal-byte-sequence\" \"in-progress\" \"interrupted\" \"invalid\" \"io\" \"is-directory\" \"loop\" \"too-many-links\" \"message-size\" \"name-too-long\" \"no-device\" \"no-entry\" \"no-lock\" \"insufficient-memory\" \"insufficient-space\" \"not-directory\" \"not-empty\" \"not-recoverable\" \"unsupported\" \"no-tty\" \"no-such-device\" \"overflow\" \"not-permitted\" \"pipe\" \"read-only\" \"invalid-seek\" \"text-file-busy\" \"cross-device\")",
    ),
    (
        "types",
        "advice",
        "(enum \"normal\" \"sequential\" \"random\" \"will-need\" \"dont-need\" \"no-reuse\")",
    ),
    ("types", "metadata-hash-value", "(record (field \"lower\" u64) (field \"upper\" u64))"),
];

/// The instances, their imported names, and the resources and types of others that they use.
const INSTANCES: [(&str, &str, &[&str]); 10] = [
    ("error", "wasi:io/error", &[]),
    ("poll", "wasi:io/poll", &[]),
    ("streams", "wasi:io/streams", &["error", "pollable"]),
    ("clock", "wasi:clocks/wall-clock", &[]),
    ("types", "wasi:filesystem/types", &["error", "input-stream", "output-stream", "datetime"]),
    ("preopens", "wasi:filesystem/preopens", &["descriptor"]),
    ("stdout", "wasi:cli/stdout", &["output-stream"]),
    ("stderr", "wasi:cli/stderr", &["output-stream"]),
    ("random", "wasi:random/random", &[]),
    ("insecure", "wasi:random/insecure", &[]),
];

const LIBC: &str = r#"
    (core module $libc
      (memory (export "mem") 16)
      (global $next (mut i32) (i32.const 4096))
      (func (export "realloc") (param $old i32) (param $held i32) (param $align i32) (param $size i32)
          (result i32)
        (local $at i32)
        (local.set $at (i32.and
          (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))
        (global.set $next (i32.add (local.get $at) (local.get $size)))
        (if (i32.gt_u (global.get $next) (i32.mul (memory.size) (i32.const 65536)))
          (then (drop (memory.grow (i32.add (i32.const 1)
            (i32.shr_u (local.get $size) (i32.const 16)))))))
        (local.get $at))
      (func (export "reset") (param i32) (global.set $next (i32.const 4096))))
    (core instance $libc (instantiate $libc))
    (alias core export $libc "mem" (core memory $mem))
    (alias core export $libc "realloc" (core func $realloc))
    (alias core export $libc "reset" (core func $reset))"#;

/// Writes the guest; `version` is that of the WASI which it was made for, such as `0.2.0`.
pub(crate) fn puppet(version: &str) -> String {
    let imports: String = INSTANCES.iter().map(|instance| import(instance, version)).collect();
    let mut lowered = String::new();
    let mut wires = String::new();
    let mut shims = String::new();
    let mut lifts = String::new();
    for (_, resource) in RESOURCES {
        lowered
            .push_str(&format!("(core func $drop-{resource} (canon resource.drop ${resource}))\n"));
        wires.push_str(&format!("(export \"drop-{resource}\" (func $drop-{resource}))\n"));
        shims.push_str(&format!(
            "(import \"wasi\" \"drop-{resource}\" (func $drop-{resource} (param i32)))\n"
        ));
    }
    let mut bodies = String::new();
    for (_, resource) in RESOURCES {
        bodies.push_str(&format!(
            "(func (export \"drop-{resource}\") (param i32) (call $drop-{resource} (local.get 0)))\n"
        ));
        lifts.push_str(&format!(
            "(func (export \"drop-{resource}\") (param \"it\" (own ${resource})) \
               (canon lift (core func $shims \"drop-{resource}\")))\n"
        ));
    }
    for (instance, name, export, params, result) in CALLS {
        lowered.push_str(&format!(
            "(core func $wasi-{export} (canon lower (func ${instance} \"{name}\") \
               (memory $mem) (realloc $realloc)))\n"
        ));
        wires.push_str(&format!("(export \"{export}\" (func $wasi-{export}))\n"));
        let flat: Vec<&str> = params.iter().flat_map(|param| flattened(param)).copied().collect();
        let is_direct = matches!(result, "bool" | "") || result.starts_with("(own ");
        let core_params = flat.join(" ");
        let returned = if is_direct { "" } else { "i32" };
        let direct = if is_direct && !result.is_empty() { "(result i32)" } else { "" };
        shims.push_str(&format!(
            "(import \"wasi\" \"{export}\" (func ${export} (param {core_params} {returned}) {direct}))\n"
        ));
        let locals: String = (0..flat.len()).map(|at| format!("(local.get {at}) ")).collect();
        let area = if is_direct { "" } else { "(i32.const 1024)" };
        let result_type = if result.is_empty() { "" } else { "(result i32)" };
        let answer = if is_direct { "" } else { "(i32.const 1024)" };
        bodies.push_str(&format!(
            "(func (export \"{export}\") (param {core_params}) {result_type} \
               (call ${export} {locals} {area}) {} {answer})\n",
            borrows(params)
        ));
        let named: String = params
            .iter()
            .enumerate()
            .map(|(at, param)| format!("(param \"p{at}\" {param}) "))
            .collect();
        let result = if result.is_empty() { String::new() } else { format!("(result {result})") };
        let post = if is_direct { "" } else { "(post-return $reset)" };
        lifts.push_str(&format!(
            "(func (export \"{export}\") {named} {result} (canon lift \
               (core func $shims \"{export}\") (memory $mem) (realloc $realloc) {post}))\n"
        ));
    }
    format!(
        "(component {imports} {LIBC} {lowered}
           (core instance $wasi {wires})
           (core module $shims {shims} {bodies} {STORM})
           (core instance $shims (instantiate $shims (with \"wasi\" (instance $wasi))))
           {lifts}
           (func (export \"storm\") (param \"it\" (own $output-stream))
             (canon lift (core func $shims \"storm\"))))"
    )
}

/// Writes to a stream for ever, 4 KiB at a time.
const STORM: &str = r#"
    (func (export "storm") (param i32)
      (loop $more
        (call $blocking-write-and-flush
          (local.get 0) (i32.const 8192) (i32.const 4096) (i32.const 1024))
        (br $more)))"#;

fn import((instance, path, uses): &(&str, &str, &[&str]), version: &str) -> String {
    let mut inside = String::new();
    for used in *uses {
        inside.push_str(&format!(
            "(alias outer 1 ${used} (type $outer-{used})) \
             (export \"{used}\" (type ${used} (eq $outer-{used})))\n"
        ));
    }
    let mut after = String::new();
    let alias = |name: &str| format!("(alias export ${instance} \"{name}\" (type ${name}))\n");
    for (_, name) in RESOURCES.iter().filter(|(owner, _)| owner == instance) {
        inside.push_str(&format!("(export \"{name}\" (type ${name} (sub resource)))\n"));
        after.push_str(&alias(name));
    }
    if *instance == "clock" {
        inside.push_str(
            "(type $d (record (field \"seconds\" u64) (field \"nanoseconds\" u32))) \
             (export \"datetime\" (type $datetime (eq $d)))",
        );
        after.push_str(&alias("datetime"));
    }
    for (_, name, text) in TYPES.iter().filter(|(owner, _, _)| owner == instance) {
        inside.push_str(&format!(
            "(type $plain-{name} {text}) (export \"{name}\" (type ${name} (eq $plain-{name})))\n"
        ));
        after.push_str(&alias(name));
    }
    for (_, name, _, params, result) in CALLS.iter().filter(|call| call.0 == *instance) {
        let names = parameter_names(name);
        assert_eq!(names.len(), params.len(), "{name}");
        let params: String = names
            .iter()
            .zip(*params)
            .map(|(name, param)| format!("(param \"{name}\" {param}) "))
            .collect();
        let result = if result.is_empty() { String::new() } else { format!("(result {result})") };
        inside.push_str(&format!("(export \"{name}\" (func {params} {result}))\n"));
    }
    format!("(import \"{path}@{version}\" (instance ${instance} {inside}))\n{after}")
}

fn flattened(param: &str) -> &'static [&'static str] {
    match param {
        "u64" => &["i64"],
        "string" | "(list u8)" => &["i32", "i32"],
        "$new-timestamp" => &["i32", "i64", "i32"],
        _ => &["i32"],
    }
}

/// Drops the borrowed handles that a call was given.
fn borrows(params: &[&str]) -> String {
    let mut at = 0;
    let mut drops = String::new();
    for param in params {
        if let Some(resource) = param.strip_prefix("(borrow $") {
            let resource = resource.trim_end_matches(')');
            drops.push_str(&format!("(call $drop-{resource} (local.get {at})) "));
        }
        at += flattened(param).len();
    }
    drops
}

/// The names that the parameters have in WASI.
fn parameter_names(call: &str) -> Vec<&'static str> {
    let (method, name) = match call.split_once('.') {
        Some((_, name)) => (true, name),
        None => (false, call),
    };
    let names: &[&str] = match name {
        "read-via-stream" | "write-via-stream" => &["offset"],
        "advise" => &["offset", "length", "advice"],
        "set-size" => &["size"],
        "set-times" => &["data-access-timestamp", "data-modification-timestamp"],
        "read" if call.contains("input-stream") => &["len"],
        "blocking-read" | "get-random-bytes" | "get-insecure-random-bytes" => &["len"],
        "read" => &["length", "offset"],
        "write" if call.contains("output-stream") => &["contents"],
        "blocking-write-and-flush" => &["contents"],
        "write" => &["buffer", "offset"],
        "splice" => &["src", "len"],
        "create-directory-at" | "readlink-at" | "remove-directory-at" | "unlink-file-at" => {
            &["path"]
        }
        "stat-at" | "metadata-hash-at" => &["path-flags", "path"],
        "set-times-at" => {
            &["path-flags", "path", "data-access-timestamp", "data-modification-timestamp"]
        }
        "link-at" => &["old-path-flags", "old-path", "new-descriptor", "new-path"],
        "open-at" => &["path-flags", "path", "open-flags", "flags"],
        "rename-at" => &["old-path", "new-descriptor", "new-path"],
        "symlink-at" => &["old-path", "new-path"],
        "is-same-object" => &["other"],
        "filesystem-error-code" => &["err"],
        _ => &[],
    };
    method.then_some("self").into_iter().chain(names.iter().copied()).collect()
}
