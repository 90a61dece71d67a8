//! What the guards are asked for: a component, a resource, a permission.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use limits_core::{Permission, QuotaType};

use crate::enforce_error::EnforceError;
use crate::global::global;
use crate::grant::Grant;
use crate::handle::ComponentHandle;

/// Something that says which component is meant: a handle, or the id of a component of the
/// process-wide registry.
pub trait AsComponent {
    /// Returns the component's handle.
    ///
    /// # Errors
    ///
    /// [`EnforceError::NotRegistered`] if there is no such component.
    fn to_handle(&self) -> Result<ComponentHandle, EnforceError>;
}

impl AsComponent for ComponentHandle {
    fn to_handle(&self) -> Result<ComponentHandle, EnforceError> {
        Ok(self.clone())
    }
}

impl AsComponent for str {
    fn to_handle(&self) -> Result<ComponentHandle, EnforceError> {
        global().lookup(self)
    }
}

impl AsComponent for String {
    fn to_handle(&self) -> Result<ComponentHandle, EnforceError> {
        global().lookup(self)
    }
}

impl<C: AsComponent + ?Sized> AsComponent for &C {
    fn to_handle(&self) -> Result<ComponentHandle, EnforceError> {
        (**self).to_handle()
    }
}

impl<C: AsComponent + ?Sized> AsComponent for &mut C {
    fn to_handle(&self) -> Result<ComponentHandle, EnforceError> {
        (**self).to_handle()
    }
}

impl<C: AsComponent + ?Sized> AsComponent for Arc<C> {
    fn to_handle(&self) -> Result<ComponentHandle, EnforceError> {
        (**self).to_handle()
    }
}

/// The name of a resource as a guard takes it: a text, or a path that is one.
///
/// Patterns judge a path as [`normalize_path`](limits_core::normalize_path) returns it, without `.` and
/// `..`. An operation still has the path as its caller wrote it, which a file system may read in another
/// way: behind a symbolic link, `..` leads out of the directory that was judged. Open what
/// `normalize_path` returns, below a directory handle where there may be links.
pub trait AsResource {
    /// Returns the name, which is never an approximation of it.
    ///
    /// # Errors
    ///
    /// [`EnforceError::ResourceNotText`] for a path that is not UTF-8: no pattern can match it.
    fn to_resource(&self) -> Result<&str, EnforceError>;
}

impl AsResource for str {
    fn to_resource(&self) -> Result<&str, EnforceError> {
        Ok(self)
    }
}

impl AsResource for String {
    fn to_resource(&self) -> Result<&str, EnforceError> {
        Ok(self)
    }
}

impl AsResource for Cow<'_, str> {
    fn to_resource(&self) -> Result<&str, EnforceError> {
        Ok(self)
    }
}

impl AsResource for Path {
    fn to_resource(&self) -> Result<&str, EnforceError> {
        self.to_str().ok_or_else(|| EnforceError::ResourceNotText {
            resource: self.to_string_lossy().into_owned().into_boxed_str(),
        })
    }
}

impl AsResource for PathBuf {
    fn to_resource(&self) -> Result<&str, EnforceError> {
        self.as_path().to_resource()
    }
}

impl<R: AsResource + ?Sized> AsResource for &R {
    fn to_resource(&self) -> Result<&str, EnforceError> {
        (**self).to_resource()
    }
}

impl<R: AsResource + ?Sized> AsResource for Arc<R> {
    fn to_resource(&self) -> Result<&str, EnforceError> {
        (**self).to_resource()
    }
}

impl<R: AsResource + ?Sized> AsResource for Box<R> {
    fn to_resource(&self) -> Result<&str, EnforceError> {
        (**self).to_resource()
    }
}

/// What an operation that waits will ask for at its first poll. Borrows nothing.
#[derive(Debug)]
pub struct Asked {
    component: ComponentHandle,
    resource: Box<str>,
    permission: Permission,
    quota: QuotaType,
}

impl Asked {
    pub(crate) fn new<P>(
        component: impl AsComponent,
        resource: impl AsResource,
        permission: P,
        quota: QuotaType,
    ) -> Result<Self, EnforceError>
    where
        P: TryInto<Permission>,
        EnforceError: From<P::Error>,
    {
        Ok(Self {
            component: component.to_handle()?,
            resource: Box::from(resource.to_resource()?),
            permission: permission.try_into()?,
            quota,
        })
    }

    pub(crate) fn authorize(self) -> Result<Grant, EnforceError> {
        self.component.authorize(self.permission, &self.resource, self.quota)
    }
}
