//! Compiled code and modules in the place of components; the cache and the worker under attack.

use std::fs;
use std::path::Path;

use limits_wasmtime::create_engine;
use wasm_encoder::{CustomSection, Encode as _, Section as _};

use crate::guest_case::{Code, GuestCase};
use crate::outcome::Outcome::{Error, Rejected};
use crate::vector::{FileCase, Vector};

use super::{GROWTH, soon};

const LIMITS: &str = "component = { name = \"attacker\", version = \"1.0.0\" }\n\
                      resources.memory.max_bytes = \"1MiB\"\n";

pub(super) fn vectors() -> Vec<Vector> {
    let mut all = vec![
        Vector::guest(
            "F12",
            "compiled code of this very engine in the place of a component",
            GuestCase::new(Code::Made(compiled), &[Error])
                .says("neither a binary component nor component text")
                .growth(GROWTH)
                .check(soon),
        ),
        Vector::file(
            "F9",
            "a core module with a hundred thousand imports",
            FileCase {
                make: |folder| module(folder, &imports(), &[]),
                args: &[],
                ends: Rejected,
                says: "it has more than 262144 bytes of imports",
            },
        ),
        Vector::file(
            "F9",
            "a core module whose WIT world is no world",
            FileCase {
                make: |folder| module(folder, "", &[0xff; 100_000]),
                args: &[],
                ends: Error,
                says: "",
            },
        ),
    ];
    all.extend(elsewhere());
    all
}

fn elsewhere() -> Vec<Vector> {
    [
        ("F9", "padding that buys budget", "a_budget_grows_with_the_bytes_that_are_compiled_alone"),
        (
            "F10",
            "the host's threads, taken by the compiler",
            "a_worker_ends_with_a_host_that_is_killed",
        ),
        (
            "F10",
            "many components at once from one stranger",
            "ids_take_turns_whatever_the_number_of_their_requests",
        ),
        (
            "F12",
            "an entry of the cache, by a process that cannot read the key",
            "an_entry_of_another_secret_is_none",
        ),
        (
            "F12",
            "an entry of the cache under another's name",
            "an_entry_under_the_name_of_another_is_removed",
        ),
        (
            "F12",
            "an entry that is swapped after it was verified",
            "an_entry_that_changes_after_it_was_read_stays_as_it_was_read",
        ),
        (
            "F12",
            "links, pipes and directories in the cache",
            "links_pipes_and_directories_in_the_place_of_files_are_removed_and_not_followed",
        ),
        (
            "F12",
            "a key that other users can read",
            "a_key_file_that_others_may_have_touched_is_refused",
        ),
        ("F12", "a worker that answers nonsense", "answers_that_are_none_are_refused"),
        ("F12", "a worker that answers too much", "a_body_that_is_longer_than_allowed_is_not_read"),
        (
            "F12",
            "a worker that answers too slowly, or nothing",
            "a_worker_that_says_nothing_or_too_much_is_ended_at_the_deadline",
        ),
        (
            "F12",
            "a subverted worker that calls the system",
            "a_system_call_that_compiling_does_not_make_ends_the_worker",
        ),
        ("F13", "entries without end", "the_entries_whose_use_is_the_longest_ago_make_room"),
        ("F13", "a vast entry", "a_vast_file_is_not_read"),
        (
            "F14",
            "the same upload many times at once",
            "one_thread_leads_and_all_others_have_what_it_stored",
        ),
        (
            "F14",
            "the same bomb again and again",
            "a_verdict_is_met_again_under_its_limits_and_replaced_under_others",
        ),
    ]
    .map(|(id, title, test)| Vector::elsewhere(id, title, test))
    .into()
}

/// Compiled code of an empty component.
fn compiled() -> Vec<u8> {
    let code = create_engine()
        .ok()
        .and_then(|engine| engine.precompile_component(&wat::parse_str("(component)").ok()?).ok());
    code.unwrap_or_default()
}

/// Writes a core module with these imports, and these bytes as its WIT world.
fn module(folder: &Path, imports: &str, world: &[u8]) -> std::io::Result<()> {
    let text =
        format!("(module {imports} (memory (export \"memory\") 1) (func (export \"_start\")))");
    let mut module = wat::parse_str(text).map_err(std::io::Error::other)?;
    if !world.is_empty() {
        let section = CustomSection { name: "component-type:x".into(), data: world.into() };
        module.push(section.id());
        section.encode(&mut module);
    }
    fs::write(folder.join("Component.toml"), LIMITS)?;
    fs::write(folder.join("component.wasm"), module)
}

fn imports() -> String {
    (0..100_000).map(|at| format!("(import \"m\" \"f{at}\" (func))")).collect()
}
