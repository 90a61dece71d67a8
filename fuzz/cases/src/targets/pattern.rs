//! Patterns, and the resources that they match.

use limits_core::{Domain, Pattern};

use crate::corpus::{Corpus, texts};

const DOMAINS: [Domain; 4] =
    [Domain::Filesystem, Domain::Network, Domain::Storage, Domain::Messaging];

const WORDS: &[&[u8]] = &[
    b"*",
    b"**",
    b"/",
    b"/../",
    b"/./",
    b"//",
    b".",
    b":",
    b"<id>",
    b"<",
    b"[",
    b"]",
    b"\\",
    b"\0",
    b"\n",
    b"/app/**",
    b":443",
    b":*",
    b"[::1]",
    b"/8",
    b"0x7f.1",
    b"::ffff:",
    b"\xe2\x80\xae",
];

/// The first byte is the domain, the rest a pattern, a line's end and a resource.
pub(crate) fn run(bytes: &[u8]) -> bool {
    let Some((which, rest)) = bytes.split_first() else { return false };
    let Ok(text) = core::str::from_utf8(rest) else { return false };
    let (written, resource) = text.split_once('\n').unwrap_or((text, "/app/data/a"));
    let domain = DOMAINS[usize::from(*which) % DOMAINS.len()];
    let Ok(pattern) = Pattern::new(domain, written) else { return false };
    assert_eq!(pattern.to_string(), written);
    let Ok(bound) = pattern.bind("an-id") else { return false };
    let matched = bound.matches(resource);
    assert_eq!(bound.matches(resource), matched);
    // All that a name or a path matches, the pattern of everything does, too.
    if matched == Ok(true)
        && let Ok(all) = Pattern::new(domain, if domain == Domain::Network { "**:*" } else { "**" })
    {
        assert_eq!(all.matches(resource), Ok(true), "{written} of {resource}");
    }
    if domain == Domain::Filesystem && matched == Ok(true) && !written.contains("<id>") {
        assert!(naive(written, resource), "{written} matches {resource}");
    }
    true
}

/// Matches a normalised path by trying everything, for short inputs.
fn naive(pattern: &str, path: &str) -> bool {
    if pattern.len() + path.len() > 40 {
        return true;
    }
    let mut normal: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(normal.pop()),
            part => normal.push(part),
        }
    }
    if pattern == "**" {
        return true;
    }
    let normal = if normal.is_empty() { vec![""] } else { normal };
    let pattern: Vec<&str> = pattern.trim_start_matches('/').split('/').collect();
    segments(&pattern, &normal, true)
}

fn segments(pattern: &[&str], path: &[&str], at_start: bool) -> bool {
    match pattern {
        [] => path.is_empty(),
        ["**", rest @ ..] => {
            let least = usize::from(at_start || rest.is_empty());
            (least..=path.len()).any(|skipped| segments(rest, &path[skipped..], false))
                || (at_start && segments(rest, path, false))
        }
        [first, rest @ ..] => path.split_first().is_some_and(|(part, more)| {
            glob(first.as_bytes(), part.as_bytes()) && segments(rest, more, false)
        }),
    }
}

fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', rest @ ..] => (0..=text.len()).any(|skipped| glob(rest, &text[skipped..])),
        [first, rest @ ..] => {
            text.split_first().is_some_and(|(one, more)| one == first && glob(rest, more))
        }
    }
}

pub(crate) fn corpus() -> Corpus {
    let inputs = [
        "\0/app/<id>/*.txt\n/app/an-id/a.txt",
        "\0/a/**/z\n/a/b/../c/z",
        "\0/*a*b*/c\n/xaxbx/c",
        "\u{1}*.example.com:443\nwww.example.com:443",
        "\u{1}[2001:db8::/32]:*\n[2001:db8::1]:80",
        "\u{1}10.0.*.1:80\n10.0.7.1:80",
        "\u{2}cache:*\ncache:a",
        "\u{3}orders.**\norders.eu.new",
    ];
    texts(&inputs, WORDS, 300)
}
