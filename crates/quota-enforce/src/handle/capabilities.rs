//! A component's capabilities: checks, and takes that depend on one.

use core::sync::atomic::Ordering;
use std::sync::Arc;

use limits_core::{CapabilitySet, Decision, NetworkTarget, Permission, QuotaType};

use super::ComponentHandle;
use crate::audit::AuditKind;
use crate::checked_resource::CheckedResource;
use crate::enforce_error::EnforceError;
use crate::grant::Grant;

/// - I9: a revocation holds from the next check or take on, over every clone of the handle. Once
///   `set_capabilities` has returned, no check passes and no grant is made that only an earlier set
///   allows.
///
/// A check loads the set once and decides by that. A take that depends on a check compares the
/// revision once it has taken: if the set was replaced since before the check, the set in force by
/// then decides, and what was taken is handed back if it denies. So there is a moment within each
/// call at which the set that decided was in force and the take had been made.
impl ComponentHandle {
    /// Returns the capabilities in force, with the component's id in the place of `<id>`.
    ///
    /// The set that is returned stays as it is when the registry [sets
    /// another](crate::QuotaRegistry::set_capabilities). Asking it (`check`) is for questions:
    /// nothing is counted or reported, and the answer may be out of date by the time it is used.
    #[must_use]
    pub fn capabilities(&self) -> Arc<CapabilitySet> {
        self.0.capabilities.load_full()
    }

    pub(crate) fn set_capabilities(&self, capabilities: CapabilitySet) {
        self.0.capabilities.replace(capabilities);
    }

    /// Checks that a pattern of the component allows access to a resource; of a set with
    /// [restrictions](CapabilitySet::restricted_by), a pattern of each list.
    ///
    /// # Errors
    ///
    /// [`EnforceError::Capability`] if none does, [`EnforceError::NotRegistered`] if the component
    /// is not registered any more.
    pub fn check(&self, permission: Permission, resource: &str) -> Result<(), EnforceError> {
        self.decide(CapabilitySet::check, permission, resource)
    }

    /// Checks that some path at or below a directory could be allowed, see
    /// [`CapabilitySet::check_at_or_below`]: before a host opens the directory.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn check_at_or_below(&self, permission: Permission, dir: &str) -> Result<(), EnforceError> {
        self.decide(CapabilitySet::check_at_or_below, permission, dir)
    }

    /// Checks that a directory is allowed, or each of its direct entries whatever its name, see
    /// [`CapabilitySet::check_entries`]: before a host lists the directory.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn check_entries(&self, permission: Permission, dir: &str) -> Result<(), EnforceError> {
        self.decide(CapabilitySet::check_entries, permission, dir)
    }

    /// Checks that everything below a directory is allowed whatever its name, see
    /// [`CapabilitySet::check_below`]: before a host renames the directory.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn check_below(&self, permission: Permission, dir: &str) -> Result<(), EnforceError> {
        self.decide(CapabilitySet::check_below, permission, dir)
    }

    /// Checks that a name may be looked up, see [`CapabilitySet::check_name`].
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn check_name(&self, permission: Permission, name: &str) -> Result<(), EnforceError> {
        self.decide(CapabilitySet::check_name, permission, name)
    }

    /// Checks that an address and port may be reached, see [`CapabilitySet::check_target`]: before
    /// a host connects, sends a datagram, binds or listens, and again before it uses a connection
    /// that it kept.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn check_target(
        &self,
        permission: Permission,
        target: &NetworkTarget,
    ) -> Result<(), EnforceError> {
        self.decide(CapabilitySet::check_target, permission, target)
    }

    /// Decides by the capabilities in force, and counts and reports the decision.
    fn decide<R: ?Sized>(
        &self,
        ask: impl for<'a> FnOnce(&'a CapabilitySet, Permission, &'a R) -> Decision<'a>,
        permission: Permission,
        resource: &R,
    ) -> Result<(), EnforceError> {
        self.check_registered()?;
        let shared = &self.0.shared;
        let capabilities = self.0.capabilities.load();
        let decision = ask(&capabilities, permission, resource);
        if decision.is_allowed() {
            if shared.reports_grants() {
                self.report(AuditKind::CapabilityGranted(decision), true);
            }
            return Ok(());
        }
        self.0.denied.capability.fetch_add(1, Ordering::Relaxed);
        self.report(AuditKind::CapabilityDenied(decision), shared.enforces());
        if shared.enforces() {
            decision.into_result()?;
        }
        Ok(())
    }

    /// Checks as [`check`](Self::check) does, and returns the resource in the form that the
    /// patterns judged: the one to open.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn check_resource<'r>(
        &self,
        permission: Permission,
        resource: &'r str,
    ) -> Result<CheckedResource<'r>, EnforceError> {
        self.check(permission, resource)?;
        Ok(CheckedResource::new(permission, resource))
    }

    /// Checks that a pattern of the component allows access to a resource and that the quota has
    /// enough left. Takes nothing, so the answer may be out of date when it arrives;
    /// [`authorize`](Self::authorize) checks and takes.
    ///
    /// # Errors
    ///
    /// As [`authorize`](Self::authorize).
    pub fn check_with_quota(
        &self,
        permission: Permission,
        resource: &str,
        quota: QuotaType,
    ) -> Result<(), EnforceError> {
        self.check(permission, resource)?;
        match self.0.tracker.peek(quota) {
            Ok(()) => Ok(()),
            Err(error) => Ok(self.deny(error)?),
        }
    }

    /// Checks the capability and takes the quota, in this order.
    ///
    /// # Errors
    ///
    /// [`EnforceError::Capability`] or [`EnforceError::Quota`] if one of them is missing, and
    /// [`EnforceError::NotRegistered`] if the component is not registered any more. Nothing is
    /// taken then.
    pub fn authorize(
        &self,
        permission: Permission,
        resource: &str,
        quota: QuotaType,
    ) -> Result<Grant, EnforceError> {
        let capabilities = &self.0.capabilities;
        let revision = capabilities.revision();
        self.check(permission, resource)?;
        self.take(&[quota], || {
            let is_in_force = capabilities.revision() == revision;
            if is_in_force { Ok(()) } else { self.check(permission, resource) }
        })
    }

    /// Authorizes as [`authorize`](Self::authorize) does, and returns the resource in the form that
    /// the patterns judged, the one to open, with the grant.
    ///
    /// # Errors
    ///
    /// As [`authorize`](Self::authorize).
    pub fn authorize_resource<'r>(
        &self,
        permission: Permission,
        resource: &'r str,
        quota: QuotaType,
    ) -> Result<(CheckedResource<'r>, Grant), EnforceError> {
        let grant = self.authorize(permission, resource, quota)?;
        Ok((CheckedResource::new(permission, resource), grant))
    }
}
