//! Where a Redis server is, and how it is asked.

use core::fmt;
use core::time::Duration;
use std::path::PathBuf;

use crate::redis_store::endpoint::{Endpoint, Target};

/// The settings of a [`RedisStore`](crate::RedisStore).
///
/// ```
/// use quota_cluster::{RedisSettings, RedisStore};
///
/// let mut settings = RedisSettings::new("redis://db.example:6379/0");
/// settings.password = Some("secret".to_owned());
/// assert!(!format!("{settings:?}").contains("secret"));
/// let store = RedisStore::new(settings)?;
/// # drop(store);
/// # Ok::<(), quota_cluster::RedisSettingsError>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct RedisSettings {
    /// The server: `redis://HOST:PORT/DB`, `rediss://HOST:PORT/DB` (TLS, feature `tls`) or
    /// `unix:///PATH?db=DB`. Port and database default to 6379 and 0. With sentinels its host is
    /// not asked; it is the name of the primary unless [`master`](Self::master) is set.
    pub url: String,
    /// The sentinels, each `HOST:PORT` (default port 26379) or a URL. Asked with TLS if
    /// [`url`](Self::url) is `rediss://`, unless the sentinel is a URL of another scheme.
    pub sentinels: Vec<String>,
    /// The name under which the sentinels know the primary.
    pub master: Option<String>,
    /// The user of the server's ACL. Default: the server's `default`.
    pub username: Option<String>,
    /// The password. Also that of sentinels that ask for one.
    pub password: Option<String>,
    /// The trust in certificates.
    pub tls: TlsSettings,
    /// The longest time that a question, or a connection with its first checks, takes. From 10 ms
    /// to 60 s, default 500 ms.
    pub response_timeout: Duration,
    /// The replicas that confirm a lease before it counts; 0, the default, does not wait for any.
    /// They have half of the [response timeout](Self::response_timeout). Quotas stay exact
    /// over a split brain if this is the number of all replicas, and available if that is at least
    /// two.
    pub wait_replicas: u32,
}

/// The trust in certificates of servers.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct TlsSettings {
    /// A PEM file with the authorities that are trusted, read at each connection. Default: those of
    /// Mozilla.
    pub ca_file: Option<PathBuf>,
}

/// Settings that no server can be asked with.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RedisSettingsError {
    /// The text is no address of a server.
    Url(String),
    /// The text is no address of a sentinel.
    Sentinel(String),
    /// An address has a user or a password.
    Credentials,
    /// TLS is asked for, and the crate was compiled without it.
    NoTls,
    /// There are authorities, and no TLS.
    UnusedAuthorities,
    /// There is the name of a primary, and no sentinel.
    UnusedMaster,
    /// There are sentinels, and a unix socket.
    SentinelsOnSocket,
    /// There is a user without a password.
    NoPassword,
    /// The response timeout is not between 10 ms and 60 s.
    ResponseTimeout(Duration),
}

impl RedisSettings {
    /// The bounds of [`response_timeout`](Self::response_timeout).
    const RESPONSE_TIMEOUTS: (Duration, Duration) =
        (Duration::from_millis(10), Duration::from_secs(60));

    /// Returns settings with defaults. Nothing is checked before the store is made.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            sentinels: Vec::new(),
            master: None,
            username: None,
            password: None,
            tls: TlsSettings::default(),
            response_timeout: Duration::from_millis(500),
            wait_replicas: 0,
        }
    }

    /// Checks the settings, and returns the server that they name.
    pub(super) fn target(&self) -> Result<Target, RedisSettingsError> {
        let (endpoint, database) = Endpoint::server(&self.url)?;
        let mut sentinels = Vec::new();
        for text in &self.sentinels {
            sentinels.push(Endpoint::sentinel(text, endpoint.is_tls())?);
        }
        let (shortest, longest) = Self::RESPONSE_TIMEOUTS;
        if self.response_timeout < shortest || self.response_timeout > longest {
            return Err(RedisSettingsError::ResponseTimeout(self.response_timeout));
        }
        if self.username.is_some() && self.password.is_none() {
            return Err(RedisSettingsError::NoPassword);
        }
        let has_tls = endpoint.is_tls() || sentinels.iter().any(Endpoint::is_tls);
        if has_tls && cfg!(not(feature = "tls")) {
            return Err(RedisSettingsError::NoTls);
        }
        if self.tls.ca_file.is_some() && !has_tls {
            return Err(RedisSettingsError::UnusedAuthorities);
        }
        if sentinels.is_empty() {
            return match self.master {
                Some(_) => Err(RedisSettingsError::UnusedMaster),
                None => Ok(Target::server(endpoint, database)),
            };
        }
        let Endpoint::Tcp { host, is_tls, .. } = endpoint else {
            return Err(RedisSettingsError::SentinelsOnSocket);
        };
        let master = self.master.clone().unwrap_or(host);
        Ok(Target::sentinels(sentinels, master, is_tls, database))
    }
}

impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            url,
            sentinels,
            master,
            username,
            password,
            tls,
            response_timeout,
            wait_replicas,
        } = self;
        let sentinels: Vec<_> = sentinels.iter().map(|text| without_credentials(text)).collect();
        f.debug_struct("RedisSettings")
            .field("url", &without_credentials(url))
            .field("sentinels", &sentinels)
            .field("master", master)
            .field("username", username)
            .field("password", &password.as_ref().map(|_| "hidden"))
            .field("tls", tls)
            .field("response_timeout", response_timeout)
            .field("wait_replicas", wait_replicas)
            .finish()
    }
}

/// Returns an address as it may be shown: without a user and a password, in any
/// place of a malformed one.
pub(super) fn without_credentials(text: &str) -> String {
    let shown = match text.rsplit_once('@') {
        Some((before, after)) => {
            let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
            format!("{scheme}://...@{after}")
        }
        None => text.to_owned(),
    };
    // A socket's URL may have them in its query.
    match shown.split_once('?') {
        Some((before, query)) if query.contains("pass") => format!("{before}?..."),
        _ => shown,
    }
}

impl fmt::Display for RedisSettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(text) => write!(
                f,
                "`{text}` is no address of a server: expected redis://HOST:PORT/DB, \
                 rediss://HOST:PORT/DB or unix:///PATH?db=DB"
            ),
            Self::Sentinel(text) => write!(
                f,
                "`{text}` is no address of a sentinel: expected HOST:PORT, redis://HOST:PORT or \
                 rediss://HOST:PORT"
            ),
            Self::Credentials => f.write_str(
                "the address of the store has a user or a password: give them by themselves",
            ),
            Self::NoTls => f.write_str("rediss:// needs the feature `tls` of quota-cluster"),
            Self::UnusedAuthorities => {
                f.write_str("there is a CA file, but no address begins with rediss://")
            }
            Self::UnusedMaster => {
                f.write_str("there is a name of a primary, but no sentinel that knows it")
            }
            Self::SentinelsOnSocket => {
                f.write_str("sentinels name a host and a port, so the URL is no unix socket")
            }
            Self::NoPassword => f.write_str("there is a user without a password"),
            Self::ResponseTimeout(timeout) => {
                let (shortest, longest) = RedisSettings::RESPONSE_TIMEOUTS;
                write!(
                    f,
                    "the response timeout is {timeout:?}; it is at least {shortest:?} and at most \
                     {longest:?}"
                )
            }
        }
    }
}

impl core::error::Error for RedisSettingsError {}

#[cfg(test)]
mod tests {
    use super::{RedisSettings, RedisSettingsError, TlsSettings};
    use core::time::Duration;
    use std::path::PathBuf;

    #[test]
    fn settings_that_contradict_are_refused_with_their_reason() {
        let at = RedisSettings::new;
        let local = || at("redis://localhost");
        for (settings, text) in [
            (
                at("http://localhost"),
                "`http://localhost` is no address of a server: expected redis://HOST:PORT/DB, \
                 rediss://HOST:PORT/DB or unix:///PATH?db=DB",
            ),
            (
                RedisSettings { sentinels: vec!["a b".to_owned()], ..local() },
                "`a b` is no address of a sentinel: expected HOST:PORT, redis://HOST:PORT or \
                 rediss://HOST:PORT",
            ),
            (
                at("redis://user:secret@localhost"),
                "the address of the store has a user or a password: give them by themselves",
            ),
            (
                RedisSettings {
                    tls: TlsSettings { ca_file: Some(PathBuf::from("ca.pem")) },
                    ..local()
                },
                "there is a CA file, but no address begins with rediss://",
            ),
            (
                RedisSettings { master: Some("m".to_owned()), ..local() },
                "there is a name of a primary, but no sentinel that knows it",
            ),
            (
                RedisSettings { sentinels: vec!["s".to_owned()], ..at("unix:///run/redis.sock") },
                "sentinels name a host and a port, so the URL is no unix socket",
            ),
            (
                RedisSettings { username: Some("u".to_owned()), ..local() },
                "there is a user without a password",
            ),
            (
                RedisSettings { response_timeout: Duration::from_millis(9), ..local() },
                "the response timeout is 9ms; it is at least 10ms and at most 60s",
            ),
        ] {
            assert_eq!(settings.target().unwrap_err().to_string(), text);
        }
        assert_eq!(
            RedisSettingsError::NoTls.to_string(),
            "rediss:// needs the feature `tls` of quota-cluster"
        );
        assert_eq!(at("rediss://localhost").target().is_ok(), cfg!(feature = "tls"));
    }

    #[test]
    fn no_output_has_a_secret() {
        let settings = RedisSettings {
            password: Some("secret".to_owned()),
            sentinels: vec!["redis://:secret@s".to_owned()],
            ..RedisSettings::new("redis://:p@sec:secret@localhost/x")
        };
        let shown = format!("{settings:?}");
        assert!(shown.contains("redis://...@localhost/x"), "{shown}");
        assert!(shown.contains("password: Some(\"hidden\")"), "{shown}");
        for url in ["redis://:secret@host/x", "x:secret@h", "unix:///s?pass=secret", "//secret@"] {
            let settings = RedisSettings::new(url);
            let error = settings.target().unwrap_err();
            for shown in [shown.clone(), format!("{settings:?} {error:?} {error}")] {
                assert!(!shown.contains("secret"), "{shown}");
            }
        }
    }
}
