//! The ceilings of the policy's `[host]`, over all runs of a component together.

use serde_json::{Value, json};

use crate::command::{Case, Ended, ROOMY, ended};
use crate::guests::{LIBRARY, holder};
use crate::quota::ms;

const PAGE: u64 = 65_536;

/// Runs a call `count` times at once, by a component whose quotas nothing meets, under a policy.
fn at_once(case: &Case, policy: &str, call: &str, count: u32) -> (Ended, Value) {
    case.write("policy.toml", policy);
    let count = count.to_string();
    let args = ["--invoke", call, "--policy", "policy.toml", "--repeat", &count, "--parallel"];
    case.json(&[&args[..], &[&count]].concat())
}

fn case(timeout_ms: &str, quota: &str, component: &str) -> Case {
    let limits = ROOMY.replace("60_000", timeout_ms);
    Case::new(&format!("{limits}[quota]\nmemory = \"unlimited\"\n{quota}"), component)
}

#[test]
fn an_instance_that_the_host_has_no_room_for_is_refused_by_the_parent() {
    let case = case("60_000", "cpu_time = \"unlimited\"\n", &holder(0));
    let (ended, json) = at_once(&case, "[host]\nmemory = 100_000\n", "hold()", 2);
    assert_eq!((ended.code, &json["outcome"]), (Some(68), &json!("quota_exceeded")), "{ended:?}");
    let message = "the parent's memory quota of 100000 bytes exceeded: 65536 used, 65536 more \
                   requested; retry after a release (the parent is the policy's [host])";
    assert_eq!(
        json["error"],
        json!({"message": message, "limit": 100_000, "used": PAGE, "requested": PAGE})
    );
    assert_eq!(
        json["host"]["memory"],
        json!({
            "used": PAGE, "limit": 100_000, "percent": 65.536, "denied": 1, "origin": "policy"
        })
    );
    assert_eq!(
        json["quota"]["memory"],
        json!({
            "used": PAGE, "limit": "unlimited", "percent": 0.0, "denied": 0,
            "origin": "component"
        })
    );
    assert_eq!(json["host"]["cpu_time"]["origin"], "default");
    assert_eq!(json["runs"]["by_outcome"], json!({"quota_exceeded": 1, "success": 1}));
}

#[test]
fn a_growth_that_the_host_refused_is_in_the_hint_of_the_trap() {
    let case = case("60_000", "cpu_time = \"unlimited\"\n", &holder(1));
    let (ended, json) = at_once(&case, &format!("[host]\nmemory = {}\n", 3 * PAGE), "hold()", 2);
    assert_eq!((ended.code, &json["outcome"]), (Some(70), &json!("trap")), "{ended:?}");
    let message = json["error"]["message"].as_str().unwrap();
    assert!(
        message.ends_with(
            "(hint: it had been refused to grow once before, last: the parent's memory quota of \
             196608 bytes exceeded: 196608 used, 65536 more requested; retry after a \
             release (the parent is the policy's [host]))"
        ),
        "{message}"
    );
    let memory = &json["host"]["memory"];
    assert_eq!((&memory["used"], &memory["denied"]), (&json!(3 * PAGE), &json!(1)));
    assert_eq!(json["quota"]["memory"]["denied"], 0);
    assert_eq!(json["runs"]["by_outcome"], json!({"success": 1, "trap": 1}));
}

#[test]
fn as_many_runs_as_the_host_has_memory_for_are_alive_at_once() {
    let case = case("2_000", "", LIBRARY);
    let (_, json) = at_once(&case, &format!("[host]\nmemory = {}\n", 2 * PAGE), "spin()", 4);
    assert_eq!(
        json["runs"],
        json!({"count": 4, "by_outcome": {"quota_exceeded": 2, "timeout": 2}})
    );
    let memory = &json["host"]["memory"];
    assert_eq!((&memory["used"], &memory["denied"]), (&json!(2 * PAGE), &json!(2)));
}

#[test]
fn one_run_alone_is_held_to_the_hosts_memory_by_its_own_limit_and_is_told_so() {
    let case = case("60_000", "", LIBRARY);
    let (ended, json) = at_once(&case, "[host]\nmemory = 65_535\n", "add(1, 2)", 1);
    assert_eq!((ended.code, &json["outcome"]), (Some(66), &json!("out_of_memory")), "{ended:?}");
    assert_eq!(
        json["policy"],
        json!(["resources.memory.max_bytes lowered from 67108864 (64 MiB) to 65535 (64 KiB) by \
                policy.toml [host] memory"])
    );
    assert_eq!(
        json["limits"]["resources.memory.max_bytes"],
        json!({"value": 65_535, "origin": "policy"})
    );
    assert_eq!(json["host"]["memory"]["denied"], 0);
}

#[test]
fn runs_at_the_same_time_wait_for_the_cpu_time_of_the_host() {
    let case = case("600", "", LIBRARY);
    let (ended, json) = at_once(&case, "[host]\ncpu_time = \"50ms/s\"\n", "spin()", 4);
    assert_eq!((ended.code, &json["outcome"]), (Some(65), &json!("timeout")), "{ended:?}");
    assert_eq!(json["runs"], json!({"count": 4, "by_outcome": {"timeout": 4}}));
    assert!(ms(&json["time"]["throttled_ms"]) > 200.0, "{json}");
    let (host, quota) = (&json["host"]["cpu_time"], &json["quota"]["cpu_time"]);
    assert_eq!((&host["limit"], &host["denied"]), (&json!(50.0), &json!(0)));
    assert!(ms(&host["used"]) >= 50.0 && ms(&host["percent"]) >= 100.0, "{json}");
    // The component's own quota had a second in each second, and never the whole of it.
    assert_eq!((&quota["limit"], &quota["denied"]), (&json!(1_000.0), &json!(0)));
    assert!(ms(&quota["used"]) < 1_000.0, "{json}");
}

#[test]
fn runs_at_the_same_time_are_denied_the_cpu_time_of_the_host() {
    let case = case("60_000", "cpu_time_policy = \"deny\"\n", LIBRARY);
    let (ended, json) = at_once(&case, "[host]\ncpu_time = \"50ms/s\"\n", "spin()", 4);
    assert_eq!((ended.code, &json["outcome"]), (Some(68), &json!("quota_exceeded")), "{ended:?}");
    let message = json["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("the parent's CPU time quota of 50 ms per 1s exceeded: ")
            && message.ends_with(" (the parent is the policy's [host])"),
        "{message}"
    );
    assert_eq!(json["runs"], json!({"count": 4, "by_outcome": {"quota_exceeded": 4}}));
    assert_eq!(json["time"]["throttled_ms"], json!(0.0));
    assert_eq!(json["host"]["cpu_time"]["denied"], 4);
    assert_eq!(json["quota"]["cpu_time"]["denied"], 0);
}

#[test]
fn under_a_host_without_cpu_time_nothing_runs_nor_waits() {
    let case = case("60_000", "", LIBRARY);
    let (ended, json) = at_once(&case, "[host]\ncpu_time = \"0ms/s\"\n", "add(1, 2)", 1);
    assert_eq!((ended.code, &json["outcome"]), (Some(68), &json!("quota_exceeded")), "{ended:?}");
    assert_eq!(json["host"]["cpu_time"]["denied"], 1);
}

#[test]
fn a_policy_without_ceilings_over_the_host_reports_none() {
    let case = case("60_000", "", LIBRARY);
    let (ended, json) = at_once(&case, "[ceiling.quota]\nmemory = \"1MiB\"\n", "add(1, 2)", 1);
    assert_eq!((ended.code, &json["host"]), (Some(0), &Value::Null), "{ended:?}");
    let (_, json) = at_once(&case, "[host]\nmessage_rate = 5\nmemory = \"1GB\"\n", "add(1, 2)", 1);
    assert_eq!(json["host"]["message_rate"]["limit"], 5);
    assert_eq!(json["host"]["memory"]["limit"], 1 << 30);
}

#[test]
fn people_are_told_what_the_host_was_used_for() {
    let case = case("300", "", LIBRARY);
    case.write("policy.toml", "[host]\ncpu_time = \"20ms/s\"\nperiod = \"2s\"\n");
    let text = case.run(&["--invoke", "spin()", "--policy", "policy.toml"]).stderr;
    let host: Vec<&str> = text.lines().filter(|line| line.starts_with("  host ")).collect();
    let [line] = host[..] else { panic!("{text}") };
    assert!(line.contains("CPU time: ") && line.contains(" ms of 40 ms in 2s, "), "{line}");
    assert!(line.ends_with(" %, set by policy"), "{line}");
}

#[test]
fn check_shows_the_ceilings_with_their_origin() {
    let case = case("60_000", "", LIBRARY);
    case.write("policy.toml", "[host]\nmemory = \"1GB\"\nmessage_rate = 5\ncpu_time = \"9ms/s\"\n");
    let checked = |format: &str| {
        let args = ["--policy", "policy.toml", "--format", format];
        let ended = ended(case.command("check", &args).spawn().unwrap());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stdout
    };
    let text = checked("text");
    let rows: Vec<String> = text
        .lines()
        .filter(|line| line.starts_with("  host."))
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        rows,
        [
            "host.storage unlimited default",
            "host.storage_entries unlimited default",
            "host.storage_baseline count default",
            "host.storage_entry_bytes 4096 (4 KiB) default",
            "host.message_rate 5/s policy",
            "host.network_bandwidth unlimited default",
            "host.cpu_time 9 ms/s policy",
            "host.memory 1073741824 (1 GiB) policy",
            "host.period 1000 ms default",
        ]
    );
    let json = crate::schema::report(&checked("json"));
    assert_eq!(
        json["host"],
        json!({
            "host.storage": {"value": "unlimited", "origin": "default"},
            "host.storage_entries": {"value": "unlimited", "origin": "default"},
            "host.storage_baseline": {"value": "count", "origin": "default"},
            "host.storage_entry_bytes": {"value": 4_096, "origin": "default"},
            "host.message_rate": {"value": 5, "origin": "policy"},
            "host.network_bandwidth": {"value": "unlimited", "origin": "default"},
            "host.cpu_time": {"value": 9, "origin": "policy"},
            "host.memory": {"value": 1 << 30, "origin": "policy"},
            "host.period": {"value": 1_000, "origin": "default"},
        })
    );
}

#[test]
fn a_policy_that_contradicts_itself_is_an_error_that_says_where() {
    let case = case("60_000", "", LIBRARY);
    let policy = "[host]\nperiod = \"1ms\"\ncpu_time = \"999ms/s\"\n";
    let (ended, json) = at_once(&case, policy, "add(1, 2)", 1);
    assert_eq!(ended.code, Some(71));
    assert_eq!(
        json["error"]["message"],
        "policy.toml:3:12: `host.cpu_time` comes out as 0 in a `host.period` of 1ms on line 2: make the \
         period longer or the rate larger"
    );
}
