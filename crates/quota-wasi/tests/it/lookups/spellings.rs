//! Addresses in text, in place of names.

use core::net::IpAddr;

use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode;

use super::{ips, quota};
use crate::guest::Guest;
use crate::host::limits;
use crate::resolver::Teller;

/// Spellings of special addresses that a resolver or a browser reads, with the address.
const SPELLINGS: [(&str, &str); 52] = [
    ("127.0.0.1", "127.0.0.1"),
    ("127.0.0.1.", "127.0.0.1"),
    ("127.1", "127.0.0.1"),
    ("127.0.1", "127.0.0.1"),
    ("127.255.255.254", "127.255.255.254"),
    ("2130706433", "127.0.0.1"),
    ("0x7f000001", "127.0.0.1"),
    ("0X7F000001", "127.0.0.1"),
    ("0x7f.0.0.1", "127.0.0.1"),
    ("0x7f.1", "127.0.0.1"),
    ("0x7f.0x0.0x0.0x1", "127.0.0.1"),
    ("017700000001", "127.0.0.1"),
    ("0177.0.0.1", "127.0.0.1"),
    ("0177.1", "127.0.0.1"),
    ("00000177.0.0.1", "127.0.0.1"),
    ("127.0.0.01", "127.0.0.1"),
    ("%31%32%37.0.0.1", "127.0.0.1"),
    ("127%2e0%2e0%2e1", "127.0.0.1"),
    ("１２７.0.0.1", "127.0.0.1"),
    ("127。0。0。1", "127.0.0.1"),
    ("127．0．0．1", "127.0.0.1"),
    ("①②⑦.0.0.①", "127.0.0.1"),
    ("0", "0.0.0.0"),
    ("0.0.0.0", "0.0.0.0"),
    ("0x0", "0.0.0.0"),
    ("10.0.0.1", "10.0.0.1"),
    ("10.1", "10.0.0.1"),
    ("167772161", "10.0.0.1"),
    ("012.0.0.1", "10.0.0.1"),
    ("172.16.0.1", "172.16.0.1"),
    ("192.168.1.1", "192.168.1.1"),
    ("192.168.257", "192.168.1.1"),
    ("3232235777", "192.168.1.1"),
    ("100.64.0.1", "100.64.0.1"),
    ("169.254.169.254", "169.254.169.254"),
    ("2852039166", "169.254.169.254"),
    ("0xa9fea9fe", "169.254.169.254"),
    ("0251.0376.0251.0376", "169.254.169.254"),
    ("169.254.43518", "169.254.169.254"),
    ("224.0.0.1", "224.0.0.1"),
    ("255.255.255.255", "255.255.255.255"),
    ("::1", "::1"),
    ("[::1]", "::1"),
    ("0:0:0:0:0:0:0:1", "::1"),
    ("[0000:0000::0001]", "::1"),
    ("::", "::"),
    ("::ffff:127.0.0.1", "127.0.0.1"),
    ("[::ffff:7f00:1]", "127.0.0.1"),
    ("::ffff:a9fe:a9fe", "169.254.169.254"),
    ("fe80::1", "fe80::1"),
    ("fd00:ec2::254", "fd00:ec2::254"),
    ("64:ff9b::7f00:1", "64:ff9b::7f00:1"),
];

#[tokio::test]
async fn an_address_in_text_is_decided_on_as_the_address_and_never_looked_up() {
    let teller = Teller::default();
    let everything = quota(&["**"], &teller);
    let mut guest = Guest::on_network(&everything, limits()).await;
    for (spelling, _) in SPELLINGS {
        assert_eq!(guest.look_up(spelling).await, Err(ErrorCode::AccessDenied), "{spelling}");
    }
    for spelling in
        ["2002:7f00:1::", "[2002:a9fe:a9fe::1]", "::127.0.0.1", "ff02::1", "2001:db8::1"]
    {
        assert_eq!(guest.look_up(spelling).await, Err(ErrorCode::AccessDenied), "{spelling}");
    }
    for spelling in ["8.8.8.8", "134744072", "0x08.010.8.8", "::ffff:8.8.8.8"] {
        assert_eq!(guest.look_up(spelling).await, Ok(ips(&["8.8.8.8"])), "{spelling}");
    }
    assert!(teller.asked().is_empty());
}

#[tokio::test]
async fn an_address_in_text_that_the_operator_names_is_itself() {
    let teller = Teller::default();
    for (spelling, address) in SPELLINGS {
        let address: IpAddr = address.parse().unwrap();
        let pattern =
            if address.is_ipv4() { format!("{address}:80") } else { format!("[{address}]:80") };
        if address.is_unspecified() || spelling.starts_with("64:") {
            continue;
        }
        let mut guest = Guest::on_network(&quota(&[&pattern], &teller), limits()).await;
        assert_eq!(guest.look_up(spelling).await, Ok(vec![address]), "{spelling}");
    }
    assert!(teller.asked().is_empty());
}

#[tokio::test]
async fn what_no_resolver_reads_is_no_address() {
    let mut guest = Guest::on_network(&quota(&["**"], &Teller::default()), limits()).await;
    for spelling in [
        "256.0.0.1",
        "1.2.3.4.5",
        "127.0.0.0x100000000",
        "0x100000000",
        "[127.0.0.1]",
        "[::1",
        "::1]",
        "fe80::1%eth0",
        "[fe80::1%25eth0]",
        "127.0.0.1:80",
        "127.0.0.1/8",
        " 127.0.0.1",
        "127.0.0.1\n",
        "-1",
    ] {
        let found = guest.look_up(spelling).await;
        // `-1` is a name, of which nothing is known.
        let expected =
            if spelling == "-1" { ErrorCode::NameUnresolvable } else { ErrorCode::InvalidArgument };
        assert_eq!(found, Err(expected), "{spelling:?}");
    }
}
