//! Hosts and ports that a component asked for, as patterns.

use core::net::IpAddr;

use limits_core::Extent;

/// Returns the narrowest pattern that grants a request of the network: the name that an address was
/// looked up for if there is one. Its text is that of a decision, such as `api.example.com:443`,
/// `93.184.216.34:443 (api.example.com)` or, on some port, `api.example.com`.
pub(crate) fn pattern(resource: &str, extent: Extent) -> Option<String> {
    let (target, name) = match resource.split_once(" (") {
        Some((target, names)) => (target, names.split([',', ')']).next()),
        None => (resource, None),
    };
    let (host, port) = split(target, extent)?;
    let host = name.map_or_else(|| shown(host), |name| String::from(name.trim_end_matches('.')));
    Some(format!("{host}:{port}"))
}

/// Returns the pattern of an address on the port of a request: of `address`, which was judged for
/// it.
pub(crate) fn literal(address: IpAddr, resource: &str, extent: Extent) -> Option<String> {
    let target = resource.split_once(" (").map_or(resource, |(target, _)| target);
    let (_, port) = split(target, extent)?;
    Some(format!("{}:{port}", shown(&address.to_string())))
}

/// Splits a host from its port: any, if the request has none, or leaves it to the system.
fn split(target: &str, extent: Extent) -> Option<(&str, &str)> {
    if extent == Extent::SomePort {
        return Some((target, "*"));
    }
    let (host, port) = target.rsplit_once(':')?;
    Some((host, if port == "0" { "*" } else { port }))
}

/// Writes a host as patterns do: IPv6 in brackets, IPv4 inside IPv6 by itself.
fn shown(host: &str) -> String {
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match inner.parse().map(|address: IpAddr| address.to_canonical()) {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        Ok(IpAddr::V4(address)) => address.to_string(),
        Err(_) => String::from(host.trim_end_matches('.')),
    }
}

#[cfg(test)]
mod tests {
    use super::{literal, pattern};
    use limits_core::{CapabilitySet, Extent, NetworkTarget, Permission};

    const CONNECT: Permission = Permission::NetworkConnect;

    #[test]
    fn a_pattern_grants_what_was_asked_for_by_its_name() {
        let target = |address: &str, names: &[&str]| {
            let target = NetworkTarget::new(address.parse().unwrap());
            names.iter().fold(target, |target, name| target.known_as(name))
        };
        for (target, expected) in [
            (target("93.184.216.34:443", &[]), "93.184.216.34:443"),
            (target("93.184.216.34:443", &["a.example", "b.example"]), "a.example:443"),
            (target("[2a00::1]:80", &[]), "[2a00::1]:80"),
            (target("[2a00::1]:80", &["a.example"]), "a.example:80"),
            (target("[::ffff:93.184.216.34]:80", &[]), "93.184.216.34:80"),
            (NetworkTarget::at_some_port("93.184.216.34".parse().unwrap()), "93.184.216.34:*"),
            (NetworkTarget::at_some_port("2a00::1".parse().unwrap()), "[2a00::1]:*"),
            (
                NetworkTarget::at_some_port("2a00::1".parse().unwrap()).known_as("a.example"),
                "a.example:*",
            ),
        ] {
            let set = CapabilitySet::new();
            let decision = set.check_target(CONNECT, &target);
            let pattern = pattern(decision.resource(), decision.extent()).unwrap();
            assert_eq!(pattern, expected);
            let set = CapabilitySet::builder().grant(CONNECT, &pattern).build().unwrap();
            assert!(set.check_target(CONNECT, &target).is_allowed(), "{pattern}");
        }
    }

    #[test]
    fn a_name_is_granted_on_its_port_or_else_on_any() {
        let of = |resource| pattern(resource, Extent::Itself);
        assert_eq!(of("a.example.:443").as_deref(), Some("a.example:443"));
        assert_eq!(of("0.0.0.0:0").as_deref(), Some("0.0.0.0:*"));
        assert_eq!(of("nothing"), None);
        assert_eq!(pattern("a.example", Extent::SomePort).as_deref(), Some("a.example:*"));
    }

    #[test]
    fn a_special_address_is_covered_by_itself() {
        let of = |address: &str, resource, extent| {
            literal(address.parse().unwrap(), resource, extent).unwrap()
        };
        assert_eq!(of("10.0.0.5", "10.0.0.5:80 (a.example)", Extent::Itself), "10.0.0.5:80");
        assert_eq!(of("10.0.0.5", "[64:ff9b::a00:5]:80", Extent::Itself), "10.0.0.5:80");
        assert_eq!(of("::1", "::1 (a.example)", Extent::SomePort), "[::1]:*");
    }
}
