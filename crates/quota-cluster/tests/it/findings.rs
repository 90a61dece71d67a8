//! Ways in which a first script went wrong on a real server, each as a test of this one.

use core::time::Duration;

use quota_cluster::{Give, KeyRefusal, Question};

use crate::lab::{Lab, START};

const PERIOD: u64 = 400_000;
const REFUSED: &str =
    "WLARG the period, limit, ticket, or units are no whole number from 0 to 2^53 - 1";

fn question(lessee: &str, ticket: u64) -> Question {
    Question {
        key: "k".into(),
        period: Duration::from_micros(PERIOD),
        limit: 1_000,
        want: 100,
        lessee: lessee.into(),
        ticket,
        give: None,
    }
}

impl Lab {
    /// A key that is of age, at the beginning of a window.
    fn of_age() -> Option<Self> {
        let mut lab = Self::start()?;
        lab.ask(&question("old", 1)).unwrap();
        lab.now += PERIOD;
        Some(lab)
    }

    fn granted(&mut self, question: &Question) -> u64 {
        self.ask(question).unwrap().granted
    }
}

#[test]
fn another_period_is_refused_and_no_window_is_longer_than_one() {
    let Some(mut lab) = Lab::of_age() else { return };
    assert_eq!(lab.granted(&question("a", 1)), 100);
    let other = Question { period: Duration::from_secs(60), ..question("b", 1) };
    let stored = Duration::from_micros(PERIOD);
    assert_eq!(lab.ask(&other), Err(KeyRefusal::Period { stored }));
    lab.now += 2 * PERIOD - 1;
    assert_eq!(lab.ask(&other), Err(KeyRefusal::Period { stored }));
    lab.now += 1;
    let answer = lab.ask(&other).unwrap();
    // Leases of 60 s live for 1 s, so the key grants from the next window on.
    assert_eq!((answer.granted, answer.newborn), (0, 1));
    assert!(answer.window_left <= other.period);
}

#[test]
fn a_process_under_a_new_name_is_charged_for_its_first_ticket() {
    let Some(mut lab) = Lab::of_age() else { return };
    assert_eq!(lab.ask(&question("host#1", 1)).unwrap().remaining, 900);
    // Under its old name it would have the units of its predecessor.
    assert_eq!(lab.ask(&question("host#1", 1)).unwrap().remaining, 900);
    assert_eq!(lab.ask(&question("host#2", 1)).unwrap().remaining, 800);
}

#[test]
fn an_old_question_that_comes_late_charges_nothing_and_forgets_nothing() {
    // I7: the first ticket comes again after the second.
    let Some(mut lab) = Lab::of_age() else { return };
    assert_eq!(lab.granted(&question("a", 1)), 100);
    assert_eq!(lab.granted(&question("a", 2)), 100);
    assert_eq!(lab.granted(&question("a", 1)), 0);
    let answer = lab.ask(&question("a", 2)).unwrap();
    assert_eq!((answer.granted, answer.remaining), (100, 800));
}

#[test]
fn arguments_that_are_no_whole_numbers_are_refused_and_change_nothing() {
    let Some(mut lab) = Lab::of_age() else { return };
    assert_eq!(lab.granted(&question("a", 1)), 100);
    let before = lab.fields("k");
    let good = ["400000", "1000", "100", "a", "2", "0", "0"];
    for bad in [
        "",
        "nan",
        "inf",
        "-inf",
        "-1",
        "2.5",
        "1e3",
        "0x10",
        " 5",
        "5 ",
        "x",
        "9007199254740992",
        "99999999999999999999",
    ] {
        for place in [0, 1, 2, 4, 5, 6] {
            let mut arguments = good;
            arguments[place] = bad;
            let error = lab.raw("k", arguments).unwrap_err();
            let text = format!("{} {}", error.code().unwrap(), error.detail().unwrap());
            assert_eq!(text, REFUSED, "{bad:?} at {place}");
        }
    }
    let error = lab.raw("k", ["0", "1000", "100", "a", "2", "0", "0"]).unwrap_err();
    assert_eq!(error.code(), Some("WLARG"));
    assert_eq!(lab.fields("k"), before);
    // The largest are counted exactly.
    let most = "9007199254740991";
    lab.now += PERIOD;
    let numbers = lab.raw("big", [most, most, most, "a", most, most, most]).unwrap();
    assert_eq!(numbers[..3], [0, 9_007_199_254_740_991, 0]);
}

#[test]
fn a_limit_below_the_use_leaves_nothing_and_no_negative_rest() {
    let Some(mut lab) = Lab::of_age() else { return };
    assert_eq!(lab.granted(&question("a", 1)), 100);
    let low = Question { limit: 50, ..question("b", 1) };
    let answer = lab.ask(&low).unwrap();
    assert_eq!((answer.granted, answer.remaining, answer.limit), (0, 0, 50));
    // Hosts that know a higher limit get the lower one, for this window and the next.
    let answer = lab.ask(&question("a", 2)).unwrap();
    assert_eq!((answer.granted, answer.remaining, answer.limit), (0, 0, 50));
    lab.now += PERIOD;
    assert_eq!(lab.ask(&question("a", 3)).unwrap().limit, 50);
    lab.now += PERIOD;
    assert_eq!(lab.ask(&question("a", 4)).unwrap().limit, 1_000);
}

#[test]
fn hosts_that_know_another_reign_do_not_reset_the_key_for_each_other() {
    let Some(mut lab) = Lab::of_age() else { return };
    assert_eq!(lab.granted(&question("a", 1)), 100);
    let (reign, before) = (lab.reign.clone(), lab.fields("k"));
    let other = "0123456789abcdef01234567";
    let run = reign.split_once(':').unwrap().0.to_owned();
    for stale in
        [format!("{other}:{other}"), format!("{run}:{other}"), String::new(), ":".to_owned()]
    {
        lab.reign = stale;
        let refusal = KeyRefusal::Store("WLSTALE the reign is over".to_owned());
        assert_eq!(lab.ask(&question("b", 1)), Err(refusal));
    }
    lab.reign = reign;
    assert_eq!(lab.fields("k"), before);
    assert_eq!(lab.ask(&question("a", 2)).unwrap().remaining, 800);
}

#[test]
fn a_server_that_was_promoted_again_is_of_another_reign() {
    let Some(mut lab) = Lab::of_age() else { return };
    assert_eq!(lab.granted(&question("a", 1)), 100);
    let old = lab.reign.clone();
    lab.promote();
    // The same process, so the same run id.
    assert_eq!(old.split(':').next(), lab.reign.split(':').next());
    let answer = lab.ask(&question("a", 2)).unwrap();
    assert_eq!((answer.granted, answer.newborn), (0, 1));
    // A host that still has the old reign is told so.
    lab.reign = old;
    let refusal = KeyRefusal::Store("WLSTALE the reign is over".to_owned());
    assert_eq!(lab.ask(&question("b", 1)), Err(refusal));
}

#[test]
fn a_clock_that_steps_back_costs_at_most_two_windows() {
    let Some(mut lab) = Lab::of_age() else { return };
    lab.now += 20 * PERIOD;
    let window = lab.ask(&question("a", 1)).unwrap().window;
    lab.now -= PERIOD;
    let answer = lab.ask(&question("a", 2)).unwrap();
    assert_eq!((answer.window, answer.window_left.as_micros()), (window, u128::from(PERIOD)));
    assert_eq!(answer.remaining, 800);
    lab.now -= 20 * PERIOD;
    assert_eq!(lab.ask(&question("a", 3)).unwrap().newborn, 1);
    lab.now += PERIOD;
    assert_eq!(lab.granted(&question("a", 4)), 100);
}

#[test]
fn a_question_writes_once_and_a_key_is_renewed_once_a_window() {
    let Some(mut lab) = Lab::of_age() else { return };
    let _reset: String = lab.call(&["CONFIG", "RESETSTAT"]);
    for _ in 0..5 {
        for ticket in 1..=10 {
            lab.ask(&question("a", ticket)).unwrap();
        }
        lab.now += PERIOD;
    }
    let calls = |command: &str| lab.server.statistic::<u64>(&format!("cmdstat_{command}"), "calls");
    assert_eq!([calls("pexpire"), calls("del"), calls("hmget")], [5, 5, 50_u64]);
    assert_eq!(calls("hset"), 55);
    // Only the key's birth asks who the server is.
    assert_eq!(calls("time"), 0);
    let life: i64 = lab.call(&["PTTL", "k"]);
    assert!((604_000_000..=604_800_000).contains(&life), "{life}");
    // A key of longer windows lives for three of them.
    let week =
        Question { key: "long".into(), period: Duration::from_secs(604_800), ..question("a", 1) };
    lab.ask(&week).unwrap();
    let life: i64 = lab.call(&["PTTL", "long"]);
    assert!(life > 3 * 604_700_000, "{life}");
}

#[test]
fn units_come_back_once_and_only_to_the_window_and_lessee_that_have_them() {
    // I9: of another window, of another lessee, twice, and too many.
    let Some(mut lab) = Lab::of_age() else { return };
    let window = lab.ask(&question("a", 1)).unwrap().window;
    let give = |window, units, lessee, ticket| Question {
        want: 0,
        give: Some(Give { window, units }),
        ..question(lessee, ticket)
    };
    let mut remaining = |question: &Question| lab.ask(question).unwrap().remaining;
    assert_eq!(remaining(&give(window - 1, 40, "a", 2)), 900);
    assert_eq!(remaining(&give(window, 40, "a", 3)), 940);
    assert_eq!(remaining(&give(window, 40, "a", 3)), 940);
    assert_eq!(remaining(&give(window, 40, "a", 2)), 940);
    assert_eq!(remaining(&give(window, 40, "b", 1)), 940);
    assert_eq!(remaining(&give(window, 9_000, "a", 4)), 1_000);
    // Lost with the key, and with its charge: they do not come back.
    lab.delete("k");
    assert_eq!(lab.ask(&give(window, 100, "a", 5)).unwrap().remaining, 1_000);
}

#[test]
fn a_repeated_question_is_written_again_so_that_replicas_can_confirm_it() {
    let Some(mut lab) = Lab::of_age() else { return };
    assert_eq!(lab.granted(&question("a", 2)), 100);
    for repeated in [question("a", 2), question("a", 1), question("a", 2)] {
        let before = lab.server.info("rdb_changes_since_last_save");
        lab.ask(&repeated).unwrap();
        assert_ne!(lab.server.info("rdb_changes_since_last_save"), before);
    }
}

#[test]
fn a_key_that_is_no_hash_or_that_misses_a_field_grants_nothing() {
    let Some(mut lab) = Lab::of_age() else { return };
    assert_eq!(lab.granted(&question("a", 1)), 100);
    let fields = lab.fields("k");
    for field in fields.keys().filter(|field| !field.starts_with("h:")) {
        lab.delete("k");
        let whole = fields.iter().filter(|(name, _)| *name != field);
        let mut words = vec!["HSET", "k"];
        words.extend(whole.flat_map(|(name, value)| [name.as_str(), value.as_str()]));
        let _set: i64 = lab.call(&words);
        let answer = lab.ask(&question("a", 2)).unwrap();
        assert_eq!((answer.granted, answer.newborn), (0, 1), "{field}");
    }
    let _set: String = lab.call(&["SET", "k", "x"]);
    let refusal = lab.ask(&question("a", 3)).unwrap_err();
    assert!(matches!(&refusal, KeyRefusal::Store(text) if text.contains("WRONGTYPE")));
    assert!(lab.now > START);
}
