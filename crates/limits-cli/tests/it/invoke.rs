//! `--invoke`: any export, with arguments and results in WAVE.

use serde_json::json;

use crate::command::{Case, ROOMY};
use crate::guests::{LIBRARY, printer};

#[test]
fn arguments_and_results_are_wave() {
    let case = Case::new(ROOMY, LIBRARY);
    for (call, result) in [
        ("add(20, 22)", "42"),
        ("test:calc/math@1.2.3#add(1, 2)", "3"),
        ("test:calc/math#add(1, 2)", "3"),
        ("echo(\"grüße\\n\")", "\"grüße\\n\""),
    ] {
        let (ended, json) = case.json(&["--invoke", call]);
        assert_eq!((ended.code, &json["result"]), (Some(0), &json!(result)), "{ended:?}");
    }
}

#[test]
fn the_result_is_shown_to_people_as_well() {
    let ended = Case::new(ROOMY, LIBRARY).run(&["--invoke", "add(20, 22)"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""));
    assert!(ended.stderr.contains("\n  result   42\n"), "{ended:?}");
}

#[test]
fn a_bad_call_is_an_error_that_says_what_to_do() {
    let case = Case::new(ROOMY, LIBRARY);
    for (call, says) in [
        ("ad(1, 2)", "the component exports no function `ad`, did you mean `add`?"),
        ("add(1)", "bad arguments for `add`: "),
        ("add(1, \"x\")", "it is func(a: u32, b: u32) -> u32"),
        ("add", "expected a call with its arguments in parentheses, as in `name()`, "),
    ] {
        let (ended, json) = case.json(&["--invoke", call]);
        assert_eq!((ended.code, &json["outcome"]), (Some(71), &json!("error")), "{ended:?}");
        assert!(json["error"]["message"].as_str().unwrap().contains(says), "{ended:?}");
    }
}

#[test]
fn a_library_is_not_a_command_and_says_what_it_exports() {
    let (ended, json) = Case::new(ROOMY, LIBRARY).json(&[]);
    assert_eq!(ended.code, Some(71));
    assert_eq!(
        json["error"]["message"],
        "the component is a library, as it exports no wasi:cli/run: call one of its functions, as \
         in --invoke 'name(1, \"a\")'; it exports add, echo, spin, trap, eat, \
         test:calc/math@1.2.3#add"
    );
}

#[test]
fn a_command_can_be_invoked_by_name() {
    let (ended, json) = Case::new(ROOMY, printer("x")).json(&["--invoke", "wasi:cli/run#run()"]);
    assert_eq!((ended.code, &json["result"]), (Some(0), &json!("ok")), "{ended:?}");
}
