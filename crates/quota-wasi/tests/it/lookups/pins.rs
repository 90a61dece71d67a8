//! Addresses that may be reached because they were given for a name, met by real datagrams.

use core::net::SocketAddr;

use quota_enforce::{QuotaRegistry, SecurityContext};
use quota_wasi::WasiQuota;
use tokio::net::UdpSocket;
use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode;

use super::{connect, ips};
use crate::guest::Guest;
use crate::host::limits;
use crate::network::Answered;
use crate::resolver::Teller;

/// Components that ask for names only, below a policy of names and of the host's own addresses: an
/// address of the host is reached only by a name.
struct World {
    registry: QuotaRegistry,
    teller: Teller,
    port: u16,
    _peer: UdpSocket,
}

impl World {
    async fn new(teller: Teller) -> Self {
        let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = peer.local_addr().unwrap().port();
        Self { registry: QuotaRegistry::new(), teller, port, _peer: peer }
    }

    fn component(&self, id: &str) -> WasiQuota {
        let asked = format!("{id}.example:{}", self.port);
        let policy = connect(&["*.example:*", "127.0.0.0/8:*"]);
        let set = connect(&[&asked]).restricted_by("policy", &policy);
        let component = self.registry.register(SecurityContext::new(id, set)).unwrap();
        WasiQuota::builder(component).udp().resolver(self.teller.clone()).build().unwrap()
    }

    fn at(&self, address: &str) -> SocketAddr {
        SocketAddr::new(address.parse().unwrap(), self.port)
    }
}

impl Guest {
    async fn tries(&mut self, to: SocketAddr) -> Answered<()> {
        let udp = self.datagrams().await;
        let sent = self.send(udp.outgoing, b"?", Some(to)).await.map(|_| ());
        self.close_datagrams(udp).await;
        let udp = self.datagrams_at("0.0.0.0:0", Some(to)).await;
        assert_eq!(udp.as_ref().map(|_| ()).map_err(|code| *code), sent);
        if let Ok(udp) = udp {
            self.close_datagrams(udp).await;
        }
        sent
    }
}

const DENIED: Answered<()> = Err(ErrorCode::AccessDenied);

#[tokio::test]
async fn an_address_is_reached_once_it_was_given_for_a_name() {
    // I63.
    let world = World::new(Teller::default().tell("a.example", &["127.0.0.1", "8.8.8.8"])).await;
    let quota = world.component("a");
    let mut guest = Guest::on_network(&quota, limits()).await;
    assert_eq!(guest.tries(world.at("127.0.0.1")).await, DENIED);
    assert_eq!(guest.look_up("a.example").await, Ok(ips(&["127.0.0.1", "8.8.8.8"])));
    assert_eq!(guest.tries(world.at("127.0.0.1")).await, Ok(()));
    // Not another address, nor another port.
    assert_eq!(guest.tries(world.at("127.0.0.2")).await, DENIED);
    let mut elsewhere = world.at("127.0.0.1");
    elsewhere.set_port(world.port ^ 1);
    assert_eq!(guest.tries(elsewhere).await, DENIED);
}

#[tokio::test]
async fn names_of_one_execution_are_not_those_of_another() {
    // I60: another execution of the component, and another component.
    let teller =
        Teller::default().tell("a.example", &["127.0.0.1"]).tell("b.example", &["127.0.0.2"]);
    let world = World::new(teller).await;
    let (a, b) = (world.component("a"), world.component("b"));
    let mut one = Guest::on_network(&a, limits()).await;
    assert!(one.look_up("a.example").await.is_ok());
    assert_eq!(one.look_up("b.example").await, Err(ErrorCode::AccessDenied));
    let mut two = Guest::on_network(&a, limits()).await;
    let mut other = Guest::on_network(&b, limits()).await;
    assert!(other.look_up("b.example").await.is_ok());
    assert_eq!(one.tries(world.at("127.0.0.1")).await, Ok(()));
    assert_eq!(two.tries(world.at("127.0.0.1")).await, DENIED);
    assert_eq!(other.tries(world.at("127.0.0.1")).await, DENIED);
    assert_eq!(other.tries(world.at("127.0.0.2")).await, Ok(()));
    assert_eq!(one.tries(world.at("127.0.0.2")).await, DENIED);
}

#[tokio::test]
async fn a_name_that_is_answered_anew_opens_nothing_that_it_may_not_and_closes_nothing() {
    // I60: rebinding, to the host itself, to a private address, and back.
    let teller = Teller::default()
        .tell("a.example", &["127.0.0.1"])
        .tell("a.example", &["10.0.0.1"])
        .tell("a.example", &["169.254.169.254", "192.168.0.1"])
        .tell("a.example", &["127.0.0.3"]);
    let world = World::new(teller).await;
    let mut guest = Guest::on_network(&world.component("a"), limits()).await;
    assert_eq!(guest.look_up("a.example").await, Ok(ips(&["127.0.0.1"])));
    for _ in 0..2 {
        assert_eq!(guest.look_up("a.example").await, Err(ErrorCode::AccessDenied));
    }
    for address in ["10.0.0.1", "169.254.169.254", "192.168.0.1"] {
        assert_eq!(guest.tries(world.at(address)).await, DENIED, "{address}");
    }
    assert_eq!(guest.look_up("a.example").await, Ok(ips(&["127.0.0.3"])));
    assert_eq!(guest.tries(world.at("127.0.0.1")).await, Ok(()));
    assert_eq!(guest.tries(world.at("127.0.0.3")).await, Ok(()));
}

#[tokio::test]
async fn a_revocation_closes_what_a_name_has_opened() {
    let world = World::new(Teller::default().tell("a.example", &["127.0.0.1"])).await;
    let quota = world.component("a");
    let mut guest = Guest::on_network(&quota, limits()).await;
    assert!(guest.look_up("a.example").await.is_ok());
    let udp = guest.datagrams_at("0.0.0.0:0", Some(world.at("127.0.0.1"))).await.unwrap();
    assert_eq!(guest.send(udp.outgoing, b"?", None).await, Ok(1));
    world.registry.set_capabilities("a", &connect(&["b.example:*", "127.0.0.0/8:1"])).unwrap();
    assert_eq!(guest.send(udp.outgoing, b"?", None).await, Err(ErrorCode::AccessDenied));
    assert_eq!(guest.look_up("a.example").await, Err(ErrorCode::AccessDenied));
    // The name that it has is allowed again.
    world.registry.set_capabilities("a", &connect(&["a.example:*", "127.0.0.0/8:1"])).unwrap();
    assert_eq!(guest.send(udp.outgoing, b"?", None).await, Err(ErrorCode::AccessDenied));
    world.registry.set_capabilities("a", &connect(&["a.example:*", "127.0.0.0/8:*"])).unwrap();
    assert_eq!(guest.send(udp.outgoing, b"?", None).await, Ok(1));
}

#[tokio::test]
async fn an_address_of_many_names_is_reached_by_each() {
    let names: Vec<String> = (0..40).map(|name| format!("{name}.example")).collect();
    let told = |teller: Teller, name: &String| teller.tell(name, &["127.0.0.1"]);
    let world = World::new(names.iter().fold(Teller::default(), told)).await;
    let policy = connect(&["*.example:*", "127.0.0.0/8:*"]);
    let asked = connect(&["*.example:1", &format!("39.example:{}", world.port)]);
    let set = asked.restricted_by("policy", &policy);
    let component = world.registry.register(SecurityContext::new("c", set)).unwrap();
    let builder = WasiQuota::builder(component).udp().resolver(world.teller.clone());
    let mut guest = Guest::on_network(&builder.build().unwrap(), limits()).await;
    for name in &names {
        assert_eq!(guest.tries(world.at("127.0.0.1")).await, DENIED, "{name}");
        assert!(guest.look_up(name).await.is_ok());
    }
    assert_eq!(guest.tries(world.at("127.0.0.1")).await, Ok(()));
}
