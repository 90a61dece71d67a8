//! Decisions on files, by the component's capabilities.

use limits_core::Permission;
use quota_enforce::{ComponentHandle, EnforceError};
use std::io;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;
use wasmtime_wasi::p2::{FsError, FsResult};

use crate::error_code::{failed_io, refused};
use crate::place::Place;
use crate::system::Access;

/// Decisions on files, by the capabilities that a component has now.
///
/// A question whose answer is no is counted and reported once, as a denial.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judge<'a>(&'a ComponentHandle);

impl<'a> Judge<'a> {
    pub(crate) fn new(component: &'a ComponentHandle) -> Self {
        Self(component)
    }

    /// Decides on reading a file, its metadata, or a link.
    pub(crate) fn read(self, place: &Place) -> FsResult<()> {
        self.check(Permission::FilesystemRead, place)
    }

    /// Decides on making, changing or removing a file, a link or an empty directory.
    pub(crate) fn write(self, place: &Place) -> FsResult<()> {
        self.check(Permission::FilesystemWrite, place)
    }

    /// Decides on opening a file.
    pub(crate) fn open(self, place: &Place, access: Access) -> FsResult<()> {
        if access.read {
            self.read(place)?;
        }
        if access.write {
            self.write(place)?;
        }
        Ok(())
    }

    /// Decides on opening a directory or reading its metadata: something at or below it could be
    /// read or written.
    pub(crate) fn enter(self, place: &Place) -> FsResult<()> {
        let is_way = self.is_way_to(Permission::FilesystemWrite, place);
        let permission =
            if is_way { Permission::FilesystemWrite } else { Permission::FilesystemRead };
        self.0.check_at_or_below(permission, place.as_str()).map_err(refused)
    }

    /// Decides on listing a directory.
    pub(crate) fn list(self, place: &Place) -> FsResult<()> {
        let answer = self.0.check_entries(Permission::FilesystemRead, place.as_str());
        answer.map_err(refused)
    }

    /// Decides on moving a directory away: all that may lie below it leaves with it.
    pub(crate) fn take_tree(self, place: &Place) -> FsResult<()> {
        self.below(Permission::FilesystemRead, place)?;
        self.below(Permission::FilesystemWrite, place)
    }

    /// Decides on moving a directory to a place: all that may lie below it appears there.
    pub(crate) fn put_tree(self, place: &Place) -> FsResult<()> {
        self.below(Permission::FilesystemWrite, place)
    }

    /// Decides on a link that enters a directory and leaves it again, in a directory that guests
    /// find open. The system will follow the link without a question about the directory on the
    /// way, so everything must be the guest's to see, by reading or by writing.
    ///
    /// `EPERM` as of a link out of the directory: it is the target that is refused.
    pub(crate) fn point_anywhere(self, root: &Place) -> FsResult<()> {
        let capabilities = self.0.capabilities();
        if capabilities.check_below(Permission::FilesystemWrite, root.as_str()).is_allowed() {
            return Ok(());
        }
        match self.0.check_below(Permission::FilesystemRead, root.as_str()) {
            Err(EnforceError::Capability(_)) => Err(ErrorCode::NotPermitted.into()),
            answer => answer.map_err(refused),
        }
    }

    /// Returns the answer to a request for something that is not there or cannot be reached: why,
    /// where the guest may know that, and otherwise what it would hear if it were there.
    pub(crate) fn absent(self, place: &Place, access: Access, error: io::Error) -> FsError {
        if !self.is_way(place)
            && let Err(denied) = self.open(place, access)
        {
            return denied;
        }
        failed_io(error)
    }

    fn below(self, permission: Permission, place: &Place) -> FsResult<()> {
        self.0.check_below(permission, place.as_str()).map_err(refused)
    }

    /// Tells whether something at or below a place could be read or written, without counting.
    pub(crate) fn is_way(self, place: &Place) -> bool {
        self.is_way_to(Permission::FilesystemRead, place)
            || self.is_way_to(Permission::FilesystemWrite, place)
    }

    fn is_way_to(self, permission: Permission, place: &Place) -> bool {
        self.0.capabilities().check_at_or_below(permission, place.as_str()).is_allowed()
    }

    fn check(self, permission: Permission, place: &Place) -> FsResult<()> {
        self.0.check(permission, place.as_str()).map_err(refused)
    }
}
