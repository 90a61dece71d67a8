//! Files under docs/ that are generated from the table of settings.

use std::fs;
use std::path::{Path, PathBuf};

use limits_core::Allowance;

use crate::grammar::kind::Kind;
use crate::grammar::size::format_size;
use crate::grammar::value::Value;
use crate::settings::row::DefaultValue;
use crate::settings::table::SettingKey;
use crate::tables::cluster_table::ROWS;
use crate::tables::compile_settings::CompileKey;
use crate::tables::schema::{component_schema, policy_schema};

/// Set this variable to any value to write the files instead of comparing them.
const UPDATE: &str = "UPDATE_DOCS";

const BEGIN: &str = "<!-- generated from the table of settings: ";
const END: &str = "<!-- end of the generated table -->";

fn in_docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

fn check(name: &str, text: &str) {
    let file = in_docs(name);
    if std::env::var_os(UPDATE).is_some() {
        fs::write(&file, text).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap();
    assert!(
        written == text,
        "docs/{name} is stale: run `{UPDATE}=1 cargo test -p limits-config --lib`"
    );
}

/// Describes the kind of a value. The page says once which may be unlimited.
fn type_of(kind: Kind) -> String {
    let name = match kind {
        Kind::Count => "32-bit number",
        Kind::Number(_) => "64-bit number",
        Kind::Entries | Kind::Messages => "64-bit number",
        Kind::Size | Kind::Storage => "size",
        Kind::Bandwidth | Kind::SizeRate => "bandwidth",
        Kind::CpuTime => "CPU time",
        Kind::Period => "period",
        Kind::Word(words) => {
            let words = words.iter().rev().map(|word| format!("`\"{word}\"`"));
            return words.collect::<Vec<_>>().join(" or ");
        }
    };
    String::from(name)
}

/// Shows a default as a file would hold it, and sizes for people as well.
fn default_of(key: SettingKey) -> String {
    let row = key.row();
    let memory = SettingKey::MaxBytes.as_str();
    match (row.default, row.kind) {
        (DefaultValue::Required, _) => String::from("required"),
        (DefaultValue::AtLeastMemoryLimit(amount), kind) => {
            let amount = shown(amount.into(), kind);
            format!("{amount}, or `{memory}` if that is more")
        }
        (DefaultValue::Is(value), kind) => shown(value, kind),
    }
}

fn shown(value: Value, kind: Kind) -> String {
    let number = match value {
        Value::Amount(Allowance::AtMost(number)) => number,
        Value::Amount(Allowance::Unlimited) | Value::Word(_) => return format!("`\"{value}\"`"),
    };
    match kind {
        Kind::Size | Kind::Storage => format_size(number),
        Kind::Bandwidth | Kind::SizeRate => format!("{} per second", format_size(number)),
        Kind::CpuTime => format!("`\"{number}ms/s\"`"),
        Kind::Period if number.is_multiple_of(1_000) => format!("`\"{}s\"`", number / 1_000),
        Kind::Period => format!("`\"{number}ms\"`"),
        Kind::Count | Kind::Number(_) | Kind::Entries | Kind::Messages | Kind::Word(_) => {
            number.to_string()
        }
    }
}

/// Returns the keys of `[cluster]` with their descriptions, from the schema.
fn cluster_schema() -> serde_json::Map<String, serde_json::Value> {
    let schema = serde_json::to_value(policy_schema()).unwrap();
    schema["$defs"]["ClusterTable"]["properties"].as_object().unwrap().clone()
}

fn about_cluster(key: &str) -> String {
    cluster_schema()[key]["description"].as_str().unwrap().to_owned()
}

/// Writes the rows of all settings below a table of the file.
fn table(prefix: &str) -> String {
    let mut text = String::from("| key | type | default | meaning |\n|---|---|---|---|\n");
    if prefix == "compile" {
        for key in CompileKey::ALL {
            let kind = key.kind();
            let default = shown(Value::number(key.default_value()), kind);
            let (kind, about) = (type_of(kind), key.about());
            text.push_str(&format!("| `{}` | {kind} | {default} | {about} |\n", key.as_str()));
        }
        return text;
    }
    if prefix == "cluster" {
        for (key, kind, default) in ROWS {
            let about = about_cluster(key);
            text.push_str(&format!("| `{key}` | {kind} | {default} | {about} |\n"));
        }
        return text;
    }
    let below = format!("{prefix}.");
    for key in SettingKey::ALL {
        let Some(name) = key.as_str().strip_prefix(&below) else { continue };
        let (kind, default, about) = (type_of(key.row().kind), default_of(*key), key.about());
        text.push_str(&format!("| `{name}` | {kind} | {default} | {about} |\n"));
    }
    text
}

#[test]
fn the_schemas_in_the_documents_are_current() {
    for (name, schema) in
        [("component.schema.json", component_schema()), ("policy.schema.json", policy_schema())]
    {
        check(name, &(serde_json::to_string_pretty(&schema).unwrap() + "\n"));
    }
}

#[test]
fn the_tables_of_keys_in_the_reference_are_current() {
    let name = "component-toml.md";
    let text = fs::read_to_string(in_docs(name)).unwrap();
    let mut parts = text.split(BEGIN);
    let mut current = String::from(parts.next().unwrap());
    let mut rows = 0;
    for part in parts {
        let (prefix, rest) = part.split_once(" -->\n").unwrap();
        let (_, rest) = rest.split_once(END).unwrap();
        let table = table(prefix);
        rows += table.lines().count() - 2;
        current.push_str(&format!("{BEGIN}{prefix} -->\n{table}{END}{rest}"));
    }
    let all = SettingKey::ALL.len() + CompileKey::ALL.len() + cluster_schema().len();
    assert_eq!(rows, all, "each setting is in one table of the reference");
    check(name, &current);
}
