//! The classes of a server's errors, and their texts.

use core::fmt;
use core::time::Duration;

use limits_core::Escaped;
use redis::ServerError;

use crate::store::{KeyRefusal, StoreError};

/// The longest part of a server's text that is shown, in characters.
const MOST: usize = 512;

/// The commands that a user needs, as `ACL SETUSER` takes them.
const COMMANDS: &str = "+evalsha +script|load +info +time +hmget +hset +del +pexpire +wait";

/// The class of a server's error.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Failure {
    /// The server does not have the script. Nothing has been done.
    NoScript,
    /// The reign of the server is another. Nothing has been done.
    Stale,
    /// The key, and no other, is refused.
    Key(KeyRefusal),
    /// The connection is of no more use, or the server.
    Store(StoreError),
}

/// Sorts the error of one question.
pub(super) fn of_question(peer: &str, error: &ServerError) -> Failure {
    let ((code, _), text) = (parts(error), shown(error));
    match code {
        "NOSCRIPT" => Failure::NoScript,
        "WLSTALE" => Failure::Stale,
        "WLPERIOD" => match period(error) {
            Some(stored) => Failure::Key(KeyRefusal::Period { stored }),
            None => Failure::Store(lost(peer, &text)),
        },
        // A replica, a server that starts or that has lost its primary, one that runs another
        // script: another connection, or a later one, finds a server that works.
        "READONLY" | "MASTERDOWN" | "LOADING" | "BUSY" | "UNBLOCKED" | "TRYAGAIN" => {
            Failure::Store(lost(peer, &text))
        }
        "NOPERM" if !text.contains("key") => Failure::Store(denied(peer, error)),
        "CLUSTERDOWN" | "MOVED" | "ASK" => Failure::Store(unfit(peer, &text)),
        "NOAUTH" => Failure::Store(unfit(peer, &format!("{text}: set the password"))),
        "NOPERM" => refused(&format!("{text}: let the user use it, such as by ~PREFIX*")),
        "OOM" => refused(&format!("{text}: raise maxmemory")),
        "WRONGTYPE" => refused(&format!("{text}: set another prefix")),
        _ => refused(&text),
    }
}

fn refused(text: &str) -> Failure {
    Failure::Key(KeyRefusal::Store(text.to_owned()))
}

/// Returns the failure of a server that denies a command.
pub(super) fn denied(peer: &str, error: &ServerError) -> StoreError {
    let text = shown(error);
    unfit(peer, &format!("{text}: grant `{COMMANDS} ~PREFIX*` by ACL SETUSER"))
}

/// Returns the failure of a server that cannot be used as it is.
pub(super) fn unfit(peer: &str, reason: &impl fmt::Display) -> StoreError {
    StoreError::Unfit(format!("{peer}: {reason}"))
}

/// Returns the failure of a connection.
pub(super) fn lost(peer: &str, reason: &impl fmt::Display) -> StoreError {
    let reason = reason.to_string();
    StoreError::Lost(format!("{peer}: {}", Escaped::head(&reason, MOST)))
}

/// Returns the code and the text of an error, without the place in the script. Servers before 7.0
/// have both in the text, after that place; Valkey has a text of its own for a denied command.
fn parts(error: &ServerError) -> (&str, &str) {
    const HIDDEN: [&str; 6] =
        ["READONLY", "OOM", "MISCONF", "NOREPLICAS", "WRONGTYPE", "MASTERDOWN"];
    const DENIED: &str = "The user executing the script can't";
    let (code, text) = (error.code(), error.details().unwrap_or_default());
    let text = match text.rsplit_once(" script: ") {
        Some((text, place)) if place.contains(", on @") => text,
        _ => text,
    };
    let text = text.trim_end_matches('.');
    if code != "ERR" {
        return (code, text);
    }
    if let Some((_, reason)) = text.split_once("ACL failure in script: ") {
        return ("NOPERM", reason);
    }
    if let Some(at) = text.find(DENIED) {
        return ("NOPERM", text.get(at..).unwrap_or_default());
    }
    let hidden = HIDDEN.iter().find_map(|code| {
        let (before, after) = text.split_once(code)?;
        let begins = before.ends_with([' ', '-']) && after.starts_with(' ');
        begins.then(|| (*code, after.trim_start()))
    });
    hidden.unwrap_or((code, text))
}

/// Returns the period that a key is counted in.
fn period(error: &ServerError) -> Option<Duration> {
    let text = error.details()?.split_whitespace().next()?;
    text.parse().ok().map(Duration::from_micros)
}

/// Returns the text of an error as it is shown.
pub(super) fn shown(error: &ServerError) -> String {
    let (code, text) = parts(error);
    let text = format!("{code} {text}");
    Escaped::head(text.trim_end(), MOST).to_string()
}

#[cfg(test)]
mod tests {
    use super::{Failure, of_question};
    use crate::store::{KeyRefusal, StoreError};
    use core::time::Duration;
    use redis::{Value, parse_redis_value};

    fn sorted(line: &str) -> Failure {
        let value = parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap();
        let Value::ServerError(error) = value else { panic!("{value:?}") };
        of_question("db:6379", &error)
    }

    fn refused(text: &str) -> Failure {
        Failure::Key(KeyRefusal::Store(text.to_owned()))
    }

    #[test]
    fn errors_of_both_families_of_servers_have_one_class() {
        let lost = |text: &str| Failure::Store(StoreError::Lost(format!("db:6379: {text}")));
        let unfit = |text: &str| Failure::Store(StoreError::Unfit(format!("db:6379: {text}")));
        let grant = "grant `+evalsha +script|load +info +time +hmget +hset +del +pexpire +wait \
                     ~PREFIX*` by ACL SETUSER";
        for (line, class) in [
            ("NOSCRIPT No matching script.", Failure::NoScript),
            ("WLSTALE the reign is over", Failure::Stale),
            (
                "WLPERIOD 250000",
                Failure::Key(KeyRefusal::Period { stored: Duration::from_millis(250) }),
            ),
            ("WLPERIOD x", lost("WLPERIOD x")),
            (
                "READONLY You can't write against a read only replica. script: 3f, on @user_script:9.",
                lost("READONLY You can't write against a read only replica"),
            ),
            (
                "ERR Error running script (call to f_3f): @user_script:9: -READONLY You can't write",
                lost("READONLY You can't write"),
            ),
            ("LOADING Redis is loading", lost("LOADING Redis is loading")),
            (
                "NOAUTH Authentication required.",
                unfit("NOAUTH Authentication required: set the password"),
            ),
            ("MOVED 1 10.0.0.1:6379", unfit("MOVED 1 10.0.0.1:6379")),
            (
                "OOM command not allowed when used memory > 'maxmemory'. script: 3f, on @user_script:9.",
                refused("OOM command not allowed when used memory > 'maxmemory': raise maxmemory"),
            ),
            (
                "ERR Error running script (call to f_3f): -OOM command not allowed",
                refused("OOM command not allowed: raise maxmemory"),
            ),
            (
                "NOPERM this user has no permissions to run the 'info' command",
                unfit(&format!(
                    "NOPERM this user has no permissions to run the 'info' command: {grant}"
                )),
            ),
            (
                "ERR The user executing the script can't run this command or subcommand",
                unfit(&format!(
                    "NOPERM The user executing the script can't run this command or subcommand: {grant}"
                )),
            ),
            (
                "NOPERM No permissions to access a key",
                refused(
                    "NOPERM No permissions to access a key: let the user use it, such as by ~PREFIX*",
                ),
            ),
            (
                "WRONGTYPE Operation against a key holding the wrong kind of value",
                refused(
                    "WRONGTYPE Operation against a key holding the wrong kind of value: \
                     set another prefix",
                ),
            ),
            (
                "ERR ACL failure in script: User x can't run 'time' script: 3f, on @user_script:9.",
                unfit(&format!("NOPERM User x can't run 'time': {grant}")),
            ),
            (
                "ERR Error running script (call to f_3f): @user_script:31: WRONGTYPE Operation",
                refused("WRONGTYPE Operation: set another prefix"),
            ),
            ("ERR a \u{1b}[31mline", refused("ERR a \\u{1b}[31mline")),
        ] {
            assert_eq!(sorted(line), class, "{line}");
        }
    }
}
