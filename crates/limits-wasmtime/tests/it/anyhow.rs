//! Hosts that use anyhow.

use limits_wasmtime::wasmtime::Trap;
use limits_wasmtime::wasmtime::component::Linker;
use limits_wasmtime::{ComponentExecutor, create_engine};

use crate::guest::Host;

/// The feature is for `?` on Wasmtime's own errors; what a host matches on stays found.
#[test]
fn a_question_mark_turns_errors_of_wasmtime_into_anyhows() {
    fn link() -> anyhow::Result<()> {
        let executor = ComponentExecutor::new(create_engine()?)?;
        let mut linker = Linker::<Host>::new(executor.engine());
        linker.root().func_wrap("f", |_, (): ()| Ok(()))?;
        Err(wasmtime::Error::from(Trap::UnreachableCodeReached))?
    }
    let error = link().unwrap_err();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::UnreachableCodeReached));
}
