//! Calls that were refused since no option of the command line switched their service on.

use quota_wasi::{Service, StoreUsage};
use serde::Serialize;

use crate::guest::services::option;
use crate::units::times;

/// The refused calls of one service. The fields are the keys of the JSON.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct SwitchedOff {
    /// The interface that the guest called, such as `wasi:sockets/tcp`.
    interface: &'static str,
    /// The number of calls.
    count: u64,
    /// The option that switches it on.
    option: &'static str,
}

impl SwitchedOff {
    /// Lists the services that one run called in vain.
    pub(crate) fn list(usage: &StoreUsage) -> Vec<Self> {
        let refused = Service::ALL.iter().map(|service| Self {
            interface: service.interface(),
            count: usage.refused_services(*service),
            option: option(*service),
        });
        refused.filter(|refused| refused.count > 0).collect()
    }

    /// Writes the refusals in one line.
    pub(crate) fn line(&self) -> String {
        let Self { interface, count, option } = self;
        format!("{interface} {}; it needs the option {option}", times(*count))
    }
}

#[cfg(test)]
mod tests {
    use super::SwitchedOff;
    use quota_wasi::{Service, StoreUsage};

    #[test]
    fn a_service_that_was_called_in_vain_has_its_option() {
        let usage = StoreUsage::default();
        assert!(SwitchedOff::list(&usage).is_empty());
        usage.refuse_service(Service::Http);
        usage.refuse_service(Service::NameLookup);
        usage.refuse_service(Service::NameLookup);
        let lines: Vec<String> = SwitchedOff::list(&usage).iter().map(SwitchedOff::line).collect();
        assert_eq!(
            lines,
            [
                "wasi:sockets/ip-name-lookup 2 times; it needs the option --tcp or --udp",
                "wasi:http/outgoing-handler once; it needs the option --http"
            ]
        );
    }
}
