//! Check, take, run, then keep or give back.

use limits_core::{Permission, QuotaType};

use crate::ask::{AsComponent, AsResource, Asked};
use crate::enforce_error::EnforceError;
use crate::grant::Grant;

/// Checks the capability and takes the quota, in a [`Grant`] that borrows nothing of what it was asked
/// with.
///
/// As [`ComponentHandle::authorize`](crate::ComponentHandle::authorize), for whatever names a component,
/// a resource and a permission. [`Grant::run`] then does what [`guard`](guard()) does, for an operation
/// that changes or moves what the handle or the resource is a part of.
///
/// ```
/// use limits_core::{CapabilitySet, Permission, QuotaType};
/// use quota_enforce::{EnforceError, QuotaRegistry, SecurityContext, authorize};
///
/// struct Message {
///     topic: String,
///     body: Vec<u8>,
/// }
///
/// let capabilities =
///     CapabilitySet::builder().grant(Permission::MessagingSend, "orders.*").build()?;
/// let shop = QuotaRegistry::new().register(SecurityContext::new("shop", capabilities))?;
/// let publish = |message: Message| Ok::<_, EnforceError>(message.body.len());
/// let message = Message { topic: "orders.new".to_owned(), body: vec![0; 3] };
/// let grant = authorize(&shop, &message.topic, "send", QuotaType::MessageRate(1))?;
/// assert_eq!(grant.run(|| publish(message))?, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// As [`ComponentHandle::authorize`](crate::ComponentHandle::authorize);
/// [`EnforceError::NotRegistered`] if no component has the id, [`EnforceError::Permission`] if the
/// permission is a text that is none, and [`EnforceError::ResourceNotText`] if the resource is a path
/// that is not UTF-8.
pub fn authorize<P>(
    component: impl AsComponent,
    resource: impl AsResource,
    permission: P,
    quota: QuotaType,
) -> Result<Grant, EnforceError>
where
    P: TryInto<Permission>,
    EnforceError: From<P::Error>,
{
    component.to_handle()?.authorize(permission.try_into()?, resource.to_resource()?, quota)
}

/// Checks the capability, takes the quota, runs the operation, and keeps what was taken if the
/// operation succeeds.
///
/// If it fails or panics, what was taken goes back. If the check fails, it does not run.
///
/// Like the arguments of any function, the component and the resource are borrowed while the operation
/// is made. One that changes or moves them is run by [`with_quota!`](crate::with_quota), or by the
/// [`Grant`] of [`authorize`](authorize()).
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
/// What the operation returns, or why it was not run: as [`authorize`](authorize()).
pub fn guard<T, E, P>(
    component: impl AsComponent,
    resource: impl AsResource,
    permission: P,
    quota: QuotaType,
    operation: impl FnOnce() -> Result<T, E>,
) -> Result<T, E>
where
    E: From<EnforceError>,
    P: TryInto<Permission>,
    EnforceError: From<P::Error>,
{
    authorize(component, resource, permission, quota)?.run(operation)
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
    resource: impl AsResource,
    permission: P,
    quota: QuotaType,
    operation: impl Future<Output = Result<T, E>>,
) -> Result<T, E>
where
    E: From<EnforceError>,
    P: TryInto<Permission>,
    EnforceError: From<P::Error>,
{
    authorize(component, resource, permission, quota)?.run_async(operation).await
}

/// Where [`with_quota!`](crate::with_quota) has authorized, and what the parts borrowed is free again.
#[doc(hidden)]
pub fn run_granted<T, E: From<EnforceError>>(
    granted: Result<Grant, EnforceError>,
    operation: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    granted?.run(operation)
}

/// The parts of a [`with_quota!`](crate::with_quota) whose operation waits, kept for its first poll.
#[doc(hidden)]
pub fn ask<P>(
    component: impl AsComponent,
    resource: impl AsResource,
    permission: P,
    quota: QuotaType,
) -> Result<Asked, EnforceError>
where
    P: TryInto<Permission>,
    EnforceError: From<P::Error>,
{
    Asked::new(component, resource, permission, quota)
}

/// As [`run_granted`], for an operation that waits.
#[doc(hidden)]
pub async fn run_asked<T, E: From<EnforceError>>(
    asked: Result<Asked, EnforceError>,
    operation: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    asked?.authorize()?.run_async(operation).await
}

/// [`guard`](guard()) and [`guard_async`] with the original design's syntax.
///
/// `with_quota!(COMPONENT, RESOURCE, PERMISSION, QUOTA => { OPERATION })`. The component is a handle
/// or an id in the process-wide registry; the resource a text or a path, as [`AsResource`] has it; the
/// permission a [`Permission`] or its text. Each part is evaluated once, before the operation, and
/// borrowed no longer than that: the operation may change or move what they are a part of. `?` and
/// `return` leave the operation; what it returns decides whether the quota is kept.
///
/// The operation gets the resource as it was written, while patterns judge a path without its `.` and
/// `..`: see [`AsResource`] for which one to open.
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
    ($component:expr, $resource:expr, $permission:expr, $quota:expr => async move $operation:block) => {{
        let asked = $crate::ask($component, $resource, $permission, $quota);
        $crate::run_asked(asked, async move $operation)
    }};
    ($component:expr, $resource:expr, $permission:expr, $quota:expr => async $operation:block) => {{
        let asked = $crate::ask($component, $resource, $permission, $quota);
        $crate::run_asked(asked, async $operation)
    }};
    ($component:expr, $resource:expr, $permission:expr, $quota:expr
        => async move -> $result:ty $operation:block) => {{
        let asked = $crate::ask($component, $resource, $permission, $quota);
        $crate::run_asked(asked, async move {
            let result: $result = async move $operation.await;
            result
        })
    }};
    ($component:expr, $resource:expr, $permission:expr, $quota:expr
        => async -> $result:ty $operation:block) => {{
        let asked = $crate::ask($component, $resource, $permission, $quota);
        $crate::run_asked(asked, async {
            let result: $result = async $operation.await;
            result
        })
    }};
    ($component:expr, $resource:expr, $permission:expr, $quota:expr => -> $result:ty $operation:block) => {{
        let granted = $crate::authorize($component, $resource, $permission, $quota);
        $crate::run_granted(granted, || -> $result { $operation })
    }};
    ($component:expr, $resource:expr, $permission:expr, $quota:expr => $operation:block) => {{
        let granted = $crate::authorize($component, $resource, $permission, $quota);
        $crate::run_granted(granted, || $operation)
    }};
    ($($other:tt)*) => {
        ::core::compile_error!(
            "expected with_quota!(COMPONENT, RESOURCE, PERMISSION, QUOTA => { OPERATION }), with \
             `async`, `async move` or `-> Result<T, E>` before the block"
        )
    };
}
