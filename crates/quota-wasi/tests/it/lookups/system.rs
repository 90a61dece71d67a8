//! The system's resolver, beside plain wasmtime-wasi.

use quota_enforce::QuotaRegistry;
use quota_wasi::WasiQuota;

use crate::guest::Guest;
use crate::host::limits;
use crate::network::connecting;

#[tokio::test]
async fn a_guest_gets_the_answers_that_it_gets_under_plain_wasmtime_wasi() {
    let allowed = ["localhost:*", "nowhere.invalid:*", "127.0.0.0/8:*", "[::1]:*", "8.8.8.8:*"];
    let component = QuotaRegistry::new().register(connecting(&allowed)).unwrap();
    let quota = WasiQuota::builder(component).udp().build().unwrap();
    let mut guest = Guest::on_network(&quota, limits()).await;
    let mut plain = Guest::plain_on_network().await;
    for name in [
        "localhost",
        "LocalHost",
        "localhost.",
        "nowhere.invalid",
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "8.8.8.8",
        "::1",
        "[::1]",
        "0:0:0:0:0:0:0:1",
        "",
        "a b",
        "1.2.3.4.5",
        "256.1.1.1",
        "[::1",
        "fe80::1%1",
        "localhost:80",
        "http://localhost",
    ] {
        let (found, expected) = (guest.look_up(name).await, plain.look_up(name).await);
        assert_eq!(found, expected, "{name}");
    }
    assert!(guest.look_up("localhost").await.unwrap()[0].is_loopback());
}
