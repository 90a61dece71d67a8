//! Addresses of servers and sentinels.

use core::fmt;
use std::path::PathBuf;

use redis::parse_redis_url;

use crate::redis_store::settings::{RedisSettingsError, without_credentials};

/// The database that a server has in any case.
const DEFAULT_DATABASE: u32 = 0;
const SERVER_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// The address of one server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Endpoint {
    Tcp { host: String, port: u16, is_tls: bool },
    Unix(PathBuf),
}

/// The server that a store asks, and its database.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Target {
    pub(super) place: Place,
    pub(super) database: u32,
}

/// The place of a server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Place {
    At(Endpoint),
    /// Where sentinels say that it is.
    Named {
        sentinels: Vec<Endpoint>,
        master: String,
        is_tls: bool,
    },
}

impl Target {
    pub(super) fn server(endpoint: Endpoint, database: u32) -> Self {
        Self { place: Place::At(endpoint), database }
    }

    pub(super) fn sentinels(
        sentinels: Vec<Endpoint>,
        master: String,
        is_tls: bool,
        database: u32,
    ) -> Self {
        Self { place: Place::Named { sentinels, master, is_tls }, database }
    }
}

impl Endpoint {
    /// Reads the URL of a server, and its database.
    pub(super) fn server(text: &str) -> Result<(Self, u32), RedisSettingsError> {
        let refused = || RedisSettingsError::Url(without_credentials(text));
        let url = parse_redis_url(text).ok_or_else(refused)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(RedisSettingsError::Credentials);
        }
        if url.fragment().is_some() {
            return Err(refused());
        }
        if matches!(url.scheme(), "unix" | "redis+unix" | "valkey+unix") {
            return socket(text, url.path(), url.query()).ok_or_else(refused);
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(refused)?;
        let database = match url.path().trim_start_matches('/') {
            "" => DEFAULT_DATABASE,
            number => number.parse().ok().ok_or_else(refused)?,
        };
        if url.query().is_some() {
            return Err(refused());
        }
        let endpoint = Self::Tcp {
            // An IPv6 address has brackets in a URL only.
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(SERVER_PORT),
            is_tls: matches!(url.scheme(), "rediss" | "valkeys"),
        };
        Ok((endpoint, database))
    }

    /// Reads the address of a sentinel.
    pub(super) fn sentinel(text: &str, is_tls: bool) -> Result<Self, RedisSettingsError> {
        let refused = || RedisSettingsError::Sentinel(without_credentials(text));
        let scheme = if is_tls { "rediss" } else { "redis" };
        let whole =
            if text.contains("://") { text.to_owned() } else { format!("{scheme}://{text}") };
        let has_port = parse_redis_url(&whole).is_some_and(|url| url.port().is_some());
        match Self::server(&whole) {
            Ok((Self::Tcp { host, port, is_tls }, DEFAULT_DATABASE)) => {
                Ok(Self::Tcp { host, port: if has_port { port } else { SENTINEL_PORT }, is_tls })
            }
            Err(RedisSettingsError::Credentials) => Err(RedisSettingsError::Credentials),
            _ => Err(refused()),
        }
    }

    pub(super) fn is_tls(&self) -> bool {
        matches!(self, Self::Tcp { is_tls: true, .. })
    }
}

/// Reads the path and query of a socket's URL.
fn socket(text: &str, path: &str, query: Option<&str>) -> Option<(Endpoint, u32)> {
    // No decoding: a path with an escape is refused rather than misread.
    if !cfg!(unix) || !path.starts_with('/') || path.contains('%') || text.contains('@') {
        return None;
    }
    let database = match query {
        None => DEFAULT_DATABASE,
        Some(query) => query.strip_prefix("db=")?.parse().ok()?,
    };
    Some((Endpoint::Unix(PathBuf::from(path)), database))
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::At(endpoint) => endpoint.fmt(f),
            Place::Named { master, .. } => write!(f, "primary `{master}`"),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port, .. } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port, .. } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoint;
    use std::path::PathBuf;

    fn tcp(host: &str, port: u16, is_tls: bool) -> Endpoint {
        Endpoint::Tcp { host: host.to_owned(), port, is_tls }
    }

    #[test]
    fn urls_of_servers_have_a_port_and_a_database_or_their_defaults() {
        for (text, endpoint, database, shown) in [
            ("redis://db", tcp("db", 6379, false), 0, "db:6379"),
            ("redis://10.0.0.1:7000/3", tcp("10.0.0.1", 7000, false), 3, "10.0.0.1:7000"),
            ("valkeys://[::1]/", tcp("::1", 6379, true), 0, "[::1]:6379"),
            ("rediss://db:1/15", tcp("db", 1, true), 15, "db:1"),
            ("unix:///run/r.sock", Endpoint::Unix(PathBuf::from("/run/r.sock")), 0, "/run/r.sock"),
            ("unix:///r?db=2", Endpoint::Unix(PathBuf::from("/r")), 2, "/r"),
        ] {
            let read = Endpoint::server(text).unwrap();
            assert_eq!(read, (endpoint, database), "{text}");
            assert_eq!(read.0.to_string(), shown);
        }
        for text in [
            "",
            "db",
            "db:6379",
            "http://db",
            "redis://",
            "redis://db/x",
            "redis://db/-1",
            "redis://db/1/2",
            "redis://db#insecure",
            "redis://db?db=1",
            "unix://",
            "unix:///r?db=x",
            "unix:///r?a=1",
            "unix:///a%20b",
            "redis://db:99999",
        ] {
            assert!(Endpoint::server(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sentinels_have_a_port_of_their_own_and_the_scheme_of_the_server() {
        for (text, is_tls, endpoint) in [
            ("s1", false, tcp("s1", 26379, false)),
            ("s1:5000", true, tcp("s1", 5000, true)),
            ("[::1]:5000", false, tcp("::1", 5000, false)),
            ("redis://s1", true, tcp("s1", 26379, false)),
            ("rediss://s1:6379", false, tcp("s1", 6379, true)),
        ] {
            assert_eq!(Endpoint::sentinel(text, is_tls).unwrap(), endpoint, "{text}");
        }
        for text in ["", "unix:///s", "s1/3", "http://s1", "a:b:c"] {
            assert!(Endpoint::sentinel(text, false).is_err(), "{text}");
        }
    }
}
