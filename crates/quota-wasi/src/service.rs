//! The services of a host that guests find only where it has switched them on.

/// A service of the host that guests may use only where the host has switched it on: elsewhere its
/// interface is linked, since toolchains import it unasked, and every call of it is refused.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Service {
    /// TCP sockets.
    Tcp,
    /// UDP sockets.
    Udp,
    /// Look-ups of names, which are on with [`Tcp`](Self::Tcp) or [`Udp`](Self::Udp).
    NameLookup,
    /// HTTP requests.
    Http,
    /// Keys and values.
    KeyValue,
    /// Messages that guests send.
    Messaging,
}

impl Service {
    /// Every service, in the order of the variants.
    pub const ALL: &[Self] =
        &[Self::Tcp, Self::Udp, Self::NameLookup, Self::Http, Self::KeyValue, Self::Messaging];

    /// Returns the interface that guests import, without its version, such as `wasi:sockets/tcp`.
    #[must_use]
    pub const fn interface(self) -> &'static str {
        match self {
            Self::Tcp => "wasi:sockets/tcp",
            Self::Udp => "wasi:sockets/udp",
            Self::NameLookup => "wasi:sockets/ip-name-lookup",
            Self::Http => "wasi:http/outgoing-handler",
            Self::KeyValue => "wasi:keyvalue/store",
            Self::Messaging => "wasi:messaging/producer",
        }
    }

    /// Returns the place of the service in [`ALL`](Self::ALL).
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Tcp => 0,
            Self::Udp => 1,
            Self::NameLookup => 2,
            Self::Http => 3,
            Self::KeyValue => 4,
            Self::Messaging => 5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Service;
    use crate::store_usage::StoreUsage;

    #[test]
    fn refusals_are_counted_by_service() {
        for (index, service) in Service::ALL.iter().enumerate() {
            assert_eq!(service.index(), index);
            let usage = StoreUsage::default();
            usage.refuse_service(*service);
            usage.refuse_service(*service);
            for other in Service::ALL {
                let expected = if other == service { 2 } else { 0 };
                assert_eq!(usage.refused_services(*other), expected, "{service:?} {other:?}");
            }
        }
    }
}
