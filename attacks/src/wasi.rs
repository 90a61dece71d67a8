//! Guests that call WASI, as text.

use core::fmt::Write as _;

use crate::interfaces::{FUNCTIONS, INTERFACES, Interface};

/// A component that calls functions of WASI. `calls` are names of `FUNCTIONS`, by which the
/// module with the fields `fields` finds them; its `run` is the component's.
///
/// The results of functions that return more than a number are written where the last argument
/// points. The memory has eight pages. Strings and lists from the host are written between 131 072
/// and the end, one behind the other, and begin anew where the memory ends. `$ok` traps unless the
/// result at 1 024 is good, `$err` unless it is an error with this byte `at` bytes behind it.
#[must_use]
pub fn guest(calls: &[&str], fields: &str) -> String {
    let used = Used::of(calls);
    format!("(component {} {})", used.imports(), used.code(fields))
}

/// Two such guests inside one component, which calls one after the other.
#[must_use]
pub fn pair(calls: &[&str], one: &str, other: &str) -> String {
    let used = Used::of(calls);
    let imports = used.imports();
    let passed = used.interfaces().fold(String::new(), |passed, Interface { key, path, .. }| {
        passed + &format!("(with \"{path}\" (instance ${key}))")
    });
    let [one, other] = [one, other].map(|fields| used.code(fields));
    format!(
        "(component {imports}
           (component $one {imports} {one})
           (component $other {imports} {other})
           (instance $one (instantiate $one {passed}))
           (instance $other (instantiate $other {passed}))
           (component $both
             (import \"one\" (func $one)) (import \"other\" (func $other))
             (core func $one (canon lower (func $one)))
             (core func $other (canon lower (func $other)))
             (core module $m
               (import \"\" \"one\" (func $one)) (import \"\" \"other\" (func $other))
               (func (export \"run\") (call $one) (call $other)))
             (core instance $i (instantiate $m (with \"\" (instance
               (export \"one\" (func $one)) (export \"other\" (func $other))))))
             (func (export \"run\") (canon lift (core func $i \"run\"))))
           (instance $both (instantiate $both
             (with \"one\" (func $one \"run\")) (with \"other\" (func $other \"run\"))))
           (export \"run\" (func $both \"run\")))"
    )
}

/// A guest whose `run` has this body.
#[must_use]
pub fn run(calls: &[&str], body: &str) -> String {
    guest(calls, &format!("(func (export \"run\") {body})"))
}

/// Code that runs `body` again and again.
#[must_use]
pub fn forever(body: &str) -> String {
    format!("(loop $forever {body} (br $forever))")
}

/// Code that runs `body` so often, with `$n` from 0 on. The function has a local `$n`.
#[must_use]
pub fn times(count: u32, body: &str) -> String {
    format!(
        "(local.set $n (i32.const 0))
         (loop $times {body}
           (local.set $n (i32.add (local.get $n) (i32.const 1)))
           (br_if $times (i32.lt_u (local.get $n) (i32.const {count}))))"
    )
}

/// Code for the directory that the host gives.
pub const ROOT: &str =
    "(call $directories (i32.const 1024)) (local.set $root (i32.load (i32.load (i32.const 1024))))";

/// Code that writes the six digits of `$n` to 2 048.
#[must_use]
pub fn digits() -> String {
    (0..6_u32).fold(String::new(), |code, place| {
        let unit = 10_u32.pow(5 - place);
        code + &format!(
            "(i32.store8 (i32.const {}) (i32.add (i32.const 48)
               (i32.rem_u (i32.div_u (local.get $n) (i32.const {unit})) (i32.const 10))))",
            2_048 + place
        )
    })
}

const LIBC: &str = r#"
    (core module $libc
      (memory (export "mem") 8)
      (global $next (mut i32) (i32.const 131072))
      (func (export "realloc") (param i32 i32 i32) (param $size i32) (result i32)
        (local $at i32)
        (local.set $at (global.get $next))
        (if (i32.gt_u (i32.add (local.get $at) (local.get $size)) (i32.const 524288))
          (then (local.set $at (i32.const 131072))))
        (global.set $next (i32.and
          (i32.add (i32.add (local.get $at) (local.get $size)) (i32.const 15)) (i32.const -16)))
        (local.get $at)))
    (core instance $libc (instantiate $libc))"#;

const CHECKS: &str = "
    (func $ok (if (i32.load8_u (i32.const 1024)) (then unreachable)))
    (func $err (param $byte i32) (param $at i32)
      (if (i32.ne (i32.load8_u (i32.const 1024)) (i32.const 1)) (then unreachable))
      (if (i32.ne (i32.load8_u (i32.add (i32.const 1024) (local.get $at))) (local.get $byte))
        (then unreachable)))";

/// A function of WASI.
struct Function {
    key: &'static str,
    interface: &'static str,
    name: &'static str,
    /// Its type in a component.
    signature: &'static str,
    /// Its type in a core module.
    flat: &'static str,
}

impl Function {
    fn parse(line: &'static str) -> Option<Self> {
        let mut cells = line.split(" | ").map(str::trim);
        Some(Self {
            key: cells.next()?,
            interface: cells.next()?,
            name: cells.next()?,
            signature: cells.next()?,
            flat: cells.next()?,
        })
    }
}

/// The functions that a guest calls, and the interfaces that they need.
struct Used {
    functions: Vec<Function>,
    needed: Vec<&'static str>,
}

impl Used {
    fn of(calls: &[&str]) -> Self {
        let functions: Vec<Function> = FUNCTIONS
            .lines()
            .filter_map(Function::parse)
            .filter(|function| calls.contains(&function.key))
            .collect();
        assert_eq!(functions.len(), calls.len(), "one of {calls:?} is not in the table");
        let mut needed: Vec<&str> = functions.iter().map(|function| function.interface).collect();
        // Interfaces come after those that they use.
        for interface in INTERFACES.iter().rev() {
            if needed.contains(&interface.key) {
                needed.extend(interface.uses.iter().filter_map(|name| owner(name)));
            }
        }
        Self { functions, needed }
    }

    fn interfaces(&self) -> impl Iterator<Item = &'static Interface> {
        INTERFACES.iter().filter(|interface| self.needed.contains(&interface.key))
    }

    fn imports(&self) -> String {
        self.interfaces().map(|interface| import(interface, &self.functions)).collect()
    }

    /// Returns all that comes after the imports.
    fn code(&self, fields: &str) -> String {
        let [mut lowered, mut named, mut wired] = [const { String::new() }; 3];
        for Function { key, interface, name, flat, .. } in &self.functions {
            // Writing to a string does not fail.
            let _ = write!(
                lowered,
                "(core func ${key} (canon lower (func ${interface} \"{name}\")
                   (memory (core memory $libc \"mem\")) (realloc (core func $libc \"realloc\"))))"
            );
            let _ = write!(named, "(export \"{key}\" (func ${key}))");
            let _ = write!(wired, "(import \"host\" \"{key}\" (func ${key} {flat}))");
        }
        for (resource, name) in drops(fields) {
            let _ = write!(lowered, "(core func ${name} (canon resource.drop ${resource}))");
            let _ = write!(named, "(export \"{name}\" (func ${name}))");
            let _ = write!(wired, "(import \"host\" \"{name}\" (func ${name} (param i32)))");
        }
        format!(
            "{LIBC} {lowered}
             (core module $m {wired} (import \"libc\" \"mem\" (memory 1)) {CHECKS} {fields})
             (core instance $i (instantiate $m
               (with \"libc\" (instance $libc)) (with \"host\" (instance {named}))))
             (func (export \"run\") (canon lift (core func $i \"run\")))"
        )
    }
}

fn import(interface: &Interface, functions: &[Function]) -> String {
    let Interface { key, path, uses, types } = interface;
    let [mut inside, mut after] = [String::new(), String::new()];
    for used in *uses {
        let _ = write!(
            inside,
            "(alias outer 1 ${used} (type $outer-{used}))
             (export \"{used}\" (type ${used} (eq $outer-{used})))"
        );
    }
    for (name, text) in types.lines().filter_map(|line| line.trim().split_once(" = ")) {
        let _ = match text {
            "resource" => write!(inside, "(export \"{name}\" (type ${name} (sub resource)))"),
            _ => write!(
                inside,
                "(type $plain-{name} {text}) (export \"{name}\" (type ${name} (eq $plain-{name})))"
            ),
        };
        let _ = write!(after, "(alias export ${key} \"{name}\" (type ${name}))");
    }
    for function in functions.iter().filter(|function| function.interface == *key) {
        let _ = write!(inside, "(export \"{}\" (func {}))", function.name, function.signature);
    }
    format!("(import \"{path}\" (instance ${key} {inside})) {after}\n")
}

/// Returns the interface that has a type of its own.
fn owner(name: &str) -> Option<&'static str> {
    let has = |line: &str| line.trim().split_once(" = ").is_some_and(|(own, _)| own == name);
    INTERFACES.iter().find(|it| it.types.lines().any(has)).map(|it| it.key)
}

/// Returns the resources whose `$drop-` function the fields call, and its name.
fn drops(fields: &str) -> impl Iterator<Item = (&'static str, String)> {
    let resources = INTERFACES.iter().flat_map(|it| it.types.lines());
    resources
        .filter_map(|line| line.trim().strip_suffix(" = resource"))
        .map(|resource| (resource, format!("drop-{resource}")))
        .filter(|(_, name)| fields.contains(&format!("(call ${name} ")))
}

#[cfg(test)]
mod tests {
    use super::{FUNCTIONS, Function, guest};

    #[test]
    fn every_function_of_the_table_is_called_as_its_type_says() {
        for function in FUNCTIONS.lines().filter_map(Function::parse) {
            let text = guest(&[function.key], "(func (export \"run\"))");
            let bytes = ::wat::parse_str(&text).unwrap();
            wasmparser::validate(&bytes)
                .unwrap_or_else(|error| panic!("{}: {error}", function.key));
        }
    }
}
