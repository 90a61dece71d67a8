//! Compiling with a cache.

use core::time::Duration;

use limits_core::WasmError;
use limits_wasmtime::{ComponentExecutor, Structure};

use crate::artifact::Artifact;
use crate::cache::Cache;
use crate::cache::cache_key::CacheKey;
use crate::cache::entry::{About, Kept};
use crate::cache::flight::{Flight, Lease};
use crate::cache::verdict::Verdict;
use crate::compile_error::CompileError;
use crate::compile_report::{CacheUse, CompileReport};
use crate::compiler::{Compiled, Compiler, Made, length};
use crate::fingerprint::Fingerprint;
use crate::source::Source;

impl Compiler {
    /// Takes a component from the cache, or compiles and stores it.
    pub(super) fn compile_cached(
        &self,
        cache: &Cache,
        executor: &ComponentExecutor,
        id: &str,
        source: Source<'_>,
    ) -> Result<Compiled, CompileError> {
        let key = CacheKey::of(source, Fingerprint::of(executor.engine()), self.mode());
        // The time that another process may take for the same work.
        let wait = self.budget.for_size(length(source.bytes())).wall;
        let lease = match cache.flight(key, &self.structure, wait) {
            Flight::Hit(kept) => match self.load(executor, source, kept)? {
                Some(compiled) => return Ok(compiled),
                None => {
                    cache.forget(&key);
                    None
                }
            },
            Flight::Refused(error) => return Err(error),
            Flight::Lead(lease) => Some(lease),
            Flight::Alone => None,
        };
        let made = self.make(executor, id, source);
        if let Some(lease) = lease {
            match &made {
                Ok((compiled, made)) => store(lease, compiled, made.as_ref()),
                Err(error) => {
                    if let Some(verdict) = Verdict::of(error, self.mode(), &self.structure) {
                        lease.refuse(&verdict);
                    }
                }
            }
        }
        made.map(|(compiled, _)| compiled)
    }

    /// Makes a component of an authentic entry; `None` if the entry is of no use.
    fn load(
        &self,
        executor: &ComponentExecutor,
        source: Source<'_>,
        kept: Kept,
    ) -> Result<Option<Compiled>, CompileError> {
        let About { counts, adapted } = kept.about();
        let Some(structure) = Structure::from_counts(counts) else { return Ok(None) };
        if let Err(error) = structure.check(&self.structure) {
            // The entry was made under other limits. A new count also tells the place.
            if !source.needs_translation() {
                Structure::of(source.bytes(), &self.structure)?;
            }
            return Err(error.into());
        }
        let adapted = *adapted;
        let component = match Artifact::of_cache(&kept).load(executor.engine()) {
            Ok(component) => component,
            Err(error @ WasmError::HostExhausted(_)) => return Err(error.into()),
            Err(error) => {
                tracing::debug!(%error, "a stored component is of no use to the engine");
                return Ok(None);
            }
        };
        let report = CompileReport {
            mode: self.mode(),
            cache: CacheUse::Hit,
            time: Duration::ZERO,
            cpu_time: None,
            peak_memory: None,
            confinement: None,
            structure,
        };
        Ok(Some(Compiled { component, translated: kept.into_translated(), adapted, report }))
    }
}

/// Stores a compiled component. A failure is the cache's own.
fn store(lease: Lease, compiled: &Compiled, made: Option<&Made>) {
    let about = About { counts: compiled.report.structure.to_counts(), adapted: compiled.adapted };
    let translated = compiled.translated.as_deref();
    match made {
        Some(made) => lease.store(&about, translated, made.code()),
        None => match compiled.component.serialize() {
            Ok(code) => lease.store(&about, translated, &code),
            Err(error) => tracing::debug!(%error, "a component cannot be stored"),
        },
    }
}
