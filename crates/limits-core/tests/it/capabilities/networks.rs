//! Patterns of networks, in CIDR notation.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use limits_core::{Domain, Pattern};
use proptest::prelude::*;

use super::{matches, refusal};

const NET: Domain = Domain::Network;

fn check(pattern: &str, yes: &[&str], no: &[&str]) {
    for resource in yes {
        assert!(matches(NET, pattern, resource), "{pattern} must match {resource}");
    }
    for resource in no {
        assert!(!matches(NET, pattern, resource), "{pattern} must not match {resource}");
    }
}

#[test]
fn a_network_matches_the_addresses_that_begin_with_its_bits() {
    check(
        "10.0.0.0/8:443",
        &["10.0.0.0:443", "10.255.255.255:443", "[::ffff:10.1.2.3]:443", "[64:ff9b::a01:203]:443"],
        &["9.255.255.255:443", "11.0.0.0:443", "10.0.0.1:444", "10.com:443", "[a00::]:443"],
    );
    check("172.16.0.0/12:*", &["172.31.255.255:1"], &["172.32.0.0:1", "172.15.255.255:1"]);
    check("192.0.2.1/32:1", &["192.0.2.1:1"], &["192.0.2.0:1", "192.0.2.2:1"]);
    check("192.0.2.0/31:1", &["192.0.2.0:1", "192.0.2.1:1"], &["192.0.2.2:1"]);
    check("0.0.0.0/0:1", &["0.0.0.0:1", "255.255.255.255:1"], &["[2600::1]:1", "a:1", "a:1"]);
    check("128.0.0.0/1:1", &["128.0.0.0:1"], &["127.255.255.255:1"]);
    check(
        "[2001:db8::/32]:443",
        &["[2001:db8::]:443", "[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:443"],
        &["[2001:db7:ffff::]:443", "[2001:db9::]:443", "32.1.13.184:443"],
    );
    check("[2600::1/128]:1", &["[2600::1]:1"], &["[2600::]:1", "[2600::2]:1"]);
    check("[2600::/127]:*", &["[2600::]:9", "[2600::1]:1"], &["[2600::2]:1"]);
    check("[::/0]:1", &["[::]:1", "[ffff::]:1"], &["1.2.3.4:1", "[::ffff:1.2.3.4]:1", "a:1"]);
}

#[test]
fn an_address_with_an_ipv4_address_inside_is_matched_by_that_one() {
    check(
        "10.0.0.5:443",
        &[
            "[::ffff:10.0.0.5]:443",
            "[::FFFF:A00:5]:443",
            "[::10.0.0.5]:443",
            "[64:ff9b::10.0.0.5]:443",
            "[2002:a00:5::]:443",
            "[2002:a00:5:1:2:3:4:5]:443",
        ],
        // The owner of 2600::/16 chose the end of the last.
        &["[64:ff9b:1::10.0.0.5]:443", "[::ffff:0:10.0.0.5]:443", "[2600::5efe:10.0.0.5]:443"],
    );
    check("10.0.*.5:443", &["[::ffff:10.0.9.5]:443", "[2002:a00:905::]:443"], &["[::]:443"]);
    check("0.0.0.*:1", &["[::2]:1"], &["[::]:1", "[::1]:1"]);
    check("[::]:1", &["[::]:1"], &["0.0.0.0:1", "[::1]:1"]);
    check("[::1]:1", &["[::1]:1"], &["0.0.0.1:1", "127.0.0.1:1"]);
    check("[2600:0:0:0:0:5efe:*:*]:1", &["[2600::5efe:10.0.0.5]:1"], &["10.0.0.5:1"]);
}

#[test]
fn a_text_that_is_not_a_network_is_refused_with_the_reason() {
    let network = "not a network: expected one such as `10.0.0.0/8` with at most 32 bits, or \
                   `[2001:db8::/32]` with at most 128";
    let bits =
        |meant: &str| format!("the address has bits behind its prefix, the network is `{meant}`");
    let inside = |v4: &str| {
        format!("an address with an IPv4 address inside is judged by that one: write `{v4}`")
    };
    let host = "the host is neither a name nor an address: expected letters, digits, `-`, `_`, `*` \
                and `<id>` between dots";
    let address = "not an address: expected four numbers up to 255, or an IPv6 address in \
                   brackets, where `*` is a whole group and `**` the last";
    let port = "the port must be a number from 1 to 65535, or `*`";
    for (pattern, problem) in [
        ("10.0.0.1/8:443", bits("10.0.0.0/8")),
        ("192.168.1.77/26:*", bits("192.168.1.64/26")),
        ("10.0.0.1/0:1", bits("0.0.0.0/0")),
        ("[2001:db8::1/32]:443", bits("[2001:db8::/32]")),
        ("[2001:db8:ffff::/33]:443", bits("[2001:db8:8000::/33]")),
        ("[::ffff:10.0.0.0/104]:1", inside("10.0.0.0/8")),
        ("[::ffff:0:0/96]:1", inside("0.0.0.0/0")),
        ("[::ffff:10.0.0.5/128]:1", inside("10.0.0.5")),
        ("[::10.0.0.5]:1", inside("10.0.0.5")),
        ("[64:ff9b::/96]:1", inside("0.0.0.0/0")),
        ("[64:ff9b::7f00:1]:1", inside("127.0.0.1")),
        ("[2002::/16]:1", inside("0.0.0.0/0")),
        ("[2002:a00::/24]:1", inside("10.0.0.0/8")),
        ("[2002:7f00:1::/48]:1", inside("127.0.0.1")),
        ("[2002:7f00:1::5]:1", inside("127.0.0.1")),
        ("10.0.0.0/8", String::from(port)),
        ("[2001:db8::/32]", String::from(port)),
        ("10.0.0.0/33:1", String::from(network)),
        ("10.0.0.0/08:1", String::from(network)),
        ("10.0.0.0/+8:1", String::from(network)),
        ("10.0.0.0/-1:1", String::from(network)),
        ("10.0.0.0/:1", String::from(network)),
        ("10.0.0.0/8/8:1", String::from(network)),
        ("10.0.0.0/255.0.0.0:1", String::from(network)),
        ("10.0.0/8:1", String::from(network)),
        ("10/8:1", String::from(network)),
        ("10.*.0.0/8:1", String::from(network)),
        ("10.**/8:1", String::from(network)),
        ("010.0.0.0/8:1", String::from(network)),
        ("[2001:db8::/129]:1", String::from(network)),
        ("[2001:db8::/]:1", String::from(network)),
        ("[2001:db8::]/32:1", String::from(network)),
        ("[2001:db8:*/32]:1", String::from(network)),
        ("[10.0.0.0/8]:1", String::from(network)),
        ("2001:db8::/32:1", String::from(network)),
        ("[fe80::1%eth0/64]:1", String::from(network)),
        ("[fe80::1%eth0]:1", String::from(address)),
        ("example.com/24:1", String::from(host)),
        ("https://example.com:443", String::from(host)),
        ("a/b:80", String::from(host)),
    ] {
        assert_eq!(
            refusal(NET, pattern),
            format!("network pattern `{pattern}` refused: {problem}")
        );
    }
}

/// The first `bits` of an address of `width` bits, as text of ones and zeros.
fn prefix(address: u128, width: usize, bits: usize) -> String {
    format!("{address:0width$b}")[..bits].to_string()
}

fn v6() -> impl Strategy<Value = Ipv6Addr> {
    // Outside the ranges that are judged by the address inside.
    any::<u128>()
        .prop_map(|bits| Ipv6Addr::from(bits | 1 << 126))
        .prop_filter("6to4", |address| address.segments()[0] != 0x2002)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_network_matches_exactly_its_addresses(
        base in any::<u32>(),
        bits in 0_usize..=32,
        flips in proptest::collection::vec(0_u32..32, 0..3),
        port in any::<u16>(),
    ) {
        let kept = base.checked_shr(32 - u32::try_from(bits).unwrap()).unwrap_or(0);
        let base = kept.checked_shl(32 - u32::try_from(bits).unwrap()).unwrap_or(0);
        let address = flips.iter().fold(base, |address, bit| address ^ (1 << bit));
        let text = format!("{}/{bits}:*", Ipv4Addr::from(base));
        let pattern = Pattern::new(NET, &text).unwrap();
        prop_assert_eq!(pattern.to_string(), text.clone());
        let target = SocketAddr::new(IpAddr::V4(Ipv4Addr::from(address)), port).to_string();
        let inside = prefix(base.into(), 32, bits) == prefix(address.into(), 32, bits);
        prop_assert_eq!(pattern.matches(&target), Ok(inside), "{} {}", text, target);
    }

    #[test]
    fn a_network_of_ipv6_matches_exactly_its_addresses(
        address in v6(),
        bits in 0_usize..=128,
        flips in proptest::collection::vec(0_u32..126, 0..3),
    ) {
        let all = u128::from(address);
        let below = u32::try_from(128 - bits).unwrap();
        let base = all.checked_shr(below).unwrap_or(0).checked_shl(below).unwrap_or(0);
        let other = flips.iter().fold(all, |address, bit| address ^ (1 << bit));
        prop_assume!(Ipv6Addr::from(other).segments()[0] != 0x2002);
        let text = format!("[{}/{bits}]:7", Ipv6Addr::from(base));
        let Ok(pattern) = Pattern::new(NET, &text) else {
            // Only a network within 2002::/16 is refused.
            prop_assert!(Ipv6Addr::from(base).segments()[0] == 0x2002);
            return Ok(());
        };
        let target = format!("[{}]:7", Ipv6Addr::from(other));
        let inside = prefix(base, 128, bits) == prefix(other, 128, bits);
        prop_assert_eq!(pattern.matches(&target), Ok(inside), "{} {}", text, target);
    }

    #[test]
    fn an_error_about_bits_names_the_network_that_has_the_address(
        address in any::<u32>(),
        bits in 0_u8..=32,
    ) {
        let address = Ipv4Addr::from(address);
        let text = format!("{address}/{bits}:443");
        let Err(error) = Pattern::new(NET, &text) else { return Ok(()) };
        let says = error.to_string();
        let meant = says.rsplit('`').nth(1).unwrap();
        let meant = Pattern::new(NET, &format!("{meant}:443")).unwrap();
        prop_assert_eq!(meant.matches(&format!("{address}:443")), Ok(true));
    }
}
