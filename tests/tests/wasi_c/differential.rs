//! The same program under plain wasmtime-wasi and under wide quotas: the same lines, the same end,
//! and the same tree on disk.

use std::fs;

use limits_core::{Allowance, ResourceQuota};

use crate::compiler::sources;
use crate::fixture::Fixture;
use crate::plain;
use crate::program::{Program, wide_limits};
use crate::quoted;
use crate::tree::listing;

async fn compare(name: &str) {
    let program = Program::compile(&format!("same/{name}"));
    let (one, other) = (Fixture::filled(), Fixture::filled());
    let plain = plain::run(&program, &one).await;
    let quota = ResourceQuota::new().with_storage(Allowance::Unlimited);
    let wasi = quoted::open(&quoted::component(quota), &other);
    let quoted = quoted::run(&program, &wide_limits(), &wasi, &[]).await;
    assert!(!plain.stdout.is_empty() || name == "ends_at_once", "it printed nothing");
    assert_same("stdout", &plain.stdout, &quoted.stdout);
    assert_same("stderr", &plain.stderr, &quoted.stderr);
    assert_eq!(plain.ending, quoted.ending, "the end");
    assert_same("tree", &listing(&one.root()), &listing(&other.root()));
}

/// Compares two texts, and shows the first line that differs.
#[track_caller]
fn assert_same(what: &str, plain: &str, quoted: &str) {
    let mut lines = plain.lines().zip(quoted.lines());
    if let Some((plain, quoted)) = lines.find(|(plain, quoted)| plain != quoted) {
        panic!("{what}: plain `{plain}`, under quotas `{quoted}`");
    }
    assert_eq!(plain, quoted, "{what}");
}

/// One test for each program of a list, and one that compares the list with the folder.
macro_rules! programs {
    ($($name:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                compare(stringify!($name)).await;
            }
        )*

        #[test]
        fn every_program_of_the_folder_is_compared() {
            let mut listed = vec![$(concat!(stringify!($name), ".c")),*];
            listed.sort_unstable();
            let folder = fs::read_dir(sources().join("same")).expect("a folder");
            let mut found: Vec<_> = folder
                .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
                .collect();
            found.sort();
            assert_eq!(listed, found);
        }
    };
}

programs! {
    aborts
    allocate
    big_writes
    broken_names
    descriptor_flags
    ends_at_once
    exit_code
    hard_links
    holes
    links_chain
    links_dangling
    links_escape
    links_symbolic
    list
    list_changing
    long_names
    make_directories
    many_descriptors
    metadata
    odd_names
    open_append
    open_create
    open_directory
    open_missing
    open_truncate
    poll_files
    positions
    read_only
    records
    relative
    rename_directories
    rename_files
    rename_itself
    rename_open
    renumber
    seek
    stdio_files
    times
    truncate
    two_descriptors
    unlink_open
    unlink_wrong
    walk
}
