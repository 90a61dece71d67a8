//! Capabilities decide on files by the place where they lie.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use limits_core::ResourceQuota;
use quota_enforce::QuotaRegistry;
use tempfile::TempDir;
use wasmtime_wasi::p2::bindings::filesystem::types::{ErrorCode, NewTimestamp, OpenFlags};

use crate::guest::{Broken, CREATE, FOLLOW, Fd, Guest, READ, WRITE, existing, no_follow};
use crate::host::{allowed, capabilities, component, data};

const ACCESS: Result<(), ErrorCode> = Err(ErrorCode::Access);

/// A public and a secret directory, and one for output.
fn files() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in ["pub/deep", "secret/deep", "out"] {
        fs::create_dir_all(dir.path().join(name)).unwrap();
    }
    for (name, content) in
        [("pub/f", "public"), ("pub/deep/f", "deep"), ("secret/f", "secret"), ("out/f", "out")]
    {
        fs::write(dir.path().join(name), content).unwrap();
    }
    dir
}

async fn reader(dir: &Path) -> (Guest, Fd) {
    let mut guest = Guest::new(&allowed(dir, &["/data/pub/**"], &["/data/out/**"])).await;
    let root = guest.root().await;
    (guest, root)
}

#[tokio::test]
async fn a_guest_reads_what_a_pattern_matches_and_nothing_else() {
    let dir = files();
    let (mut guest, root) = reader(dir.path()).await;
    let fd = guest.open(root, "pub/f", existing(), READ).await.unwrap();
    assert_eq!(guest.read(fd, 100, 0).await.unwrap().0, b"public");
    assert_eq!(guest.stat(fd).await.unwrap().size, 6);
    assert_eq!(guest.stat_at(root, FOLLOW, "pub/f").await.unwrap().size, 6);
    for path in ["secret/f", "out/f", "secret", "secret/../secret/f", "secret/deep"] {
        let opened = guest.open(root, path, existing(), READ).await;
        if path != "out/f" {
            assert_eq!(guest.stat_at(root, FOLLOW, path).await.map(|_| ()), ACCESS, "{path}");
        }
        assert_eq!(opened.map(|_| ()), ACCESS, "{path}");
    }
}

#[tokio::test]
async fn a_refusal_does_not_show_whether_the_name_exists() {
    let dir = files();
    symlink("../secret/f", dir.path().join("pub/there")).unwrap();
    symlink("../secret/none", dir.path().join("pub/dangling")).unwrap();
    symlink("/etc/passwd", dir.path().join("secret/out")).unwrap();
    symlink("loop", dir.path().join("secret/loop")).unwrap();
    let (mut guest, root) = reader(dir.path()).await;
    for path in [
        "secret/f",
        "secret/none",
        "secret/f/none",
        "secret/none/none",
        "secret/none/",
        "secret/deep/none",
        "secret/out",
        "secret/loop",
        "secret/loop/x",
        "pub/there",
        "pub/dangling",
        "none",
        // On the way, and left again.
        "secret/../pub/f",
        "none/../pub/f",
        "secret/f/../../pub/f",
        "secret/deep/../../pub/f",
        "secret/none/../../pub/f",
        "secret/out/../../pub/f",
        "secret/loop/../../pub/f",
        "pub/there/../../pub/f",
        "pub/dangling/../../pub/f",
        "pub/../secret/../pub/f",
        "pub/.././/none/.//../pub/f",
        "secret/../out/made",
        "none/../out/made",
        "secret/f/../out/made",
        "secret/f/../out/made/",
        "secret/..",
        "none/..",
        "secret/f/..",
        "none/../none/../..",
        "secret/../../x",
    ] {
        let opened = guest.open(root, path, existing(), READ).await;
        assert_eq!(opened.map(|_| ()), ACCESS, "{path}");
        let opened = guest.open(root, path, CREATE, WRITE).await;
        assert_eq!(opened.map(|_| ()), ACCESS, "{path}");
        assert_eq!(guest.stat_at(root, FOLLOW, path).await.map(|_| ()), ACCESS, "{path}");
        let set = guest.set_times_at(root, FOLLOW, path, NewTimestamp::Now).await;
        assert_eq!(set, ACCESS, "{path}");
        if !["pub/there", "pub/dangling"].contains(&path) {
            assert_eq!(guest.readlink(root, path).await.map(|_| ()), ACCESS, "{path}");
        }
        assert_eq!(guest.unlink(root, path).await, ACCESS, "{path}");
        assert_eq!(guest.mkdir(root, path).await, ACCESS, "{path}");
        assert_eq!(guest.rmdir(root, path).await, ACCESS, "{path}");
        assert_eq!(guest.symlink(root, "x", path).await, ACCESS, "{path}");
        assert_eq!(guest.rename(root, path, root, "out/new").await, ACCESS, "{path}");
        assert_eq!(guest.link(root, path, root, "out/new").await, ACCESS, "{path}");
    }
    assert_eq!(fs::read_dir(dir.path().join("out")).unwrap().count(), 1);
    // Names that may be read are missed as usual.
    for path in ["pub/none", "pub/none/none"] {
        let opened = guest.open(root, path, existing(), READ).await;
        assert_eq!(opened.map(|_| ()), Err(ErrorCode::NoEntry), "{path}");
    }
    assert_eq!(
        guest.open(root, "pub/f/none", existing(), READ).await.map(|_| ()),
        Err(ErrorCode::NotDirectory)
    );
}

#[tokio::test]
async fn a_path_leaves_a_directory_again_that_the_guest_may_enter() {
    let dir = files();
    symlink("../pub/deep", dir.path().join("secret/to-deep")).unwrap();
    let both = ["/data/pub/**", "/data/out/**"];
    let mut guest = Guest::new(&allowed(dir.path(), &both, &both)).await;
    let root = guest.root().await;
    for path in [
        "pub/../pub/f",
        "pub/deep/../f",
        "pub/deep/../../pub/f",
        "pub//deep/./.././/../pub/deep/../f",
        // The place of the directory decides, however it was reached.
        "secret/to-deep/../f",
        "secret/to-deep/../../pub/deep/../f",
    ] {
        assert!(guest.open(root, path, existing(), READ).await.is_ok(), "{path}");
        assert_eq!(guest.stat_at(root, FOLLOW, path).await.unwrap().size, 6, "{path}");
        assert_eq!(guest.rename(root, path, root, "pub/deep/../../out/moved").await, Ok(()));
        assert_eq!(guest.link(root, "pub/../out/moved", root, path).await, Ok(()), "{path}");
        assert_eq!(guest.unlink(root, "out/../pub/../out/moved").await, Ok(()), "{path}");
    }
    let deep = guest.open(root, "pub/deep/../deep", existing(), READ).await.unwrap();
    assert_eq!(guest.names(deep).await.unwrap(), ["f"]);
    for (path, code, renamed) in [
        ("pub/none/../f", ErrorCode::NoEntry, ErrorCode::NoEntry),
        ("pub/f/../f", ErrorCode::NotDirectory, ErrorCode::NotDirectory),
        ("pub/f/..", ErrorCode::NotDirectory, ErrorCode::NotDirectory),
        ("pub/../../pub/f", ErrorCode::NotPermitted, ErrorCode::Access),
        ("pub/deep/../../../x/../pub/f", ErrorCode::NotPermitted, ErrorCode::NotPermitted),
    ] {
        let opened = guest.open(root, path, existing(), READ).await;
        assert_eq!(opened.map(|_| ()), Err(code), "{path}");
        assert_eq!(guest.rename(root, "pub/f", root, path).await, Err(renamed), "{path}");
    }
    for hidden in ["secret/../pub/g", "none/../pub/g", "secret/f/../pub/g"] {
        assert_eq!(guest.rename(root, "pub/f", root, hidden).await, ACCESS, "{hidden}");
        assert_eq!(guest.link(root, "pub/f", root, hidden).await, ACCESS, "{hidden}");
    }
    // From a directory that it opened itself, nothing above is on the way.
    assert_eq!(
        guest.stat_at(deep, FOLLOW, "../../secret/../pub/f").await.map(|_| ()),
        guest.stat_at(deep, FOLLOW, "../../none/../pub/f").await.map(|_| ()),
    );
}

#[tokio::test]
async fn a_guest_makes_no_link_that_shows_more_than_it_may_see() {
    let dir = files();
    let both = ["/data/pub/**", "/data/out/**"];
    let quota = allowed(dir.path(), &both, &both);
    let mut guest = Guest::new(&quota).await;
    let root = guest.root().await;
    let refused = Err(ErrorCode::NotPermitted);
    for target in ["../secret/../pub/f", "../none/../pub/f", "deep/..", "./deep//./../f"] {
        assert_eq!(guest.symlink(root, target, "pub/new").await, refused, "{target}");
        assert_eq!(guest.symlink(root, target, "secret/new").await, ACCESS, "{target}");
    }
    // Each refusal is counted.
    assert_eq!(quota.component().denials().by_capability(), 8);
    for target in ["../pub/f", ".././../data", "deep/f", "../secret/f", "..", "..a/b", "a../.b"] {
        assert_eq!(guest.symlink(root, target, "pub/new").await, Ok(()), "{target}");
        guest.unlink(root, "pub/new").await.unwrap();
    }
    // A link of the host's own means something else in another directory.
    symlink("deep/../f", dir.path().join("pub/own")).unwrap();
    assert!(guest.open(root, "pub/own", existing(), READ).await.is_ok());
    assert_eq!(guest.rename(root, "pub/own", root, "out/own").await, refused);
    assert_eq!(guest.link(root, "pub/own", root, "out/own").await, refused);

    // Where it sees everything, it makes what links it likes.
    let dir = files();
    for patterns in [(&["/data/**"][..], &["/data/out/**"][..]), (&[], &["/data/**"])] {
        let mut guest = Guest::new(&allowed(dir.path(), patterns.0, patterns.1)).await;
        let root = guest.root().await;
        assert_eq!(guest.symlink(root, "../none/../pub/f", "out/new").await, Ok(()));
        assert_eq!(guest.unlink(root, "out/new").await, Ok(()));
    }
}

#[tokio::test]
async fn the_place_behind_links_decides() {
    let dir = files();
    for (target, name) in [
        ("../secret/f", "pub/to-secret"),
        ("../pub/f", "secret/to-pub"),
        ("../secret", "pub/dir"),
        ("../pub/new", "out/to-pub"),
        ("new", "out/to-new"),
    ] {
        symlink(target, dir.path().join(name)).unwrap();
    }
    let (mut guest, root) = reader(dir.path()).await;
    for path in ["pub/to-secret", "pub/dir/f", "pub/dir/deep"] {
        let opened = guest.open(root, path, existing(), READ).await;
        assert_eq!(opened.map(|_| ()), ACCESS, "{path}");
    }
    // The link's own place is of no matter to those who follow it.
    assert!(guest.open(root, "secret/to-pub", existing(), READ).await.is_ok());
    assert_eq!(guest.readlink(root, "secret/to-pub").await.map(|_| ()), ACCESS);
    assert_eq!(guest.readlink(root, "pub/to-secret").await.as_deref(), Ok("../secret/f"));
    // A file that is made through a link lies behind it.
    assert_eq!(guest.open(root, "out/to-pub", CREATE, WRITE).await.map(|_| ()), ACCESS);
    assert!(guest.open(root, "out/to-new", CREATE, WRITE).await.is_ok());
    assert!(!dir.path().join("pub/new").exists());
    assert!(dir.path().join("out/new").is_file());
}

#[tokio::test]
async fn links_out_of_the_directory_are_not_followed_and_the_hosts_paths_do_not_show() {
    let dir = files();
    for (target, name) in [("/etc/passwd", "absolute"), ("../../../etc/passwd", "above")] {
        symlink(target, dir.path().join("pub").join(name)).unwrap();
    }
    let (mut guest, root) = reader(dir.path()).await;
    let refused = Err(ErrorCode::NotPermitted);
    for path in ["pub/absolute", "pub/above", "pub/above/x", "/data/pub/f", "pub/../../x"] {
        let opened = guest.open(root, path, existing(), READ).await;
        assert_eq!(opened.map(|_| ()), refused, "{path}");
        assert_eq!(guest.stat_at(root, FOLLOW, path).await.map(|_| ()), refused, "{path}");
    }
    assert_eq!(guest.readlink(root, "pub/absolute").await.map(|_| ()), refused);
    assert_eq!(guest.symlink(root, "/etc/passwd", "out/new").await, refused);
    assert_eq!(guest.symlink(root, "../../etc/passwd", "out/new").await, Ok(()));
}

#[tokio::test]
async fn a_guest_changes_what_a_pattern_matches_and_nothing_else() {
    let dir = files();
    let (mut guest, root) = reader(dir.path()).await;
    for (path, flags, wanted) in [
        ("pub/f", existing(), WRITE),
        ("pub/f", existing(), READ | WRITE),
        ("pub/f", OpenFlags::TRUNCATE, READ),
        ("pub/f", CREATE, READ),
        ("pub/new", CREATE, WRITE),
        ("pub/new", CREATE | OpenFlags::EXCLUSIVE, WRITE),
        // For writing alone.
        ("out/f", existing(), READ | WRITE),
    ] {
        let opened = guest.open(root, path, flags, wanted).await;
        assert_eq!(opened.map(|_| ()), ACCESS, "{path} {flags:?} {wanted:?}");
    }
    assert_eq!(guest.mkdir(root, "pub/new").await, ACCESS);
    assert_eq!(guest.rmdir(root, "pub/deep").await, ACCESS);
    assert_eq!(guest.unlink(root, "pub/f").await, ACCESS);
    assert_eq!(guest.symlink(root, "x", "pub/new").await, ACCESS);
    assert_eq!(guest.set_times_at(root, FOLLOW, "pub/f", NewTimestamp::Now).await, ACCESS);
    assert_eq!(guest.set_times_at(root, no_follow(), "pub/f", NewTimestamp::Now).await, ACCESS);
    let fd = guest.open(root, "pub/f", existing(), READ).await.unwrap();
    assert_eq!(guest.set_times(fd).await, ACCESS);
    assert_eq!(fs::read_to_string(dir.path().join("pub/f")).unwrap(), "public");
    assert_eq!(fs::read_dir(dir.path().join("pub")).unwrap().count(), 2);

    let fd = guest.open(root, "out/new", CREATE, WRITE).await.unwrap();
    assert_eq!(guest.write(fd, b"mine", 0).await, Ok(4));
    assert_eq!(guest.set_times(fd).await, Ok(()));
    assert_eq!(guest.mkdir(root, "out/dir").await, Ok(()));
    assert_eq!(guest.symlink(root, "x", "out/link").await, Ok(()));
    let time = NewTimestamp::Now;
    assert_eq!(guest.set_times_at(root, no_follow(), "out/link", time).await, Ok(()));
    assert_eq!(guest.rmdir(root, "out/dir").await, Ok(()));
    assert_eq!(guest.unlink(root, "out/new").await, Ok(()));
}

#[tokio::test]
async fn a_directory_is_opened_on_the_way_to_something_allowed_and_listed_where_all_is() {
    let dir = files();
    let patterns = ["/data/pub/deep/*", "/data/secret/deep/f"];
    let mut guest = Guest::new(&allowed(dir.path(), &patterns, &[])).await;
    let root = guest.root().await;
    for path in [".", "pub", "pub/deep", "secret", "secret/deep"] {
        let fd = guest.open(root, path, OpenFlags::DIRECTORY, READ).await.unwrap();
        assert!(guest.stat(fd).await.is_ok(), "{path}");
        assert!(guest.stat_at(root, FOLLOW, path).await.is_ok(), "{path}");
        // Its descriptor alone gives nothing.
        let listed = guest.names(fd).await;
        assert_eq!(listed.is_ok(), path == "pub/deep", "{path}: {listed:?}");
    }
    assert_eq!(guest.open(root, "out", OpenFlags::DIRECTORY, READ).await.map(|_| ()), ACCESS);
    let deep = guest.open(root, "pub/deep", existing(), READ).await.unwrap();
    assert_eq!(guest.names(deep).await.unwrap(), ["f"]);
    assert!(guest.open(deep, "f", existing(), READ).await.is_ok());
    let above = guest.open(root, "pub", existing(), READ).await.unwrap();
    assert_eq!(guest.open(above, "f", existing(), READ).await.map(|_| ()), ACCESS);
}

#[tokio::test]
async fn a_file_is_moved_and_linked_where_it_may_be_read_and_written() {
    let dir = files();
    let quota =
        allowed(dir.path(), &["/data/both/**", "/data/pub/**"], &["/data/both/**", "/data/out/**"]);
    fs::create_dir(dir.path().join("both")).unwrap();
    fs::write(dir.path().join("both/f"), "both").unwrap();
    let mut guest = Guest::new(&quota).await;
    let root = guest.root().await;
    for (from, to) in [
        ("pub/f", "both/new"), // not written at the source
        ("out/f", "both/new"), // not read at the source
        ("both/f", "pub/new"), // not written at the target
        ("both/f", "pub/f"),   // even if it exists
        ("secret/f", "out/new"),
    ] {
        assert_eq!(guest.rename(root, from, root, to).await, ACCESS, "{from} {to}");
        assert_eq!(guest.link(root, from, root, to).await, ACCESS, "{from} {to}");
    }
    assert_eq!(guest.link(root, "both/f", root, "out/linked").await, Ok(()));
    assert_eq!(guest.rename(root, "both/f", root, "out/moved").await, Ok(()));
    assert_eq!(fs::read_to_string(dir.path().join("out/moved")).unwrap(), "both");
}

#[tokio::test]
async fn a_directory_is_moved_where_all_that_may_lie_below_it_may_be() {
    for (read, write, target, allowed_so) in [
        (&["/data/a/**"][..], &["/data/a/**", "/data/b/**"][..], "b/d", true),
        // Only the directory itself and its entries.
        (&["/data/a/*", "/data/a/d/*"], &["/data/a/**", "/data/b/**"], "b/d", false),
        (&["/data/a/**"], &["/data/a/*", "/data/a/d/*", "/data/b/**"], "b/d", false),
        (&["/data/a/**"], &["/data/a/**", "/data/b/*"], "b/d", false),
        (&["/data/a/**"], &["/data/a/**"], "b/d", false),
    ] {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/d/e")).unwrap();
        fs::create_dir_all(dir.path().join("b")).unwrap();
        let mut guest = Guest::new(&allowed(dir.path(), read, write)).await;
        let root = guest.root().await;
        let moved = guest.rename(root, "a/d", root, target).await;
        assert_eq!(moved, if allowed_so { Ok(()) } else { ACCESS }, "{read:?} {write:?}");
        assert_eq!(dir.path().join("b/d/e").exists(), allowed_so);
    }
}

#[tokio::test]
async fn a_revocation_binds_at_the_next_open_and_a_grant_opens_no_descriptor_further() {
    let dir = files();
    let registry = QuotaRegistry::new();
    let all = ["/data/**"];
    let component = component(&registry, "guest", &all, &["/data/out/**"], ResourceQuota::new());
    let quota = data(component, dir.path()).build().unwrap();
    let mut guest = Guest::new(&quota).await;
    let root = guest.root().await;
    let input = guest.open(root, "pub/f", existing(), READ).await.unwrap();
    let output = guest.open(root, "out/f", existing(), WRITE).await.unwrap();

    registry.set_capabilities("guest", &capabilities(&[], &["/data/pub/**"])).unwrap();
    assert_eq!(guest.read(input, 100, 0).await.unwrap().0, b"public");
    assert_eq!(guest.write(output, b"x", 0).await, Ok(1));
    assert_eq!(guest.open(root, "pub/f", existing(), READ).await.map(|_| ()), ACCESS);
    assert_eq!(guest.open(root, "out/f", existing(), WRITE).await.map(|_| ()), ACCESS);
    // Opened to be read, though it may be written now.
    assert_eq!(guest.write(input, b"x", 0).await, Err(ErrorCode::BadDescriptor));
    let stream = guest.write_stream(input, 0).await.unwrap();
    let failed = guest.put(stream, b"x").await;
    assert_eq!(failed, Err(Broken::Failed(Some(ErrorCode::BadDescriptor))));
    assert_eq!(guest.set_size(input, 0).await, Err(ErrorCode::Invalid));
    assert_eq!(guest.list(root).await.map(|_| ()), ACCESS);
}

#[tokio::test]
async fn every_set_of_a_conjunction_must_have_a_pattern() {
    let dir = files();
    let asked = capabilities(&["/data/pub/**", "/data/secret/**"], &[]);
    let policy = capabilities(&["/data/pub/*", "/data/out/*"], &[]);
    let registry = QuotaRegistry::new();
    let set = asked.restricted_by("policy.toml", &policy);
    let context = quota_enforce::SecurityContext::new("guest", set);
    let component = registry.register(context).unwrap();
    let mut guest = Guest::new(&data(component, dir.path()).build().unwrap()).await;
    let root = guest.root().await;
    assert!(guest.open(root, "pub/f", existing(), READ).await.is_ok());
    for path in ["pub/deep/f", "secret/f", "out/f"] {
        assert_eq!(guest.open(root, path, existing(), READ).await.map(|_| ()), ACCESS, "{path}");
    }
}

#[tokio::test]
async fn each_refusal_is_counted_once() {
    let dir = files();
    let quota = allowed(dir.path(), &["/data/pub/**"], &["/data/pub/f"]);
    let mut guest = Guest::new(&quota).await;
    let root = guest.root().await;
    let denied = || quota.component().denials().by_capability();
    // Neither asks a question in vain.
    assert!(guest.open(root, "pub", existing(), READ).await.is_ok());
    assert!(guest.open(root, "pub/f", existing(), READ | WRITE).await.is_ok());
    assert!(guest.open(root, "pub/none", existing(), READ).await.is_err());
    assert_eq!(denied(), 0);
    assert!(guest.open(root, "secret/f", existing(), READ | WRITE).await.is_err());
    assert_eq!(denied(), 1);
    assert!(guest.open(root, "secret/none", existing(), READ | WRITE).await.is_err());
    assert_eq!(denied(), 2);
    assert!(guest.open(root, "secret/deep", existing(), READ).await.is_err());
    assert_eq!(denied(), 3);
}

#[tokio::test]
async fn special_files_are_not_opened() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    let dir = files();
    let pipe = dir.path().join("pub/pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
    let (mut guest, root) = reader(dir.path()).await;
    // Under plain wasmtime-wasi, this waits for ever.
    let opened = guest.open(root, "pub/pipe", existing(), READ).await;
    assert_eq!(opened.map(|_| ()), Err(ErrorCode::Unsupported));
    assert!(guest.stat_at(root, FOLLOW, "pub/pipe").await.is_ok());
}
