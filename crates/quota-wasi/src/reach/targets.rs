//! The addresses of a request's server.

use core::net::SocketAddr;

use limits_core::{NetworkTarget, Permission};

use super::denied::Denied;
use super::{Reach, allowed};
use crate::names::host::{Host, without_root};
use crate::names::lookup_error::LookupError;

impl Reach<'_> {
    /// Looks up the host of an authority that is to be connected to. Returns its addresses, in the
    /// order in which to try them: at least one, and each may be connected to at this name.
    ///
    /// The answer to a name is used again for half a minute, which costs no look-up.
    pub(crate) async fn targets(
        self,
        host: &str,
        port: u16,
    ) -> Result<Vec<SocketAddr>, LookupError> {
        let name = match Host::parse(host).ok_or(LookupError::Invalid)? {
            Host::Address(address) => {
                let target = SocketAddr::new(address, port);
                self.decide_by(NetworkTarget::new(target))?;
                return Ok(vec![target]);
            }
            Host::Name(name) => name,
        };
        let known_as = without_root(&name);
        self.decide_on_host(known_as, port)?;
        let addresses = match self.names.fresh(known_as) {
            Some(known) => known,
            None => {
                let found = self.look_up(self.names.count(name.clone())?).await?;
                self.names.keep(known_as, found.clone());
                found
            }
        };
        let targets = addresses.into_iter().map(|address| SocketAddr::new(address, port));
        // The other names of an address count for nothing: servers of many names share one.
        let at_name = |target: &SocketAddr| NetworkTarget::new(*target).known_as(known_as);
        allowed(targets, |target| self.decide_by(at_name(target)))
    }

    /// Decides on a name as for a look-up, and tells the port of a refusal.
    fn decide_on_host(self, name: &str, port: u16) -> Result<(), Denied> {
        let (component, connect) = (&self.shared.component, Permission::NetworkConnect);
        if component.capabilities().check_name(connect, name).is_allowed() {
            return component.check_name(connect, name).map_err(Denied::new);
        }
        component.check(connect, &format!("{name}:{port}")).map_err(Denied::new)
    }

    fn decide_by(self, target: NetworkTarget) -> Result<(), Denied> {
        let component = &self.shared.component;
        component.check_target(Permission::NetworkConnect, &target).map_err(Denied::new)
    }
}

#[cfg(test)]
mod tests {
    use core::net::{IpAddr, SocketAddr};
    use core::sync::atomic::{AtomicU64, Ordering};
    use core::time::Duration;
    use std::io;
    use std::sync::Arc;

    use limits_core::{CapabilitySet, Permission, ResourceLimits};
    use quota_enforce::{QuotaRegistry, SecurityContext};
    use tokio::time::advance;

    use crate::names::lookup_error::LookupError;
    use crate::names::{NameLookup, Resolver, Resolving};
    use crate::quota::WasiQuota;
    use crate::store_quota::StoreQuota;

    /// Answers with public and private addresses, and counts how often it was asked.
    #[derive(Clone, Default)]
    struct Counting(Arc<AtomicU64>);

    impl Resolver for Counting {
        fn resolve<'a>(&'a self, lookup: &'a NameLookup) -> Resolving<'a> {
            self.0.fetch_add(1, Ordering::Relaxed);
            let found = ["10.0.0.1", "93.184.216.34", "127.0.0.1"];
            let known = lookup.name().starts_with("api.");
            Box::pin(async move {
                if !known {
                    return Err(io::ErrorKind::NotFound.into());
                }
                Ok(found.iter().map(|it| it.parse::<IpAddr>().unwrap()).collect())
            })
        }
    }

    fn store(patterns: &[&str], lookups: u64) -> (StoreQuota, Counting) {
        let mut set = CapabilitySet::new();
        for pattern in patterns {
            set.grant(Permission::NetworkConnect, pattern).unwrap();
        }
        let context = SecurityContext::new("guest", set.by_operator());
        let component = QuotaRegistry::new().register(context).unwrap();
        let resolver = Counting::default();
        let quota = WasiQuota::builder(component).resolver(resolver.clone()).build().unwrap();
        let limits = ResourceLimits::builder().memory_bytes(1).max_lookups(lookups);
        (quota.store(&limits.build().unwrap()), resolver)
    }

    fn at(addresses: &[&str]) -> Vec<SocketAddr> {
        addresses.iter().map(|it| it.parse().unwrap()).collect()
    }

    #[tokio::test]
    async fn a_server_has_the_addresses_that_may_be_connected_to() {
        let (store, asked) = store(&["api.example:443", "10.0.0.0/8:443", "8.8.8.8:*"], 9);
        let targets = async |host, port| store.reach().targets(host, port).await;
        let both = at(&["10.0.0.1:443", "93.184.216.34:443"]);
        assert_eq!(targets("API.example.", 443).await.unwrap(), both);
        assert_eq!(targets("8.8.8.8", 53).await.unwrap(), at(&["8.8.8.8:53"]));
        assert_eq!(targets("[::ffff:808:808]", 53).await.unwrap(), at(&["8.8.8.8:53"]));
        // A port, an address and a name that no pattern allows.
        for (host, port) in [("api.example", 80), ("127.1", 443), ("[::1]", 443), ("a.test", 443)] {
            let denied = targets(host, port).await.unwrap_err();
            assert!(matches!(denied, LookupError::Denied(_)), "{host}: {denied}");
        }
        assert!(matches!(targets("a b", 443).await, Err(LookupError::Invalid)));
        assert_eq!(asked.0.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_to_one_server_share_a_look_up_for_half_a_minute() {
        // I62: the third is one too many.
        let (store, asked) = store(&["api.example:*"], 2);
        for lookups in [1, 2] {
            for port in 1..=100 {
                assert_eq!(store.reach().targets("api.example", port).await.unwrap().len(), 1);
            }
            assert_eq!(asked.0.load(Ordering::Relaxed), lookups);
            advance(Duration::from_secs(30)).await;
        }
        let refused = store.reach().targets("api.example", 1).await.unwrap_err();
        assert_eq!(refused.to_string(), "limit of 2 look-ups of names exceeded");
        assert_eq!((store.usage().lookups(), store.usage().refused_lookups()), (2, 1));
    }

    #[tokio::test]
    async fn every_failure_says_what_happened() {
        let (store, _) = store(&["*.example:1"], 9);
        for (host, text) in [
            ("", "neither a host name nor an address"),
            ("a.test", "not allowed by the component's capabilities"),
            ("none.example", "the name has no address"),
        ] {
            let failed = store.reach().targets(host, 1).await.unwrap_err();
            assert_eq!(failed.to_string(), text);
        }
        let late = LookupError::TimedOut { millis: 20 };
        assert_eq!(late.to_string(), "no answer within 20 ms");
        let many = LookupError::TooManyAddresses { most: 8_192 };
        assert_eq!(many.to_string(), "limit of 8192 remembered addresses exceeded");
    }
}
