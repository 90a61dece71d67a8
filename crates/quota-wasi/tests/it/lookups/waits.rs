//! Look-ups that take long.

use core::time::Duration;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use limits_core::ResourceLimitsBuilder;
use quota_enforce::QuotaRegistry;
use quota_wasi::{NameLookup, Resolver, Resolving, WasiQuota, WasiQuotaBuilder};
use tokio::task::JoinSet;
use tokio::time::Instant;
use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode;

use super::ips;
use crate::guest::Guest;
use crate::host::limits;
use crate::network::connecting;
use crate::resolver::{Teller, Told};

const MS: Duration = Duration::from_millis(1);

/// A component that may look up everything.
fn anything(resolver: impl Resolver + 'static) -> WasiQuotaBuilder {
    let component = QuotaRegistry::new().register(connecting(&["**"])).unwrap();
    WasiQuota::builder(component).tcp().resolver(resolver)
}

fn teller() -> Teller {
    let good = ["93.184.216.34"];
    let slow = Told::After(MS * 100, ips(&good));
    let teller = Teller::default().tell("good.example", &good).answer("slow.example", slow);
    teller.answer("never.example", Told::Never)
}

fn in_time(millis: u64) -> ResourceLimitsBuilder {
    limits().connect_timeout_ms(millis)
}

#[tokio::test(start_paused = true)]
async fn a_look_up_that_is_not_answered_in_time_fails() {
    // I65.
    let quota = anything(teller()).build().unwrap();
    let mut guest = Guest::on_network(&quota, in_time(1_500)).await;
    let start = Instant::now();
    let failed = guest.look_up("never.example").await;
    assert_eq!(failed, Err(ErrorCode::TemporaryResolverFailure));
    let took = start.elapsed();
    assert!((MS * 1_500..MS * 1_510).contains(&took), "{took:?}");
    let start = Instant::now();
    assert_eq!(guest.look_up("slow.example").await, Ok(ips(&["93.184.216.34"])));
    assert!(start.elapsed() >= MS * 100);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_look_ups_has_no_more_threads_than_the_component() {
    // I65: sixteen executions, each of which starts as many as it may.
    let quota = anything(teller()).max_blocking_threads(3).build().unwrap();
    let mut running = JoinSet::new();
    for _ in 0..16 {
        let quota = quota.clone();
        running.spawn(async move {
            let mut guest = Guest::on_network(&quota, in_time(1_500).max_lookups(20)).await;
            let mut started = Vec::new();
            while let Ok(lookup) = guest.start_lookup("never.example").await {
                started.push(lookup);
            }
            assert_eq!(started.len(), 20);
            for lookup in started {
                guest.wait_on("lookup-subscribe", lookup).await;
                let failed = guest.next_address(lookup).await;
                assert_eq!(failed, Err(ErrorCode::TemporaryResolverFailure));
                // And again.
                let failed = guest.next_address(lookup).await;
                assert_eq!(failed, Err(ErrorCode::TemporaryResolverFailure));
            }
        });
    }
    running.join_all().await;
    assert_eq!(quota.peak_blocking_threads(), 3);
    let mut guest = Guest::on_network(&quota, limits()).await;
    assert!(guest.look_up("good.example").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_look_up_that_is_dropped_gives_its_thread_up() {
    // I66: with its handle, and with its store.
    let quota = anything(teller()).max_blocking_threads(1).build().unwrap();
    let mut waiting = Guest::on_network(&quota, limits()).await;
    let start = Instant::now();
    for with_store in [false, true] {
        let mut guest = Guest::on_network(&quota, limits()).await;
        let never = guest.start_lookup("never.example").await.unwrap();
        let good = waiting.start_lookup("good.example").await.unwrap();
        assert_eq!(waiting.next_address(good).await, Err(ErrorCode::WouldBlock));
        if with_store {
            drop(guest);
        } else {
            guest.drop_any(never).await;
        }
        waiting.wait_on("lookup-subscribe", good).await;
        let found = waiting.next_address(good).await;
        assert_eq!(found, Ok(Some("93.184.216.34".parse().unwrap())));
        assert_eq!(waiting.next_address(good).await, Ok(None));
    }
    assert!(start.elapsed() < MS * 100);
}

#[tokio::test(start_paused = true)]
async fn a_look_up_goes_on_while_the_guest_does_something_else() {
    // I66: it holds the one thread until it is answered, not until the guest asks for the answer.
    let quota = anything(teller()).max_blocking_threads(1).build().unwrap();
    let mut idle = Guest::on_network(&quota, limits()).await;
    let lookups = [
        idle.start_lookup("slow.example").await.unwrap(),
        idle.start_lookup("slow.example").await.unwrap(),
    ];
    let mut guest = Guest::on_network(&quota, limits()).await;
    let start = Instant::now();
    assert!(guest.look_up("good.example").await.is_ok());
    let took = start.elapsed();
    assert!((MS * 200..MS * 300).contains(&took), "{took:?}");
    for lookup in lookups {
        assert!(idle.next_address(lookup).await.unwrap().is_some());
    }
}

/// A resolver that blocks its thread until a test lets it go.
struct Blocker(Arc<Mutex<Receiver<()>>>);

impl Blocker {
    fn new() -> (Self, Sender<()>) {
        let (go, wait) = channel();
        (Self(Arc::new(Mutex::new(wait))), go)
    }
}

impl Resolver for Blocker {
    fn resolve<'a>(&'a self, lookup: &'a NameLookup) -> Resolving<'a> {
        let wait = Arc::clone(&self.0);
        Box::pin(lookup.block(move |name| {
            assert_ne!(name, "panic.example", "the resolver has a mistake");
            if name == "stuck.example" {
                // Ended by the test, which drops its end at the latest.
                let _let_go = wait.lock().unwrap().recv();
            }
            Ok(vec![[93, 184, 216, 34].into()])
        }))
    }
}

#[tokio::test]
async fn a_thread_that_is_stuck_counts_until_it_ends() {
    // I65: though the look-up failed long ago, and its store is gone.
    let (resolver, go) = Blocker::new();
    let quota = anything(resolver).max_blocking_threads(1).build().unwrap();
    // The thread has to have begun by then.
    let mut guest = Guest::on_network(&quota, in_time(500)).await;
    let failed = guest.look_up("stuck.example").await;
    assert_eq!(failed, Err(ErrorCode::TemporaryResolverFailure));
    drop(guest);
    let mut guest = Guest::on_network(&quota, in_time(20)).await;
    let failed = guest.look_up("good.example").await;
    assert_eq!(failed, Err(ErrorCode::TemporaryResolverFailure));
    drop(go);
    let mut guest = Guest::on_network(&quota, limits()).await;
    assert!(guest.look_up("good.example").await.is_ok());
    assert_eq!(quota.peak_blocking_threads(), 1);
}

#[tokio::test]
async fn a_resolver_that_panics_knows_no_address_and_gives_its_thread_up() {
    let (resolver, _go) = Blocker::new();
    let quota = anything(resolver).max_blocking_threads(1).build().unwrap();
    let mut guest = Guest::on_network(&quota, limits()).await;
    assert_eq!(guest.look_up("panic.example").await, Err(ErrorCode::NameUnresolvable));
    assert!(guest.look_up("good.example").await.is_ok());
}
