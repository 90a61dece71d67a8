//! Every construct of the pattern language, in every domain.

use limits_core::{Domain, Escaped, Pattern};

use super::{matches, refusal};

/// Checks that a pattern matches some resources and not others.
fn check(domain: Domain, pattern: &str, yes: &[&str], no: &[&str]) {
    for resource in yes {
        assert!(matches(domain, pattern, resource), "{pattern} must match {resource}");
    }
    for resource in no {
        assert!(!matches(domain, pattern, resource), "{pattern} must not match {resource}");
    }
}

#[test]
fn paths_match_by_segments() {
    let files = Domain::Filesystem;
    check(files, "/", &["/", "//", "/a/.."], &["/a"]);
    check(files, "/a/b", &["/a/b", "/a//b/", "/a/./b", "/x/../a/b"], &["/a", "/a/b/c", "/A/b"]);
    check(files, "/*", &["/a", "/.hidden", "/*"], &["/", "/a/b"]);
    check(files, "/a/*.txt", &["/a/b.txt", "/a/.txt"], &["/a/b.txt.bak", "/a/b/c.txt", "/a/txt"]);
    check(files, "/a*b*c", &["/abc", "/aXbYc", "/abbcc"], &["/acb", "/ab", "/ab/c", "/xabc"]);
    check(files, "/aa*aa", &["/aaaa", "/aaXaa"], &["/aaa", "/aa"]);
    check(files, "/**", &["/a", "/a/b/c"], &["/"]);
    check(files, "/app/**", &["/app/a", "/app/a/b"], &["/app", "/application", "/"]);
    check(files, "/a/**/z", &["/a/z", "/a/b/z", "/a/b/c/z", "/a/z/z"], &["/a", "/z", "/a/z/b"]);
    check(files, "/**/z", &["/z", "/a/z", "/a/b/z"], &["/", "/a", "/z/a"]);
    check(files, "/**/a/**/b*/**", &["/a/b/x", "/x/a/y/bz/w/v"], &["/a/b", "/b/a/x", "/a/c/x"]);
    check(files, "/ä*/ö", &["/ä/ö", "/äx/ö"], &["/a/ö"]);
}

#[test]
fn two_stars_alone_match_the_whole_domain() {
    check(Domain::Filesystem, "**", &["/", "/a", "/a/b"], &["a", ""]);
    check(Domain::Network, "**", &["a:1", "a.b:0", "10.0.0.1:1", "[::1]:65535"], &["a", "a:65536"]);
    check(Domain::Storage, "**", &["a", "a:b"], &[""]);
    check(Domain::Messaging, "**", &["a", "a.b"], &[""]);
}

#[test]
fn keys_match_by_segments() {
    let keys = Domain::Storage;
    check(keys, "cache:*", &["cache:a", "cache:a.b/c"], &["cache", "cache:a:b", "cache:", "x:a"]);
    check(keys, "cache:**", &["cache:a", "cache:a:b"], &["cache", "cached:a"]);
    check(keys, "**:meta", &["a:meta", "a:b:meta"], &["meta", "a:meta:b"]);
    check(keys, "**", &["a", "a:b"], &["", "a::b", ":a", "a:"]);
}

#[test]
fn topics_match_by_segments() {
    let topics = Domain::Messaging;
    check(topics, "orders.*", &["orders.new"], &["orders", "orders.eu.new", "orders."]);
    check(topics, "orders.**", &["orders.new", "orders.eu.new"], &["orders", "ordersx.new"]);
    check(topics, "*.new", &["orders.new"], &["a.orders.new", "new"]);
}

#[test]
fn host_names_match_by_labels_without_regard_to_case() {
    let net = Domain::Network;
    check(
        net,
        "API.example.com:443",
        &["api.example.com:443", "api.Example.COM:443", "api.example.com.:443"],
        &["api.example.com:444", "api.example.com", "api.example.com:0443", "example.com:443"],
    );
    check(net, "api.example.com:*", &["api.example.com:1", "api.example.com:0"], &["x.com:1"]);
    check(
        net,
        "**.example.com:443",
        &["a.example.com:443", "a.b.example.com:443"],
        &["example.com:443", "badexample.com:443"],
    );
    check(net, "*:80", &["localhost:80"], &["a.b:80", "127.0.0.1:80", "[::1]:80"]);
    check(net, "**:80", &["localhost:80", "a.b:80", "127.0.0.1:80", "[::1]:80"], &["a.b:81"]);
    check(net, "api-*.eu.example.com:1", &["api-7.eu.example.com:1"], &["api.eu.example.com:1"]);
    check(net, "**.com:1", &["a.com:1"], &["a_b@c.com:1", "a b.com:1", "ä.com:1", "a..com:1"]);
}

#[test]
fn addresses_match_by_groups() {
    let net = Domain::Network;
    check(
        net,
        "10.0.0.1:1",
        &["10.0.0.1:1", "[::ffff:10.0.0.1]:1"],
        &["10.0.0.2:1", "10.0.0.01:1"],
    );
    check(net, "10.0.*.1:1", &["10.0.7.1:1"], &["10.0.7.2:1", "10.1.7.1:1"]);
    check(net, "10.**:*", &["10.1.2.3:9"], &["11.1.2.3:9", "10.com:9", "[::1]:9"]);
    // A name that a pattern of addresses matches could be registered.
    check(net, "10.0.0.*:1", &["10.0.0.9:1"], &["10.0.0.evil:1"]);
    check(net, "*.*:1", &["a.b:1"], &["127.1:1", "a.0x7f:1"]);
    check(net, "[::]:1", &["[::]:1", "[0:0:0:0:0:0:0:0]:1"], &["[::1]:1", "0.0.0.0:1"]);
    check(
        net,
        "[2001:db8:**]:1",
        &["[2001:db8::1]:1", "[2001:db8:1:2:3:4:5:6]:1"],
        &["[2001:db9::1]:1", "2001:db8::1:1"],
    );
    check(net, "[fe80:0:0:0:*:*:*:1]:1", &["[fe80::1]:1", "[fe80::2:3:4:1]:1"], &["[fe80::2]:1"]);
    check(net, "[**]:1", &["[::1]:1"], &["127.0.0.1:1", "a:1", "[fe80::1%eth0]:1"]);
}

#[test]
fn a_text_that_is_not_a_pattern_is_refused_with_the_reason() {
    let (files, net) = (Domain::Filesystem, Domain::Network);
    let (keys, topics) = (Domain::Storage, Domain::Messaging);
    let address = "not an address: expected four numbers up to 255, or an IPv6 address in \
                   brackets, where `*` is a whole group and `**` the last";
    let port = "the port must be a number from 1 to 65535, or `*`";
    let host = "the host is neither a name nor an address: expected letters, digits, `-`, `_`, \
                `*` and `<id>` between dots";
    let inside = "an address with an IPv4 address inside is judged by that one: write `10.0.0.1`";
    for (domain, pattern, problem) in [
        (files, "", "it is empty"),
        (files, "app/*", "a path must begin with `/`"),
        (files, "*", "a path must begin with `/`"),
        (files, "/a/../b", "a segment is `.` or `..`"),
        (files, "/a/./b", "a segment is `.` or `..`"),
        (files, "/a//b", "a segment is empty"),
        (files, "/a/", "a segment is empty"),
        (files, "/a/***", "`**` must be a whole segment"),
        (files, "/a/**b", "`**` must be a whole segment"),
        (files, "/<Id>/x", "unknown placeholder `<Id>`, the only one is `<id>`"),
        (net, "<ID>.example.com:443", "unknown placeholder `<ID>`, the only one is `<id>`"),
        (net, "a.<iD>-b:*", "unknown placeholder `<iD>`, the only one is `<id>`"),
        (keys, "<ID>:a", "unknown placeholder `<ID>`, the only one is `<id>`"),
        (topics, "a.<ID>", "unknown placeholder `<ID>`, the only one is `<id>`"),
        (files, "/a<", "`<` has no meaning here: use `*`, or one pattern for each"),
        (files, "/a?", "`?` has no meaning here: use `*`, or one pattern for each"),
        (files, "/[ab]", "`[` has no meaning here: use `*`, or one pattern for each"),
        (files, "/a\\b", "`\\` has no meaning here: use `*`, or one pattern for each"),
        (files, "/a\0", "`\\u{0}` has no meaning here: use `*`, or one pattern for each"),
        (keys, "cache:", "a segment is empty"),
        (keys, ":a", "a segment is empty"),
        (topics, "a..b", "a segment is empty"),
        (net, "example.com", port),
        (net, "example.com:", port),
        (net, "example.com:0", port),
        (net, "example.com:65536", port),
        (net, "example.com:+80", port),
        (net, "example.com:https", port),
        (net, ":80", "a segment is empty"),
        (net, "a b.com:80", host),
        (net, "ä.com:80", host),
        (net, "2001:db8::1:80", host),
        (net, "a/b:80", host),
        (net, "[2001:db8::1:80", host),
        (net, "[2001:db8::g]:80", address),
        (net, "[2001:db8::*]:80", address),
        (net, "[::ffff:10.0.0.1]:80", inside),
        (net, "256.0.0.1:80", address),
        (net, "10.0.0:80", address),
        (net, "10.0.0.1.1:80", address),
        (net, "10.0.0.01:80", address),
        (net, "10.0.0.1*:80", address),
        (net, "**.1:80", address),
    ] {
        let shown = Escaped::head(pattern, 128);
        let text = format!("{domain} pattern `{shown}` refused: {problem}");
        assert_eq!(refusal(domain, pattern), text);
    }
}

#[test]
fn a_pattern_has_a_greatest_length() {
    let files = Domain::Filesystem;
    let long = |bytes: usize| format!("/{}", "a".repeat(bytes - 1));
    assert!(Pattern::new(files, &long(1_024)).is_ok());
    let says = refusal(files, &long(1_025));
    assert!(says.ends_with("refused: it has 1025 bytes, at most 1024 are allowed"), "{says}");
    let deep = |segments: usize| "/a".repeat(segments);
    assert!(Pattern::new(files, &deep(32)).is_ok());
    let says = refusal(files, &deep(33));
    assert!(says.ends_with("refused: it has 33 segments, at most 32 are allowed"), "{says}");
}

#[test]
fn no_character_of_an_id_is_special() {
    let key = Pattern::new(Domain::Storage, "c:<id>:*").unwrap();
    let bound = key.bind("*").unwrap();
    assert_eq!(bound.matches("c:*:k"), Ok(true));
    assert_eq!(bound.matches("c:abc:k"), Ok(false));
    let bound = key.bind("**").unwrap();
    assert_eq!(bound.matches("c:x:k"), Ok(false));
    let bound = key.bind("<id>").unwrap();
    assert_eq!(bound.matches("c:<id>:k"), Ok(true));
    // A pattern bound to one component cannot be bound to another.
    assert_eq!(bound.bind("other").unwrap().matches("c:other:k"), Ok(false));

    let file = Pattern::new(Domain::Filesystem, "/home/x<id>-*/y").unwrap().bind("a*b").unwrap();
    assert_eq!(file.matches("/home/xa*b-1/y"), Ok(true));
    assert_eq!(file.matches("/home/xaab-1/y"), Ok(false));

    let host = Pattern::new(Domain::Network, "<id>.svc.local:80").unwrap().bind("a-1").unwrap();
    assert_eq!(host.matches("a-1.svc.local:80"), Ok(true));
    assert_eq!(host.matches("b.svc.local:80"), Ok(false));
}

#[test]
fn an_id_that_does_not_fit_into_one_segment_is_refused() {
    let host = "in a host name it may have at most 63 lower-case letters, digits, `-` and `_`";
    for (domain, pattern, id, why) in [
        (Domain::Filesystem, "/home/<id>/x", "", "it is empty"),
        (Domain::Filesystem, "/home/<id>/x", "..", "it is `.` or `..`, which are steps of a path"),
        (Domain::Filesystem, "/home/<id>/x", "a/b", "it has the separator `/`"),
        (Domain::Storage, "c:<id>:x", "a:b", "it has the separator `:`"),
        (Domain::Messaging, "c.<id>", "a.b", "it has the separator `.`"),
        (Domain::Messaging, "c.<id>", "a\nb", "it has a control character"),
        (Domain::Network, "<id>.local:1", "", "it is empty"),
        (Domain::Network, "<id>.local:1", "Upper", host),
        (Domain::Network, "<id>.local:1", "a.b", "it has the separator `.`"),
    ] {
        let error = Pattern::new(domain, pattern).unwrap().bind(id).unwrap_err();
        let id = Escaped::head(id, 128);
        assert_eq!(
            error.to_string(),
            format!(
                "{domain} pattern `{pattern}` refused: the id `{id}` cannot stand for `<id>`: {why}"
            )
        );
    }
    // Upper case around the placeholder matches lower case.
    let mixed = Pattern::new(Domain::Network, "App-<id>.Example.com:1").unwrap();
    assert_eq!(mixed.bind("a-1").unwrap().matches("app-a-1.EXAMPLE.com:1"), Ok(true));
    // Without a placeholder, every id is accepted.
    assert!(Pattern::new(Domain::Storage, "c:*").unwrap().bind("a:b").is_ok());
}
