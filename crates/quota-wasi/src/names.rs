//! Names of the network, and the resolvers that know their addresses.

#[cfg(feature = "http")]
pub(crate) mod answers;
pub(crate) mod host;
pub(crate) mod lookup_error;
pub(crate) mod pins;
pub(crate) mod store_names;

use core::fmt;
use core::future::Future;
use core::net::IpAddr;
use core::pin::Pin;
use std::io;
use std::net::ToSocketAddrs as _;

use wasmtime_wasi::runtime::spawn_blocking;

use self::store_names::CountedName;
use crate::blocking::Place;

/// A resolver's answer to come: the addresses of a name, in the order in which to try them.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Knows the addresses of names. [`SystemResolver`] is the default.
///
/// It is asked about names that a component's capabilities allow, and never about addresses in
/// text. Its answers are untrusted: a guest gets the addresses that it may reach, 32 at most.
///
/// An error is told to the guest as a name that has no address. The answer is dropped once the
/// look-up has taken `connect_timeout_ms`, and when the execution ends.
///
/// # Examples
///
/// A host with a name of its own, which asks the system about all others:
///
/// ```
/// use quota_wasi::{NameLookup, Resolver, Resolving, SystemResolver};
/// use std::net::{IpAddr, Ipv4Addr};
///
/// struct WithDatabase;
///
/// impl Resolver for WithDatabase {
///     fn resolve<'a>(&'a self, lookup: &'a NameLookup) -> Resolving<'a> {
///         if lookup.name() == "db.internal" {
///             let address = IpAddr::from(Ipv4Addr::new(10, 0, 0, 5));
///             return Box::pin(async move { Ok(vec![address]) });
///         }
///         SystemResolver.resolve(lookup)
///     }
/// }
/// ```
pub trait Resolver: Send + Sync {
    /// Looks a name up.
    fn resolve<'a>(&'a self, lookup: &'a NameLookup) -> Resolving<'a>;
}

/// One look-up of a name. It has one of the component's blocking threads for as long as it exists.
pub struct NameLookup {
    name: Box<str>,
    place: Place,
}

impl NameLookup {
    pub(crate) fn new(name: CountedName, place: Place) -> Self {
        Self { name: name.0, place }
    }

    /// Returns the name: ASCII in lower case, with a dot at its end if the guest wrote one.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs work that blocks on a thread, and waits for its result.
    ///
    /// A thread that has begun goes on to its end, even if the look-up is dropped, and counts as
    /// one of the component's blocking threads until then.
    ///
    /// # Panics
    ///
    /// If `work` panics.
    pub async fn block<R: Send + 'static>(
        &self,
        work: impl FnOnce(&str) -> R + Send + 'static,
    ) -> R {
        let (name, place) = (self.name.clone(), self.place.clone());
        let run = move || {
            let _place = place;
            work(&name)
        };
        spawn_blocking(run).await
    }
}

impl fmt::Debug for NameLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NameLookup").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The system's resolver, `getaddrinfo`.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve<'a>(&'a self, lookup: &'a NameLookup) -> Resolving<'a> {
        let ask = |name: &str| Ok((name, 0).to_socket_addrs()?.map(|found| found.ip()).collect());
        Box::pin(lookup.block(ask))
    }
}
