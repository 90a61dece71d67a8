//! An export of a prepared component that is found once.

use core::fmt;
use core::marker::PhantomData;

use wasmtime::component::ComponentExportIndex;

use crate::prepared::PreparedComponent;

/// An exported function that is found once and executed many times, each time in a store of its
/// own.
///
/// Made by [`PreparedComponent::func`](crate::PreparedComponent::func), executed by
/// [`ComponentExecutor::execute_function`](crate::ComponentExecutor::execute_function). Cloning is
/// cheap.
pub struct PreparedFunction<T: 'static, P, R> {
    pub(crate) component: PreparedComponent<T>,
    export: Box<str>,
    pub(crate) index: ComponentExportIndex,
    types: PhantomData<fn(P) -> R>,
}

impl<T, P, R> PreparedFunction<T, P, R> {
    pub(crate) fn new(
        component: PreparedComponent<T>,
        export: &str,
        index: ComponentExportIndex,
    ) -> Self {
        Self { component, export: Box::from(export), index, types: PhantomData }
    }

    /// Returns the name of the export.
    #[must_use]
    pub const fn export(&self) -> &str {
        &self.export
    }

    /// Returns the component.
    #[must_use]
    pub const fn component(&self) -> &PreparedComponent<T> {
        &self.component
    }
}

impl<T, P, R> Clone for PreparedFunction<T, P, R> {
    fn clone(&self) -> Self {
        Self::new(self.component.clone(), &self.export, self.index)
    }
}

impl<T, P, R> fmt::Debug for PreparedFunction<T, P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedFunction").field("export", &self.export).finish_non_exhaustive()
    }
}
