//! A Component.toml with the policy over it and the component beside it.

use limits_config::{ComponentConfig, EffectiveConfig, Policy};

use crate::args::ManifestArgs;
use crate::component_file::ComponentFile;
use crate::failure::Failure;

/// What a component is, may use, and where it lies.
pub(crate) struct Manifest {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) effective: EffectiveConfig,
    /// The component, or why there is none.
    pub(crate) file: Result<ComponentFile, Failure>,
}

impl Manifest {
    /// Reads the file, the policy and the component. A missing component is no failure yet:
    /// limits are known without it, unless a policy pins its hash.
    ///
    /// # Errors
    ///
    /// [`Failure::Config`] if the file or the policy is not valid.
    pub(crate) fn load(args: &ManifestArgs) -> Result<Self, Failure> {
        let config = ComponentConfig::from_file(&args.manifest)?;
        let policy = match &args.policy {
            Some(path) => Policy::from_file(path)?,
            None => Policy::default(),
        };
        let file = ComponentFile::find(args.component.as_deref(), &args.manifest, &config)
            .and_then(ComponentFile::read);
        let id = args.id.as_ref().unwrap_or(&config.component.name);
        let sha256 = file.as_ref().ok().map(ComponentFile::sha256);
        Ok(Self {
            name: config.component.name.to_string(),
            version: config.component.version.to_string(),
            effective: policy.apply(&config, id, sha256.as_ref()),
            file,
        })
    }
}
