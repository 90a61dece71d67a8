//! Takes messages of one shared quota as fast as it can, and prints how many it got in each second.
//!
//! Start a server and this program in several shells: together they get 1 000 a second.
//!
//! ```sh
//! redis-server --port 6379 --save ''
//! cargo run -p quota-cluster --example share -- redis://127.0.0.1:6379
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

use core::error::Error;
use core::time::Duration;
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use limits_core::{CapabilitySet, QuotaType, ResourceQuota};
use quota_cluster::{Cluster, ClusterSettings, RedisSettings, RedisStore};
use quota_enforce::{QuotaRegistry, SecurityContext};

const SECONDS: u64 = 10;
/// More than a new key of this period needs.
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match share().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn share() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| String::from("redis://127.0.0.1:6379"));
    let store = RedisStore::new(RedisSettings::new(url))?;
    let cluster = Cluster::start(store, ClusterSettings::default());
    let registry = QuotaRegistry::builder().lessor(cluster.lessor()).build();
    let quota = ResourceQuota::new().with_message_rate(1_000);
    let shop =
        registry.register(SecurityContext::with_quota("shop", CapabilitySet::new(), quota))?;
    // Without a bound it would wait until there is a server.
    let Ok(ready) = tokio::time::timeout(PATIENCE, cluster.ready()).await else {
        return Err(cluster.status().last_error.map_or("no answer".into(), Into::into));
    };
    let ready = ready?;
    println!("waited {:?} until the quota was of age", ready.waited);

    let first = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() + 1;
    let mut second = first - 1;
    let mut granted = 0;
    while second < first + SECONDS {
        let deadline = Instant::now() + Duration::from_millis(100);
        if let Ok(message) = shop.reserve_wait(QuotaType::MessageRate(1), deadline).await {
            message.commit();
            granted += 1;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        if now != second {
            if second >= first {
                println!("second {second}: {granted} messages");
            }
            (second, granted) = (now, 0);
        }
    }
    let status = cluster.status();
    // Bandwidth and CPU time have limits by default, so they are shared, too.
    let (questions, rates) = (status.questions, status.keys.len());
    println!("{questions} questions for {rates} rates in {} round trips", status.round_trips);
    cluster.close().await;
    Ok(())
}
