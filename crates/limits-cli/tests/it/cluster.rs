//! Several processes of the command that share quotas through a real Redis server.

use core::time::Duration;
use std::process::Child;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::command::{Case, Ended, ROOMY, ended, exit_code, signal};
use crate::draft_guests::MESSAGE_GUEST;
use crate::guests::LIBRARY;
use crate::redis_server::RedisServer;

const ORDERS: &str = "[capabilities]\nmessaging.send = [\"orders.*\"]\n";

/// A component that sends messages under `quota`, and the policy of a cluster with `keys`.
fn case(limits: &str, quota: &str, url: &str, keys: &str) -> Case {
    let case = Case::new(&format!("{limits}[quota]\n{quota}{ORDERS}"), &*MESSAGE_GUEST);
    case.write("policy.toml", format!("[cluster]\nurl = \"{url}\"\n{keys}"));
    case
}

fn send(times: u32) -> String {
    format!("send(\"orders.new\", {times})")
}

fn spawn(case: &Case, call: &str, messages: &str) -> Child {
    let policy = ["--policy", "policy.toml", "--messages", messages, "--format", "json"];
    case.command("run", &[&policy[..], &["--invoke", call]].concat()).spawn().unwrap()
}

fn run(case: &Case, call: &str) -> (Ended, Value) {
    let ended = ended(spawn(case, call, "sent.jsonl"));
    let json = ended.json();
    (ended, json)
}

/// Returns the number of the window that the server counts in, and the time that it has lasted.
fn window(period: Duration) -> (u128, Duration) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let number = now.as_micros() / period.as_micros();
    (number, now - period * u32::try_from(number).unwrap())
}

fn lease<'j>(json: &'j Value, resource: &str) -> &'j Value {
    let leases = json["cluster"]["leases"].as_array().unwrap();
    leases.iter().find(|lease| lease["resource"] == resource).unwrap()
}

#[test]
fn two_processes_send_no_more_messages_in_a_window_than_one_may() {
    let Some(server) = RedisServer::start() else { return };
    let period = Duration::from_secs(2);
    let limits = ROOMY.replace("60_000", "9_000");
    let quota = "message_rate = 20\nperiod = \"2s\"\n";
    let case = case(&limits, quota, &server.url(), "");
    let mut both = [0, 1].map(|n| Some(spawn(&case, &send(10_000), &format!("{n}.jsonl"))));
    // Both send as fast as they may, so the units of a window are gone at its beginning, and the
    // lines are counted near its end.
    let lines = || -> usize {
        ["0.jsonl", "1.jsonl"].map(|file| case.read_if_there(file).lines().count()).iter().sum()
    };
    let mut by_window = Vec::new();
    let (mut before, mut last) = (0, 0);
    while both.iter_mut().flatten().any(|child| child.try_wait().unwrap().is_none()) {
        let (number, lasted) = window(period);
        if number != last && lasted >= period * 9 / 10 {
            let now = lines();
            if last != 0 {
                by_window.push(now - before);
            }
            (before, last) = (now, number);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let ended = both.map(|child| ended(child.unwrap()));
    assert!(by_window.len() >= 4, "{by_window:?}");
    assert!(by_window.iter().all(|sent| *sent <= 40), "{by_window:?}");
    // Alone they would send twice as many. A unit that is leased to the other one at a window's end
    // is lost.
    assert!(by_window.iter().filter(|sent| **sent >= 36).count() >= 3, "{by_window:?}");
    for ended in &ended {
        let json = ended.json();
        // Each waited for its share until its own deadline.
        assert_eq!(json["outcome"], "timeout", "{json:#}");
        let lease = lease(&json, "message_rate");
        assert_eq!((&lease["limit"], &lease["level"]), (&json!(40), &json!("component")));
        assert_eq!(json["cluster"]["connected"], true);
        assert_eq!(json["cluster"]["events"], json!([]));
        let sent = json["services"]["messages"]["sent"].as_u64().unwrap();
        assert!(sent > 0 && lease["leased"].as_u64().unwrap() >= sent, "{json:#}");
    }
}

#[test]
fn a_guest_that_is_denied_gets_all_that_the_store_has_left() {
    let Some(server) = RedisServer::start() else { return };
    let period = Duration::from_secs(5);
    let quota = "message_rate = 8\nmessage_policy = \"deny\"\nperiod = \"5s\"\n";
    let case = case(ROOMY, quota, &server.url(), "");
    run(&case, &send(0));
    let mut results = Vec::new();
    // Another window may begin between any two of them; not each time.
    let is_exact = (0..10).any(|_| {
        let begun = window(period).0;
        let [one, other] = [15, 100].map(|times| run(&case, &send(times)).1["result"].clone());
        let is_exact = (&one, &other) == (&json!("(15, 0)"), &json!("(25, 103)"));
        results.push((one, other));
        while !is_exact && window(period).0 == begun {
            std::thread::sleep(Duration::from_millis(20));
        }
        is_exact
    });
    assert!(is_exact, "15 of 40 did not leave 25: {results:?}");
}

#[test]
fn hosts_with_other_prefixes_share_nothing() {
    let Some(server) = RedisServer::start() else { return };
    let quota = "message_rate = 8\nmessage_policy = \"deny\"\nperiod = \"5s\"\n";
    for prefix in ["one:", "other:"] {
        let case = case(ROOMY, quota, &server.url(), &format!("prefix = \"{prefix}\"\n"));
        let result = run(&case, &send(100)).1["result"].clone();
        assert_eq!(result, json!("(40, 103)"), "{prefix}");
    }
}

#[test]
fn people_read_how_long_the_command_waited_and_what_was_leased() {
    let Some(server) = RedisServer::start() else { return };
    let quota = "message_rate = 20\nperiod = \"2s\"\n";
    let case = case(
        ROOMY,
        quota,
        &server.url(),
        "share = [\"component\", \"host\"]\n[host]\nmessage_rate = 1_000\nperiod = \"2s\"\n",
    );
    let call = send(3);
    let args = ["--policy", "policy.toml", "--messages", "sent.jsonl", "--invoke", &call];
    let text = case.run(&args).stderr;
    // A new key grants from the next window on.
    let waited = text.lines().find(|line| line.ends_with(" for the cluster"));
    assert!(waited.is_some_and(|line| line.starts_with("  waited   ")), "{text}");
    for lease in [
        "  cluster  message rate: ",
        "  cluster  CPU time: ",
        "  cluster  the host's message rate: ",
    ] {
        let line = text.lines().find(|line| line.starts_with(lease));
        let line = line.unwrap_or_else(|| panic!("{lease}: {text}"));
        assert!(line.contains(" leased of ") && line.ends_with(" in 2s for all hosts"), "{line}");
    }
    let json = run(&case, &call).1;
    assert!(json["cluster"]["waited_ms"].as_f64().unwrap() < 5_000.0, "{json:#}");
    assert!(json["cluster"]["questions"].as_u64().unwrap() > 3, "{json:#}");
}

#[test]
fn what_is_left_goes_back_also_after_a_failure_of_the_guest() {
    // A stall of the machine takes a short guest past the few milliseconds that are leased.
    for _ in 0..20 {
        let Some(server) = RedisServer::start() else { return };
        let case = Case::new(&format!("{ROOMY}[quota]\nperiod = \"60s\"\n"), LIBRARY);
        case.write(
            "policy.toml",
            format!(
                "[cluster]\nurl = \"{}\"\n[ceiling.quota]\nperiod = \"2s\"\ncpu_time = \"1000ms/s\"\n",
                server.url()
            ),
        );
        let args = ["--policy", "policy.toml", "--invoke", "trap()"];
        let (ended, json) = case.json(&args);
        assert_eq!((ended.code, &json["outcome"]), (Some(70), &json!("trap")), "{json:#}");
        let leased = lease(&json, "cpu_time")["leased"].as_f64().unwrap();
        let used = json["quota"]["cpu_time"]["used"].as_f64().unwrap();
        assert!(leased >= 1.0, "{json:#}");
        if used < leased {
            let kept = server.field("cpu_time", "granted");
            // Milliseconds, and microseconds in the store.
            assert!(
                f64::from(u32::try_from(kept).unwrap()) / 1e3 <= used + 0.001,
                "{kept}: {json:#}"
            );
            return;
        }
    }
    panic!("each guest used up its lease");
}

#[test]
fn ctrl_c_ends_the_wait_for_the_cluster() {
    let Some(server) = RedisServer::start() else { return };
    // A new key of this period grants nothing for a second at least.
    let case = case(ROOMY, "message_rate = 1\nperiod = \"60s\"\n", &server.url(), "");
    let child = spawn(&case, &send(1), "sent.jsonl");
    let began = Instant::now();
    while server.ask(&["DBSIZE"]) == "0" {
        assert!(began.elapsed() < Duration::from_secs(60), "no key was asked for");
        std::thread::yield_now();
    }
    signal("INT", child.id());
    let ended = ended(child);
    let json = ended.json();
    assert_eq!((ended.code, &json["outcome"]), (Some(130), &json!("cancelled")), "{json:#}");
    assert_eq!(json["error"]["message"], "cancelled by Ctrl-C before the guest was entered");
    assert_eq!(json["time"]["wall_ms"], 0.0);
    assert_eq!(case.read_if_there("sent.jsonl"), "");
}

/// Sends more messages than may be sent without the store, which is away.
fn alone(on_store_loss: &str) -> (Ended, Value) {
    let quota = "message_rate = 16\nmessage_policy = \"deny\"\nperiod = \"60s\"\n";
    let keys = format!("max_hosts = 16\non_store_loss = \"{on_store_loss}\"\n");
    let case = case(ROOMY, quota, "unix:///tmp/no-such-folder/socket", &keys);
    run(&case, &send(2_000))
}

#[test]
fn a_quota_that_is_closed_without_its_store_ends_the_run_as_the_hosts_failure() {
    let began = Instant::now();
    let (ended, json) = alone("closed");
    assert_eq!((ended.code, &json["outcome"]), (Some(72), &json!("host")), "{json:#}");
    let message = json["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with(
            "the store of the cluster, unix:///tmp/no-such-folder/socket, did not answer for 5."
        ) && message.ends_with("; a rate whose on_store_loss is \"closed\" needs it"),
        "{message}"
    );
    assert!(began.elapsed() < Duration::from_secs(60));
    assert_eq!(json["time"]["wall_ms"], 0.0);
    assert_eq!(json["cluster"]["connected"], false);
}

#[test]
fn without_the_store_a_host_has_its_share_or_all_with_a_warning() {
    for (word, sent) in [("share", 60), ("open", 960)] {
        let (ended, json) = alone(word);
        assert_eq!((ended.code, &json["outcome"]), (Some(0), &json!("success")), "{json:#}");
        assert_eq!(json["result"], format!("({sent}, 103)"), "{json:#}");
        assert_eq!(json["cluster"]["connected"], false);
        let events = json["cluster"]["events"].as_array().unwrap();
        let is_loss = |event: &Value| {
            event.as_str().unwrap().starts_with("the store of shared quotas is lost: ")
        };
        assert_eq!(events.iter().filter(|event| is_loss(event)).count(), 1, "{events:?}");
        let fallback = format!("the message rate of `guest` is `{word}` without the store");
        assert!(events.contains(&json!(fallback)), "{events:?}");
        assert!(ended.stderr.contains(&format!("warning: {fallback}\n")), "{}", ended.stderr);
    }
}

#[test]
fn a_password_that_is_not_there_is_the_operators_error() {
    let keys = "password_file = \"no-such-file\"\n";
    let case = case(ROOMY, "period = \"1s\"\n", "unix:///tmp/no-such-folder/socket", keys);
    let (ended, json) = run(&case, &send(1));
    assert_eq!((ended.code, &json["outcome"]), (Some(71), &json!("error")), "{json:#}");
    let message = json["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("[cluster] of the policy: cannot read the password in no-such-file: "),
        "{message}"
    );
}

#[test]
fn check_shows_what_is_shared_and_what_is_not() {
    let quota = "message_rate = 20\nnetwork_bandwidth = \"unlimited\"\nperiod = \"2s\"\n";
    let keys = "password_file = \"secret.txt\"\nmax_hosts = 4\nshare = [\"component\", \"host\"]\n\
                on_store_loss = { message_rate = \"share\", cpu_time = \"open\" }\n\
                [host]\ncpu_time = \"500ms/s\"\n";
    let case = case(ROOMY, quota, "redis://10.0.0.7:6379", keys);
    case.write("secret.txt", "hunter2");
    let args = ["--policy", "policy.toml"];
    let text = ended(case.command("check", &args).spawn().unwrap());
    assert_eq!(text.code, Some(0), "{text:?}");
    let lines: Vec<&str> =
        text.stdout.lines().filter(|line| line.starts_with("  cluster")).collect();
    assert_eq!(
        lines,
        [
            "  cluster  redis://10.0.0.7:6379, keys wasm-limits:..., at most 4 hosts",
            "  cluster  message rate: 40 in 2s for all hosts; while the store is away 10 on each \
             (share)",
            "  cluster  CPU time: 2000 ms in 2s for all hosts; while the store is away 2000 ms on \
             each (open)",
            "  cluster  the host's CPU time: 500 ms in 1s for all hosts; while the store is away \
             500 ms on each (open)",
            "  cluster  storage, storage entries, memory stay per host",
        ]
    );
    let json = ended(
        case.command("check", &["--policy", "policy.toml", "--format", "json"]).spawn().unwrap(),
    );
    assert!(!json.stdout.contains("hunter2") && !text.stdout.contains("hunter2"));
    let json = json.json();
    let cluster = &json["cluster"];
    assert_eq!(cluster["url"], "redis://10.0.0.7:6379");
    assert_eq!(cluster["prefix"], "wasm-limits:");
    assert_eq!(cluster["per_host"], json!(["storage", "storage_entries", "memory"]));
    assert_eq!(
        cluster["shared"][0],
        json!({
            "level": "component", "resource": "message_rate", "limit": 40, "period_ms": 2_000.0,
            "on_store_loss": "share"
        })
    );
    assert_eq!(cluster["shared"].as_array().unwrap().len(), 3);
}

#[test]
fn the_example_of_the_readme_shares_what_it_says() {
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let ended = std::process::Command::new(env!("CARGO_BIN_EXE_wasm-limits"))
        .current_dir(examples.join("newsletter"))
        .args(["check", "Component.toml", "--policy", "cluster.toml"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&ended.stdout);
    assert!(text.contains("  cluster  redis://127.0.0.1:6390, keys "), "{text}");
    assert!(text.contains("  cluster  message rate: 30 in 30s for all hosts; "), "{text}");
}

#[test]
fn a_period_in_which_nothing_is_shared_is_an_error_of_each_verb() {
    for period in ["99ms", "61s"] {
        let quota = format!("message_rate = 100\nperiod = \"{period}\"\n");
        let case = case(ROOMY, &quota, "redis://10.0.0.7:6379", "");
        for verb in ["check", "run"] {
            let args = ["--policy", "policy.toml", "--format", "json"];
            let child = case.command(verb, &args).spawn().unwrap();
            let ended = ended(child);
            let json = ended.json();
            assert_eq!((ended.code, &json["outcome"]), (Some(71), &json!("error")), "{verb}");
            assert_eq!(
                json["error"]["message"],
                format!(
                    "Component.toml: `quota.period` of {period} is not between 100ms and 60s, and \
                     [cluster] shares the rates that are counted in it"
                )
            );
        }
    }
}

#[test]
fn hosts_that_count_in_other_periods_are_refused() {
    let Some(server) = RedisServer::start() else { return };
    let quota = |period| format!("message_rate = 20\nperiod = \"{period}\"\n");
    let first = case(ROOMY, &quota("60s"), &server.url(), "");
    let child = spawn(&first, &send(1), "sent.jsonl");
    while server.ask(&["DBSIZE"]) == "0" {
        std::thread::yield_now();
    }
    let other = case(ROOMY, &quota("1s"), &server.url(), "");
    let (ended, json) = run(&other, &send(1));
    signal("INT", child.id());
    assert_eq!(exit_code(child), Some(130));
    assert_eq!((ended.code, &json["outcome"]), (Some(72), &json!("host")), "{json:#}");
    let message = json["error"]["message"].as_str().unwrap();
    assert!(message.starts_with(&format!("the cluster at {}: ", server.url())), "{message}");
    assert!(message.contains("60s"), "{message}");
}
