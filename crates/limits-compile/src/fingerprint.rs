//! The identity of an engine's settings.

use core::fmt;
use core::hash::{Hash as _, Hasher};

use serde::{Deserialize, Serialize};
use wasmtime::Engine;

/// The identity of everything in an engine that compiled code depends on: Wasmtime's version, the
/// target and the settings. Equal in two processes exactly if one may run the code of the other.
#[derive(Clone, Copy, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(crate) fn of(engine: &Engine) -> Self {
        let mut digest = Digest(blake3::Hasher::new());
        engine.precompile_compatibility_hash().hash(&mut digest);
        Self(digest.0.finalize().into())
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// A hasher without a secret, so that two processes agree.
struct Digest(blake3::Hasher);

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Not asked for: a `Hash` only writes.
    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::Fingerprint;
    use limits_wasmtime::{EngineBuilder, create_engine};

    #[test]
    fn engines_of_the_same_settings_agree_and_others_do_not() {
        let one = Fingerprint::of(&create_engine().unwrap());
        assert_eq!(one, Fingerprint::of(&create_engine().unwrap()));
        let tail_calls = EngineBuilder::new().configure(|config| {
            config.wasm_tail_call(true);
        });
        assert_ne!(one, Fingerprint::of(&tail_calls.build().unwrap()));
    }

    #[test]
    fn a_pool_changes_no_compiled_code() {
        let limits = limits_core::ResourceLimits::builder().memory_bytes(1 << 20).build().unwrap();
        let plain = EngineBuilder::new();
        let settings = plain.settings();
        let pooled = EngineBuilder::from_settings(settings).pooling(2, &limits);
        assert_eq!(
            Fingerprint::of(&plain.build().unwrap()),
            Fingerprint::of(&pooled.build().unwrap())
        );
    }
}
