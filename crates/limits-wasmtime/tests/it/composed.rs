//! Components composed of several, which pass strings, lists and resources to each other.

use limits_wasmtime::limits_core::{Blame, LimitKind, StructureCount, StructureLimits, WasmError};
use limits_wasmtime::wasmtime::component::{ComponentNamedList, Lift, Lower, Val};
use limits_wasmtime::{ComponentExecutor, EngineBuilder, create_engine};

use crate::guest::{Guest, Host, roomy};

/// A `realloc` that allocates one stretch after another and grows the memory for it.
const BUMP: &str = r#"
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (loop $more
      (if (i32.gt_u (global.get $next) (i32.mul (memory.size) (i32.const 65536)))
        (then
          (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
          (br $more))))
    (if (i32.lt_u (local.get $old_size) (local.get $size))
      (then (memory.copy (local.get $at) (local.get $old) (local.get $old_size)))
      (else (memory.copy (local.get $at) (local.get $old) (local.get $size))))
    (local.get $at)"#;

/// A core module with a memory and a `realloc` of this body.
fn libc(realloc: &str) -> String {
    format!(
        r#"(core module $libc
             (memory (export "mem") 1)
             (global $next (mut i32) (i32.const 1024))
             (func (export "realloc")
               (param $old i32) (param $old_size i32) (param $align i32) (param $size i32)
               (result i32)
               {realloc}))
           (core instance $libc (instantiate $libc))"#
    )
}

/// Two components in one: `front` passes its argument to `back` and returns the result.
/// Both are of type `ty -> ty`, which in memory is a pointer and a length.
fn echo(ty: &str, front: &str, back: &str, front_realloc: &str, back_realloc: &str) -> String {
    let options = |encoding: &str| {
        format!(
            r#"(memory (core memory $libc "mem")) (realloc (core func $libc "realloc"))
               string-encoding={encoding}"#
        )
    };
    let (of_front, of_back) = (options(front), options(back));
    let (front_libc, back_libc) = (libc(front_realloc), libc(back_realloc));
    format!(
        r#"(component
             (component $back
               {back_libc}
               (core module $m (import "libc" "mem" (memory 1))
                 (func (export "echo") (param i32 i32) (result i32)
                   (i32.store (i32.const 16) (local.get 0))
                   (i32.store (i32.const 20) (local.get 1))
                   (i32.const 16)))
               (core instance $i (instantiate $m (with "libc" (instance $libc))))
               (func (export "echo") (param "it" {ty}) (result {ty})
                 (canon lift (core func $i "echo") {of_back})))
             (component $front
               (import "echo" (func $echo (param "it" {ty}) (result {ty})))
               {front_libc}
               (core func $echo' (canon lower (func $echo) {of_front}))
               (core module $m
                 (import "libc" "mem" (memory 1))
                 (import "" "echo" (func $echo (param i32 i32 i32)))
                 (func (export "run") (param i32 i32) (result i32)
                   (call $echo (local.get 0) (local.get 1) (i32.const 32))
                   (i32.const 32)))
               (core instance $i (instantiate $m
                 (with "libc" (instance $libc))
                 (with "" (instance (export "echo" (func $echo'))))))
               (func (export "run") (param "it" {ty}) (result {ty})
                 (canon lift (core func $i "run") {of_front})))
             (instance $back (instantiate $back))
             (instance $front (instantiate $front (with "echo" (func $back "echo"))))
             (export "run" (func $front "run")))"#
    )
}

fn plain(ty: &str) -> String {
    echo(ty, "utf8", "utf8", BUMP, BUMP)
}

async fn echoed<T>(guest: &Guest, it: T) -> T
where
    T: Clone + Send + Sync + 'static,
    (T,): ComponentNamedList + Lower + Lift,
{
    guest.call::<(T,), (T,)>(roomy(), "run", (it,)).await.unwrap().output.0
}

const ENCODINGS: [&str; 3] = ["utf8", "utf16", "latin1+utf16"];

#[tokio::test]
async fn a_string_passes_between_two_components_in_every_pair_of_encodings() {
    let texts = ["", "plain", "naïve café", "𝄞 clef, snow ☃, and naïve", &"é☃".repeat(5_000)];
    for front in ENCODINGS {
        for back in ENCODINGS {
            let guest = Guest::new(&echo("string", front, back, BUMP, BUMP));
            for text in texts {
                let text = String::from(text);
                assert_eq!(echoed(&guest, text.clone()).await, text, "{front} to {back}");
            }
        }
    }
}

#[tokio::test]
async fn lists_pass_between_two_components() {
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    assert_eq!(echoed(&Guest::new(&plain("(list u8)")), bytes.clone()).await, bytes);
    let numbers: Vec<u64> = (0..1_000).collect();
    assert_eq!(echoed(&Guest::new(&plain("(list u64)")), numbers.clone()).await, numbers);
    for front in ENCODINGS {
        let guest = Guest::new(&echo("(list string)", front, "utf16", BUMP, BUMP));
        let words: Vec<String> = (0..200).map(|n| format!("☃ number {n}")).collect();
        assert_eq!(echoed(&guest, words.clone()).await, words);
    }
}

#[tokio::test]
async fn a_composed_component_runs_in_a_pool() {
    let limits = roomy().max_memories(4).build().unwrap();
    let engine = EngineBuilder::new().pooling(2, &limits).build().unwrap();
    let guest = Guest::on(ComponentExecutor::new(engine).unwrap(), &plain("string"));
    for _ in 0..5 {
        assert_eq!(echoed(&guest, String::from("naïve")).await, "naïve");
    }
}

/// The sum over both parts: each has one page, and the text does not fit twice into a third.
#[tokio::test]
async fn the_memory_limit_is_the_sum_over_all_parts() {
    let guest = Guest::new(&plain("(list u8)"));
    let run = async |pages: u64| {
        let limits = roomy().memory_bytes(pages * 65_536);
        guest.call::<_, (Vec<u8>,)>(limits, "run", (vec![7_u8; 100_000],)).await
    };
    let failure = run(3).await.unwrap_err();
    assert!(matches!(failure.error(), WasmError::Trap { .. }), "{failure}");
    assert_eq!(failure.blame(), Blame::Guest);
    assert_eq!(
        failure.report().last_refusal.unwrap().to_string(),
        "memory limit of 196608 bytes exceeded: 196608 in use, 65536 more requested"
    );
    let result = run(8).await.unwrap();
    assert!(result.report.peak_memory_bytes <= 8 * 65_536);
    let failure = run(1).await.unwrap_err();
    assert!(matches!(failure.error(), WasmError::OutOfMemory(_)), "{failure}");
}

/// The count of memories and core instances is of the whole, Wasmtime's adapters included.
#[tokio::test]
async fn memories_and_instances_are_counted_over_all_parts() {
    let guest = Guest::new(&plain("string"));
    let failure = guest.call::<_, (String,)>(roomy().max_memories(1), "run", ("",)).await;
    let failure = failure.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "memory count limit of 1 memories exceeded: 0 in use, 2 more requested"
    );
    // Two parts of two modules each, and one adapter.
    let most = async |instances| {
        guest.call::<_, (String,)>(roomy().max_instances(instances), "run", ("",)).await
    };
    let failure = most(4).await.unwrap_err();
    let WasmError::LimitExceeded(exceeded) = failure.error() else { panic!("{failure}") };
    assert_eq!(exceeded.kind(), LimitKind::Instances);
    assert!(most(5).await.is_ok());
}

/// An adapter calls the other part's `realloc`, which may do what it likes within the limits.
#[tokio::test]
async fn a_hostile_realloc_ends_within_the_limits_and_is_the_guests_doing() {
    let hostile = [
        ("(loop $l br $l) unreachable", "execution timed out after 300 ms"),
        (
            "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable",
            "guest trapped: wasm trap: wasm `unreachable` instruction executed",
        ),
        ("(i32.const 0x7ffffff0)", "guest trapped: "),
        ("(i32.const 1)", "guest trapped: "),
        ("(i32.const -1)", "guest trapped: "),
        ("unreachable", "guest trapped: wasm trap: wasm `unreachable` instruction executed"),
        (
            "(i32.div_u (i32.const 1) (local.get $old))",
            "guest trapped: wasm trap: integer divide by zero",
        ),
        // Every string at the same place, over the adapter's feet.
        ("(i32.const 1024)", ""),
    ];
    for (realloc, words) in hostile {
        for encoding in ENCODINGS {
            // Long enough for `latin1+utf16` to be allocated, found too small and reallocated.
            let text = format!("{}☃", "é".repeat(3_000));
            for (front, back) in [(BUMP, realloc), (realloc, BUMP)] {
                let guest = Guest::new(&echo("string", "utf8", encoding, front, back));
                let limits = roomy().execution_timeout_ms(300).memory_bytes(4 << 20);
                let ended = guest.call::<_, (String,)>(limits, "run", (text.as_str(),)).await;
                match ended {
                    Ok(_) => assert_eq!(words, "", "{realloc} in {encoding}"),
                    Err(failure) => {
                        let said = failure.to_string();
                        assert!(said.starts_with(words), "{realloc} in {encoding}: {said}");
                        assert_eq!(failure.blame(), Blame::Guest, "{said}");
                        assert!(failure.report().peak_memory_bytes <= 4 << 20);
                    }
                }
            }
        }
    }
}

/// Strings that are none are found by the adapter between two parts.
#[tokio::test]
async fn a_part_that_hands_over_a_bad_string_traps() {
    let bad = |ptr: &str, len: &str, front: &str| {
        plain("string")
            .replace(
                "(call $echo (local.get 0) (local.get 1) (i32.const 32))",
                &format!("(i64.store (i32.const 64) (i64.const -1)) (call $echo {ptr} {len} (i32.const 32))"),
            )
            .replacen("string-encoding=utf8", &format!("string-encoding={front}"), 0)
    };
    for (ptr, len) in [
        ("(i32.const 64)", "(i32.const 4)"),
        ("(i32.const -16)", "(i32.const 64)"),
        ("(i32.const 65530)", "(i32.const 64)"),
        ("(i32.const 0)", "(i32.const -1)"),
    ] {
        let guest = Guest::new(&bad(ptr, len, "utf8"));
        let failure = guest.call::<_, (String,)>(roomy(), "run", ("",)).await.unwrap_err();
        assert!(matches!(failure.error(), WasmError::Trap { .. }), "{ptr} {len}: {failure}");
        assert_eq!(failure.blame(), Blame::Guest);
    }
}

#[tokio::test]
async fn a_deadline_holds_over_calls_between_two_parts() {
    let looping = plain("string").replace(
        "(call $echo (local.get 0) (local.get 1) (i32.const 32))",
        "(loop $l (call $echo (local.get 0) (i32.const 0) (i32.const 32)) (br $l))",
    );
    let guest = Guest::new(&looping);
    let failure = guest.call::<_, (String,)>(roomy().execution_timeout_ms(50), "run", ("",)).await;
    let failure = failure.unwrap_err();
    assert!(matches!(failure.error(), WasmError::ExecutionTimeout { .. }), "{failure}");
    let limits = roomy().max_fuel(100_000);
    let failure = guest.call::<_, (String,)>(limits, "run", ("",)).await.unwrap_err();
    assert!(matches!(failure.error(), WasmError::OutOfFuel { .. }), "{failure}");
    assert_eq!(failure.report().fuel.consumed(), 100_000);
}

/// `maker` owns a resource type; `user` makes, lends and returns values of it.
fn resources(body: &str) -> String {
    format!(
        r#"(component
             (component $maker
               (type $r' (resource (rep i32)))
               (export $r "r" (type $r'))
               (core func $new (canon resource.new $r'))
               (core func $rep (canon resource.rep $r'))
               (core func $drop (canon resource.drop $r'))
               (core module $m
                 (import "" "new" (func $new (param i32) (result i32)))
                 (import "" "rep" (func $rep (param i32) (result i32)))
                 (import "" "drop" (func $drop (param i32)))
                 (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
                 (func (export "look") (param i32) (result i32) (local.get 0))
                 (func (export "take") (param i32) (result i32)
                   (local $rep i32)
                   (local.set $rep (call $rep (local.get 0)))
                   (call $drop (local.get 0))
                   (local.get $rep)))
               (core instance $i (instantiate $m (with "" (instance
                 (export "new" (func $new)) (export "rep" (func $rep))
                 (export "drop" (func $drop))))))
               (func (export "make") (param "n" u32) (result (own $r))
                 (canon lift (core func $i "make")))
               (func (export "look") (param "r" (borrow $r)) (result u32)
                 (canon lift (core func $i "look")))
               (func (export "take") (param "r" (own $r)) (result u32)
                 (canon lift (core func $i "take"))))
             (component $user
               (import "maker" (instance $maker
                 (export "r" (type $r (sub resource)))
                 (export "make" (func (param "n" u32) (result (own $r))))
                 (export "look" (func (param "r" (borrow $r)) (result u32)))
                 (export "take" (func (param "r" (own $r)) (result u32)))))
               (alias export $maker "r" (type $r))
               (core func $make (canon lower (func $maker "make")))
               (core func $look (canon lower (func $maker "look")))
               (core func $take (canon lower (func $maker "take")))
               (core func $drop (canon resource.drop $r))
               (core module $m
                 (import "" "make" (func $make (param i32) (result i32)))
                 (import "" "look" (func $look (param i32) (result i32)))
                 (import "" "take" (func $take (param i32) (result i32)))
                 (import "" "drop" (func $drop (param i32)))
                 (func (export "run") (param $n i32) (result i32) (local $r i32)
                   {body}))
               (core instance $i (instantiate $m (with "" (instance
                 (export "make" (func $make)) (export "look" (func $look))
                 (export "take" (func $take)) (export "drop" (func $drop))))))
               (func (export "run") (param "n" u32) (result u32)
                 (canon lift (core func $i "run"))))
             (instance $maker (instantiate $maker))
             (instance $user (instantiate $user (with "maker" (instance $maker))))
             (export "run" (func $user "run")))"#
    )
}

#[tokio::test]
async fn a_resource_passes_to_another_component_and_back() {
    let body = "(local.set $r (call $make (local.get $n)))
        (i32.add (call $look (local.get $r)) (call $take (local.get $r)))";
    let guest = Guest::new(&resources(body));
    let result = guest.call::<_, (u32,)>(roomy(), "run", (21_u32,)).await.unwrap();
    assert_eq!(result.output, (42,));
}

#[tokio::test]
async fn handles_are_counted_over_all_parts() {
    let hoard = "(loop $l
          (drop (call $make (local.get $n)))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br_if $l (local.get $n)))
        i32.const 0";
    let guest = Guest::new(&resources(hoard));
    let run = async |n: u32| guest.call::<_, (u32,)>(roomy().max_handles(100), "run", (n,)).await;
    assert!(run(99).await.is_ok());
    let failure = run(101).await.unwrap_err();
    assert_eq!(failure.to_string(), "handle limit of 100 handles exceeded");
}

#[tokio::test]
async fn a_handle_that_is_used_after_it_was_given_away_is_the_guests_trap() {
    for body in [
        "(local.set $r (call $make (local.get $n)))
         (drop (call $take (local.get $r))) (call $look (local.get $r))",
        "(call $drop (i32.const 7)) i32.const 0",
        "(call $take (i32.const 0))",
    ] {
        let guest = Guest::new(&resources(body));
        let failure = guest.call::<_, (u32,)>(roomy(), "run", (1_u32,)).await.unwrap_err();
        assert!(matches!(failure.error(), WasmError::Trap { .. }), "{failure}");
        assert_eq!(failure.blame(), Blame::Guest);
    }
}

/// A composed component as actor: its parts keep their memories between calls.
#[tokio::test]
async fn a_kept_instance_of_several_parts_is_called_again_and_again() {
    let guest = Guest::new(&plain("string"));
    let limits = roomy().build().unwrap();
    let live = guest.executor.instantiate(&guest.component, &limits, Host::default()).await;
    let mut live = live.unwrap().output;
    for n in 0..20 {
        let text = format!("call {n} ☃");
        let (kept, result) = live.call_dynamic("run", &[Val::String(text.clone())]).await.unwrap();
        assert_eq!(result.output, [Val::String(text)]);
        live = kept;
    }
}

/// 1 000 x 1 000 nested instances of nothing: 28 KB, and 47 MB a store.
#[test]
fn a_component_that_nests_a_million_instances_is_refused_before_it_is_compiled() {
    let mut text = String::from("(component (component $leaf) (component $many");
    text += " (alias outer 1 0 (component $leaf))";
    text += &" (instance (instantiate $leaf))".repeat(1_000);
    text += ")";
    text += &" (instance (instantiate $many))".repeat(1_000);
    text += ")";
    let bytes = wat::parse_str(text).unwrap();
    let executor = ComponentExecutor::new(create_engine().unwrap()).unwrap();
    for error in [
        executor.compile(&bytes).map(|_| ()).unwrap_err(),
        executor.check_structure(&bytes).unwrap_err(),
    ] {
        assert_eq!(
            error.to_string(),
            "component rejected: it has 1001 component instances, max_component_instances is 1000"
        );
        assert_eq!(error.blame(), Blame::Caller);
    }
    let limits = StructureLimits::default().with(StructureCount::ComponentInstances, 2_000_000);
    assert_eq!(
        executor.with_structure_limits(limits).check_structure(&bytes).unwrap_err().to_string(),
        "component rejected: it has 200001 steps of one instantiation, max_instantiation_steps is \
         200000"
    );
}

/// An engine without multiple memories makes Wasmtime's compiler panic on its own adapters.
#[test]
fn a_panic_of_the_compiler_is_an_error() {
    let engine = EngineBuilder::new().configure(|c| {
        c.wasm_multi_memory(false);
    });
    let executor = ComponentExecutor::new(engine.build().unwrap()).unwrap();
    let bytes = wat::parse_str(plain("string")).unwrap();
    for _ in 0..2 {
        let error = executor.compile(&bytes).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("invalid component: the compiler panicked: invalid adapter"),
            "{error}"
        );
    }
    // The engine compiles on.
    assert!(executor.compile(&wat::parse_str("(component)").unwrap()).is_ok());
}
