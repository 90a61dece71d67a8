//! Special addresses.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use limits_core::{SpecialAddress, special_address};
use proptest::prelude::*;

use SpecialAddress::{
    Benchmarking, Broadcast, Documentation, LinkLocal, Loopback, Metadata, Multicast, Private,
    Reserved, Shared, Unspecified,
};

/// The first and the last address of each range, those of a part behind those of the whole.
const RANGES: &[(&str, &str, SpecialAddress)] = &[
    ("0.0.0.0", "0.255.255.255", Unspecified),
    ("10.0.0.0", "10.255.255.255", Private),
    ("100.64.0.0", "100.127.255.255", Shared),
    ("127.0.0.0", "127.255.255.255", Loopback),
    ("169.254.0.0", "169.254.255.255", LinkLocal),
    ("172.16.0.0", "172.31.255.255", Private),
    ("192.0.0.0", "192.0.0.255", Reserved),
    ("192.0.2.0", "192.0.2.255", Documentation),
    ("192.88.99.0", "192.88.99.255", Reserved),
    ("192.168.0.0", "192.168.255.255", Private),
    ("198.18.0.0", "198.19.255.255", Benchmarking),
    ("198.51.100.0", "198.51.100.255", Documentation),
    ("203.0.113.0", "203.0.113.255", Documentation),
    ("224.0.0.0", "239.255.255.255", Multicast),
    ("240.0.0.0", "255.255.255.254", Reserved),
    ("255.255.255.255", "255.255.255.255", Broadcast),
    ("100.88.222.5", "100.88.222.5", Metadata),
    ("100.100.100.200", "100.100.100.200", Metadata),
    ("168.63.129.16", "168.63.129.16", Metadata),
    ("169.254.0.23", "169.254.0.23", Metadata),
    ("169.254.42.42", "169.254.42.42", Metadata),
    ("169.254.169.254", "169.254.169.254", Metadata),
    ("169.254.170.2", "169.254.170.2", Metadata),
    ("169.254.170.23", "169.254.170.23", Metadata),
    ("192.0.0.192", "192.0.0.192", Metadata),
    ("192.80.8.124", "192.80.8.124", Metadata),
    ("::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Reserved),
    ("4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Reserved),
    ("::", "::", Unspecified),
    ("::1", "::1", Loopback),
    ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", Private),
    ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", Reserved),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", Documentation),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", Documentation),
    ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Private),
    ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", LinkLocal),
    ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Private),
    ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Multicast),
    ("fd00:ec2::23", "fd00:ec2::23", Metadata),
    ("fd00:ec2::254", "fd00:ec2::254", Metadata),
    ("fd00:42::42", "fd00:42::42", Metadata),
    ("fd20:ce::254", "fd20:ce::254", Metadata),
    ("fe80::a9fe:a9fe", "fe80::a9fe:a9fe", Metadata),
];

fn read(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

/// The prefixes of addresses that are judged by the one inside, as bits.
fn inside(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = u128::from(address);
    let low = v4_of(bits);
    match bits >> 32 {
        0 if bits > 1 => return Some(low),
        0xffff | 0x0064_ff9b_0000_0000_0000_0000 => return Some(low),
        _ => {}
    }
    (bits >> 112 == 0x2002).then(|| v4_of(bits >> 80))
}

/// The address of the last 32 bits.
fn v4_of(bits: u128) -> Ipv4Addr {
    Ipv4Addr::from(u32::try_from(bits & 0xffff_ffff).expect("32 bits"))
}

/// The answer of the ranges above, the last first. Comparing both ends needs no prefix.
fn model(address: IpAddr) -> Option<SpecialAddress> {
    if let IpAddr::V6(v6) = address
        && let Some(inside) = inside(v6)
    {
        return model(IpAddr::V4(inside));
    }
    let ends = |(first, last, _): &&(&str, &str, SpecialAddress)| {
        let (first, last) = (read(first), read(last));
        first.is_ipv4() == address.is_ipv4() && (first..=last).contains(&address)
    };
    let of_itself = RANGES.iter().rev().find(ends).map(|(.., special)| *special);
    let IpAddr::V6(v6) = address else { return of_itself };
    of_itself.or_else(|| match v6.segments() {
        [.., flags, 0x5efe, _, _] if flags & !0x200 == 0 => model(IpAddr::V4(v4_of(v6.into()))),
        _ => None,
    })
}

fn step(address: IpAddr, up: bool) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => {
            let bits = u32::from(v4);
            let bits = if up { bits.checked_add(1) } else { bits.checked_sub(1) };
            bits.map(|bits| IpAddr::V4(bits.into()))
        }
        IpAddr::V6(v6) => {
            let bits = u128::from(v6);
            let bits = if up { bits.checked_add(1) } else { bits.checked_sub(1) };
            bits.map(|bits| IpAddr::V6(bits.into()))
        }
    }
}

#[test]
fn each_range_has_its_purpose_from_its_first_address_to_its_last() {
    for (first, last, special) in RANGES {
        let (first, last) = (read(first), read(last));
        for end in [first, last] {
            assert_eq!(special_address(end), model(end), "{end}");
        }
        if inside_of(first).is_none() && model(first) == Some(*special) {
            assert_eq!(special_address(first), Some(*special), "{first}");
        }
        for outside in [step(first, false), step(last, true)].into_iter().flatten() {
            assert_eq!(special_address(outside), model(outside), "{outside}");
        }
    }
}

fn inside_of(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => inside(address),
    }
}

#[test]
fn an_address_is_judged_by_the_one_inside() {
    for (text, special) in [
        ("::ffff:10.0.0.1", Some(Private)),
        ("::ffff:8.8.8.8", None),
        ("::127.0.0.1", Some(Loopback)),
        ("::8.8.8.8", None),
        ("64:ff9b::169.254.169.254", Some(Metadata)),
        ("64:ff9b::8.8.8.8", None),
        ("2002:a9fe:a9fe::", Some(Metadata)),
        ("2002:c0a8:101:ffff::9", Some(Private)),
        ("2002:808:808::1", None),
        ("2002:a83f:8110::", Some(Metadata)),
        // The end of a tunnel.
        ("2600::5efe:192.168.0.1", Some(Private)),
        ("2600:1:2:3:200:5efe:127.0.0.1", Some(Loopback)),
        ("2600::5efe:8.8.8.8", None),
        ("2600::300:5efe:127.0.0.1", None),
        ("2002:808:808::5efe:10.0.0.1", Some(Private)),
        ("fe80::5efe:8.8.8.8", Some(LinkLocal)),
        // Others with an address inside are special, whatever it is.
        ("64:ff9b:1::8.8.8.8", Some(Private)),
        ("::ffff:0:8.8.8.8", Some(Reserved)),
        ("2001:0:808:808::1", Some(Reserved)),
    ] {
        assert_eq!(special_address(read(text)), special, "{text}");
    }
}

#[test]
fn public_addresses_are_not_special() {
    for text in [
        "1.1.1.1",
        "8.8.8.8",
        "11.0.0.0",
        "93.184.216.34",
        "100.63.255.255",
        "168.63.129.15",
        "192.0.1.0",
        "192.88.98.255",
        "223.255.255.255",
        "2000::",
        "2001:200::",
        "2606:2800:220:1:248:1893:25c8:1946",
        "2001:4860:4860::8888",
        "3ffe:ffff::",
        "3fff:1000::",
    ] {
        assert_eq!(special_address(read(text)), None, "{text}");
    }
}

#[test]
fn the_text_of_a_purpose_fits_behind_is() {
    let all = [
        (Benchmarking, "for benchmarking"),
        (Broadcast, "broadcast"),
        (Documentation, "for documentation"),
        (LinkLocal, "link-local"),
        (Loopback, "loopback"),
        (Metadata, "a metadata service"),
        (Multicast, "multicast"),
        (Private, "private"),
        (Reserved, "reserved"),
        (Shared, "shared"),
        (Unspecified, "unspecified"),
    ];
    for (special, text) in all {
        assert_eq!((special.to_string().as_str(), special.as_str()), (text, text));
    }
}

/// Any address, and often one near the end of a range.
fn any_address() -> impl Strategy<Value = IpAddr> {
    let near = (0..RANGES.len(), any::<bool>(), 0_u8..16, any::<bool>()).prop_map(
        |(index, last, distance, up)| {
            let (first, end, _) = RANGES[index];
            let mut near = read(if last { end } else { first });
            for _ in 0..distance {
                near = step(near, up).unwrap_or(near);
            }
            near
        },
    );
    let embed = (0_usize..5, any::<u32>(), any::<u64>()).prop_map(|(form, v4, rest)| {
        let (v4, rest) = (u128::from(v4), u128::from(rest));
        IpAddr::V6(Ipv6Addr::from(match form {
            0 => 0xffff << 32 | v4,
            1 => v4,
            2 => 0x0064_ff9b << 96 | v4,
            3 => 0x2002 << 112 | v4 << 80 | rest,
            _ => 0x2600 << 112 | (rest & 0xffff_ffff) << 80 | 0x5efe << 32 | v4,
        }))
    });
    prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::V4(bits.into())),
        any::<u128>().prop_map(|bits| IpAddr::V6(bits.into())),
        near,
        embed,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn an_address_is_special_if_and_only_if_it_is_in_a_range(address in any_address()) {
        prop_assert_eq!(special_address(address), model(address), "{}", address);
    }

    #[test]
    fn a_mapped_address_is_judged_as_the_address_itself(bits in any::<u32>()) {
        let v4 = Ipv4Addr::from(bits);
        let mapped = IpAddr::V6(v4.to_ipv6_mapped());
        prop_assert_eq!(special_address(mapped), special_address(IpAddr::V4(v4)));
    }
}
