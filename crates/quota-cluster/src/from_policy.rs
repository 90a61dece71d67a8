//! The settings of a cluster from an operator's policy.

use std::io;
use std::path::{Path, PathBuf};

use limits_config::{ClusterTable, read_regular_file};
use limits_core::{Escaped, QuotaResource};

use crate::redis_store::RedisSettings;
use crate::settings::ClusterSettings;

/// The longest file of a password: 4 KiB.
const MOST_BYTES: u64 = 4 * 1024;
/// The characters of a path that an error shows.
const MOST_OF_A_PATH: usize = 128;

impl ClusterSettings {
    /// Returns the terms of sharing of the policy's `[cluster]`.
    ///
    /// ```
    /// use limits_config::Policy;
    /// use limits_core::{QuotaResource, StoreLoss};
    /// use quota_cluster::ClusterSettings;
    ///
    /// let policy = Policy::from_toml(
    ///     r#"
    ///     cluster.url = "redis://127.0.0.1:6379"
    ///     cluster.on_store_loss = { cpu_time = "open" }
    ///     "#,
    /// )?;
    /// let settings = policy.cluster().map(ClusterSettings::from_policy).unwrap_or_default();
    /// assert_eq!(settings.on_loss(QuotaResource::CpuTime), StoreLoss::Open);
    /// # Ok::<(), limits_config::ConfigError>(())
    /// ```
    #[must_use]
    pub fn from_policy(table: &ClusterTable) -> Self {
        Self {
            prefix: String::from(table.prefix()),
            max_hosts: table.max_hosts(),
            messages_on_loss: table.on_store_loss(QuotaResource::MessageRate),
            network_on_loss: table.on_store_loss(QuotaResource::NetworkBandwidth),
            cpu_time_on_loss: table.on_store_loss(QuotaResource::CpuTime),
            shares_components: table.shares_components(),
            shares_host: table.shares_host(),
        }
    }
}

impl RedisSettings {
    /// Returns the server of the policy's `[cluster]`. Reads the file of the password, if there is
    /// one: a line end after the password is no part of it.
    ///
    /// # Errors
    ///
    /// [`PasswordFileError`] if the file cannot be read, or has no password.
    pub fn from_policy(table: &ClusterTable) -> Result<Self, PasswordFileError> {
        let scheme = if table.has_tls() { "rediss" } else { "redis" };
        let mut settings = match table.url() {
            Some(url) => Self::new(url),
            // Sentinels know the host; of the address, only the scheme counts.
            None => Self::new(format!("{scheme}://primary")),
        };
        settings.sentinels = table.sentinels().map(String::from).collect();
        settings.master = table.master().map(String::from);
        settings.username = table.username().map(String::from);
        settings.password = table.password_file().map(read_password).transpose()?;
        settings.tls.ca_file = table.ca_file().map(PathBuf::from);
        settings.wait_replicas = table.wait_replicas();
        Ok(settings)
    }
}

/// A file of a password that cannot be used. It does not have the file's content.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the password in {}: {reason}", shown(path))]
#[non_exhaustive]
pub struct PasswordFileError {
    /// The file.
    pub path: PathBuf,
    /// The reason.
    #[source]
    pub reason: io::Error,
}

fn shown(path: &Path) -> String {
    Escaped::tail(&path.to_string_lossy(), MOST_OF_A_PATH).to_string()
}

fn read_password(path: &Path) -> Result<String, PasswordFileError> {
    let failed = |reason| PasswordFileError { path: path.to_path_buf(), reason };
    let invalid = |text: &str| failed(io::Error::new(io::ErrorKind::InvalidData, text));
    let bytes = read_regular_file(path, MOST_BYTES).map_err(failed)?;
    let text = String::from_utf8(bytes).ok().ok_or_else(|| invalid("it is not UTF-8"))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let password = line.strip_suffix('\r').unwrap_or(line);
    match password {
        "" => Err(invalid("it is empty")),
        _ if password.contains(['\n', '\r', '\0']) => Err(invalid("it has more than one line")),
        _ => Ok(String::from(password)),
    }
}

#[cfg(test)]
mod tests {
    use crate::redis_store::RedisSettings;
    use crate::settings::ClusterSettings;
    use limits_config::{ClusterTable, Policy};
    use limits_core::StoreLoss;
    use std::path::Path;

    fn table(text: &str) -> ClusterTable {
        Policy::from_toml(text).unwrap().cluster().unwrap().clone()
    }

    #[test]
    fn the_defaults_of_the_table_are_those_of_the_settings() {
        let table = table("cluster.url = \"redis://a\"");
        assert_eq!(ClusterSettings::from_policy(&table), ClusterSettings::default());
    }

    #[test]
    fn each_term_comes_from_its_own_key() {
        let table = table(
            "[cluster]\nurl = \"redis://a\"\nprefix = \"p:\"\nmax_hosts = 3\nshare = [\"host\"]\n\
             on_store_loss = { message_rate = \"share\", cpu_time = \"open\" }\n\
             [host]\nmessage_rate = 1",
        );
        let expected = ClusterSettings {
            prefix: String::from("p:"),
            max_hosts: 3,
            messages_on_loss: StoreLoss::Share,
            network_on_loss: StoreLoss::Closed,
            cpu_time_on_loss: StoreLoss::Open,
            shares_components: false,
            shares_host: true,
        };
        assert_eq!(ClusterSettings::from_policy(&table), expected);
    }

    #[test]
    fn a_server_has_its_address_and_its_password() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        let path = file.to_str().unwrap();
        let table = table(&format!(
            "[cluster]\nurl = \"rediss://a:1/2\"\nusername = \"u\"\npassword_file = \"{path}\"\n\
             ca_file = \"ca.pem\"\nwait_replicas = 2"
        ));
        let read = |content: &[u8]| {
            std::fs::write(&file, content).unwrap();
            RedisSettings::from_policy(&table)
        };
        let settings = read(b"hunter2\n").unwrap();
        assert_eq!(settings.url, "rediss://a:1/2");
        assert_eq!(settings.username.as_deref(), Some("u"));
        assert_eq!(settings.password.as_deref(), Some("hunter2"));
        assert_eq!(settings.tls.ca_file.as_deref(), Some(Path::new("ca.pem")));
        assert_eq!((settings.wait_replicas, settings.sentinels.len()), (2, 0));
        assert_eq!(read(b"hunter2\r\n").unwrap().password.as_deref(), Some("hunter2"));
        assert_eq!(read(b" p w ").unwrap().password.as_deref(), Some(" p w "));
        for (content, reason) in [
            (&b""[..], "it is empty"),
            (b"\n", "it is empty"),
            (b"hunter2\nhunter3\n", "it has more than one line"),
            (b"\xff", "it is not UTF-8"),
            (&[b'x'; 4097], "the file has 4097 bytes, the most that is read is 4096"),
        ] {
            let error = read(content).unwrap_err().to_string();
            assert_eq!(error, format!("cannot read the password in {path}: {reason}"));
        }
        std::fs::remove_file(&file).unwrap();
        let error = RedisSettings::from_policy(&table).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot read the password in {path}: No such")));
    }

    #[test]
    fn sentinels_take_the_place_of_the_address() {
        let settings = RedisSettings::from_policy(&table(
            "[cluster]\nsentinels = [\"rediss://s:26379\"]\nmaster = \"quotas\"",
        ))
        .unwrap();
        assert_eq!(settings.url, "rediss://primary");
        assert_eq!(settings.sentinels, ["rediss://s:26379"]);
        assert_eq!(settings.master.as_deref(), Some("quotas"));
    }
}
