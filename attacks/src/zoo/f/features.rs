//! Features of components and of WebAssembly that no other section names, and that are off.

use crate::vector::Vector;

pub(super) fn vectors() -> Vec<Vector> {
    [
        (
            "streams",
            "(component (type (stream u8)))",
            "`stream` requires the component model async",
        ),
        ("futures", "(component (type (future)))", "`future` requires the component model async"),
        (
            "a stream that is cancelled",
            "(component (type $s (stream u8)) (core func (canon stream.cancel-read $s)))",
            "`stream` requires the component model async feature",
        ),
        (
            "a yield to other tasks",
            "(component (core func (canon thread.yield)))",
            "`thread.yield` requires the component model async feature",
        ),
        (
            "threads of components",
            "(component (core type $t (func (param i32))) (core func (canon thread.spawn-ref $t)))",
            "`thread.spawn-ref` requires the shared-everything-threads proposal",
        ),
        (
            "error contexts",
            "(component (type error-context))",
            "`error-context` requires the component model error-context feature",
        ),
        ("maps", "(component (type (map string u8)))", "require the component model map feature"),
        (
            "lists of a fixed length",
            "(component (type (list u8 4)))",
            "require the component model fixed-length lists feature",
        ),
        (
            "values",
            "(component (import \"a\" (value string)))",
            "support for component model `value`s is not enabled",
        ),
        (
            "continuations",
            "(component (core module (type $f (func)) (type $c (cont $f))))",
            "cannot define continuation types when stack switching is disabled",
        ),
        (
            "subtypes",
            "(component (core module (type $s (sub (func))) (type $u (sub $s (func)))))",
            "gc proposal must be enabled to use subtypes",
        ),
        (
            "collected structures",
            "(component (core module (type (struct))))",
            "not supported without the gc feature",
        ),
        (
            "references with types",
            "(component (core module (type $f (func)) (func (param (ref $f)))))",
            "function references required for index reference types",
        ),
        (
            "tags of exceptions",
            "(component (core module (tag)))",
            "exceptions proposal not enabled",
        ),
        (
            "shared memories",
            "(component (core module (memory 1 1 shared)))",
            "threads must be enabled for shared memories",
        ),
        (
            "64-bit tables",
            "(component (core module (table i64 1 funcref)))",
            "memory64 must be enabled for 64-bit tables",
        ),
    ]
    .map(|(title, text, error)| Vector::off("F11", title, text, error))
    .into()
}
