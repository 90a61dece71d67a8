//! Plain wasmtime-wasi: what programs do without quotas.

use std::sync::LazyLock;

use limits_wasmtime::wasmtime::component::Linker;
use limits_wasmtime::{HasLimits, LimitState};
use wasmtime_wasi::{FsPerms, ResourceTable, WasiCtx, WasiCtxView, WasiView};

use crate::fixture::Fixture;
use crate::program::{EXECUTOR, Program, Ran, wide_limits};

static LINKER: LazyLock<Linker<Plain>> = LazyLock::new(|| {
    let mut linker = Linker::new(EXECUTOR.engine());
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("an empty linker");
    linker
});

/// The data of a store.
struct Plain {
    limits: LimitState,
    wasi: WasiCtx,
    table: ResourceTable,
}

/// Runs a program in the directories of a fixture.
pub(crate) async fn run(program: &Program, fixture: &Fixture) -> Ran {
    let limits = wide_limits();
    let run = program.run(&LINKER, &limits, &[], |context, streams| {
        context.stdout(streams.stdout.clone()).stderr(streams.stderr.clone());
        for (host, guest, access) in [
            (fixture.data(), "/data", FsPerms::ReadWrite),
            (fixture.read_only(), "/ro", FsPerms::ReadOnly),
        ] {
            context.preopened_dir(host, guest, access).expect("it exists");
        }
        Plain { limits: LimitState::new(), wasi: context.build(), table: ResourceTable::new() }
    });
    run.await
}

impl HasLimits for Plain {
    fn limits(&mut self) -> &mut LimitState {
        &mut self.limits
    }
}

impl WasiView for Plain {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
