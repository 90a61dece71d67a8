//! Within its quotas and capabilities a guest meets what it meets under plain wasmtime-wasi.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use limits_core::ResourceQuota;
use quota_enforce::QuotaRegistry;
use wasmtime_wasi::FsPerms;
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, DescriptorStat, ErrorCode, NewTimestamp, OpenFlags, PathFlags,
};

use crate::guest::{Fd, Guest};
use crate::host::{component, data};

/// Names that meet each other: files, directories, links to either, to nothing, to each other and
/// out of the directory, and paths that say so little, or too much.
const PATHS: [&str; 30] = [
    "a",
    "b",
    "c",
    "d",
    "d/a",
    "d/b",
    "d/e",
    "d/e/a",
    "d/../a",
    "d/./a",
    "a/",
    "d/",
    "d/.",
    ".",
    "..",
    "",
    "/a",
    "./a",
    "d//a",
    "l",
    "l/a",
    "m",
    "m/",
    "d/l",
    "d/l/a",
    "../a",
    "d/../../a",
    "x/y",
    "a/x",
    "d/e/..",
];

const TARGETS: [&str; 12] =
    ["a", "d", "d/e", "../a", "..", "l", "m", "/a", "nowhere", "d/nowhere", "../../a", ""];

/// A small generator of numbers, so that a failure comes again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())]
    }

    fn odds(&mut self, one_in: usize) -> bool {
        self.roll(one_in) == 0
    }
}

/// A call of a guest. Open files are named by their turn.
#[derive(Clone, Copy, Debug)]
enum Call {
    Open(usize, &'static str, PathFlags, OpenFlags, DescriptorFlags),
    Close(usize),
    Write(usize, usize, u64),
    Read(usize),
    SetSize(usize, u64),
    Append(usize, usize),
    Flags(usize),
    Stat(usize),
    SetTimes(usize),
    StatAt(usize, &'static str, PathFlags),
    TimesAt(usize, &'static str, PathFlags),
    Mkdir(usize, &'static str),
    Rmdir(usize, &'static str),
    Unlink(usize, &'static str),
    Rename(usize, &'static str, usize, &'static str),
    Link(usize, &'static str, usize, &'static str),
    Symlink(usize, &'static str, &'static str),
    Readlink(usize, &'static str),
    List(usize),
}

impl Call {
    fn random(dice: &mut Dice) -> Self {
        let at = dice.roll(4);
        let path = dice.pick(&PATHS);
        let follow = if dice.odds(2) { PathFlags::SYMLINK_FOLLOW } else { PathFlags::empty() };
        let other = dice.pick(&PATHS);
        match dice.roll(24) {
            0..=5 => {
                let mut flags = OpenFlags::empty();
                for flag in [
                    (OpenFlags::CREATE, 2),
                    (OpenFlags::EXCLUSIVE, 6),
                    (OpenFlags::TRUNCATE, 5),
                    (OpenFlags::DIRECTORY, 7),
                ] {
                    if dice.odds(flag.1) {
                        flags |= flag.0;
                    }
                }
                let mut wanted = DescriptorFlags::empty();
                for flag in [
                    (DescriptorFlags::READ, 2),
                    (DescriptorFlags::WRITE, 2),
                    (DescriptorFlags::MUTATE_DIRECTORY, 4),
                    (DescriptorFlags::FILE_INTEGRITY_SYNC, 40),
                ] {
                    if dice.odds(flag.1) {
                        wanted |= flag.0;
                    }
                }
                Self::Open(at, path, follow, flags, wanted)
            }
            6 => Self::Close(at),
            7 | 8 => Self::Write(at, dice.roll(9), dice.roll(40).try_into().unwrap()),
            9 => Self::Read(at),
            10 => Self::SetSize(at, dice.roll(60).try_into().unwrap()),
            11 => Self::Append(at, dice.roll(9)),
            12 => Self::Flags(at),
            13 => Self::Stat(at),
            14 => Self::SetTimes(at),
            15 => Self::StatAt(at, path, follow),
            16 => Self::TimesAt(at, path, follow),
            17 => Self::Mkdir(at, path),
            18 => Self::Rmdir(at, path),
            19 => Self::Unlink(at, path),
            20 => Self::Rename(at, path, dice.roll(4), other),
            21 => Self::Link(at, path, dice.roll(4), other),
            22 => Self::Symlink(at, dice.pick(&TARGETS), path),
            _ if dice.odds(2) => Self::Readlink(at, path),
            _ => Self::List(at),
        }
    }
}

fn said<T: core::fmt::Debug>(answer: Result<T, ErrorCode>) -> String {
    match answer {
        Ok(value) => format!("{value:?}"),
        Err(code) => String::from(code.name()),
    }
}

fn shown(stat: DescriptorStat) -> String {
    // The size of a directory, and when it was made, are the file system's affair.
    format!("{:?} {} {}", stat.type_, stat.link_count, stat.status_change_timestamp.is_some())
}

/// A guest with its directory and the three descriptors that it opened last.
struct Player {
    guest: Guest,
    open: [Fd; 4],
}

impl Player {
    async fn new(mut guest: Guest) -> Self {
        let root = guest.root().await;
        Self { guest, open: [root; 4] }
    }

    async fn play(&mut self, call: Call, turn: usize) -> String {
        let guest = &mut self.guest;
        let fd = |at: usize| self.open[at];
        match call {
            Call::Open(at, path, follow, flags, wanted) => {
                let opened = guest.open_at(fd(at), follow, path, flags, wanted).await;
                match opened {
                    Ok(opened) => {
                        self.open[1 + turn % 3] = opened;
                        String::from("opened")
                    }
                    Err(code) => String::from(code.name()),
                }
            }
            Call::Close(at) => {
                self.open[at] = self.open[0];
                String::new()
            }
            Call::Write(at, len, offset) => {
                let bytes = vec![b'x'; len];
                said(guest.write(fd(at), &bytes, offset).await)
            }
            Call::Read(at) => said(guest.read(fd(at), 100, 3).await),
            Call::SetSize(at, size) => said(guest.set_size(fd(at), size).await),
            Call::Append(at, len) => match guest.append_stream(fd(at)).await {
                Ok(stream) => {
                    let bytes = vec![b'y'; len];
                    // An empty write costs nothing, so it does not notice a file for reading.
                    let put = if len == 0 { Ok(()) } else { guest.put(stream, &bytes).await };
                    guest.close_output(stream).await;
                    format!("{put:?}")
                }
                Err(code) => String::from(code.name()),
            },
            Call::Flags(at) => {
                let flags: Result<DescriptorFlags, _> = guest.flags(fd(at)).await;
                said(flags)
            }
            Call::Stat(at) => said(guest.stat(fd(at)).await.map(shown)),
            Call::SetTimes(at) => said(guest.set_times(fd(at)).await),
            Call::StatAt(at, path, follow) => {
                said(guest.stat_at(fd(at), follow, path).await.map(shown))
            }
            Call::TimesAt(at, path, follow) => {
                let time = NewTimestamp::Timestamp(Datetime { seconds: 7, nanoseconds: 9 });
                said(guest.set_times_at(fd(at), follow, path, time).await)
            }
            Call::Mkdir(at, path) => said(guest.mkdir(fd(at), path).await),
            Call::Rmdir(at, path) => said(guest.rmdir(fd(at), path).await),
            Call::Unlink(at, path) => said(guest.unlink(fd(at), path).await),
            Call::Rename(at, path, to, new) => said(guest.rename(fd(at), path, fd(to), new).await),
            Call::Link(at, path, to, new) => said(guest.link(fd(at), path, fd(to), new).await),
            Call::Symlink(at, target, path) => said(guest.symlink(fd(at), target, path).await),
            Call::Readlink(at, path) => said(guest.readlink(fd(at), path).await),
            Call::List(at) => said(guest.names(fd(at)).await),
        }
    }
}

/// All that lies below a directory.
fn tree(dir: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut pending = vec![dir.to_owned()];
    while let Some(next) = pending.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let content = if metadata.is_dir() {
                pending.push(path);
                String::from("directory")
            } else if metadata.is_symlink() {
                format!("link to {}", fs::read_link(&path).unwrap().display())
            } else {
                format!("file {:?}", String::from_utf8(fs::read(&path).unwrap()).unwrap())
            };
            found.insert(name, content);
        }
    }
    found
}

async fn compare(seed: u64, perms: FsPerms) {
    let (plain, quota) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let all = ["/data", "/data/**"];
    let component = component(&QuotaRegistry::new(), "guest", &all, &all, ResourceQuota::new());
    for dir in [plain.path(), quota.path()] {
        fs::create_dir_all(dir.join("d/e")).unwrap();
        fs::write(dir.join("d/a"), "one").unwrap();
        fs::write(dir.join("c"), "another").unwrap();
        std::os::unix::fs::symlink("d", dir.join("l")).unwrap();
    }
    let wasi = match perms {
        FsPerms::ReadWrite => data(component, quota.path()),
        FsPerms::ReadOnly => quota_wasi::WasiQuota::builder(component).directory(
            quota.path(),
            "/data",
            quota_wasi::DirectoryAccess::ReadOnly,
        ),
    };
    let wasi = wasi.build().unwrap();
    let mut players = [
        Player::new(Guest::plain(plain.path(), perms).await).await,
        Player::new(Guest::new(&wasi).await).await,
    ];
    let mut dice = Dice(seed);
    for turn in 0..400 {
        let call = Call::random(&mut dice);
        let [one, other] = &mut players;
        let (expected, answer) = (one.play(call, turn).await, other.play(call, turn).await);
        assert_eq!(answer, expected, "seed {seed}, turn {turn}: {call:?}");
        let (expected, answer) = (tree(plain.path()), tree(quota.path()));
        assert_eq!(answer, expected, "seed {seed}, turn {turn}: {call:?}");
    }
}

#[tokio::test]
async fn a_guest_within_its_bounds_meets_what_it_meets_without_them() {
    for seed in 1..=20 {
        compare(seed, FsPerms::ReadWrite).await;
    }
}

#[tokio::test]
async fn a_read_only_directory_answers_as_it_does_without_quotas() {
    for seed in 1..=5 {
        compare(seed, FsPerms::ReadOnly).await;
    }
}
