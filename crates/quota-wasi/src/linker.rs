//! Linking WASI 0.2 with quotas and capabilities.

use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::cli::{WasiCli, WasiCliView as _};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView as _};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, io, random, sockets};
use wasmtime_wasi::random::{WasiRandom, WasiRandomView as _};
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsView as _};

use crate::filesystem_view::{FilesystemView, QuotaFilesystem};
use crate::random_view::{QuotaRandom, RandomView};
use crate::sockets::bindings;
use crate::sockets::view::{QuotaSockets, SocketsView};
use crate::view::WasiQuotaView;

/// Links all interfaces of WASI 0.2, with quotas and capabilities where this crate has them.
///
/// # Errors
///
/// If the linker has one of the interfaces already.
pub fn add_to_linker<T: WasiQuotaView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    add_io(linker)?;
    add_filesystem_to_linker(linker)?;
    add_random_to_linker(linker)?;
    add_clocks(linker)?;
    add_cli(linker)?;
    add_sockets(linker)
}

/// Links `wasi:filesystem` with quotas and capabilities.
///
/// # Errors
///
/// If the linker has one of the interfaces already.
pub fn add_filesystem_to_linker<T: WasiQuotaView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    filesystem::types::add_to_linker::<T, QuotaFilesystem>(linker, files)?;
    filesystem::preopens::add_to_linker::<T, QuotaFilesystem>(linker, files)
}

/// Links `wasi:random` with the limit of bytes per call.
///
/// # Errors
///
/// If the linker has one of the interfaces already.
pub fn add_random_to_linker<T: WasiQuotaView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    random::random::add_to_linker::<T, QuotaRandom>(linker, numbers)?;
    random::insecure::add_to_linker::<T, QuotaRandom>(linker, numbers)?;
    random::insecure_seed::add_to_linker::<T, WasiRandom>(linker, T::random)
}

fn files<T: WasiQuotaView>(data: &mut T) -> FilesystemView<'_> {
    let store = data.quota().clone();
    FilesystemView::new(data.ctx().table, store)
}

fn numbers<T: WasiQuotaView>(data: &mut T) -> RandomView<'_> {
    let store = data.quota().clone();
    RandomView::new(data.random(), store)
}

fn sockets_of<T: WasiQuotaView>(data: &mut T) -> SocketsView<'_> {
    let store = data.quota().clone();
    SocketsView::new(data.ctx().table, store)
}

struct Io;

impl HasData for Io {
    type Data<'a> = &'a mut ResourceTable;
}

fn add_io<T: WasiQuotaView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    io::error::add_to_linker::<T, Io>(linker, |data| data.ctx().table)?;
    io::poll::add_to_linker::<T, Io>(linker, |data| data.ctx().table)?;
    io::streams::add_to_linker::<T, Io>(linker, |data| data.ctx().table)
}

fn add_clocks<T: WasiQuotaView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    clocks::wall_clock::add_to_linker::<T, WasiClocks>(linker, T::clocks)?;
    clocks::monotonic_clock::add_to_linker::<T, WasiClocks>(linker, T::clocks)
}

fn add_cli<T: WasiQuotaView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    cli::exit::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    cli::environment::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    cli::stdin::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    cli::stdout::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    cli::stderr::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    cli::terminal_input::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    cli::terminal_output::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    cli::terminal_stdin::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    cli::terminal_stdout::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    cli::terminal_stderr::add_to_linker::<T, WasiCli>(linker, T::cli)
}

fn add_sockets<T: WasiQuotaView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let options = sockets::network::LinkOptions::default();
    sockets::network::add_to_linker::<T, WasiSockets>(linker, &options, T::sockets)?;
    sockets::instance_network::add_to_linker::<T, WasiSockets>(linker, T::sockets)?;
    bindings::ip_name_lookup::add_to_linker::<T, QuotaSockets>(linker, sockets_of)?;
    bindings::tcp::add_to_linker::<T, QuotaSockets>(linker, sockets_of)?;
    bindings::tcp_create_socket::add_to_linker::<T, QuotaSockets>(linker, sockets_of)?;
    bindings::udp::add_to_linker::<T, QuotaSockets>(linker, sockets_of)?;
    bindings::udp_create_socket::add_to_linker::<T, QuotaSockets>(linker, sockets_of)
}
