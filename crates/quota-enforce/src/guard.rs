//! Check, take, run, then keep or give back.

use limits_core::{Permission, QuotaType};

use crate::{ComponentHandle, EnforceError, global};

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

/// Checks the capability, takes the quota, runs the operation, and keeps what was taken if the
/// operation succeeds.
///
/// If it fails or panics, what was taken goes back. If the check fails, it does not run.
///
/// # Errors
///
/// What the operation returns, or why it was not run: as [`ComponentHandle::authorize`], and
/// [`EnforceError::Permission`] if the permission is a text that is none.
pub fn guard<T, E, P>(
    component: impl AsComponent,
    resource: impl AsRef<str>,
    permission: P,
    quota: QuotaType,
    operation: impl FnOnce() -> Result<T, E>,
) -> Result<T, E>
where
    E: From<EnforceError>,
    P: TryInto<Permission>,
    EnforceError: From<P::Error>,
{
    let component = component.to_handle()?;
    let permission = permission.try_into().map_err(EnforceError::from)?;
    let grant = component.authorize(permission, resource.as_ref(), quota)?;
    let value = operation()?;
    grant.commit();
    Ok(value)
}

/// As [`guard`](guard()), for an operation that waits.
///
/// Nothing happens before the first poll. A future that is dropped half-way gives back what it took,
/// whatever the operation has done by then; one whose effects cannot be taken back should be spawned
/// and waited for.
///
/// # Errors
///
/// As [`guard`](guard()).
pub async fn guard_async<T, E, P>(
    component: impl AsComponent,
    resource: impl AsRef<str>,
    permission: P,
    quota: QuotaType,
    operation: impl Future<Output = Result<T, E>>,
) -> Result<T, E>
where
    E: From<EnforceError>,
    P: TryInto<Permission>,
    EnforceError: From<P::Error>,
{
    let component = component.to_handle()?;
    let permission = permission.try_into().map_err(EnforceError::from)?;
    let grant = component.authorize(permission, resource.as_ref(), quota)?;
    let value = operation.await?;
    grant.commit();
    Ok(value)
}

/// [`guard`](guard()) and [`guard_async`] with the original design's syntax.
///
/// `with_quota!(COMPONENT, RESOURCE, PERMISSION, QUOTA => { OPERATION })`. The component is a handle
/// or an id in the process-wide registry, the permission a [`Permission`] or its text. Each part is
/// evaluated once, before the operation, which may move what they looked at. `?` and `return` leave
/// the operation; what it returns decides whether the quota is kept.
///
/// With `async` or `async move` before the block it makes a future. Where nothing else says which
/// error the operation has (as with a `?` right behind the macro), it is written as for a closure:
/// `=> -> Result<(), Error> { OPERATION }`, or `=> async move -> Result<(), Error> { OPERATION }`.
/// The block is a closure's or a future's: `break` and `continue` do not reach a loop around it.
///
/// ```
/// use limits_core::{CapabilitySet, Permission, QuotaType};
/// use quota_enforce::{EnforceError, SecurityContext, register_component, with_quota};
///
/// fn send(component: &str, topic: &str, message: Vec<u8>) -> Result<usize, EnforceError> {
///     with_quota!(component, topic, "send", QuotaType::MessageRate(1) => {
///         // ... hand the message over ...
///         Ok(message.len())
///     })
/// }
///
/// async fn transfer(component: &str, to: &str, bytes: Vec<u8>) -> Result<(), EnforceError> {
///     let quota = QuotaType::NetworkBandwidth(bytes.len() as u64);
///     with_quota!(component, to, "connect", quota => async {
///         drop(bytes);
///         Ok(())
///     })
///     .await
/// }
///
/// let capabilities =
///     CapabilitySet::builder().grant(Permission::MessagingSend, "orders.*").build()?;
/// register_component(SecurityContext::new("shop", capabilities))?;
/// assert_eq!(send("shop", "orders.new", vec![0; 3])?, 3);
/// assert!(send("shop", "invoices.new", vec![0; 3]).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[macro_export]
macro_rules! with_quota {
    ($component:expr, $resource:expr, $permission:expr, $quota:expr => async move $operation:block) => {
        $crate::guard_async($component, $resource, $permission, $quota, async move $operation)
    };
    ($component:expr, $resource:expr, $permission:expr, $quota:expr => async $operation:block) => {
        $crate::guard_async($component, $resource, $permission, $quota, async $operation)
    };
    ($component:expr, $resource:expr, $permission:expr, $quota:expr
        => async move -> $result:ty $operation:block) => {
        $crate::guard_async($component, $resource, $permission, $quota, async move {
            let result: $result = async move $operation.await;
            result
        })
    };
    ($component:expr, $resource:expr, $permission:expr, $quota:expr
        => async -> $result:ty $operation:block) => {
        $crate::guard_async($component, $resource, $permission, $quota, async {
            let result: $result = async $operation.await;
            result
        })
    };
    ($component:expr, $resource:expr, $permission:expr, $quota:expr => -> $result:ty $operation:block) => {
        $crate::guard($component, $resource, $permission, $quota, || -> $result { $operation })
    };
    ($component:expr, $resource:expr, $permission:expr, $quota:expr => $operation:block) => {
        $crate::guard($component, $resource, $permission, $quota, || $operation)
    };
}
