//! A host that writes, sends and transfers for its guests, within what each may touch and use.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;

use limits_core::{Account, CpuTimePolicy, QuotaType, ResourceLimits, Retry, WasmError};
use limits_wasmtime::wasmtime::component::{ComponentNamedList, ComponentType, Linker, Lower};
use limits_wasmtime::wasmtime::{self, StoreContextMut};
use limits_wasmtime::{
    ComponentExecutor, ExecutionFailure, ExecutionResult, HasLimits, LimitState, PreparedComponent,
    create_engine,
};
use quota_enforce::{ComponentHandle, EnforceError, with_quota};

/// The effects on the outside. A real host has files and sockets here.
#[derive(Debug, Default)]
pub(crate) struct Outside {
    pub(crate) written: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) transferred: AtomicU64,
}

/// The store's data: the guest's component, among others.
#[derive(Debug)]
pub(crate) struct State {
    limits: LimitState,
    component: ComponentHandle,
    outside: Arc<Outside>,
}

impl HasLimits for State {
    fn limits(&mut self) -> &mut LimitState {
        &mut self.limits
    }
}

/// The refusal that a guest gets: the variant `refusal` of its interface.
#[derive(Clone, ComponentType, Debug, Lower)]
#[component(variant)]
enum Refusal {
    #[component(name = "denied")]
    Denied,
    #[component(name = "over-quota")]
    OverQuota(OverQuota),
    /// Milliseconds until it is worth another try, if that is a matter of time.
    #[component(name = "host-full")]
    HostFull(Option<u64>),
    #[component(name = "failed")]
    Failed,
}

#[derive(Clone, ComponentType, Debug, Lower)]
#[component(record)]
struct OverQuota {
    used: u64,
    limit: u64,
    #[component(name = "retry-ms")]
    retry_ms: Option<u64>,
}

/// A guest learns the numbers of its own quotas, and nothing of patterns or of other components.
impl From<EnforceError> for Refusal {
    fn from(error: EnforceError) -> Self {
        match error {
            EnforceError::Capability(_) => Self::Denied,
            EnforceError::Quota(error) => {
                let retry_ms = match error.retry() {
                    Retry::After(wait) => Some(rounded_up_ms(wait)),
                    Retry::Now | Retry::Never => None,
                };
                match error.depth() {
                    0 => Self::OverQuota(OverQuota {
                        used: error.used(),
                        limit: error.limit(),
                        retry_ms,
                    }),
                    // The numbers are the host's, and so the others'.
                    _ => Self::HostFull(retry_ms),
                }
            }
            _ => Self::Failed,
        }
    }
}

fn rounded_up_ms(wait: Duration) -> u64 {
    u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

fn length(data: &[u8]) -> u64 {
    u64::try_from(data.len()).unwrap_or(u64::MAX)
}

/// The four host functions. Each takes from the quota, works, and keeps what it took.
fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut io = linker.instance("example:guarded/io")?;
    io.func_wrap(
        "write",
        |store: StoreContextMut<'_, State>, (path, data): (String, Vec<u8>)| {
            let State { component, outside, .. } = store.data();
            let bytes = length(&data);
            let written: Result<(), Refusal> =
                with_quota!(component, path, "write", QuotaType::Storage(bytes) => |path| {
                    // A real host opens this path, which the patterns judged.
                    drop(path);
                    outside.written.fetch_add(bytes, Ordering::Relaxed);
                    Ok(())
                });
            Ok((written,))
        },
    )?;
    io.func_wrap("send", |store: StoreContextMut<'_, State>, (topic,): (String,)| {
        let State { component, outside, .. } = store.data();
        let sent: Result<(), Refusal> =
            with_quota!(component, topic, "send", QuotaType::MessageRate(1) => {
                outside.sent.fetch_add(1, Ordering::Relaxed);
                Ok(())
            });
        Ok((sent,))
    })?;
    io.func_wrap_async(
        "transfer",
        |store: StoreContextMut<'_, State>, (to, bytes): (String, u64)| {
            let State { component, outside, .. } = store.data();
            let (component, outside) = (component.clone(), Arc::clone(outside));
            Box::new(async move {
                let quota = QuotaType::NetworkBandwidth(bytes);
                let transferred: Result<(), Refusal> =
                    with_quota!(component, to, "connect", quota => async move {
                        tokio::task::yield_now().await;
                        outside.transferred.fetch_add(bytes, Ordering::Relaxed);
                        Ok(())
                    })
                    .await;
                Ok((transferred,))
            })
        },
    )?;
    // Not a result for the guest but the end of its execution, and the embedder's error.
    io.func_wrap(
        "write-or-end",
        |store: StoreContextMut<'_, State>, (path, data): (String, Vec<u8>)| {
            let State { component, outside, .. } = store.data();
            let bytes = length(&data);
            with_quota!(component, path, "write", QuotaType::Storage(bytes) => {
                outside.written.fetch_add(bytes, Ordering::Relaxed);
                Ok(())
            })
            .map_err(|error: EnforceError| WasmError::from(error).into())
        },
    )
}

/// The answer that a guest reports, and the number of calls that went well before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Told {
    pub(crate) calls: u32,
    pub(crate) answer: Answer,
}

/// The last answer to a guest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    /// Done.
    Done,
    /// It may not touch that.
    Denied,
    /// It has used up what it had.
    OverQuota { used: u64, limit: u64, retry_ms: Option<u64> },
    /// All components together have used up what the host has.
    HostFull { retry_ms: Option<u64> },
    /// The host is at fault.
    Failed,
}

/// [`Told`] as the guest returns it.
type Raw = (u32, u32, u64, u64, u64);

impl From<Raw> for Told {
    fn from((calls, case, used, limit, retry_ms): Raw) -> Self {
        let retry_ms = (retry_ms != u64::MAX).then_some(retry_ms);
        let answer = match case {
            0 => Answer::Done,
            1 => Answer::Denied,
            2 => Answer::OverQuota { used, limit, retry_ms },
            3 => Answer::HostFull { retry_ms },
            _ => Answer::Failed,
        };
        Self { calls, answer }
    }
}

/// A compiled guest and the host for it.
#[derive(Debug)]
pub(crate) struct Guarded {
    executor: ComponentExecutor,
    guest: PreparedComponent<State>,
    limits: ResourceLimits,
    pub(crate) outside: Arc<Outside>,
}

impl Guarded {
    /// Compiles the guest and links it.
    pub(crate) fn new(limits: ResourceLimits) -> Result<Self, Box<dyn core::error::Error>> {
        let executor = ComponentExecutor::new(create_engine()?)?;
        let component = executor.compile(&wat::parse_str(include_str!("guest.wat"))?)?;
        let mut linker = Linker::new(executor.engine());
        link(&mut linker)?;
        let guest = executor.prepare(&component, &linker)?;
        Ok(Self { executor, guest, limits, outside: Arc::default() })
    }

    /// Runs the guest on behalf of `component`, which pays for its memory and CPU time as well;
    /// `policy` says what becomes of the guest when there is no CPU time left.
    pub(crate) async fn run<P>(
        &self,
        component: &ComponentHandle,
        policy: CpuTimePolicy,
        export: &str,
        params: P,
    ) -> Result<Told, ExecutionFailure>
    where
        P: ComponentNamedList + Lower + Send + Sync,
    {
        let account: Arc<dyn Account> = component.into();
        let state = State {
            limits: LimitState::new().with_account(account, policy),
            component: component.clone(),
            outside: Arc::clone(&self.outside),
        };
        let result: ExecutionResult<(Raw,)> = self
            .executor
            .execute_with_limits(&self.guest, &self.limits, state, export, params)
            .await?;
        Ok(Told::from(result.output.0))
    }
}
