//! The quotas of a component, over all of its runs together.

use serde_json::{Value, json};

use crate::command::{Case, Ended, ROOMY};
use crate::guests::{LIBRARY, holder};

/// Returns a number of milliseconds.
pub(crate) fn ms(json: &Value) -> f64 {
    json.as_f64().unwrap_or_else(|| panic!("{json} is not a number"))
}

#[test]
fn a_spinning_guest_is_throttled_to_its_cpu_time_and_its_deadline_runs_on() {
    let limits = ROOMY.replace("60_000", "600") + "[quota]\ncpu_time = \"100ms/s\"\n";
    let (ended, json) = Case::new(&limits, LIBRARY).json(&["--invoke", "spin()"]);
    assert_eq!((ended.code, &json["outcome"]), (Some(65), &json!("timeout")), "{ended:?}");
    let time = &json["time"];
    // Two windows at most begin in 600 ms, each of 100 ms of CPU time and one slice.
    assert!(ms(&time["wall_ms"]) >= 600.0, "{json}");
    assert!(ms(&time["cpu_ms"]) < 400.0, "{json}");
    assert!(ms(&time["throttled_ms"]) > 200.0, "{json}");
    let quota = &json["quota"]["cpu_time"];
    assert_eq!((&quota["limit"], &quota["denied"]), (&json!(100.0), &json!(0)));
    assert!(ms(&quota["used"]) >= 100.0 && ms(&quota["percent"]) >= 100.0, "{json}");
}

#[test]
fn people_are_told_how_long_a_guest_waited_for_cpu_time() {
    let limits = ROOMY.replace("60_000", "300") + "[quota]\ncpu_time = \"20ms/s\"\n";
    let text = Case::new(&limits, LIBRARY).run(&["--invoke", "spin()"]).stderr;
    assert!(text.contains(" ms of 20 ms in 1s, "), "{text}");
    assert!(text.contains("\n  waited   ") && text.contains(" ms for CPU time of the quota\n"));
}

/// A component that asks to be denied CPU time, or to be throttled.
fn spinner(cpu_time_policy: &str, timeout_ms: &str) -> Case {
    let limits = ROOMY.replace("60_000", timeout_ms);
    let quota = format!("[quota]\ncpu_time = \"40ms/s\"\ncpu_time_policy = {cpu_time_policy}\n");
    Case::new(&(limits + &quota), LIBRARY)
}

#[test]
fn a_guest_that_is_denied_cpu_time_ends_with_the_refusal_and_does_not_wait() {
    let (ended, json) = spinner("\"deny\"", "60_000").json(&["--invoke", "spin()"]);
    assert_eq!((ended.code, &json["outcome"]), (Some(68), &json!("quota_exceeded")), "{ended:?}");
    let error = &json["error"];
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("CPU time quota of 40 ms per 1s exceeded: "), "{message}");
    assert_eq!((&error["limit"], &error["requested"]), (&json!(40.0), &json!(0.001)));
    assert!(ms(&error["used"]) >= 40.0, "{json}");
    assert_eq!(json["time"]["throttled_ms"], json!(0.0));
    let quota = &json["quota"]["cpu_time"];
    assert_eq!((&quota["limit"], &quota["denied"]), (&json!(40.0), &json!(1)));
    assert!(ms(&quota["used"]) >= 40.0, "{json}");
}

#[test]
fn a_guest_that_is_throttled_by_its_own_word_waits() {
    let (ended, json) = spinner("\"throttle\"", "300").json(&["--invoke", "spin()"]);
    assert_eq!((ended.code, &json["outcome"]), (Some(65), &json!("timeout")), "{ended:?}");
    assert!(ms(&json["time"]["throttled_ms"]) > 0.0, "{json}");
    assert_eq!(json["quota"]["cpu_time"]["denied"], 0);
}

#[test]
fn the_operator_decides_whether_a_guest_without_cpu_time_waits() {
    let run = |asked: &str, timeout_ms, policy: &str| {
        let case = spinner(asked, timeout_ms);
        case.write("policy.toml", policy);
        let (_, json) = case.json(&["--invoke", "spin()", "--policy", "policy.toml"]);
        let changed = json["policy"][0].as_str().map(String::from).unwrap_or_default();
        (json["outcome"].clone(), changed)
    };
    assert_eq!(
        run("\"throttle\"", "60_000", "[ceiling.quota]\ncpu_time_policy = \"deny\"\n"),
        (
            json!("quota_exceeded"),
            String::from(
                "quota.cpu_time_policy lowered from throttle to deny by policy.toml [ceiling] \
                 quota.cpu_time_policy"
            )
        )
    );
    assert_eq!(
        run("\"deny\"", "300", "[component.guest.quota]\ncpu_time_policy = \"throttle\"\n"),
        (
            json!("timeout"),
            String::from(
                "quota.cpu_time_policy raised from deny to throttle by policy.toml \
                 [component.\"guest\"] quota.cpu_time_policy"
            )
        )
    );
}

#[test]
fn a_word_that_is_neither_is_refused_with_the_nearest() {
    let (ended, json) = spinner("\"trottle\"", "300").json(&["--invoke", "spin()"]);
    assert_eq!(ended.code, Some(71));
    assert_eq!(
        json["error"]["message"],
        "Component.toml:12:19: `quota.cpu_time_policy`: unknown word `trottle`: did you mean \
         `throttle`? (expected one of throttle, deny)"
    );
}

#[test]
fn without_cpu_time_nothing_runs() {
    let limits = format!("{ROOMY}[quota]\ncpu_time = \"0ms/s\"\n");
    let (ended, json) = Case::new(&limits, LIBRARY).json(&["--invoke", "add(1, 2)"]);
    assert_eq!((ended.code, &json["outcome"]), (Some(68), &json!("quota_exceeded")), "{ended:?}");
    assert_eq!((&json["error"]["limit"], &json["error"]["used"]), (&json!(0.0), &json!(0.0)));
    assert_eq!(json["quota"]["cpu_time"]["denied"], 1);
}

#[test]
fn observing_no_run_waits_for_cpu_time_or_ends_without_it() {
    for policy in ["throttle", "deny"] {
        let quota = format!("[quota]\ncpu_time = \"0ms/s\"\ncpu_time_policy = \"{policy}\"\n");
        let case = Case::new(&format!("{ROOMY}{quota}"), LIBRARY);
        let (ended, json) = case.json(&["--invoke", "add(1, 2)", "--observe"]);
        assert_eq!((ended.code, &json["outcome"]), (Some(0), &json!("success")), "{ended:?}");
        assert_eq!(json["time"]["throttled_ms"], json!(0.0));
        assert_eq!(
            (&json["enforced"], &json["quota"]["cpu_time"]["limit"]),
            (&json!(false), &json!(0.0))
        );
    }
}

#[test]
fn observing_all_runs_fit_beside_each_other_and_those_that_would_not_are_counted() {
    let case = Case::new(&format!("{ROOMY}[quota]\nmemory = \"unlimited\"\n"), holder(0));
    case.write("policy.toml", "[ceiling]\nquota.memory = 100_000\n");
    let args = ["--invoke", "hold()", "--policy", "policy.toml", "--repeat", "2", "--parallel"];
    let (ended, json) = case.json(&[&args[..], &["2", "--observe"]].concat());
    assert_eq!(json["runs"]["by_outcome"], json!({"success": 2}), "{ended:?}");
    let memory = &json["quota"]["memory"];
    assert_eq!((&memory["used"], &memory["denied"]), (&json!(131_072), &json!(1)));
}

#[test]
fn one_run_alone_under_the_default_quotas_is_not_throttled() {
    let limits = ROOMY.replace("60_000", "200");
    let (_, json) = Case::new(&limits, LIBRARY).json(&["--invoke", "spin()"]);
    assert_eq!(json["time"]["throttled_ms"], json!(0.0));
    let quota = &json["quota"];
    assert_eq!(quota["cpu_time"]["limit"], json!(1_000.0));
    let share = 65_536.0 / 268_435_456.0 * 100.0;
    assert!((ms(&quota["memory"]["percent"]) - share).abs() < 0.001, "{json}");
    assert_eq!(quota["memory"]["used"], 65_536);
    assert_eq!(
        (&quota["memory"]["limit"], &quota["memory"]["denied"]),
        (&json!(268_435_456), &json!(0))
    );
}

/// Runs two holders at the same time under a memory quota, of which one succeeds.
fn two_at_once(grows_by: u32, memory: u64) -> (Ended, Value) {
    let limits = format!("{ROOMY}[quota]\nmemory = \"unlimited\"\ncpu_time = \"unlimited\"\n");
    let case = Case::new(&limits, holder(grows_by));
    case.write("policy.toml", format!("[ceiling]\nquota.memory = {memory}\n"));
    let args = ["--invoke", "hold()", "--policy", "policy.toml", "--repeat", "2"];
    case.json(&[&args[..], &["--parallel", "2"]].concat())
}

#[test]
fn an_instance_that_does_not_fit_beside_another_is_quota_exceeded() {
    let (ended, json) = two_at_once(0, 100_000);
    assert_eq!((ended.code, &json["outcome"]), (Some(68), &json!("quota_exceeded")), "{ended:?}");
    let message = "memory quota of 100000 bytes exceeded: 65536 used, 65536 more requested; retry \
                   after a release";
    assert_eq!(
        json["error"],
        json!({"message": message, "limit": 100_000, "used": 65_536, "requested": 65_536})
    );
    assert_eq!(
        json["quota"]["memory"],
        json!({
            "used": 65_536, "limit": 100_000, "percent": 65.536, "denied": 1, "origin": "policy"
        })
    );
    assert_eq!(json["quota"]["cpu_time"]["limit"], "unlimited");
    assert_eq!(json["runs"]["by_outcome"], json!({"quota_exceeded": 1, "success": 1}));
}

#[test]
fn a_trap_after_a_growth_that_the_quota_refused_has_a_hint() {
    let (ended, json) = two_at_once(1, 3 * 65_536);
    assert_eq!((ended.code, &json["outcome"]), (Some(70), &json!("trap")), "{ended:?}");
    let message = json["error"]["message"].as_str().unwrap();
    assert!(
        message.ends_with(
            "(hint: it had been refused to grow once before, last: memory quota of 196608 bytes \
             exceeded: 196608 used, 65536 more requested; retry after a release)"
        ),
        "{message}"
    );
    assert_eq!(
        [&json["error"]["limit"], &json["error"]["used"], &json["error"]["requested"]],
        [&json!(196_608), &json!(196_608), &json!(65_536)]
    );
    assert_eq!(json["memory"]["refusals"], 1);
    let memory = &json["quota"]["memory"];
    assert_eq!((&memory["used"], &memory["denied"]), (&json!(196_608), &json!(1)));
    assert_eq!(json["runs"]["by_outcome"], json!({"success": 1, "trap": 1}));
}

#[test]
fn one_run_alone_never_meets_the_memory_quota_since_its_own_limit_is_not_above_it() {
    let case = Case::new(ROOMY, LIBRARY);
    case.write("policy.toml", "[ceiling]\nquota.memory = 65_535\n");
    let (ended, json) = case.json(&["--invoke", "add(1, 2)", "--policy", "policy.toml"]);
    assert_eq!((ended.code, &json["outcome"]), (Some(66), &json!("out_of_memory")), "{ended:?}");
    assert_eq!(
        (&json["memory"]["max"], &json["quota"]["memory"]["denied"]),
        (&json!(65_535), &json!(0))
    );
}

#[test]
fn runs_at_the_same_time_share_the_memory_quota() {
    // There is room for one run, which spins while the others come.
    let case = Case::new(&ROOMY.replace("60_000", "2_000"), LIBRARY);
    case.write("policy.toml", "[ceiling]\nquota.memory = 100_000\n");
    let args = ["--invoke", "spin()", "--policy", "policy.toml", "--repeat", "3", "--parallel"];
    let (_, json) = case.json(&[&args[..], &["3"]].concat());
    assert_eq!(
        json["runs"],
        json!({"count": 3, "by_outcome": {"quota_exceeded": 2, "timeout": 1}})
    );
    assert_eq!(
        (&json["quota"]["memory"]["used"], &json["quota"]["memory"]["denied"]),
        (&json!(65_536), &json!(2))
    );
    // One after the other, each gives back what it had.
    let case = Case::new(&ROOMY.replace("60_000", "50"), LIBRARY);
    case.write("policy.toml", "[ceiling]\nquota.memory = 100_000\n");
    let (_, json) = case.json(&[&args[..], &["1"]].concat());
    assert_eq!(json["runs"], json!({"count": 3, "by_outcome": {"timeout": 3}}));
    assert_eq!(json["quota"]["memory"]["denied"], 0);
}

#[test]
fn runs_at_the_same_time_share_the_cpu_time() {
    let limits = ROOMY.replace("60_000", "600") + "[quota]\ncpu_time = \"50ms/s\"\n";
    let case = Case::new(&limits, LIBRARY);
    let (_, json) = case.json(&["--invoke", "spin()", "--repeat", "4", "--parallel", "4"]);
    assert_eq!(json["runs"], json!({"count": 4, "by_outcome": {"timeout": 4}}));
    assert!(ms(&json["time"]["throttled_ms"]) > 200.0, "{json}");
    assert!(ms(&json["quota"]["cpu_time"]["used"]) >= 50.0, "{json}");
}
