//! Questions about names and addresses of the network.

use super::{CapabilitySet, Restriction};
use crate::capability::decision::{Decision, Denial, Refusal};
use crate::capability::domain::Domain;
use crate::capability::endpoint::Endpoint;
use crate::capability::extent::Extent;
use crate::capability::pattern::Pattern;
use crate::capability::permission::Permission;
use crate::capability::resource::ResourceError;
use crate::capability::target::NetworkTarget;

/// A host asks twice: for the name before it looks it up, and for each address before it connects.
impl CapabilitySet {
    /// Decides whether a name may be looked up: whether each of the lists has a pattern of names,
    /// or of any host, that matches it with some port.
    ///
    /// An address is not a name.
    ///
    /// ```
    /// use limits_core::{CapabilitySet, Permission};
    ///
    /// let connect = Permission::NetworkConnect;
    /// let set = CapabilitySet::builder().grant(connect, "*.example.com:443").build()?;
    /// assert!(set.check_name(connect, "api.example.com").is_allowed());
    /// assert_eq!(
    ///     set.check_name(connect, "example.org").to_string(),
    ///     "network.connect of some port of `example.org` denied: \
    ///      no granted pattern matches (1 checked)"
    /// );
    /// # Ok::<(), limits_core::PatternError>(())
    /// ```
    pub fn check_name<'a>(&'a self, permission: Permission, name: &'a str) -> Decision<'a> {
        let result = self.ask_endpoint(permission, || Endpoint::of_name(name));
        Decision::new(permission, Extent::SomePort, name, result)
    }

    /// Decides whether an address and port may be reached: whether each of the lists has a pattern
    /// that matches the address or a name that it was resolved for, one name for all lists.
    ///
    /// To connect ([`NetworkConnect`](Permission::NetworkConnect)) to a
    /// [special address](crate::special_address), also a literal address or a network, such as
    /// `10.0.0.5:443` or `10.0.0.0/8:443`, must cover it in one of the operator's lists: in a
    /// restriction, or in a set marked [`by_operator`](Self::by_operator). Names, `**`, `10.**` and
    /// `10.0.*.1` do not.
    ///
    /// ```
    /// use limits_core::{CapabilitySet, NetworkTarget, Permission};
    ///
    /// let connect = Permission::NetworkConnect;
    /// let asked = CapabilitySet::builder().grant(connect, "*.example.com:443").build()?;
    /// let public = NetworkTarget::new("93.184.216.34:443".parse()?).known_as("api.example.com");
    /// assert!(asked.check_target(connect, &public).is_allowed());
    ///
    /// let private = NetworkTarget::new("10.0.0.5:443".parse()?).known_as("db.example.com");
    /// assert_eq!(
    ///     asked.check_target(connect, &private).to_string(),
    ///     "network.connect of `10.0.0.5:443 (db.example.com)` denied: 10.0.0.5 is private, \
    ///      and no address or CIDR of the operator's policy covers it"
    /// );
    /// let policy = CapabilitySet::builder().grant(connect, "10.0.0.0/8:443").build()?;
    /// let set = asked.restricted_by("policy.toml [ceiling]", &policy);
    /// assert!(set.check_target(connect, &private).is_allowed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check_target<'a>(
        &'a self,
        permission: Permission,
        target: &'a NetworkTarget,
    ) -> Decision<'a> {
        Decision::new(permission, target.extent(), target.as_str(), self.reach(permission, target))
    }

    fn reach(
        &self,
        permission: Permission,
        target: &NetworkTarget,
    ) -> Result<&Pattern, Refusal<'_>> {
        is_of_network(permission)?;
        let own = self.granted(permission)?;
        let address = target.endpoint();
        let mut rule = self.find(own, permission, |pattern| pattern.matches_endpoint(&address));
        for name in target.named() {
            if rule.is_ok() {
                break;
            }
            rule = self.find(own, permission, |pattern| {
                pattern.matches_endpoint(&address) || pattern.matches_endpoint(&name)
            });
        }
        let rule = rule?;
        self.cover(permission, own, &address)?;
        Ok(rule)
    }

    /// Asks each list for a pattern that matches a host and port.
    pub(super) fn ask_endpoint<'t>(
        &self,
        permission: Permission,
        endpoint: impl FnOnce() -> Result<Endpoint<'t>, ResourceError>,
    ) -> Result<&Pattern, Refusal<'_>> {
        is_of_network(permission)?;
        let own = self.granted(permission)?;
        let endpoint = match endpoint() {
            Ok(endpoint) => endpoint,
            Err(error) => return Err(Refusal::own(Denial::InvalidResource(error))),
        };
        let rule = self.find(own, permission, |pattern| pattern.matches_endpoint(&endpoint))?;
        self.cover(permission, own, &endpoint)?;
        Ok(rule)
    }

    /// Checks that a list of the operator covers each special address that a connection reaches.
    fn cover(
        &self,
        permission: Permission,
        own: &[(Permission, Pattern)],
        endpoint: &Endpoint<'_>,
    ) -> Result<(), Refusal<'_>> {
        let (Permission::NetworkConnect, Some(address)) = (permission, endpoint.address()) else {
            return Ok(());
        };
        address.each_special(|address, purpose| {
            let covers = |rules: &[(Permission, Pattern)]| {
                rules.iter().any(|(_, pattern)| pattern.covers(address, endpoint.port()))
            };
            let restricts = |other: &Restriction| covers(other.rules.of(permission));
            if (self.by_operator && covers(own)) || self.restricting().iter().any(restricts) {
                return Ok(());
            }
            Err(Refusal::own(Denial::Special { address, purpose }))
        })
    }
}

fn is_of_network(permission: Permission) -> Result<(), Refusal<'static>> {
    match permission.domain() {
        Domain::Network => Ok(()),
        _ => Err(Refusal::own(Denial::NotOfNetwork)),
    }
}
