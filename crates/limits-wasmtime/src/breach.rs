//! A guest that broke the canonical ABI, told from a host function that failed.

use wasmtime::Error;

/// The messages of Wasmtime 48 for a guest that breaks the canonical ABI: a pointer out of bounds,
/// an invalid string, a handle that it does not have. `#` stands for a number, `…` at the end for
/// any text.
///
/// Wasmtime gives these errors no type. A host function that fails with a bare message of its own
/// must not count as the guest's breach, so the whole message has to match. A breach whose message
/// is not in this list is blamed on the host, which is the safe side.
const WORDS: [&str; 36] = [
    "borrow handles still remain at the end of the call",
    "byte length overflow",
    "byte length too large",
    "cannot allocate another handle: index overflow",
    "cannot lend resource: too many active lends",
    "cannot lift own resource from a borrow",
    "cannot remove owned resource while borrowed",
    "discriminant # out of range [0..#)",
    "fixed length list out of bounds of memory",
    "handle index # used with the wrong type, …",
    "index # is not a resource",
    "index # is not an own resource",
    "index is not a resource",
    "invalid expected discriminant",
    "invalid option discriminant",
    "invalid utf16 encoding",
    "invalid utf8 encoding",
    "list pointer is not aligned",
    "list pointer/length out of bounds of memory",
    "map pointer is not aligned",
    "map pointer/length out of bounds of memory",
    "pointer not aligned",
    "pointer out of bounds",
    "pointer out of bounds of memory",
    "pointer size overflow",
    "realloc return: beyond end of memory",
    "realloc return: result not aligned",
    "return pointer not aligned",
    "size overflow copying a list",
    "size overflow copying a map",
    "string pointer not aligned to #",
    "string pointer/length out of bounds of memory",
    "unexpected discriminant: #",
    "unexpected flag: …",
    "unknown flag: …",
    "unknown handle index #",
];

/// Tells whether the guest broke the canonical ABI.
///
/// Besides bare messages these are errors of the standard library's conversions, which Wasmtime
/// returns for a guest's invalid string or character. A bare one of a host function counts as a
/// breach as well; one inside an error type of the host's does not.
pub(crate) fn is_breach(error: &Error) -> bool {
    if error.is::<core::str::Utf8Error>()
        || error.is::<std::string::FromUtf8Error>()
        || error.is::<core::char::CharTryFromError>()
        || error.is::<core::char::DecodeUtf16Error>()
        || error.is::<core::num::TryFromIntError>()
    {
        return true;
    }
    bare_message(error).is_some_and(|words| WORDS.iter().any(|pattern| matches(pattern, &words)))
}

/// Returns the root cause of an error, if that is a message without a type of its own, as most of
/// Wasmtime's errors are. The source of a host function's own error type is not looked at.
pub(crate) fn bare_message(error: &Error) -> Option<String> {
    // The root cause has no backtrace, so no name chosen by the guest is formatted here.
    let words = error.root_cause().to_string();
    let is_it = error.downcast_ref::<String>().is_some_and(|message| *message == words)
        || error.downcast_ref::<&'static str>().is_some_and(|message| *message == words);
    is_it.then_some(words)
}

fn matches(pattern: &str, words: &str) -> bool {
    let (pattern, is_open) =
        pattern.strip_suffix('…').map_or((pattern, false), |pattern| (pattern, true));
    let mut rest = words;
    for (place, piece) in pattern.split('#').enumerate() {
        if place > 0 {
            let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            if after.len() == rest.len() {
                return false;
            }
            rest = after;
        }
        let Some(after) = rest.strip_prefix(piece) else {
            return false;
        };
        rest = after;
    }
    is_open || rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::{bare_message, is_breach};
    use wasmtime::Error;

    #[test]
    fn a_breach_is_known_by_its_whole_message() {
        for words in [
            "unknown handle index 77",
            "discriminant 4 out of range [0..3)",
            "string pointer/length out of bounds of memory",
            "handle index 3 used with the wrong type, expected guest-defined resource",
        ] {
            assert!(is_breach(&Error::msg(words)), "{words}");
        }
        let context = String::from("lifting the result");
        assert!(is_breach(&Error::msg("pointer not aligned").context(context)));
    }

    /// The message of another store's error, inside an error type of a host function or under its
    /// words.
    #[test]
    fn a_typed_error_is_not_the_guests_breach_whatever_caused_it() {
        #[derive(Debug)]
        struct Inner(Error);
        impl core::fmt::Display for Inner {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("the inner guest failed")
            }
        }
        impl core::error::Error for Inner {
            fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
                Some(self.0.as_ref())
            }
        }
        let typed = || Error::from(Inner(Error::msg("pointer not aligned")));
        assert_eq!(typed().root_cause().to_string(), "pointer not aligned");
        assert!(!is_breach(&typed()));
        assert!(!is_breach(&typed().context("running it")));
        assert!(bare_message(&typed()).is_none());
    }

    #[test]
    fn a_host_functions_bare_message_is_not_the_guests_breach() {
        for words in [
            "disk on fire",
            "unknown handle index",
            "unknown handle index 7, said the guest",
            "said the guest: pointer not aligned",
            "",
        ] {
            assert!(!is_breach(&Error::msg(words)), "{words}");
        }
    }
}
