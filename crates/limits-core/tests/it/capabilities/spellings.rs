//! Spellings of special addresses that attackers of other programs have used. Each is refused, or
//! read as the address that it means, which is refused.

use core::net::SocketAddr;

use limits_core::{
    CapabilitySet, Denial, NetworkTarget, Permission, ResourceError, SpecialAddress,
};

use SpecialAddress::{
    Documentation, LinkLocal, Loopback, Metadata, Multicast, Private, Reserved, Shared, Unspecified,
};

const CONNECT: Permission = Permission::NetworkConnect;

/// A set that allows all names, and addresses as far as patterns without a literal address can:
/// written by component and operator alike.
fn generous() -> CapabilitySet {
    let mut set = CapabilitySet::new();
    for pattern in ["**", "*.*.*.*:*", "10.**:*", "127.0.0.*:*", "[**]:*", "*:*", "**.*:*"] {
        set.grant(CONNECT, pattern).expect("a pattern");
    }
    set.clone().by_operator().restricted_by("policy.toml [ceiling]", &set)
}

/// Texts that are addresses, and the purpose by which they are refused.
const ADDRESSES: &[(&str, SpecialAddress)] = &[
    ("127.0.0.1", Loopback),
    ("127.255.255.254", Loopback),
    ("0.0.0.0", Unspecified),
    ("0.0.0.1", Unspecified),
    ("10.0.0.1", Private),
    ("172.16.0.1", Private),
    ("192.168.0.1", Private),
    ("100.64.0.1", Shared),
    ("169.254.1.1", LinkLocal),
    ("169.254.169.254", Metadata),
    ("169.254.170.2", Metadata),
    ("100.100.100.200", Metadata),
    ("192.0.0.192", Metadata),
    ("168.63.129.16", Metadata),
    ("192.80.8.124", Metadata),
    ("224.0.0.1", Multicast),
    ("240.0.0.1", Reserved),
    ("192.0.2.1", Documentation),
    ("255.255.255.255", SpecialAddress::Broadcast),
    ("[::]", Unspecified),
    ("[::1]", Loopback),
    ("[0:0:0:0:0:0:0:1]", Loopback),
    ("[0000:0000:0000:0000:0000:0000:0000:0001]", Loopback),
    ("[::ffff:127.0.0.1]", Loopback),
    ("[::FFFF:7F00:1]", Loopback),
    ("[0:0:0:0:0:ffff:127.0.0.1]", Loopback),
    ("[::127.0.0.1]", Loopback),
    ("[::7f00:1]", Loopback),
    ("[::ffff:0:127.0.0.1]", Reserved),
    ("[::ffff:169.254.169.254]", Metadata),
    ("[::ffff:a9fe:a9fe]", Metadata),
    ("[64:ff9b::7f00:1]", Loopback),
    ("[64:ff9b::169.254.169.254]", Metadata),
    ("[64:ff9b:1::10.0.0.1]", Private),
    ("[2002:7f00:1::]", Loopback),
    ("[2002:7f00:0001::1]", Loopback),
    ("[2002:a9fe:a9fe::]", Metadata),
    ("[2001:0:7f00:1::]", Reserved),
    ("[2600::5efe:127.0.0.1]", Loopback),
    ("[2600::200:5efe:10.0.0.1]", Private),
    ("[fe80::1]", LinkLocal),
    ("[fe80::a9fe:a9fe]", Metadata),
    ("[fec0::1]", Private),
    ("[fc00::1]", Private),
    ("[fd00:ec2::254]", Metadata),
    ("[FD00:EC2::254]", Metadata),
    ("[fd20:ce::254]", Metadata),
    ("[ff02::1]", Multicast),
    ("[100::1]", Reserved),
    ("[2001:db8::1]", Documentation),
];

/// Texts that other programs read as 127.0.0.1, 169.254.169.254 or a host behind them, and that are
/// neither names nor addresses.
const NEITHER: &[&str] = &[
    "2130706433",
    "02130706433",
    "0x7f000001",
    "0X7F000001",
    "017700000001",
    "0x7f.1",
    "0x7f.0x0.0x0.0x1",
    "0177.0.0.1",
    "0177.0.0.01",
    "00000177.0.0.1",
    "127.1",
    "127.0.1",
    "127.0.0.01",
    "127.000.000.001",
    "127.0.0.1.",
    "127.0.0.1..",
    "127.0.0.0x1",
    "127.0.0.256",
    "256.0.0.1",
    "0",
    "0.",
    "0x",
    "1.1.1.1.1",
    "a.1",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "425.510.425.510",
    "127。0。0。1",
    "127．0．0．1",
    "１２７.０.０.１",
    "①②⑦.⓪.⓪.①",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "localhost%00",
    "127.0.0.1%00",
    "%31%32%37.0.0.1",
    "127%2e0%2e0%2e1",
    "user@127.0.0.1",
    "user:pass@10.0.0.1",
    "example.com@127.0.0.1",
    "127.0.0.1#example.com",
    "127.0.0.1/example.com",
    "127.0.0.1\\@example.com",
    "example.com\0.127.0.0.1",
    "127.0.0.1\t",
    " 127.0.0.1",
    "127.0.0.1\r\n",
    "::1",
    "::ffff:127.0.0.1",
    "[::1",
    "::1]",
    "[[::1]]",
    "[127.0.0.1]",
    "[::1%eth0]",
    "[fe80::1%1]",
    "[fe80::1%25eth0]",
    "[::1]%eth0",
    "[::ffff:127.0.0.256]",
    "[::ffff:0x7f.0.0.1]",
    "[v1.127.0.0.1]",
    "[]",
    "",
    ".",
    "..",
    "a..b",
    ".a",
];

/// Names of which an attacker may choose, or know, the address.
const NAMES: &[(&str, &str)] = &[
    ("localhost", "127.0.0.1"),
    ("LOCALHOST.", "[::1]"),
    ("localhost.localdomain", "127.0.0.1"),
    ("ip6-localhost", "[::1]"),
    ("metadata.google.internal", "169.254.169.254"),
    ("Metadata.Google.Internal.", "[fd20:ce::254]"),
    ("metadata", "169.254.169.254"),
    ("instance-data.ec2.internal", "169.254.169.254"),
    ("metadata.packet.net", "192.80.8.124"),
    ("kubernetes.default.svc", "10.96.0.1"),
    ("127.0.0.1.nip.example", "127.0.0.1"),
    ("7f000001.rebind.example", "[::ffff:127.0.0.1]"),
    ("xn--127-.example", "[64:ff9b::a00:1]"),
    ("a9fea9fe", "[2002:a9fe:a9fe::]"),
];

#[test]
fn an_address_however_it_is_spelled_is_refused_for_its_purpose() {
    let set = generous();
    for (text, purpose) in ADDRESSES {
        let resource = format!("{text}:80");
        let denial = set.check(CONNECT, &resource).denial();
        let found = match denial {
            Some(Denial::Special { purpose, .. }) => Some(purpose),
            _ => None,
        };
        assert_eq!(found, Some(*purpose), "{text}: {denial:?}");
        let address: SocketAddr = resource.parse().unwrap();
        assert_eq!(set.check_target(CONNECT, &NetworkTarget::new(address)).denial(), denial);
        let named = NetworkTarget::new(address).known_as("example.com");
        assert_eq!(set.check_target(CONNECT, &named).denial(), denial);
        // An address is not looked up, with brackets or without.
        for text in [text, text.trim_matches(['[', ']'])] {
            let denial = set.check_name(CONNECT, text).denial();
            assert_eq!(denial, Some(Denial::InvalidResource(ResourceError::Name)), "{text}");
        }
    }
}

#[test]
fn a_text_that_other_programs_read_as_an_address_is_neither_a_name_nor_an_address() {
    let set = generous();
    for text in NEITHER {
        for resource in [format!("{text}:80"), format!("{text}.:80"), text.to_ascii_uppercase()] {
            let decision = set.check(CONNECT, &resource);
            let is_invalid = matches!(decision.denial(), Some(Denial::InvalidResource(_)));
            assert!(is_invalid, "{resource:?}: {decision}");
        }
        let decision = set.check_name(CONNECT, text);
        let is_invalid = matches!(decision.denial(), Some(Denial::InvalidResource(_)));
        assert!(is_invalid, "{text:?}: {decision}");
    }
}

#[test]
fn a_name_may_be_looked_up_and_leads_to_no_special_address() {
    let set = generous();
    for (name, address) in NAMES {
        assert!(set.check_name(CONNECT, name).is_allowed(), "{name}");
        let address: SocketAddr = format!("{address}:80").parse().unwrap();
        for target in [NetworkTarget::new(address), NetworkTarget::at_some_port(address.ip())] {
            let target = target.known_as(name);
            let denial = set.check_target(CONNECT, &target).denial();
            assert!(matches!(denial, Some(Denial::Special { .. })), "{name}: {denial:?}");
        }
    }
}

#[test]
fn ports_have_one_spelling() {
    let set = generous();
    for port in ["", "080", "+80", "-1", "65536", "0x50", "http", "80 ", "８０", "80:80"] {
        let resource = format!("example.com:{port}");
        let denial = set.check(CONNECT, &resource).denial();
        assert!(matches!(denial, Some(Denial::InvalidResource(_))), "{resource}: {denial:?}");
    }
}
