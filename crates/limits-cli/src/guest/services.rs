//! The services of the host that a guest finds only with an option of the command line.

use std::path::PathBuf;

use limits_core::{CapabilitySet, Pattern, Permission};
use quota_wasi::{Service, WasiQuotaBuilder};

use crate::args::service_args::ServiceArgs;
use crate::guest::account::{Mode, RunAccount};
use crate::guest::http;
use crate::guest::keyvalue;
use crate::guest::message_file::MessageFile;
use crate::inputs::manifest::Terms;
use crate::inputs::same_file::is_same;
use crate::outcome::failure::Failure;
use crate::outcome::service_failure::ServiceFailure;
use crate::outcome::system_error::SystemError;
use crate::quote::quoted_path;
use crate::report::refusal::Grant;

/// Returns the option that switches a service on.
pub(crate) fn option(service: Service) -> &'static str {
    match service {
        Service::Tcp => "--tcp",
        Service::Udp => "--udp",
        Service::NameLookup => "--tcp or --udp",
        Service::Http => "--http",
        Service::KeyValue => "--keyvalue FILE",
        Service::Messaging => "--messages FILE",
        // A service of a later version, which no option of this one switches on.
        _ => "none",
    }
}

/// An option of the command line that switches a service on.
struct Switch {
    option: &'static str,
    is_given: fn(&ServiceArgs) -> bool,
    /// The permissions of which the service can use one.
    uses: &'static [Permission],
    /// A pattern of the first of them.
    example: &'static str,
    /// The feature of the command that it needs, and whether the command was built with it.
    feature: Option<(&'static str, bool)>,
}

const SWITCHES: [Switch; 5] = [
    Switch {
        option: "--tcp",
        is_given: |services| services.tcp,
        uses: &[Permission::NetworkConnect, Permission::NetworkBind, Permission::NetworkListen],
        example: "api.example.com:443",
        feature: None,
    },
    Switch {
        option: "--udp",
        is_given: |services| services.udp,
        uses: &[Permission::NetworkConnect, Permission::NetworkBind],
        example: "ntp.example.com:123",
        feature: None,
    },
    Switch {
        option: "--http",
        is_given: |services| services.http,
        uses: &[Permission::NetworkConnect],
        example: "api.example.com:443",
        feature: Some(("http", cfg!(feature = "http"))),
    },
    Switch {
        option: "--keyvalue",
        is_given: |services| services.keyvalue.is_some(),
        uses: &[Permission::StorageRead, Permission::StorageWrite, Permission::StorageDelete],
        example: "default:*",
        feature: Some(("keyvalue", cfg!(feature = "keyvalue"))),
    },
    Switch {
        option: "--messages",
        is_given: |services| services.messages.is_some(),
        uses: &[Permission::MessagingSend],
        example: "orders.*",
        feature: None,
    },
];

/// Refuses an option that this command was built without, and one that no capability of the
/// component can use: the command line and the component's files contradict each other.
///
/// # Errors
///
/// [`ServiceFailure::NotBuilt`]; [`ServiceFailure::Useless`], with the line that would make the
/// option useful, unless the account only observes.
pub(crate) fn check_use(
    services: &ServiceArgs,
    account: &RunAccount,
    terms: &Terms,
) -> Result<(), Failure> {
    let capabilities = terms.effective.capabilities();
    for switch in SWITCHES.iter().filter(|switch| (switch.is_given)(services)) {
        if let Some((feature, false)) = switch.feature {
            return Err(ServiceFailure::NotBuilt { option: switch.option, feature }.into());
        }
        if account.mode() == Mode::Enforce {
            switch.check(capabilities)?;
        }
    }
    Ok(())
}

/// Refuses files of the operator that an option would write to.
///
/// # Errors
///
/// [`ServiceFailure::File`] for the first file of an option that is one of `inputs`, or that of
/// another option.
pub(crate) fn check_files(services: &ServiceArgs, inputs: &[PathBuf]) -> Result<(), Failure> {
    let mut others: Vec<&PathBuf> = inputs.iter().chain(&services.ca).collect();
    for (option, path) in [("--keyvalue", &services.keyvalue), ("--messages", &services.messages)] {
        let Some(path) = path else { continue };
        if let Some(other) = others.iter().find(|other| is_same(path, other)) {
            let other = quoted_path(other);
            let reason = SystemError::Other(format!("it is the same file as {other}"));
            return Err(ServiceFailure::File { option, path: path.clone(), reason }.into());
        }
        others.push(path);
    }
    Ok(())
}

/// Adds the services to `builder`, whose files are opened and locked. Blocks the thread.
///
/// # Errors
///
/// [`ServiceFailure`] if a file cannot be opened, or another process has it.
pub(crate) fn open(
    services: &ServiceArgs,
    mut builder: WasiQuotaBuilder,
) -> Result<WasiQuotaBuilder, ServiceFailure> {
    if services.tcp {
        builder = builder.tcp();
    }
    if services.udp {
        builder = builder.udp();
    }
    // Before a file of messages is made, which must not be the same.
    if let Some(path) = &services.keyvalue {
        builder = keyvalue::open(path, builder)?;
    }
    if let Some(path) = &services.messages {
        builder = builder.messaging(MessageFile::open(path)?);
    }
    http::open(services, builder)
}

impl Switch {
    fn check(&self, capabilities: &CapabilitySet) -> Result<(), ServiceFailure> {
        let Self { option, uses, example, .. } = self;
        // A permission that the component's own file grants lacks least.
        let mut lacking = None;
        for permission in *uses {
            let Some(asked) = capabilities.patterns(*permission).next() else { continue };
            let without = |(name, set): (_, CapabilitySet)| {
                set.patterns(*permission).next().is_none().then_some(name)
            };
            match capabilities.restrictions().find_map(without) {
                None => return Ok(()),
                by => lacking = lacking.or(Some((*permission, Pattern::as_str(asked), by))),
            }
        }
        let first = uses.first().map(|permission| (*permission, *example, None));
        let grant = lacking.or(first).and_then(|(permission, pattern, by)| {
            Grant::new(permission, pattern, by, capabilities)
        });
        Err(ServiceFailure::Useless { option, grant })
    }
}

#[cfg(test)]
mod tests {
    use super::{SWITCHES, option};
    use limits_core::{CapabilitySet, Permission};
    use quota_wasi::Service;

    fn check(option: &str, capabilities: &CapabilitySet) -> Option<String> {
        let switch = SWITCHES.iter().find(|switch| switch.option == option).unwrap();
        switch.check(capabilities).err().map(|error| error.to_string())
    }

    fn set(granted: &[(Permission, &str)]) -> CapabilitySet {
        let mut set = CapabilitySet::new();
        for (permission, pattern) in granted {
            set.grant(*permission, pattern).unwrap();
        }
        set
    }

    #[test]
    fn every_example_is_a_pattern_and_makes_its_option_useful() {
        for switch in &SWITCHES {
            assert!(check(switch.option, &CapabilitySet::new()).is_some());
            assert_eq!(check(switch.option, &set(&[(switch.uses[0], switch.example)])), None);
        }
    }

    #[test]
    fn one_permission_that_a_service_can_use_is_enough() {
        for switch in &SWITCHES {
            for permission in Permission::ALL {
                let Ok(set) = CapabilitySet::builder().grant(*permission, "**").build() else {
                    continue;
                };
                let is_used = switch.uses.contains(permission);
                assert_eq!(check(switch.option, &set).is_none(), is_used, "{permission}");
            }
        }
    }

    #[test]
    fn the_table_that_lacks_a_pattern_is_named_with_the_line_for_it() {
        assert_eq!(
            check("--tcp", &CapabilitySet::new()).unwrap(),
            "no capability allows anything with --tcp; Component.toml [capabilities] needs a \
             pattern, such as: network.connect = [\"api.example.com:443\"]"
        );
        let asked = set(&[(Permission::NetworkListen, "[::1]:80")]);
        let listed = set(&[(Permission::NetworkConnect, "**")]);
        assert_eq!(
            check("--tcp", &asked.clone().restricted_by("policy.toml [ceiling]", &listed)).unwrap(),
            "no capability allows anything with --tcp; policy.toml [ceiling] needs a pattern, such \
             as: capabilities.network.listen = [\"[::1]:80\"]"
        );
        let both = set(&[(Permission::NetworkListen, "[::1]:80"), (Permission::NetworkBind, "**")]);
        let listed = set(&[(Permission::NetworkBind, "**")]);
        assert_eq!(check("--tcp", &both.restricted_by("policy.toml [ceiling]", &listed)), None);
    }

    #[test]
    fn every_service_has_an_option() {
        for service in Service::ALL {
            assert!(option(*service).starts_with("--"), "{service:?}");
        }
    }
}
