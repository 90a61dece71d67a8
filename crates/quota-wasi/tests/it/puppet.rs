//! A guest that makes each call to WASI that a test asks it for, and hands back the answer.
//!
//! Each of its exports has the type of an import and a body that calls the import: strings and
//! lists pass through its memory, and handles through its table, as in any guest.

use crate::wasi::FILES;

/// A part of WASI, as text.
pub(crate) struct Part {
    /// The resources, and the instances that have them.
    pub(crate) resources: &'static [(&'static str, &'static str)],
    /// The instances, their imported names, and the resources and types of others that they use.
    pub(crate) instances: &'static [(&'static str, &'static str, &'static [&'static str])],
    /// The calls, one a line: the instance that has it, its name there, the name of the puppet's
    /// export, parameters, result.
    pub(crate) calls: &'static str,
    /// The types that calls name, one a line: the instance that has it, its name there, the type.
    pub(crate) types: &'static str,
    /// Further functions of the module that makes the calls, and their exports.
    pub(crate) further: (&'static str, &'static str),
}

const LIBC: &str = r#"
    (core module $libc
      (memory (export "mem") 16)
      (data (i32.const 2048) "endless")
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

/// One call of WASI.
struct Call {
    instance: &'static str,
    name: &'static str,
    export: &'static str,
    params: Vec<(&'static str, &'static str)>,
    result: &'static str,
}

impl Call {
    fn all(part: &Part) -> impl Iterator<Item = Self> {
        part.calls.trim().lines().map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let params = cells[3].split(", ").filter(|param| !param.is_empty());
            Self {
                instance: cells[0],
                name: cells[1],
                export: cells[2],
                params: params.map(|param| param.split_once(' ').unwrap()).collect(),
                result: cells[4],
            }
        })
    }

    /// Its type as a component has it.
    fn signature(&self) -> String {
        let params = self.params.iter().map(|(name, of)| format!("(param \"{name}\" {of}) "));
        let params: String = params.collect();
        if self.result.is_empty() { params } else { format!("{params} (result {})", self.result) }
    }

    /// The types of its parameters in a core module.
    fn flat(&self) -> Vec<&'static str> {
        self.params.iter().flat_map(|(_, of)| flattened(of)).copied().collect()
    }

    /// Whether its result is one value, or none; any other lies in memory.
    fn is_direct(&self) -> bool {
        matches!(self.result, "bool" | "" | "u16" | "(result)" | "$ip-address-family")
            || self.result.starts_with("(own ")
    }

    fn lowered(&self) -> String {
        let Self { instance, name, export, .. } = self;
        format!(
            "(core func $wasi-{export} (canon lower (func ${instance} \"{name}\") \
               (memory $mem) (realloc $realloc)))\n"
        )
    }

    /// The import of the module that makes the calls.
    fn wire(&self) -> String {
        let (export, flat) = (self.export, self.flat().join(" "));
        let (area, result) = match (self.is_direct(), self.result) {
            (true, "") => ("", ""),
            (true, _) => ("", "(result i32)"),
            (false, _) => ("i32", ""),
        };
        format!("(import \"wasi\" \"{export}\" (func ${export} (param {flat} {area}) {result}))\n")
    }

    /// The function that makes the call: the result lies at 1024, unless it is direct.
    fn shim(&self) -> String {
        let (export, flat) = (self.export, self.flat());
        let locals: String = (0..flat.len()).map(|at| format!("(local.get {at}) ")).collect();
        let area = if self.is_direct() { "" } else { "(i32.const 1024)" };
        let result = if self.result.is_empty() { "" } else { "(result i32)" };
        format!(
            "(func (export \"{export}\") (param {}) {result} \
               (call ${export} {locals} {area}) {} {area})\n",
            flat.join(" "),
            self.returned_borrows()
        )
    }

    /// Drops the borrowed handles that a call was given.
    fn returned_borrows(&self) -> String {
        let (mut at, mut drops) = (0, String::new());
        for (_, of) in &self.params {
            if let Some(resource) = of.strip_prefix("(borrow $") {
                let resource = resource.trim_end_matches(')');
                drops.push_str(&format!("(call $drop-{resource} (local.get {at})) "));
            }
            at += flattened(of).len();
        }
        drops
    }

    fn lifted(&self) -> String {
        let post = if self.is_direct() { "" } else { "(post-return $reset)" };
        format!(
            "(func (export \"{0}\") {1} (canon lift (core func $shims \"{0}\") \
               (memory $mem) (realloc $realloc) {post}))\n",
            self.export,
            self.signature()
        )
    }
}

fn flattened(of: &str) -> &'static [&'static str] {
    match of {
        "u64" => &["i64"],
        "string" => &["i32", "i32"],
        list if list.starts_with("(list ") => &["i32", "i32"],
        "$ip-socket-address" => &["i32"; 12],
        "(option $ip-socket-address)" => &["i32"; 13],
        "$method" | "(option string)" => &["i32", "i32", "i32"],
        "(option $scheme)" => &["i32", "i32", "i32", "i32"],
        "(option u64)" => &["i32", "i64"],
        option if option.starts_with("(option (own ") => &["i32", "i32"],
        "$new-timestamp" => &["i32", "i64", "i32"],
        _ => &["i32"],
    }
}

/// Writes the guest of files and streams; `version` is that of the WASI which it was made for, such
/// as `0.2.0`.
pub(crate) fn puppet(version: &str) -> String {
    puppet_of(&FILES, version)
}

/// Writes the guest of a part of WASI.
pub(crate) fn puppet_of(part: &Part, version: &str) -> String {
    let instances = part.instances.iter();
    let imports: String = instances.map(|instance| import(part, instance, version)).collect();
    let (mut lowered, mut wires, mut shims) = (String::new(), String::new(), String::new());
    let (mut bodies, mut lifted) = (String::new(), String::new());
    for (_, resource) in part.resources {
        let drop = format!("drop-{resource}");
        lowered.push_str(&format!("(core func ${drop} (canon resource.drop ${resource}))\n"));
        wires.push_str(&format!("(export \"{drop}\" (func ${drop}))\n"));
        shims.push_str(&format!("(import \"wasi\" \"{drop}\" (func ${drop} (param i32)))\n"));
        bodies.push_str(&format!(
            "(func (export \"{drop}\") (param i32) (call ${drop} (local.get 0)))\n"
        ));
        lifted.push_str(&format!(
            "(func (export \"{drop}\") (param \"it\" (own ${resource})) \
               (canon lift (core func $shims \"{drop}\")))\n"
        ));
    }
    for call in Call::all(part) {
        lowered.push_str(&call.lowered());
        wires.push_str(&format!("(export \"{0}\" (func $wasi-{0}))\n", call.export));
        shims.push_str(&call.wire());
        bodies.push_str(&call.shim());
        lifted.push_str(&call.lifted());
    }
    let (functions, exports) = part.further;
    format!(
        "(component {imports} {LIBC} {lowered}
           (core instance $wasi (export \"mem\" (memory $mem)) {wires})
           (core module $shims (import \"wasi\" \"mem\" (memory 1)) {shims} {bodies} {functions})
           (core instance $shims (instantiate $shims (with \"wasi\" (instance $wasi))))
           {lifted} {exports})"
    )
}

fn import(part: &Part, (instance, path, uses): &(&str, &str, &[&str]), version: &str) -> String {
    let mut inside = String::new();
    for used in *uses {
        inside.push_str(&format!(
            "(alias outer 1 ${used} (type $outer-{used})) \
             (export \"{used}\" (type ${used} (eq $outer-{used})))\n"
        ));
    }
    let mut after = String::new();
    let alias = |name: &str| format!("(alias export ${instance} \"{name}\" (type ${name}))\n");
    for (_, name) in part.resources.iter().filter(|(owner, _)| owner == instance) {
        inside.push_str(&format!("(export \"{name}\" (type ${name} (sub resource)))\n"));
        after.push_str(&alias(name));
    }
    for line in part.types.trim().lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let (owner, name, text) = (cells[0], cells[1], cells[2]);
        if owner == *instance {
            inside.push_str(&format!(
                "(type $plain-{name} {text}) \
                 (export \"{name}\" (type ${name} (eq $plain-{name})))\n"
            ));
            after.push_str(&alias(name));
        }
    }
    for call in Call::all(part).filter(|call| call.instance == *instance) {
        let (name, signature) = (call.name, call.signature());
        inside.push_str(&format!("(export \"{name}\" (func {signature}))\n"));
    }
    format!("(import \"{path}@{version}\" (instance ${instance} {inside}))\n{after}")
}
