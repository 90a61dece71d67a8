//! Executions that end in the middle of a request, and many at a time.

use core::time::Duration;
use std::sync::mpsc;

use limits_core::ResourceQuota;
use tokio::time::timeout;

use super::ask::Ask;
use super::server::{HELLO, Peer, Server};
use super::setup::{local, requester};
use crate::guest::Guest;
use crate::host::limits;
use crate::resolver::{Teller, Told};

/// Waits for what a server tells, while the runtime goes on.
async fn told<T: Send + 'static>(receiver: mpsc::Receiver<T>) -> T {
    let wait = move || receiver.recv_timeout(Duration::from_secs(30)).unwrap();
    tokio::task::spawn_blocking(wait).await.unwrap()
}

/// A server that runs a script, and tells once its client has gone.
fn watched(
    script: impl Fn(&mut Peer) -> std::io::Result<()> + Send + Sync + 'static,
) -> (Server, mpsc::Receiver<()>) {
    let (gone, is_gone) = mpsc::channel();
    let server = Server::run(move |peer| {
        let _ended = script(peer).and_then(|()| peer.until_gone());
        let _untold = gone.send(());
        Ok(())
    });
    (server, is_gone)
}

#[tokio::test]
async fn a_request_ends_with_its_execution_in_every_wait() {
    let no_answer = watched(|_| Ok(()));
    let no_body = watched(|peer| {
        peer.request()?;
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab")
    });
    let no_handshake = watched(|_| Ok(()));
    let asks = [
        (Ask::http(no_answer.0.address), no_answer.1),
        (Ask::http(no_body.0.address), no_body.1),
        (Ask::https(no_handshake.0.address), no_handshake.1),
    ];
    let quota = local();
    for (ask, is_gone) in asks {
        let mut guest = Guest::of_http(&quota, limits()).await;
        // The execution's deadline.
        assert!(timeout(Duration::from_millis(100), guest.fetch(ask)).await.is_err());
        drop(guest);
        told(is_gone).await;
    }
    let teller = Teller::default().answer("a.example", Told::Never);
    let builder = requester(&["a.example:80"], ResourceQuota::new()).resolver(teller);
    let quota = builder.build().unwrap();
    let mut guest = Guest::of_http(&quota, limits()).await;
    let looking_up = guest.fetch(Ask::http("a.example"));
    assert!(timeout(Duration::from_millis(100), looking_up).await.is_err());
}

#[tokio::test]
async fn what_waits_for_bandwidth_ends_with_its_execution() {
    let (server, is_gone) = watched(|peer| {
        peer.request()?;
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")?;
        peer.send(vec![0; 1_000_000])
    });
    let rate = ResourceQuota::new()
        .with_network_bandwidth(10_000_u64)
        .with_reset_period(Duration::from_secs(3_600));
    let quota = requester(&["127.0.0.1:*"], rate).build().unwrap();
    let mut guest = Guest::of_http(&quota, limits()).await;
    let waiting = guest.fetch(Ask::http(server.address));
    assert!(timeout(Duration::from_millis(200), waiting).await.is_err());
    let usage = guest.usage();
    drop(guest);
    told(is_gone).await;
    assert_eq!(
        quota.component().usage().network_bandwidth_used,
        usage.sent_bytes() + usage.received_bytes()
    );
}

#[tokio::test]
async fn connections_end_with_the_last_of_a_component() {
    let (gone, is_gone) = mpsc::channel();
    let server = Server::run(move |peer| {
        while peer.request()?.is_some() {
            peer.send(HELLO)?;
        }
        let _untold = gone.send(());
        Ok(())
    });
    let quota = local();
    let mut guest = Guest::of_http(&quota, limits()).await;
    assert_eq!(guest.fetch(Ask::http(server.address)).await.unwrap().status, 200);
    drop(guest);
    drop(quota);
    told(is_gone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_executions_of_two_components_get_their_own_answers() {
    let server = Server::run(|peer| {
        while let Some((head, _)) = peer.request()? {
            let path = head.split(' ').nth(1).unwrap().to_owned();
            let length = path.len();
            peer.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{path}"))?;
        }
        Ok(())
    });
    let address = server.address;
    let quotas = [local(), local()];
    let mut tasks = Vec::new();
    for number in 0..16 {
        let quota = quotas[number % 2].clone();
        tasks.push(tokio::spawn(async move {
            let mut guest = Guest::of_http(&quota, limits()).await;
            for turn in 0..10 {
                let path = format!("/{number}/{turn}");
                let answer = guest.fetch(Ask::http(address).path(&path)).await.unwrap();
                assert_eq!(answer.body, path.as_bytes());
            }
            let usage = guest.usage();
            (usage.requests(), usage.sent_bytes() + usage.received_bytes())
        }));
    }
    let (mut requests, mut moved) = (0, 0);
    for task in tasks {
        let (of_task, bytes) = task.await.unwrap();
        requests += of_task;
        moved += bytes;
    }
    let (sent, received) = server.bytes();
    assert_eq!((requests, server.requests().len(), moved), (160, 160, sent + received));
    assert!(server.connections() <= 16, "{}", server.connections());
}
