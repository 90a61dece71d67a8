//! WASI 0.2 with the authority that the command line grants, and no other.

use limits_core::{WasmError, WasmResult};
use wasmtime::Engine;
use wasmtime::component::Linker;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder};

use crate::args::{DirGrant, GuestArgs};
use crate::guest::store_data::StoreData;
use crate::outcome::failure::Failure;
use crate::outcome::system_error::SystemError;
use crate::quote::quoted;
use crate::stdio::Stdio;

/// Random bytes of one call, which cannot be interrupted.
const MAX_RANDOM_BYTES: u64 = 64 * 1024;

/// Links everything that WASI 0.2 names, wasi:http included: toolchains import it unasked.
pub(crate) fn linker(engine: &Engine) -> WasmResult<Linker<StoreData>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)
        .and_then(|()| wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker))
        .map_err(|error| match SystemError::of_wasi(&error) {
            SystemError::Short(shortage) => WasmError::HostExhausted(shortage),
            SystemError::Other(words) => WasmError::InvalidConfiguration {
                reason: format!("cannot link WASI: {}", quoted(&words)),
            },
        })?;
    Ok(linker)
}

/// The grants of the command line to a guest.
#[derive(Clone, Debug)]
pub(crate) struct Grants {
    args: Vec<String>,
    env: Vec<(String, String)>,
    dirs: Vec<DirGrant>,
}

impl Grants {
    /// Reads the grants of the command line. `name` is the guest's first argument.
    pub(crate) fn new(name: &str, args: &GuestArgs) -> Self {
        let own_name = core::iter::once(String::from(name));
        Self {
            args: own_name.chain(args.args.iter().cloned()).collect(),
            env: args.env.clone(),
            dirs: args.dirs.clone(),
        }
    }

    /// Creates the WASI context of one execution.
    ///
    /// # Errors
    ///
    /// [`Failure::Dir`] if a granted directory cannot be opened.
    pub(crate) fn context(&self, stdio: &Stdio) -> Result<WasiCtx, Failure> {
        let mut builder = WasiCtxBuilder::new();
        builder
            .args(&self.args)
            .envs(&self.env)
            .stdin(stdio.stdin.clone())
            .stdout(stdio.stdout.clone())
            .stderr(stdio.stderr.clone())
            .max_random_size(MAX_RANDOM_BYTES)
            // The defaults, stated so that a change of them has no effect.
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .socket_addr_check(|_, _| Box::pin(async { false }));
        for DirGrant { host, guest, is_read_only } in &self.dirs {
            let permissions = if *is_read_only { FsPerms::ReadOnly } else { FsPerms::ReadWrite };
            builder.preopened_dir(host, guest, permissions).map_err(|error| Failure::Dir {
                path: host.clone(),
                reason: SystemError::of_wasi(&error),
            })?;
        }
        Ok(builder.build())
    }
}
