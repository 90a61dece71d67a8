//! Names of components that guards accept.

use std::borrow::Cow;
use std::sync::Arc;

use crate::enforce_error::EnforceError;
use crate::global::global;
use crate::handle::ComponentHandle;

/// Names a component: a handle, or the id of a component of the process-wide registry.
///
/// Implemented by [`ComponentHandle`], `str`, `String`, and references and `Arc`s of these. It is
/// sealed: no other crate implements it.
pub trait AsComponent: sealed::FindHandle {}

impl<C: sealed::FindHandle + ?Sized> AsComponent for C {}

pub(crate) mod sealed {
    use super::{Arc, ComponentHandle, Cow, EnforceError, global};

    #[expect(unnameable_types, reason = "this seals `AsComponent`")]
    pub trait FindHandle {
        /// Borrows the handle, or looks it up.
        fn find_handle(&self) -> Result<Cow<'_, ComponentHandle>, EnforceError>;
    }

    impl FindHandle for ComponentHandle {
        fn find_handle(&self) -> Result<Cow<'_, ComponentHandle>, EnforceError> {
            Ok(Cow::Borrowed(self))
        }
    }

    impl FindHandle for str {
        fn find_handle(&self) -> Result<Cow<'_, ComponentHandle>, EnforceError> {
            global().lookup(self).map(Cow::Owned)
        }
    }

    impl FindHandle for String {
        fn find_handle(&self) -> Result<Cow<'_, ComponentHandle>, EnforceError> {
            self.as_str().find_handle()
        }
    }

    impl<C: FindHandle + ?Sized> FindHandle for &C {
        fn find_handle(&self) -> Result<Cow<'_, ComponentHandle>, EnforceError> {
            (**self).find_handle()
        }
    }

    impl<C: FindHandle + ?Sized> FindHandle for &mut C {
        fn find_handle(&self) -> Result<Cow<'_, ComponentHandle>, EnforceError> {
            (**self).find_handle()
        }
    }

    impl<C: FindHandle + ?Sized> FindHandle for Arc<C> {
        fn find_handle(&self) -> Result<Cow<'_, ComponentHandle>, EnforceError> {
            (**self).find_handle()
        }
    }
}
