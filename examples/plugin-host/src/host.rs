//! The wiring: a policy, a registry, an engine, and plugins in folders.

use core::error::Error;
use std::path::Path;

use limits_config::{LoadedComponent, Policy};
use limits_wasmtime::wasmtime::component::{HasSelf, Linker};
use limits_wasmtime::{ComponentExecutor, LiveSlot, create_engine};
use quota_enforce::{ConfiguredComponent, QuotaRegistry, UsageFile};

use crate::folder::Folder;
use crate::io::Bot;
use crate::plugin_state::PluginState;

/// The error of a step that failed.
pub(crate) type Result<T> = core::result::Result<T, Box<dyn Error + Send + Sync>>;

/// A host of plugins.
pub(crate) struct Host {
    policy: Policy,
    pub(crate) registry: QuotaRegistry,
    executor: ComponentExecutor,
    linker: Linker<PluginState>,
    folder: Folder,
}

/// A plugin that keeps its memory between messages.
pub(crate) struct Plugin {
    pub(crate) component: ConfiguredComponent,
    live: LiveSlot<PluginState>,
}

impl Host {
    /// Opens the host: `usage` has what plugins used before.
    pub(crate) fn new(policy: Policy, usage: UsageFile, folder: Folder) -> Result<Self> {
        let registry = QuotaRegistry::from_policy(&policy, usage).build();
        let executor = ComponentExecutor::new(create_engine()?)?;
        let mut linker = Linker::new(executor.engine());
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        Bot::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
        Ok(Self { policy, registry, executor, linker, folder })
    }

    /// Loads the plugin of a folder. Nothing is registered if a step fails.
    pub(crate) async fn load(&self, path: &Path) -> Result<Plugin> {
        let loaded = LoadedComponent::read(path)?;
        let effective = loaded.effective(&self.policy, None);
        let registration = self.registry.prepare_effective(&effective)?;
        let code = wat::parse_bytes(loaded.code())?;
        let component = self.executor.prepare(&self.executor.compile(&code)?, &self.linker)?;
        let (plugin, folder) = (registration.component(), self.folder.clone());
        let limits = plugin.limits;
        let new_state = move || PluginState::new(&plugin, folder.clone());
        let live = self.executor.instantiate(&component, &limits, new_state()).await?.output;
        let live = LiveSlot::new(live).respawn_with(new_state);
        Ok(Plugin { component: registration.keep(), live })
    }
}

impl Plugin {
    /// Hands the plugin a message and returns its answer.
    pub(crate) async fn message(&mut self, text: &str) -> Result<String> {
        let answer = self.live.call_with(async |store, instance| {
            Bot::new(&mut *store, &instance)?.call_on_message(store, text).await
        });
        Ok(answer.await?.output)
    }
}
