//! The policy file.

use limits_config::Policy;

use crate::corpus::{Corpus, texts};
use crate::targets::component_toml::{WORDS, points_into};

pub(crate) fn run(bytes: &[u8]) -> bool {
    let Ok(text) = core::str::from_utf8(bytes) else { return false };
    match Policy::from_toml(text) {
        Ok(policy) => {
            let compile = policy.compile();
            assert!((1..=64).contains(&compile.budget().workers));
            assert!(policy.host().settings().count() > 0);
            if let Some(cluster) = policy.cluster() {
                let mut addresses = cluster.url().into_iter().chain(cluster.sentinels()).peekable();
                assert!(addresses.peek().is_some(), "a store");
                assert!(addresses.all(|address| !address.contains('@')), "no secret");
                assert!(cluster.max_hosts() > 0);
                assert!(cluster.shares_components() || cluster.shares_host());
            }
            true
        }
        Err(error) => points_into(text, &error),
    }
}

pub(crate) fn corpus() -> Corpus {
    let policies = [
        "[host]\nmemory = \"4GiB\"\ncpu_time = \"3000ms/s\"\nperiod = \"1s\"\n",
        "[ceiling.resources]\nmemory.max_bytes = \"256MiB\"\ncpu = { max_fuel = 1, timeout_ms = 2 }\n\
         [ceiling.quota]\nstorage = \"1GB\"\n[ceiling.capabilities]\nfilesystem.read = [\"/app/**\"]\n",
        "[compile]\nmax_functions = 10\nmemory = \"1GiB\"\nworkers = 4\n",
        "[cluster]\nurl = \"redis://[::1]:6379/1\"\npassword_file = \"p\"\nmax_hosts = 3\n\
         share = [\"component\"]\non_store_loss = { cpu_time = \"open\" }\n",
        "[cluster]\nsentinels = [\"rediss://a:26379\"]\nmaster = \"m\"\nwait_replicas = 2\n",
        "[component.\"a\"]\nsha256 = \
         \"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"\n\
         [component.\"a\".quota]\nmessage_rate = \"unlimited\"\n",
    ];
    texts(&policies, WORDS, 4_096)
}
