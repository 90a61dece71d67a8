//! A component that is compiled and linked, ready to be instantiated many times.

use core::fmt;

use limits_core::{LimitExceeded, LimitKind, ResourceLimits, WasmError, WasmResult};
use wasmtime::component::{Component, InstancePre};

/// A component whose imports are resolved; made by
/// [`ComponentExecutor::prepare`](crate::ComponentExecutor::prepare). Cloning is cheap.
pub struct PreparedComponent<T: 'static> {
    pub(crate) pre: InstancePre<T>,
}

impl<T> PreparedComponent<T> {
    /// Returns the component.
    #[must_use]
    pub fn component(&self) -> &Component {
        self.pre.component()
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
        let Some(needs) = self.component().resources_required() else {
            // The component instantiates modules that it imports, so its needs are unknown.
            return Ok(());
        };
        let checks = [
            (LimitKind::Memories, limits.max_memories().into(), needs.num_memories.into()),
            (LimitKind::Tables, limits.max_tables().into(), needs.num_tables.into()),
            (
                LimitKind::TableElements,
                limits.max_table_elements(),
                needs.max_initial_table_size.unwrap_or(0),
            ),
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
        Self { pre: self.pre.clone() }
    }
}

impl<T> fmt::Debug for PreparedComponent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedComponent").finish_non_exhaustive()
    }
}
