//! No hidden character of a file, its name or a caller's text reaches a message as it is.

use std::path::{Path, PathBuf};

use limits_config::{
    ComponentConfig, ComponentName, ComponentPath, LoadError, LoadedComponent, Policy,
    QuotaSection, parse_bandwidth, parse_cpu_time, parse_storage,
};
use limits_core::is_hidden;

use crate::MINIMAL;

/// Every control, bidi, zero-width and tag character.
fn hidden() -> impl Iterator<Item = char> {
    ('\0'..=char::MAX).filter(|letter| is_hidden(*letter))
}

/// Writes a text as a basic string of TOML, which may hold every character.
fn string(text: &str) -> String {
    let escape = |letter: char| match is_hidden(letter) {
        true => format!("\\U{:08x}", u32::from(letter)),
        false => letter.to_string(),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}

fn check(exit: &str, letter: char, message: &str) {
    assert!(!message.contains(is_hidden), "{exit}: U+{:04X} in {message:?}", u32::from(letter));
    let escaped = match letter {
        '\n' => String::from("\\n"),
        '\r' => String::from("\\r"),
        '\t' => String::from("\\t"),
        letter => letter.escape_unicode().to_string(),
    };
    assert!(message.contains(&escaped), "{exit}: no {escaped} in {message:?}");
}

fn error(text: &str) -> String {
    let error = ComponentConfig::from_toml(text).unwrap_err();
    assert!(error.to_string().ends_with(error.message()));
    assert!(!error.key().unwrap_or_default().contains(is_hidden));
    error.to_string()
}

/// An exit of a component's file.
type Exit = (&'static str, fn(&str) -> String);

#[test]
fn every_hidden_character_of_a_component_file_is_escaped() {
    let exits: [Exit; 11] = [
        ("a key", |text| format!("{text} = 1")),
        ("a key of a table", |text| format!("{MINIMAL}[quota]\n{text} = 1")),
        ("a domain", |text| format!("{MINIMAL}[capabilities]\n{text}.read = []")),
        ("a permission", |text| format!("{MINIMAL}[capabilities]\nnetwork.{text} = []")),
        ("a name", |text| format!("[component]\nname = {text}")),
        ("a version", |text| format!("[component]\nversion = {text}")),
        ("a value of another type", |text| format!("{MINIMAL}[resources.cpu]\nmax_fuel = {text}")),
        ("a size", |text| format!("{MINIMAL}[quota]\nstorage = {text}")),
        ("a period", |text| format!("{MINIMAL}[quota]\nperiod = {text}")),
        ("a word", |text| format!("{MINIMAL}[quota]\ncpu_time_policy = {text}")),
        ("a pattern", |text| format!("{MINIMAL}[capabilities]\nfilesystem.read = [{text}]")),
    ];
    for letter in hidden() {
        for (exit, file) in &exits {
            // Each of them is refused: a pattern of a path begins with `/`.
            check(exit, letter, &error(&file(&string(&format!("a{letter}b")))));
        }
        // The reader of versions names the character that it stopped at.
        for version in [format!("{letter}"), format!("1{letter}"), format!("1.0.0-{letter}")] {
            let file = format!("[component]\nversion = {}", string(&version));
            check("a part of a version", letter, &error(&file));
        }
    }
}

#[test]
fn every_hidden_character_that_is_not_written_as_an_escape_is_escaped() {
    for letter in hidden() {
        // As the text has it, it may be part of what TOML itself refuses.
        let repeated = format!("'a{letter}b' = 1\n'a{letter}b' = 2");
        for text in
            [format!("x{letter} = 1"), format!("x = 'a{letter}b'"), format!("{letter}"), repeated]
        {
            for error in [ComponentConfig::from_toml(&text).err(), Policy::from_toml(&text).err()] {
                let message = error.map(|error| error.to_string()).unwrap_or_default();
                assert!(!message.contains(is_hidden), "{message:?}");
            }
        }
    }
}

#[test]
fn every_hidden_character_of_a_policy_is_escaped() {
    for letter in hidden() {
        let text = string(&format!("a{letter}b"));
        for (exit, file) in [
            ("a table", format!("[{text}]")),
            ("an id", format!("[component.{text}]")),
            ("a hash", format!("component.x.sha256 = {text}")),
            ("an address", format!("cluster.url = {text}")),
            ("a sentinel", format!("cluster.sentinels = [{text}]")),
            ("a prefix", format!("cluster.prefix = {text}")),
            ("a user", format!("cluster.username = {text}")),
            ("a path", format!("cluster.password_file = {text}")),
            ("a shared quota", format!("cluster.share = [{text}]")),
            ("a rule", format!("cluster.on_store_loss = {text}")),
            ("a rate", format!("cluster.on_store_loss.{text} = 1")),
        ] {
            check(exit, letter, &Policy::from_toml(&file).unwrap_err().to_string());
        }
    }
}

#[test]
fn every_hidden_character_of_a_callers_text_is_escaped() {
    for letter in hidden() {
        let text = format!("a{letter}b");
        check("a name", letter, &text.parse::<ComponentName>().unwrap_err().to_string());
        let path = format!("/{text}");
        check("a path", letter, &path.parse::<ComponentPath>().unwrap_err().to_string());
        for parse in [parse_storage, parse_bandwidth, parse_cpu_time] {
            for text in [&text, &format!("1{text}"), &format!("1{letter}")] {
                check("a size", letter, &parse(text).unwrap_err().to_string());
            }
        }
        let quota = serde_json::json!({ "storage": text });
        let error = serde_json::from_value::<QuotaSection>(quota).unwrap_err();
        check("another format", letter, &error.to_string());
    }
}

#[test]
fn every_hidden_character_of_a_file_name_is_escaped() {
    for letter in hidden() {
        let folder = PathBuf::from(format!("/nowhere/a{letter}b"));
        let file = folder.join("Component.toml");
        check("a file", letter, &ComponentConfig::from_file(&file).unwrap_err().to_string());
        check("a policy", letter, &Policy::from_file(&file).unwrap_err().to_string());
        check("a folder", letter, &LoadedComponent::read(&file).unwrap_err().to_string());
        let (path, real) = (folder.clone(), folder.clone());
        for error in [
            LoadError::Empty { path: path.clone() },
            LoadError::Missing { folder: folder.clone() },
            LoadError::Outside { path: path.clone(), real },
            LoadError::Code { path, source: std::io::Error::other("no") },
        ] {
            check("a component", letter, &error.to_string());
        }
    }
}

/// The file's name is part of each rule.
#[cfg(unix)]
#[test]
fn every_hidden_character_of_a_policys_name_is_escaped_in_its_changes() {
    let folder = tempfile::tempdir().unwrap();
    let config = ComponentConfig::from_toml(MINIMAL).unwrap();
    let sample = hidden().filter(|letter| !matches!(letter, '\0' | '\u{e0002}'..='\u{e0fff}'));
    for letter in sample {
        let file: PathBuf = Path::new(folder.path()).join(format!("a{letter}b"));
        std::fs::write(&file, "ceiling.resources.cpu.max_fuel = 1").unwrap();
        let policy = Policy::from_file(&file).unwrap();
        let effective = policy.apply(&config, &config.component.name, None);
        check("a rule", letter, &effective.changes()[0].to_string());
        std::fs::remove_file(&file).unwrap();
    }
}
