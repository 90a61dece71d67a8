//! Names and addresses that a guest wants to reach.

use core::net::{IpAddr, SocketAddr};

use limits_core::{CapabilitySet, Denial, NetworkTarget, Permission, ResourceError};

const CONNECT: Permission = Permission::NetworkConnect;

fn set(patterns: &[&str]) -> CapabilitySet {
    of(CONNECT, patterns)
}

fn of(permission: Permission, patterns: &[&str]) -> CapabilitySet {
    let mut set = CapabilitySet::new();
    for pattern in patterns {
        set.grant(permission, pattern).unwrap_or_else(|error| panic!("{error}"));
    }
    set
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

fn target(text: &str, names: &[&str]) -> NetworkTarget {
    let target = NetworkTarget::new(address(text));
    names.iter().fold(target, |target, name| target.known_as(name))
}

fn reaches(set: &CapabilitySet, address: &str, names: &[&str]) -> bool {
    set.check_target(CONNECT, &target(address, names)).is_allowed()
}

#[test]
fn a_name_is_looked_up_if_a_pattern_of_names_has_it_with_some_port() {
    let set = set(&["api.example.com:443", "*.example.org:*", "10.**:*", "[2600::/16]:80"]);
    for (name, allowed) in [
        ("api.example.com", true),
        ("API.Example.com.", true),
        ("example.com", false),
        ("a.example.org", true),
        ("a.b.example.org", false),
        ("localhost", false),
    ] {
        assert_eq!(set.check_name(CONNECT, name).is_allowed(), allowed, "{name}");
    }
    assert_eq!(
        set.check_name(CONNECT, "localhost").to_string(),
        "network.connect of some port of `localhost` denied: no granted pattern matches (4 checked)"
    );
}

#[test]
fn two_stars_are_a_pattern_of_names_and_an_address_is_not_a_name() {
    for any in ["**", "**:443"] {
        let set = set(&[any]).by_operator();
        assert!(set.check_name(CONNECT, "a.b").is_allowed());
        for text in
            ["10.0.0.1", "127.1", "0x7f.1", "2130706433", "::1", "[::1]", "a:443", "", "a b"]
        {
            let decision = set.check_name(CONNECT, text);
            let expected = if text.is_empty() { ResourceError::Empty } else { ResourceError::Name };
            assert_eq!(decision.denial(), Some(Denial::InvalidResource(expected)), "{text}");
        }
        assert_eq!(
            set.check_name(CONNECT, "127.1").to_string(),
            "network.connect of some port of `127.1` denied: not an endpoint, it is not a host name"
        );
    }
    // The operator's addresses say nothing of names.
    let set = set(&["**"]).restricted_by("policy", &set(&["0.0.0.0/0:*"]));
    assert_eq!(
        set.check_name(CONNECT, "a.b").to_string(),
        "network.connect of some port of `a.b` denied: no pattern of policy matches (1 checked)"
    );
}

#[test]
fn each_list_matches_the_address_or_the_name() {
    let asked = set(&["*.example.com:443"]);
    let both = asked.clone().restricted_by("policy", &set(&["93.184.216.0/24:*"]));
    for (set, address, names, allowed) in [
        (&asked, "93.184.216.34:443", &["a.example.com"][..], true),
        (&asked, "93.184.216.34:443", &["A.EXAMPLE.com."], true),
        (&asked, "93.184.216.34:443", &["example.org", "a.example.com"], true),
        (&asked, "93.184.216.34:443", &[], false),
        (&asked, "93.184.216.34:443", &["example.org"], false),
        (&asked, "93.184.216.34:80", &["a.example.com"], false),
        (&both, "93.184.216.34:443", &["a.example.com"], true),
        (&both, "93.184.217.34:443", &["a.example.com"], false),
        (&both, "93.184.216.34:443", &[], false),
    ] {
        assert_eq!(reaches(set, address, names), allowed, "{address} {names:?}");
    }
    let other_port = target("93.184.216.34:80", &["a.example.com"]);
    assert_eq!(
        asked.check_target(CONNECT, &other_port).into_result().unwrap_err().to_string(),
        "network.connect of `93.184.216.34:80 (a.example.com)` denied: \
         no granted pattern matches (1 checked)"
    );
}

#[test]
fn all_lists_match_one_and_the_same_name() {
    let set =
        set(&["a.com:443", "b.com:80"]).restricted_by("policy", &set(&["a.com:80", "b.com:443"]));
    for port in [80, 443] {
        let address = format!("93.184.216.34:{port}");
        assert!(!reaches(&set, &address, &["a.com", "b.com"]), "{address}");
    }
}

/// Each way to allow everything but by a literal address or a network.
const WILDCARDS: &[&str] = &["**", "**:*", "10.**:443", "10.0.*.5:443", "*.*.*.*:443", "*:443"];

#[test]
fn a_special_address_needs_an_address_or_a_network_of_the_operator() {
    let private = target("10.0.0.5:443", &["db.example.com"]);
    let mut wide = set(&["**.example.com:443", "10.0.0.0/8:443", "10.0.0.5:443"]);
    for pattern in WILDCARDS {
        wide.grant(CONNECT, pattern).unwrap();
    }
    let says = "network.connect of `10.0.0.5:443 (db.example.com)` denied: 10.0.0.5 is private, \
                and no address or CIDR of the operator's policy covers it";
    // The component's own patterns are not the operator's.
    assert_eq!(wide.check_target(CONNECT, &private).to_string(), says);
    let mut wildcards = set(&["**.example.com:443"]);
    for pattern in WILDCARDS {
        wildcards.grant(CONNECT, pattern).unwrap();
    }
    for set in [wildcards.clone().by_operator(), wide.clone().restricted_by("policy", &wildcards)] {
        assert_eq!(set.check_target(CONNECT, &private).to_string(), says);
        assert_eq!(set.check_target(CONNECT, &private).denied_by(), None);
        let text = set.check(CONNECT, "10.0.0.5:443").to_string();
        assert_eq!(text, says.replace(" (db.example.com)", ""));
    }
    for cover in ["10.0.0.5:443", "10.0.0.5:*", "10.0.0.0/8:443", "10.0.0.5/32:443", "0.0.0.0/0:*"]
    {
        let policy = set(&[cover]);
        let by_policy = wildcards.clone().restricted_by("policy", &policy);
        assert!(by_policy.check_target(CONNECT, &private).is_allowed(), "{cover}");
        assert!(by_policy.check(CONNECT, "10.0.0.5:443").is_allowed(), "{cover}");
        assert!(policy.clone().by_operator().check_target(CONNECT, &private).is_allowed());
        // A list that does not cover it must match it as well, and one that covers it suffices.
        let three = by_policy.restricted_by("another", &set(&["**.example.com:443"]));
        assert!(three.check_target(CONNECT, &private).is_allowed(), "{cover}");
        assert!(!three.check_target(CONNECT, &target("10.0.0.5:443", &[])).is_allowed(), "{cover}");
    }
    for other in ["10.0.0.5:444", "10.0.0.6:443", "11.0.0.0/8:443", "[::/0]:443"] {
        let set = wildcards.clone().restricted_by("policy", &set(&["**", other]));
        assert_eq!(set.check_target(CONNECT, &private).to_string(), says, "{other}");
    }
}

#[test]
fn the_address_inside_must_be_covered() {
    let policy = set(&["10.0.0.0/8:443", "[2600::/16]:443"]).by_operator();
    for (address, allowed) in [
        ("[::ffff:10.0.0.5]:443", true),
        ("[64:ff9b::10.0.0.5]:443", true),
        ("[2002:a00:5::9]:443", true),
        ("[2600::5efe:10.0.0.5]:443", true),
        ("[2600::5efe:8.8.8.8]:443", true),
        ("[2600::5efe:192.168.0.5]:443", false),
        ("[2601::5efe:10.0.0.5]:443", false),
        ("[2002:c0a8:5::9]:443", false),
        ("[::ffff:192.168.0.5]:443", false),
        ("[2002:a00:5::5efe:192.168.0.5]:443", false),
        ("[2002:a00:5::5efe:10.0.0.6]:443", true),
    ] {
        assert_eq!(reaches(&policy, address, &[]), allowed, "{address}");
        assert_eq!(policy.check(CONNECT, address).is_allowed(), allowed, "{address}");
    }
    let names = set(&["**"]).by_operator();
    for (address, says) in [
        ("[::ffff:10.0.0.5]:443", "10.0.0.5 is private"),
        ("[2002:a9fe:a9fe::]:80", "169.254.169.254 is a metadata service"),
        ("[2600::5efe:127.0.0.1]:80", "127.0.0.1 is loopback"),
        ("[fe80::5efe:10.0.0.1]:80", "fe80::5efe:a00:1 is link-local"),
        ("[::]:80", ":: is unspecified"),
        ("0.0.0.0:80", "0.0.0.0 is unspecified"),
        ("224.0.0.1:80", "224.0.0.1 is multicast"),
    ] {
        let expected =
            format!("denied: {says}, and no address or CIDR of the operator's policy covers it");
        let decision = names.check(CONNECT, address).to_string();
        assert!(decision.ends_with(&expected), "{decision}");
    }
}

#[test]
fn a_special_address_may_be_bound_and_listened_at_by_any_pattern() {
    for permission in [Permission::NetworkBind, Permission::NetworkListen] {
        for pattern in ["**", "127.*.0.1:80", "**:80", "127.0.0.0/8:*"] {
            let set = of(permission, &[pattern]);
            assert!(set.check_target(permission, &target("127.0.0.1:80", &[])).is_allowed());
            assert!(set.check(permission, "127.0.0.1:80").is_allowed(), "{pattern}");
            assert!(!set.check(CONNECT, "127.0.0.1:80").is_allowed(), "{pattern}");
        }
    }
}

#[test]
fn an_answer_of_a_look_up_is_asked_about_with_some_port() {
    let address: IpAddr = "10.0.0.5".parse().unwrap();
    let answer = NetworkTarget::at_some_port(address).known_as("db.example.com");
    assert_eq!(answer.as_str(), "10.0.0.5 (db.example.com)");
    assert_eq!(answer.address(), SocketAddr::new(address, 0));
    let asked = set(&["db.example.com:5432"]);
    let policy = asked.clone().restricted_by("policy", &set(&["10.0.0.0/8:5432"]));
    assert!(policy.check_target(CONNECT, &answer).is_allowed());
    assert_eq!(
        asked.check_target(CONNECT, &answer).to_string(),
        "network.connect of some port of `10.0.0.5 (db.example.com)` denied: 10.0.0.5 is private, \
         and no address or CIDR of the operator's policy covers it"
    );
    // Port 0 itself is no wildcard.
    assert!(!reaches(&policy, "10.0.0.5:0", &["db.example.com"]));
}

#[test]
fn a_mark_of_the_operator_stays_with_the_set() {
    let cover = set(&["10.0.0.0/8:443"]);
    let marked = cover.clone().by_operator();
    assert_ne!(marked, cover);
    assert!(marked.bind("a").unwrap().check(CONNECT, "10.0.0.5:443").is_allowed());
    let restricted = marked.clone().restricted_by("policy", &set(&["**"]));
    assert!(restricted.bind("a").unwrap().check(CONNECT, "10.0.0.5:443").is_allowed());
    let mut kept = marked.clone();
    kept.retain(|_, _| true);
    kept.grant(CONNECT, "a:1").unwrap();
    assert!(kept.check(CONNECT, "10.0.0.5:443").is_allowed());
    // Those of a restriction are the operator's, whichever set it comes from.
    let restricted = set(&["**"]).restricted_by("policy", &cover);
    let restriction = restricted.restrictions().map(|(_, set)| set).next();
    assert_eq!(restriction, Some(marked));
}

#[test]
fn a_question_about_the_network_is_not_one_of_another_domain() {
    let mut set = set(&["**"]);
    set.grant(Permission::FilesystemRead, "**").unwrap();
    let public = target("93.184.216.34:443", &[]);
    for decision in [
        set.check_name(Permission::FilesystemRead, "a.b"),
        set.check_target(Permission::FilesystemRead, &public),
    ] {
        assert_eq!(decision.denial(), Some(Denial::NotOfNetwork));
        let says = "denied: the permission is not one of the network";
        assert!(decision.to_string().ends_with(says), "{decision}");
    }
    let nothing = CapabilitySet::new();
    assert_eq!(nothing.check_target(CONNECT, &public).denial(), Some(Denial::NothingGranted));
    assert_eq!(nothing.check_name(CONNECT, "").denial(), Some(Denial::NothingGranted));
}

#[test]
fn a_target_has_each_name_once_and_at_most_16_of_them() {
    let names = ["A.example.com.", "a.example.com", "127.1", "b c", "", "b.example.com", "[::1]"];
    let two = target("[fe80::1%3]:443", &names);
    assert_eq!(two.as_str(), "[fe80::1%3]:443 (a.example.com, b.example.com)");
    assert_eq!(two.to_string(), two.as_str());
    assert_eq!(format!("{two:?}"), format!("NetworkTarget({:?})", two.as_str()));
    assert_eq!(target("1.1.1.1:1", &[]).as_str(), "1.1.1.1:1");

    let many: Vec<String> = (0..17).map(|index| format!("n{index}.com")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(reaches(&set(&["n15.com:443"]), "1.1.1.1:443", &many));
    assert!(!reaches(&set(&["n16.com:443"]), "1.1.1.1:443", &many));
}

#[test]
fn a_list_made_to_be_slow_is_not_for_a_target_with_many_names() {
    // Each pattern is compared with each name; a search that backtracks would not end.
    let mut list = CapabilitySet::new();
    for index in 0..16 {
        list.grant(CONNECT, &format!("**.{}x.**.c:{}", "*a*a*a.**.".repeat(8), index + 1)).unwrap();
    }
    let label = "a".repeat(60);
    let names: Vec<String> =
        (10..26).map(|i| format!("{label}{i}.{label}.{label}.{label}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let three = list.clone().restricted_by("two", &list).restricted_by("three", &list);
    assert!(!reaches(&three, "93.184.216.34:1", &names));
}
