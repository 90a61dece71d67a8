//! Every report of every test is of the documented schema, which admits nothing else.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use jsonschema::Validator;
use limits_core::{Permission, QuotaResource};
use serde_json::{Value, json};

use crate::command::{Case, ROOMY, ended};
use crate::guests::LIBRARY;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/report.schema.json");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
});

/// One validator for each command: the errors of an alternative of three say little.
static BY_COMMAND: LazyLock<[(&str, Validator); 3]> = LazyLock::new(|| {
    ["run", "check", "calibrate"].map(|command| {
        let part = format!("#/$defs/{command}");
        let schema = json!({"$ref": part, "$defs": SCHEMA["$defs"]});
        (command, jsonschema::validator_for(&schema).unwrap())
    })
});

/// Reads a report, which must be of the schema: the one place where tests parse reports.
pub(crate) fn report(text: &str) -> Value {
    let report: Value =
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let errors = errors(&report);
    assert!(errors.is_empty(), "docs/report.schema.json: {errors:#?}: {report:#}");
    report
}

fn errors(report: &Value) -> Vec<String> {
    let command = report["command"].as_str().unwrap_or_default();
    let Some((_, validator)) = BY_COMMAND.iter().find(|(name, _)| *name == command) else {
        return vec![format!("unknown command: {command}")];
    };
    let errors = validator.iter_errors(report);
    errors.map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Returns the report with one more key in each of its objects, each time in another one.
fn with_one_more_key(report: &Value) -> Vec<Value> {
    fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                found.push(String::from(at));
                for (key, inner) in fields {
                    pointers(inner, &format!("{at}/{key}"), found);
                }
            }
            Value::Array(items) => {
                for (index, inner) in items.iter().enumerate() {
                    pointers(inner, &format!("{at}/{index}"), found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    pointers(report, "", &mut found);
    let with_key = |pointer: &String| {
        let mut report = report.clone();
        report.pointer_mut(pointer).unwrap()["unknown"] = json!(1);
        report
    };
    found.iter().map(with_key).collect()
}

/// A report of each command, with something in each of their parts.
fn reports() -> [Value; 4] {
    let limits = format!("{ROOMY}[capabilities]\nnetwork.connect = [\"a.example:1\"]\n");
    let case = Case::new(&limits, LIBRARY);
    case.write(
        "policy.toml",
        "[host]\nmemory = \"1GB\"\n\
         [cluster]\nurl = \"unix:///tmp/no-such-folder/socket\"\non_store_loss = \"open\"\n",
    );
    let call = ["--invoke", "trap()", "--policy", "policy.toml", "--format", "json"];
    let (run, measured) = ([&call[..], &["--repeat", "2"]].concat(), ["--invoke", "add(1, 2)"]);
    let tight = Case::new("[resources.memory]\nmax_bytes = 65535\n", LIBRARY);
    let report = |case: &Case, verb: &str, args: &[&str]| {
        ended(case.command(verb, args).spawn().unwrap()).json()
    };
    let refused = crate::files::case(ROOMY, crate::files::writer(&[1]));
    [
        report(&case, "run", &run),
        report(&refused, "run", &["--dir", "given::/data", "--observe", "--format", "json"]),
        report(&case, "check", &call[2..]),
        report(
            &tight,
            "calibrate",
            &[&measured[..], &["--runs", "1", "--format", "json"]].concat(),
        ),
    ]
}

#[test]
fn the_schema_is_one_and_its_alternatives_exclude_each_other() {
    jsonschema::meta::validate(&SCHEMA).unwrap();
    let whole = jsonschema::validator_for(&SCHEMA).unwrap();
    for report in reports() {
        assert!(whole.is_valid(&report), "{report:#}");
    }
}

#[test]
fn an_unknown_key_is_refused_wherever_it_stands() {
    for report in reports() {
        let changed = with_one_more_key(&report);
        assert!(changed.len() > 5, "{report:#}");
        for changed in changed {
            assert_ne!(errors(&changed), [""; 0], "{changed:#}");
        }
    }
}

#[test]
fn every_key_but_the_count_of_runs_is_required() {
    for report in reports() {
        for key in report.as_object().unwrap().keys().filter(|key| *key != "runs") {
            let mut without = report.clone();
            without.as_object_mut().unwrap().remove(key);
            assert_ne!(errors(&without), [""; 0], "{key}");
        }
    }
}

#[test]
fn the_words_of_the_schema_are_those_of_the_types() {
    let words = |at: &str| -> BTreeSet<&str> {
        let list = SCHEMA["$defs"].pointer(at).unwrap().as_array().unwrap();
        list.iter().map(|word| word.as_str().unwrap()).collect()
    };
    assert!(words("/permission/enum").into_iter().eq(sorted(Permission::ALL, |p| p.as_str())));
    assert!(words("/level/required").into_iter().eq(sorted(QuotaResource::ALL, |r| r.key())));
}

fn sorted<T: Copy>(all: &[T], word: impl Fn(T) -> &'static str) -> BTreeSet<&'static str> {
    all.iter().map(|one| word(*one)).collect()
}
