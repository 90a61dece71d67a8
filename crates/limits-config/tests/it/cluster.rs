//! `[cluster]`: every key, every mistake with its place.

use std::path::Path;

use limits_config::{ClusterTable, ComponentConfig, ConfigErrorKind as Kind, Policy};
use limits_core::{QuotaResource, StoreLoss};

use crate::MINIMAL;

const URL: &str = "[cluster]\nurl = \"redis://127.0.0.1:6379\"\n";

fn cluster(text: &str) -> ClusterTable {
    Policy::from_toml(text).unwrap().cluster().unwrap().clone()
}

/// Checks keys below `[cluster]` and its `url`, which have two lines.
fn table(rows: &[(&str, Kind, &str)]) {
    for (more, kind, error) in rows {
        let refused = Policy::from_toml(&format!("{URL}{more}")).expect_err(more);
        assert_eq!(refused.to_string(), *error, "{more}");
        assert_eq!(refused.kind(), *kind, "{more}");
    }
}

#[test]
fn a_policy_without_the_table_shares_nothing() {
    assert_eq!(Policy::from_toml("").unwrap().cluster(), None);
    assert_eq!(Policy::default().cluster(), None);
}

#[test]
fn an_address_is_enough() {
    let cluster = cluster(URL);
    assert_eq!(cluster.url(), Some("redis://127.0.0.1:6379"));
    assert_eq!(cluster.sentinels().count(), 0);
    assert_eq!((cluster.master(), cluster.username()), (None, None));
    assert_eq!((cluster.password_file(), cluster.ca_file()), (None, None));
    assert_eq!(cluster.prefix(), "wasm-limits:");
    assert_eq!((cluster.max_hosts(), cluster.wait_replicas()), (16, 0));
    assert!(cluster.shares_components() && !cluster.shares_host() && !cluster.has_tls());
    for resource in QuotaResource::ALL {
        assert_eq!(cluster.on_store_loss(*resource), StoreLoss::Closed);
    }
}

#[test]
fn each_key_is_read() {
    let cluster = cluster(
        r#"
        [cluster]
        sentinels = ["rediss://10.0.0.7:26379", "rediss://10.0.0.8:26379"]
        master = "quotas"
        username = "limits"
        password_file = "/etc/secret"
        ca_file = "ca.pem"
        prefix = "p:"
        max_hosts = 3
        wait_replicas = 2
        share = ["host", "component"]
        on_store_loss = "open"
        [host]
        message_rate = 1
        "#,
    );
    let sentinels: Vec<&str> = cluster.sentinels().collect();
    assert_eq!(sentinels, ["rediss://10.0.0.7:26379", "rediss://10.0.0.8:26379"]);
    assert_eq!((cluster.url(), cluster.master()), (None, Some("quotas")));
    assert_eq!(cluster.username(), Some("limits"));
    assert_eq!(cluster.password_file(), Some(Path::new("/etc/secret")));
    assert_eq!(cluster.ca_file(), Some(Path::new("ca.pem")));
    assert_eq!(cluster.prefix(), "p:");
    assert_eq!((cluster.max_hosts(), cluster.wait_replicas()), (3, 2));
    assert!(cluster.shares_components() && cluster.shares_host() && cluster.has_tls());
    assert_eq!(cluster.on_store_loss(QuotaResource::CpuTime), StoreLoss::Open);
}

#[test]
fn a_rule_for_the_loss_of_the_store_is_one_word_or_one_for_each_rate() {
    let rules = |text: &str| {
        let cluster = cluster(&format!("{URL}on_store_loss = {text}"));
        [QuotaResource::MessageRate, QuotaResource::NetworkBandwidth, QuotaResource::CpuTime]
            .map(|rate| cluster.on_store_loss(rate))
    };
    assert_eq!(rules("\"closed\""), [StoreLoss::Closed; 3]);
    assert_eq!(rules("\"share\""), [StoreLoss::Share; 3]);
    assert_eq!(rules("\"open\""), [StoreLoss::Open; 3]);
    assert_eq!(
        rules("{ message_rate = \"share\", network_bandwidth = \"closed\", cpu_time = \"open\" }"),
        [StoreLoss::Share, StoreLoss::Closed, StoreLoss::Open]
    );
    // A rate that the table does not name has the default.
    assert_eq!(
        rules("{ cpu_time = \"open\" }"),
        [StoreLoss::Closed, StoreLoss::Closed, StoreLoss::Open]
    );
}

#[test]
fn paths_of_a_file_begin_at_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.toml");
    let text = "[cluster]\nurl = \"rediss://a\"\npassword_file = \"p\"\nca_file = \"/ca.pem\"";
    std::fs::write(&file, text).unwrap();
    let policy = Policy::from_file(&file).unwrap();
    let cluster = policy.cluster().unwrap();
    assert_eq!(cluster.password_file(), Some(&*folder.path().join("p")));
    assert_eq!(cluster.ca_file(), Some(Path::new("/ca.pem")));
}

#[test]
fn the_store_must_be_named() {
    let refused = |text: &str| Policy::from_toml(text).unwrap_err().to_string();
    assert_eq!(
        refused("\n[cluster]\nprefix = \"a\""),
        "line 2, column 1: missing key `cluster.url`: the store, such as `url = \
         \"redis://127.0.0.1:6379\"`"
    );
    assert_eq!(
        refused("cluster.sentinels = [\"redis://a\"]"),
        "line 1, column 1: missing key `cluster.master`: the name of the primary that `sentinels` \
         know"
    );
}

#[test]
fn unknown_keys_name_the_nearest_one() {
    const KEYS: &str = "(expected one of url, sentinels, master, username, password_file, \
                        ca_file, prefix, max_hosts, wait_replicas, share, on_store_loss)";
    table(&[
        (
            "prefx = \"a\"",
            Kind::UnknownKey,
            &format!(
                "line 3, column 1: unknown key `cluster.prefx`: did you mean `prefix`? {KEYS}"
            ),
        ),
        (
            "password = \"hunter2\"",
            Kind::UnknownKey,
            &format!(
                "line 3, column 1: unknown key `cluster.password`: did you mean \
                 `password_file`? {KEYS}"
            ),
        ),
        (
            "on_store_loss = { messages = \"open\" }",
            Kind::UnknownKey,
            "line 3, column 19: unknown key `cluster.on_store_loss.messages`: write \
             `message_rate` (expected one of message_rate, network_bandwidth, cpu_time)",
        ),
        (
            "on_store_loss = { storage = \"open\" }",
            Kind::UnknownKey,
            "line 3, column 19: unknown key `cluster.on_store_loss.storage`: storage and memory \
             are counted on each host, and are not shared (expected one of message_rate, \
             network_bandwidth, cpu_time)",
        ),
    ]);
}

#[test]
fn values_are_pointed_at() {
    table(&[
        (
            "max_hosts = 0",
            Kind::InvalidValue,
            "line 3, column 13: `cluster.max_hosts`: 0 hosts are out of range: 1 to 10000",
        ),
        (
            "max_hosts = \"3\"",
            Kind::WrongType,
            "line 3, column 13: `cluster.max_hosts`: expected a whole number from 0 to 4294967295, \
             found string \"3\"",
        ),
        (
            "max_hosts = 10001",
            Kind::InvalidValue,
            "line 3, column 13: `cluster.max_hosts`: 10001 hosts are out of range: 1 to 10000",
        ),
        (
            "wait_replicas = 17",
            Kind::InvalidValue,
            "line 3, column 17: `cluster.wait_replicas`: 17 replicas are out of range: 0 to 16",
        ),
        (
            "prefix = \"a{b\"",
            Kind::InvalidValue,
            "line 3, column 10: `cluster.prefix`: `a{b` is not a prefix: 1 to 64 printable ASCII \
             characters other than space, braces and quotes",
        ),
        (
            "prefix = 5",
            Kind::WrongType,
            "line 3, column 10: `cluster.prefix`: expected a text, such as \"wasm-limits:\", found \
             integer `5`",
        ),
        (
            "username = \"a b\"",
            Kind::InvalidValue,
            "line 3, column 12: `cluster.username`: `a b` is not a name: 1 to 256 bytes without \
             spaces",
        ),
        (
            "password_file = \"\"",
            Kind::InvalidValue,
            "line 3, column 17: `cluster.password_file`: a path cannot be empty",
        ),
        (
            "ca_file = \"a\\u0007\"",
            Kind::InvalidValue,
            "line 3, column 11: `cluster.ca_file`: `a\\u{7}` has a hidden character",
        ),
        (
            "share = \"host\"",
            Kind::WrongType,
            "line 3, column 9: `cluster.share`: expected an array of \"component\" and \"host\", \
             found string \"host\"",
        ),
        (
            "share = []",
            Kind::InvalidValue,
            "line 3, column 9: `cluster.share`: nothing is shared: name \"component\" or \"host\", \
             or remove the table",
        ),
        (
            "share = [\"component\", \"hosts\"]",
            Kind::InvalidValue,
            "line 3, column 23: `cluster.share[1]`: `hosts` cannot be shared: expected component \
             or host",
        ),
        (
            "share = [\"host\", \"host\"]",
            Kind::InvalidValue,
            "line 3, column 18: `cluster.share[1]`: `host` is listed twice",
        ),
        (
            "on_store_loss = \"opn\"",
            Kind::InvalidValue,
            "line 3, column 17: `cluster.on_store_loss`: `opn` is not known: expected closed, \
             share or open",
        ),
        (
            "on_store_loss = { cpu_time = \"\" }",
            Kind::InvalidValue,
            "line 3, column 30: `cluster.on_store_loss.cpu_time`: `` is not known: expected \
             closed, share or open",
        ),
        (
            "on_store_loss = 1",
            Kind::WrongType,
            "line 3, column 17: `cluster.on_store_loss`: expected \"closed\", \"share\" or \
             \"open\", or a table of these words by rate, found integer `1`",
        ),
        (
            "on_store_loss.cpu_time = 1",
            Kind::WrongType,
            "line 3, column 26: `cluster.on_store_loss.cpu_time`: expected \"closed\", \"share\" \
             or \"open\", found integer `1`",
        ),
    ]);
}

#[test]
fn addresses_are_pointed_at() {
    let refused = |text: &str| Policy::from_toml(&format!("[cluster]\n{text}")).unwrap_err();
    assert_eq!(
        refused("url = \"localhost:6379\"").to_string(),
        "line 2, column 7: `cluster.url`: `localhost:6379` is not an address of a store: \
         redis://HOST:PORT, rediss://HOST:PORT with TLS, or unix:///PATH of a socket"
    );
    let secret = refused("url = \"redis://:hunter2@a\"").to_string();
    assert_eq!(
        secret,
        "line 2, column 7: `cluster.url`: an address has no user and no password here: write the \
         keys `username` and `password_file`"
    );
    for (list, error) in [
        ("[]", "line 2, column 13: `cluster.sentinels`: the list is empty"),
        (
            "[\"redis://a\", \"redis://a\"]",
            "line 2, column 13: `cluster.sentinels`: `redis://a` is listed twice",
        ),
        (
            "[\"redis://a\", \"rediss://b\"]",
            "line 2, column 13: `cluster.sentinels`: some sentinels have TLS and some have not",
        ),
        (
            "[\"redis://a/1\"]",
            "line 2, column 14: `cluster.sentinels[0]`: `redis://a/1` is not an address of a \
             sentinel, such as redis://10.0.0.7:26379",
        ),
    ] {
        assert_eq!(refused(&format!("sentinels = {list}")).to_string(), error);
    }
    let many: Vec<String> = (0..17).map(|n| format!("\"redis://a{n}\"")).collect();
    let error = refused(&format!("sentinels = [{}]", many.join(", "))).to_string();
    assert!(error.ends_with("17 sentinels are too many: at most 16"), "{error}");
}

#[test]
fn settings_that_contradict_each_other_name_both() {
    table(&[
        (
            "sentinels = [\"redis://a\"]\nmaster = \"m\"",
            Kind::Conflict,
            "line 3, column 13: `cluster.sentinels` know the address of the store: remove \
             `cluster.url` on line 2",
        ),
        (
            "master = \"m\"",
            Kind::Conflict,
            "line 3, column 10: `cluster.master` is a name among sentinels: write \
             `cluster.sentinels` in place of `cluster.url` on line 2",
        ),
        (
            "username = \"u\"",
            Kind::Conflict,
            "line 3, column 12: `cluster.username` needs a `password_file` in `[cluster]` on \
             line 1",
        ),
        (
            "ca_file = \"ca.pem\"",
            Kind::Conflict,
            "line 3, column 11: `cluster.ca_file` is for TLS: write `rediss://` in the address on \
             line 2",
        ),
        (
            "share = [\"host\"]\n[host]\nmemory = \"1GiB\"",
            Kind::Conflict,
            "line 3, column 9: `cluster.share` names `host`, and `[host]` has no rate: give it \
             one, or take `host` out of `[cluster]` on line 1",
        ),
        (
            "share = [\"host\"]\n[host]\nmessage_rate = 20\nperiod = \"61s\"",
            Kind::Conflict,
            "line 6, column 10: `host.period` of 61s is not between 100ms and 60s, and [cluster] \
             shares the rates that are counted in it on line 3",
        ),
    ]);
    // A rate that is not shared may have any period.
    cluster(&format!("{URL}[host]\nmessage_rate = 20\nperiod = \"61s\""));
}

#[test]
fn a_shared_rate_of_a_component_is_counted_in_100_ms_to_60_s() {
    let refused = |share: &str, quota: &str| {
        let policy =
            Policy::from_toml(&format!("{URL}share = {share}\n[host]\ncpu_time = \"1ms/s\""));
        let policy = policy.unwrap();
        let config = ComponentConfig::from_toml(&format!("{MINIMAL}[quota]\n{quota}")).unwrap();
        let effective = policy.apply(&config, &config.component.name, None);
        policy.cluster().unwrap().check_component(&effective.quota())
    };
    let component = "[\"component\"]";
    for period in ["100ms", "1s", "60s"] {
        assert_eq!(refused(component, &format!("period = \"{period}\"")), Ok(()));
    }
    for (period, shown) in [("99ms", "99ms"), ("61s", "61s")] {
        let period = format!("period = \"{period}\"");
        assert_eq!(
            refused(component, &period).unwrap_err().to_string(),
            format!(
                "`quota.period` of {shown} is not between 100ms and 60s, and [cluster] shares the \
                 rates that are counted in it"
            )
        );
        assert_eq!(refused("[\"host\"]", &period), Ok(()));
        let unlimited = "message_rate = \"unlimited\"\nnetwork_bandwidth = \"unlimited\"\n\
                         cpu_time = \"unlimited\"";
        assert_eq!(refused(component, &format!("{period}\n{unlimited}")), Ok(()));
    }
}

#[test]
fn the_cluster_is_the_operators_alone() {
    let refused = ComponentConfig::from_toml(&format!("{MINIMAL}[cluster]\n")).unwrap_err();
    assert!(refused.to_string().contains("`[cluster]` is the operator's"), "{refused}");
    for table in ["ceiling", "component.x"] {
        let refused = Policy::from_toml(&format!("[{table}.cluster]\n")).unwrap_err();
        assert!(refused.to_string().contains("`[cluster]` stands by itself"), "{refused}");
    }
}
