//! A Component.toml, the policy over it and the component beside it.

use core::time::Duration;
use std::path::PathBuf;
use std::time::Instant;

use limits_config::{
    ClusterTable, CompileSettings, ComponentConfig, EffectiveConfig, HostCeilings, LoadError,
    LoadedComponent, Policy,
};

use limits_core::{Permission, StructureCount};

use crate::args::{GuestArgs, ManifestArgs};
use crate::background::in_background;
use crate::inputs::component_file::ComponentFile;
use crate::interrupt::Interrupt;
use crate::outcome::cluster_failure::ClusterFailure;
use crate::outcome::failure::Failure;

/// A component: its version, its terms and its file.
pub(crate) struct Manifest {
    pub(crate) version: String,
    /// The requests of the file, before any policy.
    pub(crate) asks: EffectiveConfig,
    pub(crate) terms: Terms,
    /// The component's file, or the failure to read it; none may run if its Component.toml asks
    /// for a capability that no interface under the command uses.
    pub(crate) file: Result<ComponentFile, Failure>,
    /// The time that reading all of it took.
    pub(crate) load_time: Duration,
}

/// The limits and quotas of a component, and the ceilings over all components.
#[derive(Debug)]
pub(crate) struct Terms {
    /// The component's name in its file.
    pub(crate) name: String,
    pub(crate) effective: EffectiveConfig,
    pub(crate) host: HostCeilings,
    /// The limits on its structure, and the budget of compiling it.
    pub(crate) compile: CompileSettings,
    /// The store of the rates that several hosts share.
    pub(crate) cluster: Option<ClusterTable>,
    /// A sentence on an `--id` without an override: a mistake in typing it would go unnoticed.
    pub(crate) note: Option<String>,
}

/// Permissions that no interface under the command uses.
const UNSERVED: [Permission; 2] = [Permission::FilesystemExecute, Permission::MessagingReceive];

/// Returns the permissions that a component asks for in vain.
fn unserved(config: &ComponentConfig) -> Vec<Permission> {
    let is_asked =
        |permission: &Permission| config.capabilities.patterns(*permission).next().is_some();
    UNSERVED.into_iter().filter(is_asked).collect()
}

impl Manifest {
    /// Reads the file, the policy and the component, in the background. A missing component is no
    /// failure yet: limits are known without it, unless a policy pins its hash.
    ///
    /// # Errors
    ///
    /// [`Failure::Config`] if the file or the policy is not valid, [`Failure::Cluster`] if a rate
    /// cannot be shared; those of [`in_background`].
    pub(crate) async fn load(args: &ManifestArgs, interrupt: &Interrupt) -> Result<Self, Failure> {
        let args = args.clone();
        in_background("reading", interrupt, move || Self::read(&args)).await?
    }

    fn read(args: &ManifestArgs) -> Result<Self, Failure> {
        let start = Instant::now();
        let config = ComponentConfig::from_file(&args.manifest)?;
        let policy = match &args.policy {
            Some(path) => Policy::from_file(path)?,
            None => Policy::default(),
        };
        let compile = policy.compile();
        let most = compile.structure().get(StructureCount::ComponentBytes);
        let permissions = unserved(&config);
        let file = if permissions.is_empty() {
            ComponentFile::find(args.component.as_deref(), &args.manifest, &config)
                .and_then(|path| ComponentFile::read(path, most))
        } else {
            Err(Failure::Unserved { manifest: args.manifest.clone(), permissions })
        };
        let id = args.id.as_ref().unwrap_or(&config.component.name);
        let sha256 = file.as_ref().ok().map(ComponentFile::sha256);
        let note = args.id.as_ref().filter(|id| !policy.names(id)).map(|id| match args.policy {
            Some(_) => format!("the policy has no override for the id `{id}`"),
            None => format!("without --policy there is no override for the id `{id}`"),
        });
        let effective = policy.apply(&config, id, sha256.as_ref());
        if let (Some(cluster), Some(path)) = (policy.cluster(), &args.policy) {
            if cfg!(not(feature = "cluster")) {
                return Err(ClusterFailure::NotBuilt { policy: path.clone() }.into());
            }
            let manifest = args.manifest.clone();
            cluster
                .check_component(&effective.quota())
                .map_err(|refused| ClusterFailure::Unshared { manifest, refused })?;
        }
        Ok(Self {
            version: config.component.version.to_string(),
            asks: config.effective(),
            terms: Terms {
                name: config.component.name.to_string(),
                effective,
                host: *policy.host(),
                compile: compile.clone(),
                cluster: policy.cluster().cloned(),
                note,
            },
            file,
            load_time: start.elapsed(),
        })
    }

    /// Returns every path of [`inputs`](Self::inputs), and those of the services that the command
    /// line gives.
    pub(crate) fn files(args: &GuestArgs, loaded: Option<&Result<Self, Failure>>) -> Vec<PathBuf> {
        let inputs = Self::inputs(&args.manifest, loaded).into_iter();
        inputs.chain(args.services.files().cloned()).collect()
    }

    /// Returns every input path: those read, and those that a successful load would have read.
    pub(crate) fn inputs(
        args: &ManifestArgs,
        loaded: Option<&Result<Self, Failure>>,
    ) -> Vec<PathBuf> {
        let (found, real) = match loaded {
            Some(Ok(Self { file: Ok(file), .. })) => (Some(&file.path), None),
            Some(Ok(Self { file: Err(failure), .. })) => match failure {
                Failure::Component { path, .. }
                | Failure::ComponentTooLarge { path, .. }
                | Failure::Source { path, .. } => (Some(path), None),
                Failure::Load(LoadError::Outside { path, real }) => (Some(path), Some(real)),
                _ => (None, None),
            },
            _ => (None, None),
        };
        let files = [Some(&args.manifest), args.policy.as_ref(), args.component.as_ref()];
        let named = files.into_iter().chain([found, real]);
        let beside = LoadedComponent::default_code(&args.manifest);
        named.flatten().cloned().chain(beside).collect()
    }
}
