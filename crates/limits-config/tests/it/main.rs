//! The promises of the crate about its two files, through its public interface.

// `cfg(test)` is always on here; it tells clippy that helpers are tests as well.
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod component;
#[cfg(test)]
mod deserializers;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod files;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod hidden;
#[cfg(test)]
mod host;
#[cfg(test)]
mod loaded;
#[cfg(test)]
mod network_keys;
#[cfg(test)]
mod policies_of_rates;
#[cfg(test)]
mod policy;
mod policy_capabilities;
mod policy_network;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod storage_keys;
#[cfg(test)]
mod windows;

/// Puts the names of the settings of a table in the place of `{quota}` and the like.
#[cfg(test)]
pub(crate) fn with_names(text: &str) -> String {
    let tables = ["resources.memory", "resources.cpu", "resources.host", "quota", "host"];
    tables.into_iter().fold(text.to_owned(), |text, table| {
        let names: Vec<&str> = limits_config::SettingKey::ALL
            .iter()
            .filter_map(|key| key.as_str().strip_prefix(table)?.strip_prefix('.'))
            .filter(|name| !name.contains('.'))
            .collect();
        text.replace(&format!("{{{table}}}"), &names.join(", "))
    })
}

/// The example of the reference, word for word.
pub(crate) const EXAMPLE: &str = r#"[component]
name = "data-processor"            # required
version = "1.0.0"                  # required
path = "component.wasm"            # optional; relative, inside this file's folder

[resources.memory]
max_bytes = 4194304                # required; bytes, or "4MiB"

[resources.cpu]                    # optional; per execution
max_fuel = 50_000_000              # default 1_000_000
timeout_ms = 1000                  # default 100

[quota]                            # optional; over time, per component
storage = "50MB"
message_rate = 500
network_bandwidth = "5MB/s"
cpu_time = "800ms/s"
memory = "128MB"

[capabilities]                     # optional; nothing is allowed that is not listed
filesystem.read = ["/app/data/**"]
filesystem.write = ["/app/output/*"]
network.connect = ["api.example.com:443"]
messaging.send = ["orders.*"]
"#;

/// The shortest valid file, for tests that add to it.
pub(crate) const MINIMAL: &str = r#"[component]
name = "x"
version = "1.0.0"
[resources.memory]
max_bytes = 1048576
"#;
