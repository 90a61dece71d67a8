//! Names of resources that guards accept.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::enforce_error::EnforceError;

/// Names a resource: a text, or a path that is UTF-8.
///
/// Patterns judge a path without its `.` and `..`. A guard hands its operation the path in that
/// form, as a [`CheckedResource`](crate::CheckedResource).
pub trait AsResource {
    /// Returns the name, never an approximation of it.
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
