//! A pool sized by an operator's policy.

use integration_tests::{MEMORY_BYTES, block_on};
use limits_config::{ComponentConfig, Policy};
use limits_core::{Blame, WasmError};
use limits_wasmtime::wasmtime::component::Linker;
use limits_wasmtime::{ComponentExecutor, EngineBuilder, LimitState};

const POLICY: &str = r#"
    [ceiling]
    resources.memory = { max_bytes = "1MiB", max_memories = 1 }
"#;

/// Grows by a page, as often as it may.
const GROWS: &str = r#"(component
    (core module $m (memory 1)
      (func (export "grow") (result i32)
        (loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
        (memory.size)))
    (core instance $i (instantiate $m))
    (func (export "grow") (result u32) (canon lift (core func $i "grow"))))"#;

#[test]
fn a_pool_of_the_policys_largest_limits_serves_each_component_under_it() {
    let policy = Policy::from_toml(POLICY).unwrap();
    let pool = EngineBuilder::new().pooling(1, &policy.largest_limits().unwrap());
    let executor = ComponentExecutor::new(pool.build().unwrap()).unwrap();
    let component = executor.compile(&wat::parse_str(GROWS).unwrap()).unwrap();
    let component = executor.prepare(&component, &Linker::new(executor.engine())).unwrap();
    let grow = component.func::<(), (u32,)>("grow").unwrap();
    for (asked, bytes) in [("256KiB", MEMORY_BYTES / 4), ("64MiB", MEMORY_BYTES)] {
        let config = ComponentConfig::from_toml(&format!(
            r#"
            component = {{ name = "grows", version = "1.0.0" }}
            resources.memory.max_bytes = "{asked}"
            resources.cpu.timeout_ms = 60000
            "#
        ))
        .unwrap();
        let run =
            async |limits| executor.execute_function(&grow, &limits, LimitState::new(), ()).await;
        let effective = policy.apply(&config, &config.component.name, None);
        let result = block_on(run(effective.limits())).unwrap();
        assert_eq!(u64::from(result.output.0) * 65_536, bytes);
        // Without the policy the component has what it asks for, which may be more than a slot.
        let ended = block_on(run(config.effective().limits()));
        if asked == "64MiB" {
            let failure = ended.unwrap_err();
            assert!(matches!(failure.error(), WasmError::InvalidConfiguration { .. }), "{failure}");
            assert_eq!(failure.blame(), Blame::Caller);
        } else {
            assert_eq!(ended.unwrap().output, result.output);
        }
    }
}
