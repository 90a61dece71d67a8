//! Text that the guests share.

use core::fmt::Write as _;

use wasm_encoder::{
    CodeSection, ComponentBuilder, ComponentExportKind, ComponentValType, ExportKind,
    ExportSection, FunctionSection, Module, ModuleArg, PrimitiveValType, TypeSection,
};

/// A component whose export `run` calls the core export `run` of a module with these fields.
#[must_use]
pub fn component(fields: &str) -> String {
    format!(
        r#"(component
             (core module $m {fields})
             (core instance $i (instantiate $m))
             (func (export "run") (canon lift (core func $i "run"))))"#
    )
}

/// A component whose export `run` has this body.
#[must_use]
pub fn run(body: &str) -> String {
    component(&format!(r#"(func (export "run") {body})"#))
}

/// A component that imports functions. `imports` declares them; each of `lowered` is a name and the
/// function of that name's import, such as `("get", r#"$random "get-random-bytes""#)`. The module
/// with these fields imports them from `host`, and `mem` (one page) from `libc`; its `run` is the
/// component's. Bytes from the host are written to address 4 096.
#[must_use]
pub fn with_imports(imports: &str, lowered: &[(&str, &str)], fields: &str) -> String {
    let [mut functions, mut names] = [String::new(), String::new()];
    for (name, function) in lowered {
        // Writing to a string does not fail.
        let _ = write!(
            functions,
            r#"(core func ${name} (canon lower (func {function})
                 (memory (core memory $libc "mem"))
                 (realloc (core func $libc "realloc"))))"#
        );
        let _ = write!(names, r#"(export "{name}" (func ${name}))"#);
    }
    format!(
        r#"(component
             {imports}
             (core module $libc
               (memory (export "mem") 1)
               (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096)))
             (core instance $libc (instantiate $libc))
             {functions}
             (core module $m {fields})
             (core instance $i (instantiate $m
               (with "libc" (instance $libc))
               (with "host" (instance {names}))))
             (func (export "run") (canon lift (core func $i "run"))))"#
    )
}

/// The import of `wasi:io/poll` as `$poll`, and of `wasi:clocks/monotonic-clock` as `$clock` with
/// `subscribe-duration`. Of `$poll` there are `[method]pollable.block` and `poll`; the pollable's
/// type is `$pollable`.
pub const CLOCK: &str = r#"
    (import "wasi:io/poll@0.2.0" (instance $poll
      (export "pollable" (type $pollable (sub resource)))
      (export "[method]pollable.block" (func (param "self" (borrow $pollable))))
      (export "poll" (func (param "in" (list (borrow $pollable))) (result (list u32))))))
    (alias export $poll "pollable" (type $pollable))
    (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
      (alias outer 1 $pollable (type $outer))
      (export "pollable" (type $pollable (eq $outer)))
      (export "subscribe-duration" (func (param "when" u64) (result (own $pollable))))))"#;

/// The import of `wasi:random/random` as `$random`, with `get-random-bytes`.
pub const RANDOM: &str = r#"
    (import "wasi:random/random@0.2.0" (instance $random
      (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))"#;

/// A component that makes timers: its module has `$subscribe`, `$block`, `$poll` and `$drop` of
/// them, and the memory of `with_imports`.
#[must_use]
pub fn timers(fields: &str) -> String {
    with_imports(
        CLOCK,
        &[
            ("subscribe", r#"$clock "subscribe-duration""#),
            ("block", r#"$poll "[method]pollable.block""#),
            ("poll", r#"$poll "poll""#),
        ],
        &format!(
            r#"(import "libc" "mem" (memory 1))
               (import "host" "subscribe" (func $subscribe (param i64) (result i32)))
               (import "host" "block" (func $block (param i32)))
               (import "host" "poll" (func $poll (param i32 i32 i32)))
               (import "host" "drop" (func $drop (param i32)))
               {fields}"#
        ),
    )
    .replace(
        r#"(core module $m "#,
        r#"(core func $drop (canon resource.drop $pollable))
           (core module $m "#,
    )
    .replace(
        r#"(instance (export "subscribe""#,
        r#"(instance (export "drop" (func $drop)) (export "subscribe""#,
    )
}

/// Returns the binary of text that is too long to be given as text, or nothing if it is wrong.
#[must_use]
pub fn binary(text: &str) -> Vec<u8> {
    ::wat::parse_str(text).unwrap_or_default()
}

/// Returns the binary of a component whose export `run` is that of a core module.
#[must_use]
pub fn component_of(module: &Module) -> Vec<u8> {
    let mut component = ComponentBuilder::default();
    let module = component.core_module(None, module);
    let no_args: [(&str, ModuleArg); 0] = [];
    let instance = component.core_instantiate(None, module, no_args);
    let run = component.core_alias_export(None, instance, "run", ExportKind::Func);
    let (ty, mut function) = component.type_function(None);
    function.params([("", ComponentValType::Primitive(PrimitiveValType::U32)); 0]).result(None);
    let run = component.lift_func(None, run, ty, []);
    component.export("run", ComponentExportKind::Func, run, None);
    component.finish()
}

/// Returns a module whose export `run` has this body: operators without locals, in binary.
#[must_use]
pub fn module_of(operators: impl IntoIterator<Item = u8>) -> Module {
    let mut body = vec![0];
    body.extend(operators);
    body.push(0x0b);
    let mut module = Module::new();
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut exports = ExportSection::new();
    exports.export("run", ExportKind::Func, 0);
    let mut code = CodeSection::new();
    code.raw(&body);
    module.section(&types).section(&functions).section(&exports).section(&code);
    module
}
