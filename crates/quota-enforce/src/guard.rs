//! Guarded operations: check, take, run, then keep or hand back.

use limits_core::{Permission, QuotaType};

use crate::as_component::AsComponent;
use crate::as_resource::AsResource;
use crate::checked_resource::CheckedResource;
use crate::enforce_error::EnforceError;
use crate::grant::Grant;
use crate::handle::ComponentHandle;

/// Checks the capability and takes the quota. The [`Grant`] borrows none of the arguments.
///
/// It does what [`ComponentHandle::authorize`] does, for anything that names a component, a
/// resource and a permission. [`Grant::run`] then runs an operation that changes or moves what the
/// handle or the resource is a part of. The grant does not have the resource's name: where that is
/// a path to open, use [`ComponentHandle::authorize_resource`] or a guard.
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
/// As [`ComponentHandle::authorize`]; [`EnforceError::NotRegistered`] if no component has the id,
/// [`EnforceError::Permission`] if the text is not a permission, and
/// [`EnforceError::ResourceNotText`] if the resource is a path that is not UTF-8.
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
    let component = component.find_handle()?;
    component.authorize(permission.try_into()?, resource.to_resource()?, quota)
}

/// Checks the capability, takes the quota, runs the operation, and keeps the units if the operation
/// succeeds.
///
/// The operation gets the resource in the form that the patterns judged; a host function opens that
/// path, and not the one that the guest wrote. If the operation fails or panics, the units are
/// handed back. If the check fails, the operation does not run.
///
/// The component and the resource are borrowed while the operation is made, as the arguments of any
/// function are. An operation that changes or moves them is run by
/// [`with_quota!`](crate::with_quota), or by the [`Grant`] of [`authorize`](authorize()).
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
///     guard(&shop, key, Permission::StorageWrite, QuotaType::Storage(100), |key| {
///         // ... write 100 bytes under `key` ...
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
/// Those of the operation, and those of [`authorize`](authorize()) if it was not run.
pub fn guard<T, E, P>(
    component: impl AsComponent,
    resource: impl AsResource,
    permission: P,
    quota: QuotaType,
    operation: impl FnOnce(CheckedResource<'_>) -> Result<T, E>,
) -> Result<T, E>
where
    E: From<EnforceError>,
    P: TryInto<Permission>,
    EnforceError: From<P::Error>,
{
    let permission = permission.try_into().map_err(EnforceError::from)?;
    let resource = resource.to_resource()?;
    let component = component.find_handle()?;
    let (resource, grant) = component.authorize_resource(permission, resource, quota)?;
    grant.run(|| operation(resource))
}

/// Guards an operation that waits, as [`guard`](guard()) does.
///
/// The first poll checks and takes; before it nothing happens. A future that is dropped before its
/// end hands back the units, whatever the operation has done by then; an operation whose effects
/// cannot be undone should be spawned and waited for.
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
/// let quota = QuotaType::MessageRate(1);
/// let sent = guard_async(&shop, "orders.new", "send", quota, |topic| async move {
///     tokio::task::yield_now().await; // ... send to `topic`, wait for the broker ...
///     Ok::<_, EnforceError>(topic.len())
/// })
/// .await?;
/// assert_eq!((sent, shop.usage().message_count), (10, 1));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As [`guard`](guard()).
pub async fn guard_async<T, E, P, F>(
    component: impl AsComponent,
    resource: impl AsResource,
    permission: P,
    quota: QuotaType,
    operation: impl FnOnce(CheckedResource<'static>) -> F,
) -> Result<T, E>
where
    E: From<EnforceError>,
    F: Future<Output = Result<T, E>>,
    P: TryInto<Permission>,
    EnforceError: From<P::Error>,
{
    run_request_with(request(component, resource, permission, quota), operation).await
}

/// The arguments of a guard, kept until they are needed. Borrows nothing.
#[doc(hidden)]
#[derive(Debug)]
pub struct Request {
    component: ComponentHandle,
    resource: Box<str>,
    permission: Permission,
    quota: QuotaType,
}

impl Request {
    fn authorize(self) -> Result<(CheckedResource<'static>, Grant), EnforceError> {
        let Self { component, resource, permission, quota } = self;
        let (resource, grant) = component.authorize_resource(permission, &resource, quota)?;
        Ok((resource.into_owned(), grant))
    }
}

/// Makes the request of a [`with_quota!`](crate::with_quota).
#[doc(hidden)]
pub fn request<P>(
    component: impl AsComponent,
    resource: impl AsResource,
    permission: P,
    quota: QuotaType,
) -> Result<Request, EnforceError>
where
    P: TryInto<Permission>,
    EnforceError: From<P::Error>,
{
    Ok(Request {
        component: component.find_handle()?.into_owned(),
        resource: Box::from(resource.to_resource()?),
        permission: permission.try_into()?,
        quota,
    })
}

/// Runs the operation of a [`with_quota!`](crate::with_quota) without a binder, once the parts that
/// it borrowed are free again.
#[doc(hidden)]
pub fn run_granted<T, E: From<EnforceError>>(
    granted: Result<Grant, EnforceError>,
    operation: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    granted?.run(operation)
}

/// Runs the operation of a [`with_quota!`](crate::with_quota) that binds the checked resource.
#[doc(hidden)]
pub fn run_granted_with<T, E: From<EnforceError>>(
    granted: Result<(CheckedResource<'static>, Grant), EnforceError>,
    operation: impl FnOnce(CheckedResource<'static>) -> Result<T, E>,
) -> Result<T, E> {
    let (resource, grant) = granted?;
    grant.run(|| operation(resource))
}

/// Authorizes the request of a [`with_quota!`](crate::with_quota) that binds the checked resource.
#[doc(hidden)]
pub fn authorize_request(
    request: Result<Request, EnforceError>,
) -> Result<(CheckedResource<'static>, Grant), EnforceError> {
    request?.authorize()
}

/// Runs an operation that waits, without a binder.
#[doc(hidden)]
pub async fn run_request<T, E: From<EnforceError>>(
    request: Result<Request, EnforceError>,
    operation: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    run_request_with(request, |_resource| operation).await
}

/// Runs an operation that waits and binds the checked resource.
#[doc(hidden)]
pub async fn run_request_with<T, E: From<EnforceError>, F: Future<Output = Result<T, E>>>(
    request: Result<Request, EnforceError>,
    operation: impl FnOnce(CheckedResource<'static>) -> F,
) -> Result<T, E> {
    let (resource, grant) = request?.authorize()?;
    grant.run_async(operation(resource)).await
}

/// Guards an operation, as [`guard`](guard()) and [`guard_async`] do, with the operation as a
/// block.
///
/// `with_quota!(COMPONENT, RESOURCE, PERMISSION, QUOTA => |CHECKED| { OPERATION })`. The component
/// is a handle or an id in the process-wide registry; the resource a text or a path, see
/// [`AsResource`]; the permission a [`Permission`] or its text. Each part is evaluated once, before
/// the operation, and borrowed no longer than that: the operation may change or move what they are
/// a part of. `?` and `return` leave the operation; its result decides whether the units are kept.
///
/// `CHECKED` is bound to the resource in the form that the patterns judged, a [`CheckedResource`]:
/// **open that**, and not the path that the guest wrote. Give it the name of the variable that has
/// the guest's path, and the block cannot reach that one. An operation that opens nothing leaves
/// the binder out: `=> { OPERATION }`.
///
/// With `async` or `async move` before the binder or the block it makes a future. Where nothing
/// else determines the operation's error type (as with a `?` right behind the macro), write the
/// result as for a closure: `=> |path| -> Result<(), Error> { OPERATION }`, or `=> async move
/// |path| -> Result<(), Error> { OPERATION }`. The block is a closure's: `break` and `continue` do
/// not reach a loop around it.
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
/// fn write(component: &ComponentHandle, path: &str, data: &[u8]) -> Result<String, HostError> {
///     let bytes = u64::try_from(data.len()).map_err(io::Error::other)?;
///     let mut file = Vec::new(); // ... in the place of one ...
///     let quota = QuotaType::Storage(bytes);
///     with_quota!(component, path, "write", quota => |path| {
///         // ... std::fs::File::create(&path)? ...
///         file.write_all(data)?;
///         Ok(path.into_string())
///     })
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
/// let written = write(&shop, "/data/shop/../shop/log", b"one");
/// assert!(matches!(written.as_deref(), Ok("/data/shop/log")));
/// assert!(matches!(send("shop", "orders.new", vec![0; 3]).await, Ok(3)));
/// let refused = send("shop", "invoices.new", vec![0; 3]).await;
/// assert!(matches!(refused, Err(HostError::Refused(EnforceError::Capability(_)))));
/// assert_eq!((shop.usage().storage_used, shop.usage().message_count), (3, 1));
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! with_quota {
    ($component:expr, $resource:expr, $permission:expr, $quota:expr
        => async move $(-> $result:ty)? $operation:block) => {{
        let request = $crate::request($component, $resource, $permission, $quota);
        $crate::run_request(request, async move {
            let result $(: $result)? = async move $operation.await;
            result
        })
    }};
    ($component:expr, $resource:expr, $permission:expr, $quota:expr
        => async move |$checked:pat_param| $(-> $result:ty)? $operation:block) => {{
        let request = $crate::request($component, $resource, $permission, $quota);
        $crate::run_request_with(request, move |resource| async move {
            let $checked = resource;
            let result $(: $result)? = async move $operation.await;
            result
        })
    }};
    ($component:expr, $resource:expr, $permission:expr, $quota:expr
        => async $(-> $result:ty)? $operation:block) => {{
        let request = $crate::request($component, $resource, $permission, $quota);
        $crate::run_request(request, async {
            let result $(: $result)? = async $operation.await;
            result
        })
    }};
    ($component:expr, $resource:expr, $permission:expr, $quota:expr
        => async |$checked:pat_param| $(-> $result:ty)? $operation:block) => {{
        let request = $crate::request($component, $resource, $permission, $quota);
        $crate::run_request_with(request, |resource| async {
            let $checked = resource;
            let result $(: $result)? = async $operation.await;
            result
        })
    }};
    ($component:expr, $resource:expr, $permission:expr, $quota:expr
        => |$checked:pat_param| $(-> $result:ty)? $operation:block) => {{
        let request = $crate::request($component, $resource, $permission, $quota);
        $crate::run_granted_with(
            $crate::authorize_request(request),
            |$checked: $crate::CheckedResource<'static>| $(-> $result)? { $operation },
        )
    }};
    ($component:expr, $resource:expr, $permission:expr, $quota:expr
        => $(-> $result:ty)? $operation:block) => {{
        let granted = $crate::authorize($component, $resource, $permission, $quota);
        $crate::run_granted(granted, || $(-> $result)? { $operation })
    }};
    ($($other:tt)*) => {
        ::core::compile_error!(
            "expected with_quota!(COMPONENT, RESOURCE, PERMISSION, QUOTA => |CHECKED| { OPERATION }), \
             with `async` or `async move` before the binder, `-> Result<T, E>` behind it, or without \
             the binder"
        )
    };
}
