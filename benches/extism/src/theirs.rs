//! The guest as a plugin of Extism.

use core::error::Error;
use core::time::Duration;
use std::time::Instant;

use extism::{CompiledPlugin, Manifest, Plugin, PluginBuilder, Wasm};
// Its feature is what Extism needs.
use wasmtime_extism as _;

use crate::{FUEL, MEMORY_PAGES, TIMEOUT_MS};

/// The guest, compiled, and one plugin that is kept.
pub(crate) struct Theirs {
    compiled: CompiledPlugin,
    short: CompiledPlugin,
    plugin: Plugin,
}

fn compile(bytes: &[u8], timeout_ms: u64) -> Result<CompiledPlugin, Box<dyn Error>> {
    let manifest = Manifest::new([Wasm::data(bytes)])
        .with_memory_max(MEMORY_PAGES)
        .with_timeout(Duration::from_millis(timeout_ms));
    let builder = PluginBuilder::new(manifest).with_fuel_limit(FUEL).with_cache_disabled();
    Ok(builder.compile()?)
}

fn call(plugin: &mut Plugin, name: &str) -> Result<(), Box<dyn Error>> {
    plugin.call::<&str, &[u8]>(name, "")?;
    Ok(())
}

impl Theirs {
    pub(crate) fn new(guest: &str) -> Result<Self, Box<dyn Error>> {
        let bytes = wat::parse_str(format!("(module {guest})"))?;
        let compiled = compile(&bytes, 60_000)?;
        let plugin = Plugin::new_from_compiled(&compiled)?;
        Ok(Self { compiled, short: compile(&bytes, TIMEOUT_MS)?, plugin })
    }

    pub(crate) fn cold(&self) -> Result<(), Box<dyn Error>> {
        call(&mut Plugin::new_from_compiled(&self.compiled)?, "run")
    }

    pub(crate) fn kept(&mut self, name: &str) -> Result<(), Box<dyn Error>> {
        call(&mut self.plugin, name)
    }

    pub(crate) fn spin(&self) -> Result<Duration, Box<dyn Error>> {
        let mut plugin = Plugin::new_from_compiled(&self.short)?;
        let began = Instant::now();
        match call(&mut plugin, "spin") {
            Err(error) if error.to_string() == "timeout" => Ok(began.elapsed()),
            Err(error) => Err(error),
            Ok(()) => Err("the guest ended by itself".into()),
        }
    }
}
