//! The key of an entry: all that its contents depend on.

use core::fmt;

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};

use crate::compile_report::CompileMode;
use crate::fingerprint::Fingerprint;
use crate::source::Source;

/// The version of entries and keys. A change of the pre-pass, of an entry's format or of the key
/// needs a new one.
const CONTEXT: &str = "wasm-limits, entries of the cache of compiled components, version 1";
/// The crates that make a component of text or a core module. A test compares them with the lock
/// file.
const TRANSLATORS: &str = "wat 1.254.2, wit-component 0.254.2";

/// The hash of all that an entry's contents depend on.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct CacheKey([u8; 32]);

impl CacheKey {
    /// Returns the key of a source that is compiled in some place for engines of some settings.
    pub(crate) fn of(source: Source<'_>, engine: Fingerprint, mode: CompileMode) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        // Each part has a length of its own or is led by it, so no two lists are one text.
        let mut add = |part: &[u8]| {
            hasher.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            hasher.update(part);
        };
        add(env!("CARGO_PKG_VERSION").as_bytes());
        add(engine.as_bytes());
        let forms = source.forms();
        let is_worker = mode == CompileMode::Worker;
        add(&[u8::from(is_worker), u8::from(forms.text), u8::from(forms.modules)]);
        if source.needs_translation() {
            add(TRANSLATORS.as_bytes());
            add(WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER);
            add(WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER);
        }
        add(source.bytes());
        Self(hasher.finalize().into())
    }

    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::{CacheKey, TRANSLATORS};
    use crate::compile_report::CompileMode;
    use crate::fingerprint::Fingerprint;
    use crate::source::Source;
    use limits_wasmtime::{EngineBuilder, create_engine};
    use std::collections::BTreeSet;

    #[test]
    fn each_part_of_a_key_makes_another_one() {
        let engine = Fingerprint::of(&create_engine().unwrap());
        let tight = EngineBuilder::new().max_wasm_stack(128 * 1024).build().unwrap();
        let other = EngineBuilder::new().configure(|config| {
            config.wasm_tail_call(true);
        });
        let other = Fingerprint::of(&other.build().unwrap());
        let source = Source::new(b"(component)");
        let (inline, worker) = (CompileMode::Inline, CompileMode::Worker);
        let keys = [
            CacheKey::of(source, engine, inline),
            CacheKey::of(source, engine, worker),
            CacheKey::of(source, other, inline),
            CacheKey::of(source.with_text(), engine, inline),
            CacheKey::of(source.with_modules(), engine, inline),
            CacheKey::of(source.with_text().with_modules(), engine, inline),
            CacheKey::of(Source::new(b"(component) "), engine, inline),
            CacheKey::of(Source::new(b""), engine, inline),
        ];
        assert_eq!(BTreeSet::from(keys).len(), keys.len());
        assert_eq!(CacheKey::of(source, engine, inline), keys[0]);
        // The stack of compiled code is checked against a limit that the store has.
        assert_eq!(CacheKey::of(source, Fingerprint::of(&tight), inline), keys[0]);
    }

    #[test]
    fn the_translators_are_those_of_the_lock_file() {
        let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock");
        // In a package there is none, and no change either.
        let Ok(lock) = std::fs::read_to_string(lock) else { return };
        for translator in TRANSLATORS.split(", ") {
            let (name, version) = translator.split_once(' ').unwrap();
            let row = format!("name = \"{name}\"\nversion = \"{version}\"\n");
            assert!(lock.contains(&row), "{translator} is another version now");
        }
    }
}
