//! Random operations of two threads on three handles, beside a count of what is on disk.

use super::{Disk, DiskError, ENTRY};
use crate::disk::open_file::OpenFile;
use std::fs::File;
use std::sync::{Arc, Mutex};
use std::thread;

const QUOTA: u64 = 30 * ENTRY;
const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// A generator of numbers that look random (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn name(&mut self) -> &'static str {
        NAMES[usize::try_from(self.below(6)).unwrap()]
    }
}

type Handles = [Mutex<Option<Arc<OpenFile>>>; 3];

/// One operation; refusals are as good as successes.
fn step(disk: &Disk, handles: &Handles, numbers: &mut Numbers) -> Result<(), DiskError> {
    let place = &handles[usize::try_from(numbers.below(3)).unwrap()];
    let handle = || place.lock().unwrap().clone();
    let len = numbers.below(1_500);
    let bytes = vec![b'x'; usize::try_from(numbers.below(400)).unwrap()];
    match numbers.below(14) {
        0 => {
            let file = disk.try_create(numbers.name())?;
            *place.lock().unwrap() = Some(Arc::new(file));
        }
        1 | 2 => {
            let file = File::options().read(true).write(true).open(disk.path(numbers.name()))?;
            let file = disk.ledger.opened(Arc::new(file))?;
            if numbers.below(2) == 0 {
                file.set_len(0)?;
            }
            *place.lock().unwrap() = Some(Arc::new(file));
        }
        3 => drop(place.lock().unwrap().take()),
        4 | 5 => drop(handle().map(|file| file.write_at(&bytes, len)).transpose()?),
        6 | 7 => drop(handle().map(|file| file.append(&bytes)).transpose()?),
        8 => drop(handle().map(|file| file.set_len(len)).transpose()?),
        9 => disk.link(numbers.name(), numbers.name())?,
        10 => disk.rename(numbers.name(), numbers.name())?,
        11 => disk.unlink(numbers.name())?,
        12 => {
            let target = "somewhere".repeat(usize::try_from(numbers.below(9)).unwrap());
            disk.symlink(&target, numbers.name())?;
        }
        _ => match numbers.below(2) {
            0 => disk.ledger.names().create_dir(&disk.root, numbers.name().as_ref())?,
            _ => disk.remove_dir(numbers.name())?,
        },
    }
    Ok(())
}

// I1
#[test]
fn the_use_is_what_is_on_disk_after_every_thousand_random_steps() {
    let disk = Disk::new(QUOTA);
    let handles = Handles::default();
    let mut refusals = 0;
    for round in 0..30 {
        let run = |seed| {
            let mut numbers = Numbers(seed);
            let refused = |_: &i32| {
                let stepped = step(&disk, &handles, &mut numbers);
                assert!(disk.used() <= QUOTA);
                matches!(stepped, Err(DiskError::Quota(_)))
            };
            (0..500).filter(refused).count()
        };
        thread::scope(|scope| {
            let run = &run;
            let threads = [0, 1].map(|thread| scope.spawn(move || run(round * 2 + thread)));
            refusals += threads.map(|thread| thread.join().unwrap()).iter().sum::<usize>();
        });
        let open: Vec<_> =
            handles.iter().filter_map(|handle| handle.lock().unwrap().clone()).collect();
        let open: Vec<_> = open.iter().map(|file| &**file).collect();
        let on_disk = super::recount(&[disk.folder.path()], &open);
        assert_eq!(disk.used(), on_disk.entries * ENTRY + on_disk.bytes, "round {round}");
    }
    assert!(refusals > 300, "the quota was met {refusals} times");
    handles.iter().for_each(|handle| drop(handle.lock().unwrap().take()));
    for name in NAMES {
        let _ = disk.unlink(name).or_else(|_| disk.remove_dir(name));
    }
    disk.assert_use(0, 0, &[]);
    assert_eq!(disk.ledger.inodes.in_use(), 0);
}
