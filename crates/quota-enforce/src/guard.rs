//! Check, take, run, then keep or give back.

use limits_core::{Permission, QuotaTracker, QuotaType};

use crate::{ComponentHandle, EnforceError, Grant, global};

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
/// ```
/// use std::io;
///
/// use limits_core::{CapabilitySet, Permission, QuotaType};
/// use quota_enforce::{QuotaRegistry, SecurityContext, guard};
///
/// let capabilities =
///     CapabilitySet::builder().grant(Permission::StorageWrite, "<id>:**").build()?;
/// let shop = QuotaRegistry::new().register(SecurityContext::new("shop", capabilities))?;
/// let put = |key: &str, fails: bool| -> Result<u8, Box<dyn std::error::Error>> {
///     guard(&shop, key, Permission::StorageWrite, QuotaType::Storage(100), || {
///         // ... write 100 bytes ...
///         if fails { Err(io::Error::other("disk full").into()) } else { Ok(7) }
///     })
/// };
/// assert_eq!(put("shop:orders:1", false)?, 7);
/// assert_eq!(put("shop:orders:2", true).unwrap_err().to_string(), "disk full");
/// assert_eq!(shop.usage().storage_used, 100);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    let grant = enter(&component, resource.as_ref(), permission, quota)?;
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
/// ```
/// use limits_core::{CapabilitySet, Permission, QuotaType};
/// use quota_enforce::{EnforceError, QuotaRegistry, SecurityContext, guard_async};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let capabilities =
///     CapabilitySet::builder().grant(Permission::MessagingSend, "orders.*").build()?;
/// let shop = QuotaRegistry::new().register(SecurityContext::new("shop", capabilities))?;
/// let send = async {
///     tokio::task::yield_now().await; // ... wait for the broker ...
///     Ok::<_, EnforceError>(7)
/// };
/// let quota = QuotaType::MessageRate(1);
/// let sent = guard_async(&shop, "orders.new", Permission::MessagingSend, quota, send).await?;
/// assert_eq!((sent, shop.usage().message_count), (7, 1));
/// # Ok(())
/// # }
/// ```
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
    let grant = enter(&component, resource.as_ref(), permission, quota)?;
    let value = operation.await?;
    grant.commit();
    Ok(value)
}

/// What both guards do before the operation.
fn enter<'a, P>(
    component: &'a ComponentHandle,
    resource: &str,
    permission: P,
    quota: QuotaType,
) -> Result<Grant<&'a QuotaTracker>, EnforceError>
where
    P: TryInto<Permission>,
    EnforceError: From<P::Error>,
{
    component.authorize(permission.try_into()?, resource, quota)
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
/// use std::io::{self, Write as _};
///
/// use limits_core::{CapabilitySet, Permission, QuotaType};
/// use quota_enforce::{
///     ComponentHandle, EnforceError, SecurityContext, register_component, with_quota,
/// };
///
/// #[derive(Debug)]
/// enum HostError {
///     Refused(EnforceError),
///     Io(io::Error),
/// }
///
/// impl From<EnforceError> for HostError {
///     fn from(error: EnforceError) -> Self {
///         Self::Refused(error)
///     }
/// }
///
/// impl From<io::Error> for HostError {
///     fn from(error: io::Error) -> Self {
///         Self::Io(error)
///     }
/// }
///
/// fn write(component: &ComponentHandle, path: &str, data: &[u8]) -> Result<usize, HostError> {
///     let bytes = u64::try_from(data.len()).map_err(io::Error::other)?;
///     let mut file = Vec::new(); // ... in the place of one ...
///     let quota = QuotaType::Storage(bytes);
///     let written = with_quota!(component, path, "write", quota => -> Result<usize, HostError> {
///         file.write_all(data)?;
///         Ok(file.len())
///     })?;
///     Ok(written)
/// }
///
/// async fn send(component: &str, topic: &str, message: Vec<u8>) -> Result<usize, HostError> {
///     let quota = QuotaType::MessageRate(1);
///     let sent = with_quota!(component, topic, "send", quota
///     => async move -> Result<usize, HostError> {
///         tokio::task::yield_now().await; // ... wait for the broker ...
///         Ok(message.len())
///     })
///     .await?;
///     Ok(sent)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let capabilities = CapabilitySet::builder()
///     .grant(Permission::FilesystemWrite, "/data/<id>/**")
///     .grant(Permission::MessagingSend, "orders.*")
///     .build()?;
/// let shop = register_component(SecurityContext::new("shop", capabilities))?;
/// assert!(matches!(write(&shop, "/data/shop/log", b"one"), Ok(3)));
/// assert!(matches!(send("shop", "orders.new", vec![0; 3]).await, Ok(3)));
/// let refused = send("shop", "invoices.new", vec![0; 3]).await;
/// assert!(matches!(refused, Err(HostError::Refused(EnforceError::Capability(_)))));
/// assert_eq!((shop.usage().storage_used, shop.usage().message_count), (3, 1));
/// # Ok(())
/// # }
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
    ($($other:tt)*) => {
        ::core::compile_error!(
            "expected with_quota!(COMPONENT, RESOURCE, PERMISSION, QUOTA => { OPERATION }), with \
             `async`, `async move` or `-> Result<T, E>` before the block"
        )
    };
}
