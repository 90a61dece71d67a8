//! Addresses of the store of a cluster: "redis://10.0.0.7:6379", "unix:///run/redis.sock".

use limits_core::is_hidden;

use crate::toml::shown::quoted;

/// The forms that are read, for errors.
pub(crate) const FORMS: &str =
    "redis://HOST:PORT, rediss://HOST:PORT with TLS, or unix:///PATH of a socket";

/// The largest number of a database.
const MOST_DATABASES: u32 = 65_535;

/// The address of a store. It holds no secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct StoreUrl(String);

impl StoreUrl {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether the connection has TLS.
    pub(crate) fn has_tls(&self) -> bool {
        self.0.starts_with("rediss://")
    }

    fn is_socket(&self) -> bool {
        self.0.starts_with("unix://")
    }

    /// Reads an address. An error does not quote a text that may have a password.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.contains('@') {
            return Err(String::from(
                "an address has no user and no password here: write the keys `username` and \
                 `password_file`",
            ));
        }
        let url = Self(text.to_owned());
        if is_address(text) {
            return Ok(url);
        }
        Err(format!("`{}` is not an address of a store: {FORMS}", quoted(text)))
    }

    /// Reads the address of a sentinel, which is no socket and has no databases.
    pub(crate) fn parse_sentinel(text: &str) -> Result<Self, String> {
        let url = Self::parse(text)?;
        let (_, authority) = text.split_once("://").unwrap_or_default();
        if url.is_socket() || authority.contains('/') {
            let text = quoted(text);
            return Err(format!(
                "`{text}` is not an address of a sentinel, such as redis://10.0.0.7:26379"
            ));
        }
        Ok(url)
    }
}

fn is_address(text: &str) -> bool {
    if text.contains(['?', '#', ' ']) || text.contains(is_hidden) {
        return false;
    }
    match text.split_once("://") {
        Some(("unix", path)) => path.len() > 1 && path.starts_with('/') && !path.ends_with('/'),
        Some(("redis" | "rediss", rest)) => {
            let (authority, database) = rest.split_once('/').unwrap_or((rest, "0"));
            is_authority(authority) && is_number(database, 0, MOST_DATABASES)
        }
        _ => false,
    }
}

fn is_authority(authority: &str) -> bool {
    if let Some(rest) = authority.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else { return false };
        let is_port = |port: &str| is_number(port, 1, u16::MAX.into());
        return address.parse::<core::net::Ipv6Addr>().is_ok()
            && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
    }
    let (host, port) = authority.split_once(':').unwrap_or((authority, "6379"));
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    !host.is_empty()
        && host.len() <= 253
        && host.bytes().all(is_letter)
        && is_number(port, 1, u16::MAX.into())
}

/// Tells whether a text is digits and nothing else, and the number within a range.
fn is_number(text: &str, least: u32, most: u32) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
        && text.parse::<u32>().is_ok_and(|number| (least..=most).contains(&number))
}

#[cfg(test)]
mod tests {
    use super::StoreUrl;

    fn read(text: &str) -> Result<StoreUrl, String> {
        StoreUrl::parse(text)
    }

    #[test]
    fn addresses_of_hosts_and_sockets_are_read_as_they_are() {
        for text in [
            "redis://127.0.0.1",
            "redis://127.0.0.1:6379",
            "redis://cache.example.com:1/0",
            "rediss://cache_1:65535/65535",
            "redis://[::1]",
            "rediss://[2001:db8::7]:6380/3",
            "unix:///run/redis.sock",
        ] {
            let url = read(text).unwrap();
            assert_eq!(url.as_str(), text);
            assert_eq!(url.has_tls(), text.starts_with("rediss"));
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_forms() {
        for text in [
            "",
            "127.0.0.1:6379",
            "http://127.0.0.1",
            "Redis://127.0.0.1",
            "redis://",
            "redis://:6379",
            "redis://a:",
            "redis://a:0",
            "redis://a:65536",
            "redis://a:+1",
            "redis://a/x",
            "redis://a/",
            "redis://a/65536",
            "redis://a b",
            "redis://a?protocol=resp3",
            "redis://a#insecure",
            "redis://[::1",
            "redis://[x]:1",
            "redis://[::1]1",
            "unix://",
            "unix:///",
            "unix:///run/",
            "unix://run/redis.sock",
            "redis://a\u{1b}",
            "redis://é",
        ] {
            let error = read(text).unwrap_err();
            assert!(
                error.ends_with(
                    "is not an address of a store: redis://HOST:PORT, rediss://HOST:PORT with TLS, \
                     or unix:///PATH of a socket"
                ),
                "{text}: {error}"
            );
            assert!(!error.contains('\u{1b}'), "{error}");
        }
        assert!(read(&format!("redis://{}", "a".repeat(254))).is_err());
    }

    #[test]
    fn a_password_is_refused_and_not_shown() {
        for text in ["redis://:hunter2@a", "redis://bob:hunter2@a:1", "hunter2@a", "redis://bob@a"]
        {
            let error = read(text).unwrap_err();
            assert_eq!(
                error,
                "an address has no user and no password here: write the keys `username` and \
                 `password_file`"
            );
        }
    }

    #[test]
    fn a_sentinel_has_a_host_and_a_port_only() {
        let read = StoreUrl::parse_sentinel;
        assert!(read("redis://10.0.0.7:26379").is_ok());
        assert!(read("rediss://[::1]:26379").is_ok());
        for text in ["unix:///run/redis.sock", "redis://a:1/0"] {
            assert_eq!(
                read(text).unwrap_err(),
                format!("`{text}` is not an address of a sentinel, such as redis://10.0.0.7:26379")
            );
        }
        assert!(read("a:1").is_err());
    }
}
