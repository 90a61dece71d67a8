//! Components read from their folders.

use std::fs;
use std::path::Path;

use limits_config::{LoadError, LoadedComponent, Policy};

use crate::MINIMAL;

/// The SHA-256 of `abc`.
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn folder(config: &str, files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Component.toml"), config).unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

fn with_path(path: &str) -> String {
    MINIMAL.replace("[resources", &format!("path = \"{path}\"\n[resources"))
}

fn refused(path: &Path) -> LoadError {
    LoadedComponent::read(path).unwrap_err()
}

#[test]
fn a_folder_and_its_file_give_the_same_component() {
    let folder = folder(MINIMAL, &[("component.wasm", "abc")]);
    for path in [folder.path().to_path_buf(), folder.path().join("Component.toml")] {
        let component = LoadedComponent::read(path).unwrap();
        assert_eq!(component.config().component.name.as_str(), "x");
        assert_eq!(component.code_path(), folder.path().join("component.wasm"));
        let hash: String = component.sha256().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((hash.as_str(), component.code()), (ABC, &b"abc"[..]));
        assert_eq!(component.into_code(), b"abc");
    }
}

#[test]
fn the_code_is_looked_for_in_the_documented_order() {
    let all = [("a.wasm", "a"), ("component.wasm", "b"), ("component.wat", "c")];
    for (config, files, code) in [
        (with_path("a.wasm"), &all[..], "a"),
        (MINIMAL.to_owned(), &all, "b"),
        (MINIMAL.to_owned(), &all[2..], "c"),
    ] {
        let folder = folder(&config, files);
        assert_eq!(LoadedComponent::read(folder.path()).unwrap().code(), code.as_bytes());
    }
}

#[test]
fn the_hash_of_the_code_lifts_the_ceiling_of_the_identity_that_the_host_gives() {
    let folder = folder(MINIMAL, &[("component.wasm", "abc")]);
    let component = LoadedComponent::read(folder.path()).unwrap();
    let policy = format!(
        "ceiling.resources.cpu.max_fuel = 5\n[component.tenant]\nsha256 = \"{ABC}\"\n\
         resources.cpu.max_fuel = 7\n"
    );
    let policy = Policy::from_toml(&policy).unwrap();
    let fuel = |id: Option<&str>| {
        let id = id.map(|id| id.parse().unwrap());
        let effective = component.effective(&policy, id.as_ref());
        (effective.id().to_string(), effective.limits().max_fuel_per_execution())
    };
    assert_eq!(fuel(None), (String::from("x"), 5));
    assert_eq!(fuel(Some("tenant")), (String::from("tenant"), 7));
}

#[test]
fn code_that_cannot_be_read_is_an_error_that_names_it() {
    let empty = folder(MINIMAL, &[("component.wasm", "")]);
    let shown = empty.path().display();
    let error = refused(empty.path());
    assert!(matches!(error, LoadError::Empty { .. }));
    assert_eq!(
        error.to_string(),
        format!("cannot read the component {shown}/component.wasm: the file is empty")
    );

    let none = folder(MINIMAL, &[]);
    let shown = none.path().display();
    let error = refused(none.path());
    assert!(matches!(error, LoadError::Missing { .. }));
    assert_eq!(
        error.to_string(),
        format!(
            "no component found: no `path` in the file, and neither component.wasm nor \
             component.wat in {shown}"
        )
    );

    let named = folder(&with_path("gone.wasm"), &[]);
    let text = refused(named.path()).to_string();
    let shown = named.path().display();
    assert!(text.starts_with(&format!("cannot read the component {shown}/gone.wasm: ")), "{text}");

    fs::create_dir(named.path().join("gone.wasm")).unwrap();
    let text = refused(named.path()).to_string();
    assert!(text.ends_with("/gone.wasm: not a regular file"), "{text}");
}

#[test]
fn a_component_file_that_is_not_valid_is_its_own_error() {
    let folder = folder("x = 1", &[("component.wasm", "abc")]);
    let Err(LoadError::Config(error)) = LoadedComponent::read(folder.path()) else {
        panic!("not an error of the file");
    };
    assert_eq!(
        (error.line(), error.file()),
        (Some(1), Some(&*folder.path().join("Component.toml")))
    );
}

#[test]
fn code_has_at_most_the_bytes_that_the_host_reads() {
    let folder = folder(MINIMAL, &[("component.wasm", "abc")]);
    assert_eq!(LoadedComponent::read_bounded(folder.path(), 3).unwrap().code(), b"abc");
    let error = LoadedComponent::read_bounded(folder.path(), 2).unwrap_err();
    assert!(matches!(error, LoadError::Code { .. }));
    let text = error.to_string();
    assert!(text.ends_with(": the file has 3 bytes, the most that is read is 2"), "{text}");

    // A sparse file: its size is checked before anything is read.
    let large = fs::File::create(folder.path().join("component.wasm")).unwrap();
    large.set_len(LoadedComponent::MAX_CODE_BYTES + 1).unwrap();
    let text = refused(folder.path()).to_string();
    let end = "the file has 67108865 bytes, the most that is read is 67108864";
    assert!(text.ends_with(end), "{text}");
}

#[cfg(unix)]
#[test]
fn code_stays_in_the_folder_of_its_file() {
    let outside = tempfile::tempdir().unwrap();
    let real = fs::canonicalize(outside.path()).unwrap().join("other.wasm");
    fs::write(&real, "abc").unwrap();
    let folder = folder(MINIMAL, &[("inside.wasm", "abc")]);
    let code = folder.path().join("component.wasm");
    std::os::unix::fs::symlink(&real, &code).unwrap();
    assert_eq!(
        refused(folder.path()).to_string(),
        format!(
            "the component {} is outside the folder of its Component.toml: it leads to {}",
            code.display(),
            real.display()
        )
    );
    fs::remove_file(&code).unwrap();
    std::os::unix::fs::symlink("inside.wasm", &code).unwrap();
    assert_eq!(LoadedComponent::read(folder.path()).unwrap().code(), b"abc");
}
