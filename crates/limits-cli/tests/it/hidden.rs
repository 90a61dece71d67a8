//! Hidden characters in foreign texts: no exit of the command shows one.

use std::fs;

use serde_json::{Value, json};

use crate::command::{Case, ROOMY, ended};
use crate::guests::LIBRARY;

/// One or more of each class: control characters, separators, marks of direction, characters
/// without a width, fillers, selectors, annotations, tags.
const HIDDEN: &str = "\u{1}\u{7}\u{8}\u{b}\u{1b}\u{7f}\u{85}\u{9b}\u{ad}\u{34f}\u{61c}\u{115f}\u{17b4}\u{180e}\
    \u{200b}\u{200d}\u{200e}\u{2028}\u{2029}\u{202a}\u{202e}\u{2060}\u{2064}\u{2066}\u{2069}\u{206f}\u{3164}\
    \u{fe00}\u{fe0f}\u{feff}\u{ffa0}\u{fff9}\u{fffb}\u{1bca0}\u{1d173}\u{e0001}\u{e0041}\u{e0100}";

fn is_clean(text: &str) -> bool {
    !text.contains(|c| c != '\n' && (HIDDEN.contains(c) || char::is_control(c)))
}

/// Writes a text in a string of TOML.
fn toml(text: &str) -> String {
    text.chars().map(|c| format!("\\U{:08x}", u32::from(c))).collect()
}

/// Those that a pattern of a capability may have.
fn allowed_in_patterns() -> String {
    HIDDEN.chars().filter(|c| !c.is_control()).collect()
}

fn case() -> Case {
    let hidden = toml(&allowed_in_patterns());
    let capabilities =
        format!("[capabilities]\nmessaging.send = [\"a{hidden}.*\", \"{hidden}b.y\"]\n");
    Case::new(&format!("{ROOMY}{capabilities}filesystem.read = [\"/d\"]\n"), LIBRARY)
}

#[test]
fn the_patterns_of_a_file_reach_no_terminal_and_the_json_has_them_all_the_same() {
    let case = case();
    let hidden = allowed_in_patterns();
    let args = ["--format", "json", "--report", "report.json"];
    let ended = ended(case.command("check", &args).spawn().unwrap());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for json in [&ended.stdout, &case.read("report.json")] {
        assert!(is_clean(json), "{json}");
        let json: Value = crate::schema::report(json);
        let patterns = json!([format!("a{hidden}.*"), format!("{hidden}b.y")]);
        assert_eq!(json["capabilities"]["messaging.send"], patterns);
    }
    let text = crate::command::ended(case.command("check", &[]).spawn().unwrap());
    assert!(text.code == Some(0) && is_clean(&text.stdout) && is_clean(&text.stderr), "{text:?}");
}

#[test]
fn a_result_reaches_no_terminal_and_the_json_has_it_all_the_same() {
    let case = case();
    let hidden = HIDDEN;
    let call = format!("echo(\"{hidden}\")");
    let args = ["--invoke", &call, "--format", "json", "--report", "report.json"];
    let ended = ended(case.command("run", &args).spawn().unwrap());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for json in [&ended.stdout, &case.read("report.json")] {
        assert!(is_clean(json), "{json}");
    }
    // WAVE escapes some of them itself.
    let result = ended.json()["result"].as_str().unwrap().to_owned();
    assert!(result.contains("\u{202e}") || result.contains("\\u{202e}"), "{result:?}");
    let text = case.run(&["--invoke", &call]);
    assert!(text.code == Some(0) && is_clean(&text.stdout) && is_clean(&text.stderr), "{text:?}");
}

#[test]
fn the_names_of_files_exports_and_arguments_reach_no_terminal() {
    let case = case();
    let hidden = HIDDEN;
    let folder = format!("x{hidden}\nerror: forged");
    fs::create_dir(case.path(&folder)).unwrap();
    let component = format!("{folder}/component.wat");
    let report = format!("{folder}/none/r.json");
    let policy = format!("{folder}/policy.toml");
    case.write(&component, "(component (oops))").write(&policy, "[ceilin]\n");
    let call = format!("{hidden}()");
    let arguments = format!("add({hidden})");
    for (args, code) in [
        (vec!["--component", &*component], 71),
        (vec!["--component", &*folder], 71),
        (vec!["--policy", &*policy], 71),
        (vec!["--policy", &*report], 71),
        (vec!["--report", &*report], 71),
        (vec!["--invoke", "add(1, 2)", "--dir", &*report, "--dir", "a::b"], 2),
        (vec!["--invoke", &*call], 71),
        (vec!["--invoke", &*arguments], 71),
        (vec!["--invoke", hidden], 71),
        (vec!["--id", hidden], 2),
        (vec!["--format", hidden], 2),
        (vec![&*folder], 2),
        (vec![&*call], 2),
    ] {
        for format in ["text", "json"] {
            let all = [&args[..], &["--format", format]].concat();
            let ended = case.run(if args.contains(&"--format") { &args } else { &all });
            assert_eq!(ended.code, Some(code), "{args:?}: {ended:?}");
            assert!(is_clean(&ended.stdout) && is_clean(&ended.stderr), "{args:?}: {ended:?}");
            assert!(!ended.stderr.contains("\nerror: forged"), "{args:?}: {ended:?}");
        }
    }
    let imported = format!("(component (import \"a{hidden}\\n\" (func)))");
    case.write(&component, imported);
    for format in ["text", "json"] {
        let ended = case.run(&["--component", &*component, "--format", format]);
        assert_eq!(ended.code, Some(71), "{ended:?}");
        assert!(is_clean(&ended.stdout) && is_clean(&ended.stderr), "{ended:?}");
    }
    let grant = format!("{folder}::/d");
    fs::remove_file(case.path(&component)).unwrap();
    let given = case.run(&["--invoke", "add(1, 2)", "--dir", &format!("no{grant}")]);
    assert!(given.code == Some(71) && is_clean(&given.stderr), "{given:?}");
    let inside = format!("{folder}/r.json");
    let given = case.run(&["--invoke", "add(1, 2)", "--dir", &grant, "--report", &inside]);
    assert!(given.code == Some(71) && is_clean(&given.stderr), "{given:?}");
}
