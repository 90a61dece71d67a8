//! Components that are made of several.

/// A component whose part `outer` calls `$inner` of another part.
#[must_use]
pub fn pair(inner: &str, outer: &str) -> String {
    format!(
        r#"(component
             (component $inner
               (core module $m (func (export "run") {inner}))
               (core instance $i (instantiate $m))
               (func (export "run") (canon lift (core func $i "run"))))
             (component $outer {})
             (instance $inner (instantiate $inner))
             (instance $outer (instantiate $outer (with "inner" (func $inner "run"))))
             (export "run" (func $outer "run")))"#,
        caller(outer)
    )
}

/// A chain of components, each of which calls the next ten times.
#[must_use]
pub fn chain(length: usize) -> String {
    let ten = "(call $inner)".repeat(10);
    let links: String = (1..length)
        .map(|at| {
            format!(
                r#"(instance $i{at} (instantiate $link
                     (with "inner" (func $i{} "run"))))"#,
                at - 1
            )
        })
        .collect();
    format!(
        r#"(component
             (component $end
               (core module $m (func (export "run")))
               (core instance $i (instantiate $m))
               (func (export "run") (canon lift (core func $i "run"))))
             (component $link {})
             (instance $i0 (instantiate $end))
             {links}
             (export "run" (func $i{} "run")))"#,
        caller(&ten),
        length - 1
    )
}

/// The content of a component that imports `inner`, with a `run` of this body.
fn caller(body: &str) -> String {
    format!(
        r#"(import "inner" (func $inner))
           (core func $inner (canon lower (func $inner)))
           (core module $m (import "" "inner" (func $inner)) (func (export "run") {body}))
           (core instance $i (instantiate $m
             (with "" (instance (export "inner" (func $inner))))))
           (func (export "run") (canon lift (core func $i "run")))"#
    )
}

/// A component of which one part makes (`$make`) and drops (`$drop`) resources of another, whose
/// destructor has the body `destructor`.
#[must_use]
pub fn resource(destructor: &str, run: &str) -> String {
    format!(
        r#"(component
             (component $maker
               (core module $d (func (export "dtor") (param i32) {destructor}))
               (core instance $d (instantiate $d))
               (type $r' (resource (rep i32) (dtor (core func $d "dtor"))))
               (export $r "r" (type $r'))
               (core func $new (canon resource.new $r'))
               (core module $m
                 (import "" "new" (func $new (param i32) (result i32)))
                 (func (export "make") (result i32) (call $new (i32.const 7))))
               (core instance $i (instantiate $m
                 (with "" (instance (export "new" (func $new))))))
               (func (export "make") (result (own $r)) (canon lift (core func $i "make"))))
             (component $user
               (import "maker" (instance $maker
                 (export "r" (type $r (sub resource)))
                 (export "make" (func (result (own $r))))))
               (alias export $maker "r" (type $r))
               (core func $make (canon lower (func $maker "make")))
               (core func $drop (canon resource.drop $r))
               (core module $m
                 (import "" "make" (func $make (result i32)))
                 (import "" "drop" (func $drop (param i32)))
                 (func (export "run") {run}))
               (core instance $i (instantiate $m (with "" (instance
                 (export "make" (func $make)) (export "drop" (func $drop))))))
               (func (export "run") (canon lift (core func $i "run"))))
             (instance $maker (instantiate $maker))
             (instance $user (instantiate $user (with "maker" (instance $maker))))
             (export "run" (func $user "run")))"#
    )
}

/// A component with a resource whose destructor makes and drops another.
#[must_use]
pub fn recursive_destructor() -> String {
    String::from(
        r#"(component
             (core module $d
               (table (export "table") 1 funcref)
               (type $t (func))
               (func (export "dtor") (param i32) (call_indirect (type $t) (i32.const 0))))
             (core instance $d (instantiate $d))
             (type $r (resource (rep i32) (dtor (core func $d "dtor"))))
             (core func $new (canon resource.new $r))
             (core func $drop (canon resource.drop $r))
             (core module $m
               (import "d" "table" (table 1 funcref))
               (import "" "new" (func $new (param i32) (result i32)))
               (import "" "drop" (func $drop (param i32)))
               (elem (i32.const 0) func $again)
               (func $again (export "run") (call $drop (call $new (i32.const 7)))))
             (core instance $i (instantiate $m (with "d" (instance $d))
               (with "" (instance (export "new" (func $new)) (export "drop" (func $drop))))))
             (func (export "run") (canon lift (core func $i "run"))))"#,
    )
}

/// A component of which one part passes a string of `bytes` in one encoding to another part, which
/// takes it in another, again and again. The last character is not of latin-1.
#[must_use]
pub fn transcoding(from: &str, to: &str, bytes: u32) -> String {
    let pages = bytes.div_ceil(65_536) + 1;
    format!(
        r#"(component
             (component $taker
               (core module $m (memory (export "mem") 1)
                 (func (export "take") (param i32 i32))
                 (func (export "realloc") (param i32 i32 i32 i32) (result i32)
                   (if (i32.gt_u (i32.add (local.get 3) (i32.const 16))
                         (i32.mul (memory.size) (i32.const 65536)))
                     (then (if (i32.eq (i32.const -1) (memory.grow (i32.shr_u
                       (i32.sub (i32.add (local.get 3) (i32.const 65552))
                         (i32.mul (memory.size) (i32.const 65536))) (i32.const 16))))
                       (then unreachable))))
                   (i32.const 16)))
               (core instance $i (instantiate $m))
               (func (export "take") (param "s" string)
                 (canon lift (core func $i "take") string-encoding={to}
                   (memory (core memory $i "mem")) (realloc (core func $i "realloc")))))
             (component $giver
               (import "take" (func $take (param "s" string)))
               (core module $libc (memory (export "mem") {pages}))
               (core instance $libc (instantiate $libc))
               (core func $take (canon lower (func $take) string-encoding={from}
                 (memory (core memory $libc "mem"))))
               (core module $m
                 (import "libc" "mem" (memory {pages}))
                 (import "" "take" (func $take (param i32 i32)))
                 (func (export "run")
                   (memory.fill (i32.const 0) (i32.const 97) (i32.const {bytes}))
                   (i32.store16 (i32.const {last}) (i32.const 0x98e2))
                   (i32.store8 (i32.const {end}) (i32.const 0x83))
                   (loop $l (call $take (i32.const 0) (i32.const {bytes})) (br $l))))
               (core instance $i (instantiate $m (with "libc" (instance $libc))
                 (with "" (instance (export "take" (func $take))))))
               (func (export "run") (canon lift (core func $i "run"))))
             (instance $taker (instantiate $taker))
             (instance $giver (instantiate $giver (with "take" (func $taker "take"))))
             (export "run" (func $giver "run")))"#,
        last = bytes - 3,
        end = bytes - 1,
    )
}
