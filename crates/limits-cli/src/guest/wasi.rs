//! WASI 0.2 with the authority that the command line grants, and no other.

use limits_core::{WasmError, WasmResult};
use quota_wasi::StoreQuota;
use wasmtime::Engine;
use wasmtime::component::Linker;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder};

use crate::args::GuestArgs;
use crate::guest::http;
use crate::guest::store_data::StoreData;
use crate::outcome::system_error::SystemError;
use crate::quote::quoted;
use crate::stdio::Stdio;

/// Links everything that WASI 0.2 names and the drafts of keys and messages: toolchains import some
/// of it unasked. The services that no option switched on refuse.
pub(crate) fn linker(engine: &Engine) -> WasmResult<Linker<StoreData>> {
    let mut linker = Linker::new(engine);
    quota_wasi::add_to_linker(&mut linker)
        .and_then(|()| http::link(&mut linker))
        .and_then(|()| quota_wasi::add_keyvalue_to_linker(&mut linker))
        .and_then(|()| quota_wasi::add_messaging_to_linker(&mut linker))
        .map_err(|error| match SystemError::of_wasi(&error) {
            SystemError::Short(shortage) => WasmError::HostExhausted(shortage),
            SystemError::Other(words) => WasmError::InvalidConfiguration {
                reason: format!("cannot link WASI: {}", quoted(&words)),
            },
        })?;
    Ok(linker)
}

/// The arguments and the variables that the command line gives to a guest.
#[derive(Clone, Debug)]
pub(crate) struct Grants {
    args: Vec<String>,
    env: Vec<(String, String)>,
}

impl Grants {
    /// Reads the grants of the command line. `name` is the guest's first argument.
    pub(crate) fn new(name: &str, args: &GuestArgs) -> Self {
        let own_name = core::iter::once(String::from(name));
        Self { args: own_name.chain(args.args.iter().cloned()).collect(), env: args.env.clone() }
    }

    /// Creates the WASI context of one execution, whose output `quota` limits. Its directories are
    /// those of the quota.
    pub(crate) fn context(&self, stdio: &Stdio, quota: &StoreQuota) -> WasiCtx {
        WasiCtxBuilder::new()
            .args(&self.args)
            .envs(&self.env)
            .stdin(stdio.stdin.clone())
            .stdout(quota.stdout(stdio.stdout.clone()))
            .stderr(quota.stderr(stdio.stderr.clone()))
            // The limit is that of `quota`.
            .max_random_size(u64::MAX)
            // The defaults, stated so that a change of them has no effect.
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .socket_addr_check(|_, _| Box::pin(async { false }))
            .build()
    }
}
