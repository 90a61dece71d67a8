//! Fuel is counted, bounds work and is reported honestly.

use core::sync::atomic::Ordering;
use core::time::Duration;

use limits_wasmtime::limits_core::WasmError;
use limits_wasmtime::wasmtime::Store;

use crate::guest::{Guest, Host, roomy};

const SPIN: &str = r#"(func (export "run") (loop $l br $l))"#;

fn count_to(n: u32) -> String {
    format!(
        r#"(func (export "run") (local $i i32)
             (loop $l
               (local.set $i (i32.add (local.get $i) (i32.const 1)))
               (br_if $l (i32.lt_u (local.get $i) (i32.const {n})))))"#
    )
}

#[tokio::test]
async fn a_spinning_guest_runs_out_of_fuel_exactly() {
    let failure = Guest::core(SPIN).run(roomy().max_fuel(1_000_000)).await.unwrap_err();
    let WasmError::OutOfFuel { max_fuel, consumed } = failure.error() else {
        panic!("{failure}");
    };
    assert_eq!((*max_fuel, *consumed), (1_000_000, 1_000_000));
    assert!(failure.report().fuel_exact);
    assert!(failure.report().fuel.is_exhausted());
}

#[tokio::test]
async fn the_same_work_costs_the_same_fuel_every_time() {
    let guest = Guest::core(&count_to(500_000));
    let first = guest.run(roomy()).await.unwrap().report;
    let second = guest.run(roomy()).await.unwrap().report;
    assert!(first.fuel_exact);
    assert_eq!(first.fuel, second.fuel);
    // Five operators an iteration, across many yields.
    assert!((2_500_000..4_500_000).contains(&first.fuel.consumed()), "{}", first.fuel);
    // Exactly that much is enough, and one unit less is not, although the last unit is burnt
    // after the last place where the guest is looked at.
    assert!(guest.run(roomy().max_fuel(first.fuel.consumed())).await.is_ok());
    let short = guest.run(roomy().max_fuel(first.fuel.consumed() - 1)).await.unwrap_err();
    assert!(matches!(short.error(), WasmError::OutOfFuel { .. }), "{short}");
}

#[tokio::test]
async fn no_fuel_ends_it_before_the_first_instruction() {
    let failure = Guest::core("(func (export \"run\"))").run(roomy().max_fuel(0)).await;
    let failure = failure.unwrap_err();
    assert_eq!(failure.to_string(), "out of fuel: 0 of 0 fuel (100.0 %)");
    assert_eq!(failure.report().slices, 0);
}

#[tokio::test]
async fn out_of_fuel_is_blamed_before_the_deadline() {
    let limits = roomy().max_fuel(0).execution_timeout_ms(0);
    let failure = Guest::core(SPIN).run(limits).await.unwrap_err();
    assert!(matches!(failure.error(), WasmError::OutOfFuel { .. }), "{failure}");
}

/// Defect C5 of the original: Wasmtime reports no fuel at all for work that ends in a trap.
#[tokio::test]
async fn a_trap_cannot_launder_fuel() {
    let module = r#"(func (export "run") (local $i i32)
        (loop $l
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $l (i32.lt_u (local.get $i) (i32.const 1000000))))
        (drop (i32.div_u (i32.const 1) (i32.const 0))))"#;
    let failure = Guest::core(module).run(roomy()).await.unwrap_err();
    assert_eq!(failure.to_string(), "guest trapped: wasm trap: integer divide by zero");
    assert!(!failure.report().fuel_exact);
    let consumed = failure.report().fuel.consumed();
    assert!((5_000_000..9_500_000).contains(&consumed), "{consumed}");
}

#[tokio::test]
async fn an_upper_bound_never_passes_the_maximum() {
    let module = r#"(func (export "run") unreachable)"#;
    let failure = Guest::core(module).run(roomy().max_fuel(100)).await.unwrap_err();
    assert_eq!(failure.report().fuel.consumed(), 100);
    assert!(!failure.report().fuel_exact);
}

#[tokio::test]
async fn a_host_function_charges_fuel_for_its_work() {
    let module = r#"(import "host" "grind" (func $grind (param i64)))
        (func (export "run") (call $grind (i64.const 1000)) (call $grind (i64.const 234)))"#;
    let guest = Guest::core(module);
    let charged = guest.run(roomy()).await.unwrap().report.fuel.consumed();
    let module = module.replace("1000", "0").replace("234", "0");
    let free = Guest::core(&module).run(roomy()).await.unwrap().report.fuel.consumed();
    assert_eq!(charged - free, 1_234);
}

#[tokio::test]
async fn a_charge_that_is_not_covered_ends_the_guest() {
    let module = r#"(import "host" "grind" (func $grind (param i64)))
        (func (export "run") (loop $l (call $grind (i64.const 1000)) br $l))"#;
    let failure = Guest::core(module).run(roomy().max_fuel(50_500)).await.unwrap_err();
    assert_eq!(failure.to_string(), "out of fuel: 50500 of 50500 fuel (100.0 %)");
    assert!(failure.report().slices >= 1);
}

/// I3: writing the store's fuel while the guest holds its count in a register would refund fuel
/// that was used. A guest that mixes growth with work must burn what the same work burns alone.
#[tokio::test]
async fn i3_failing_growth_wins_no_fuel() {
    let body = |grow: &str| {
        format!(
            r#"(memory 1 1)
               (func (export "run") (local $i i32)
                 (loop $l
                   (drop (memory.grow (i32.const {grow})))
                   (local.set $i (i32.add (local.get $i) (i32.const 1)))
                   (br_if $l (i32.lt_u (local.get $i) (i32.const 3000000)))))"#
        )
    };
    // Growth by 9 fails and takes long enough for many slices; growth by 0 asks no account.
    let failing = Guest::core(&body("9")).run(roomy()).await.unwrap().report;
    let trivial = Guest::core(&body("0")).run(roomy()).await.unwrap().report;
    assert_eq!(failing.fuel, trivial.fuel);
    assert!(failing.slices > 2, "{} slices", failing.slices);
}

/// Straight code looks at its fuel nowhere; calling the host must not be free there.
#[tokio::test]
async fn host_calls_end_when_the_fuel_is_spent() {
    let calls = "(drop (call $now))".repeat(5_000);
    let module =
        format!(r#"(import "host" "now" (func $now (result i64))) (func (export "run") {calls})"#);
    let guest = Guest::core(&module);
    let limits = roomy().max_fuel(100).build().unwrap();
    let (state, calls) = Host::counting();
    let failure = guest
        .executor
        .execute_with_limits::<_, _, ()>(&guest.component, &limits, state, "run", ())
        .await
        .unwrap_err();
    assert_eq!(failure.to_string(), "out of fuel: 100 of 100 fuel (100.0 %)");
    assert!(calls.load(Ordering::Relaxed) <= 100, "{calls:?}");
}

/// A charge that the guest never came back from is a charge all the same.
#[tokio::test]
async fn a_charge_before_a_wait_into_the_deadline_is_reported() {
    let module = r#"(import "host" "toil" (func $toil)) (func (export "run") (call $toil))"#;
    let failure = Guest::core(module).run(roomy().execution_timeout_ms(300)).await.unwrap_err();
    assert!(matches!(failure.error(), WasmError::ExecutionTimeout { .. }), "{failure}");
    assert!(failure.report().fuel.consumed() >= 500_000, "{}", failure.report().fuel);
}

/// A host that drops the error of a charge does not give the guest its result.
#[tokio::test]
async fn a_charge_that_is_not_covered_counts_after_the_last_call() {
    let guest = Guest::core(r#"(func (export "run"))"#);
    let limits = roomy().max_fuel(1_000).build().unwrap();
    let failure = guest
        .executor
        .execute_with(&guest.component, &limits, Host::default(), async |store, instance| {
            let run = instance.get_typed_func::<(), ()>(&mut *store, "run")?;
            run.call_async(&mut *store, ()).await?;
            let _ = store.data_mut().limits.charge_fuel(1_000_000);
            Ok(())
        })
        .await
        .unwrap_err();
    assert!(matches!(failure.error(), WasmError::OutOfFuel { .. }), "{failure}");
}

#[tokio::test]
async fn a_guest_that_burnt_too_much_and_is_late_as_well_is_out_of_fuel() {
    let guest = Guest::core(r#"(func (export "run"))"#);
    let limits = roomy().max_fuel(1_000).execution_timeout_ms(1).build().unwrap();
    let run = async |store: &mut Store<Host>, _| {
        let _ = store.data_mut().limits.charge_fuel(1_000_000);
        while store.data_mut().limits.remaining_time() != Some(Duration::ZERO) {}
        Ok(())
    };
    let failure =
        guest.executor.execute_with(&guest.component, &limits, Host::default(), run).await;
    let failure = failure.unwrap_err();
    assert!(matches!(failure.error(), WasmError::OutOfFuel { .. }), "{failure}");
}

/// I3: a charge of one unit is taken, and a charge of none changes nothing, beside growths of
/// memory that leave the guest's counter in a register.
#[tokio::test]
async fn i3_the_smallest_charge_is_taken_to_the_unit() {
    let used = async |units: u32| {
        let module = format!(
            r#"(import "host" "grind" (func $grind (param i64)))
               (memory 1 2)
               (func (export "run") (local $i i32)
                 (loop $l
                   (call $grind (i64.const {units}))
                   (drop (memory.grow (i32.const 9)))
                   (local.set $i (i32.add (local.get $i) (i32.const 1)))
                   (br_if $l (i32.lt_u (local.get $i) (i32.const 1000)))))"#
        );
        Guest::core(&module).run(roomy()).await.unwrap().report.fuel.consumed()
    };
    let free = used(0).await;
    assert_eq!(used(1).await, free + 1_000);
    assert_eq!(used(2).await, free + 2_000);
}
