//! Programs that reach for what no capability of theirs names.

use std::fs;
use std::os::unix::fs::symlink;

use limits_core::ResourceQuota;

use crate::fixture::Fixture;
use crate::program::{Ending, Program, wide_limits};
use crate::quotas::expected;
use crate::quoted::{component_with, open, run};
use crate::tree::{listing, usage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_without_a_capability_is_refused_with_eacces() {
    let fixture = Fixture::filled();
    let data = fixture.data();
    fs::create_dir_all(data.join("in")).expect("a directory");
    fs::create_dir_all(data.join("out")).expect("a directory");
    fs::write(data.join("in/readable"), "readable\n").expect("a file");
    symlink("../out/through-a-link", data.join("in/to-out")).expect("a link");
    let component =
        component_with(ResourceQuota::new(), &["/data/in/**", "/ro/*"], &["/data/out/**"]);
    let wasi = open(&component, &fixture);
    let ran = run(&Program::compile("quota/denied"), &wide_limits(), &wasi, &[]).await;
    assert_eq!((&ran.ending, ran.stderr.as_str()), (&Ending::Success, ""), "{}", ran.stdout);
    assert_eq!(ran.stdout, expected("denied"));
    let refused = u64::try_from(ran.stdout.matches("EACCES").count()).expect("a few");
    assert_eq!(component.denials().by_capability(), refused, "each is counted once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_and_renames_that_race_against_the_decision_open_nothing() {
    let fixture = Fixture::empty();
    let data = fixture.data();
    for name in ["open", "closed"] {
        fs::create_dir(data.join(name)).expect("a directory");
    }
    fs::write(data.join("closed/secret"), "secret\n").expect("a file");
    fs::write(data.join("closed/marker"), "").expect("a file");
    let before = listing(&data.join("closed"));
    let open_to_it = ["/data/open/**"];
    let component = component_with(ResourceQuota::new(), &open_to_it, &open_to_it);
    let wasi = open(&component, &fixture);
    let program = Program::compile("quota/race");
    let running = ["swap", "steal", "swap", "steal"].map(|role| {
        let (program, wasi) = (program.clone(), wasi.clone());
        let rounds = if role == "swap" { "500" } else { "400" };
        tokio::spawn(async move { run(&program, &wide_limits(), &wasi, &[role, rounds]).await })
    });
    for (instance, role) in running.into_iter().zip(["swap", "steal", "swap", "steal"]) {
        let ran = instance.await.expect("no panic");
        assert_eq!((&ran.ending, ran.stderr.as_str()), (&Ending::Success, ""), "{}", ran.stdout);
        if role == "steal" {
            assert_eq!(ran.stdout, "opened some, refused some, stolen 0\n");
        }
    }
    assert_eq!(listing(&data.join("closed")), before, "nothing was changed there");
    let used = wasi.component().usage();
    assert_eq!((used.storage_used, used.storage_entries_used), usage(&data, 4_096));
}
