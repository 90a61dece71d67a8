//! A component that is compiled and linked, ready to be instantiated many times.

use core::fmt;
use std::sync::Arc;

use limits_core::{LimitExceeded, LimitKind, ResourceLimits, WasmError, WasmResult};
use wasmtime::component::{Component, ComponentNamedList, InstancePre, Lift, Lower};

use crate::export::Exports;
use crate::prepared_function::PreparedFunction;

/// A component whose imports are resolved; made by
/// [`ComponentExecutor::prepare`](crate::ComponentExecutor::prepare). Cloning is cheap.
pub struct PreparedComponent<T: 'static> {
    pub(crate) pre: InstancePre<T>,
    facts: Arc<Facts>,
}

/// The facts of a component that each execution asks for.
#[derive(Debug)]
struct Facts {
    exports: Exports,
    needs: Option<Needs>,
}

/// The declared needs of a component.
#[derive(Clone, Copy, Debug)]
struct Needs {
    memories: u32,
    tables: u32,
    largest_table: u64,
}

impl Needs {
    /// Returns the needs of a component, `None` if it instantiates modules that it imports: then
    /// they are unknown.
    fn of(component: &Component) -> Option<Self> {
        component.resources_required().map(|needs| Self {
            memories: needs.num_memories,
            tables: needs.num_tables,
            largest_table: needs.max_initial_table_size.unwrap_or(0),
        })
    }
}

impl<T> PreparedComponent<T> {
    pub(crate) fn new(pre: InstancePre<T>) -> Self {
        let component = pre.component();
        let facts = Facts { exports: Exports::of(component), needs: Needs::of(component) };
        Self { pre, facts: Arc::new(facts) }
    }

    /// Returns the component.
    #[must_use]
    pub fn component(&self) -> &Component {
        self.pre.component()
    }

    pub(crate) fn exports(&self) -> &Exports {
        &self.facts.exports
    }

    /// Finds the exported function `export`, once for many executions.
    ///
    /// `export`, `P` and `R` are as for
    /// [`execute_with_limits`](crate::ComponentExecutor::execute_with_limits). The types are
    /// checked as the function is executed: Wasmtime checks them in a store.
    ///
    /// # Errors
    ///
    /// [`WasmError::InvalidCall`] if there is no such function.
    pub fn func<P, R>(&self, export: &str) -> WasmResult<PreparedFunction<T, P, R>>
    where
        P: ComponentNamedList + Lower + Send + Sync,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let index = self.facts.exports.find(self.component(), export)?;
        Ok(PreparedFunction::new(self.clone(), export, index))
    }

    /// Checks the component's declared needs against `limits`: memories, tables and the size of its
    /// largest table.
    ///
    /// Also done before each instantiation. Its initial memory and its core instances are not
    /// declared; they are checked as it is instantiated.
    ///
    /// # Errors
    ///
    /// [`WasmError::LimitExceeded`] if there are too many memories or tables, or a table is too
    /// large.
    pub fn check(&self, limits: &ResourceLimits) -> WasmResult<()> {
        let Some(needs) = self.facts.needs else {
            return Ok(());
        };
        let checks = [
            (LimitKind::Memories, limits.max_memories().into(), needs.memories.into()),
            (LimitKind::Tables, limits.max_tables().into(), needs.tables.into()),
            (LimitKind::TableElements, limits.max_table_elements(), needs.largest_table),
        ];
        for (kind, limit, needed) in checks {
            if needed > limit {
                let exceeded = LimitExceeded::new(kind, limit).with_request(0, needed);
                return Err(WasmError::LimitExceeded(exceeded));
            }
        }
        Ok(())
    }
}

impl<T> Clone for PreparedComponent<T> {
    fn clone(&self) -> Self {
        Self { pre: self.pre.clone(), facts: Arc::clone(&self.facts) }
    }
}

impl<T> fmt::Debug for PreparedComponent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedComponent").finish_non_exhaustive()
    }
}
