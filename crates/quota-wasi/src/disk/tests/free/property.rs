//! Random operations on free and own files, beside a model that knows of each byte who put it
//! there.

use std::collections::HashMap;
use std::fs;

use limits_core::StorageBaseline;
use proptest::prelude::*;

use super::super::{Disk, ENTRY};
use crate::disk::error::DiskError;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const QUOTA: u64 = 6 * ENTRY;

#[derive(Clone, Debug)]
enum Op {
    Create(usize),
    Write(usize, u64, u64),
    SetLen(usize, u64),
    Link(usize, usize),
    Rename(usize, usize),
    Unlink(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let name = || 0..NAMES.len();
    prop_oneof![
        name().prop_map(Op::Create),
        (name(), 0..300_u64, 1..200_u64).prop_map(|(name, at, len)| Op::Write(name, at, len)),
        (name(), 0..400_u64).prop_map(|(name, len)| Op::SetLen(name, len)),
        (name(), name()).prop_map(|(name, to)| Op::Link(name, to)),
        (name(), name()).prop_map(|(name, to)| Op::Rename(name, to)),
        name().prop_map(Op::Unlink),
    ]
}

/// An inode: for each byte whether the guest put it there, and the names of both kinds.
#[derive(Clone, Debug, Default)]
struct Model {
    own: Vec<bool>,
    own_names: u64,
    free_names: u64,
}

#[derive(Default)]
struct Models {
    inodes: Vec<Model>,
    names: HashMap<usize, usize>,
}

impl Models {
    /// The bytes and entries that the guest has put there.
    fn used(&self) -> u64 {
        let own = |inode: &Model| inode.own.iter().filter(|own| **own).count();
        let bytes: usize = self.inodes.iter().map(own).sum();
        let names: u64 = self.inodes.iter().map(|inode| inode.own_names).sum();
        u64::try_from(bytes).unwrap() + names * ENTRY
    }

    fn len(&self) -> u64 {
        let bytes: usize = self.inodes.iter().map(|inode| inode.own.len()).sum();
        let names: u64 = self.inodes.iter().map(|it| it.own_names + it.free_names).sum();
        u64::try_from(bytes).unwrap() + names * ENTRY
    }

    fn create(&mut self, name: usize) {
        self.names.insert(name, self.inodes.len());
        self.inodes.push(Model { own_names: 1, ..Model::default() });
    }

    fn set_len(&mut self, name: usize, len: u64) {
        let bytes = &mut self.inodes[self.names[&name]].own;
        bytes.resize(usize::try_from(len).unwrap(), true);
    }

    fn grow(&mut self, name: usize, len: u64) {
        let now = self.inodes[self.names[&name]].own.len();
        self.set_len(name, len.max(u64::try_from(now).unwrap()));
    }

    fn unlink(&mut self, name: usize) {
        let inode = &mut self.inodes[self.names.remove(&name).unwrap()];
        match inode.own_names {
            0 => inode.free_names -= 1,
            _ => inode.own_names -= 1,
        }
        if inode.own_names + inode.free_names == 0 {
            inode.own.clear();
        }
    }

    fn rename(&mut self, name: usize, to: usize) {
        if self.names.get(&to) == Some(&self.names[&name]) {
            return;
        }
        if self.names.contains_key(&to) {
            self.unlink(to);
        }
        let inode = self.names.remove(&name).unwrap();
        self.names.insert(to, inode);
    }
}

/// Does an operation on the disk, and in the model what came of it.
fn act(disk: &Disk, models: &mut Models, op: &Op) {
    let has = |models: &Models, name: &usize| models.names.contains_key(name);
    match *op {
        Op::Create(name) => {
            if disk.try_create(NAMES[name]).is_ok() {
                assert!(!has(models, &name));
                models.create(name);
            }
        }
        Op::Write(name, at, len) if has(models, &name) => {
            let bytes = vec![b'y'; usize::try_from(len).unwrap()];
            match disk.open(NAMES[name]).write_at(&bytes, at) {
                Ok(written) => models.grow(name, at + u64::try_from(written).unwrap()),
                Err(DiskError::Quota(_)) => {}
                Err(DiskError::Io(error)) => panic!("{error}"),
            }
        }
        Op::SetLen(name, len) if has(models, &name) => {
            if disk.open(NAMES[name]).set_len(len).is_ok() {
                models.set_len(name, len);
            }
        }
        Op::Link(name, to) => {
            if disk.link(NAMES[name], NAMES[to]).is_ok() {
                let inode = models.names[&name];
                models.names.insert(to, inode);
                models.inodes[inode].own_names += 1;
            }
        }
        Op::Rename(name, to) => {
            if disk.rename(NAMES[name], NAMES[to]).is_ok() {
                models.rename(name, to);
            }
        }
        Op::Unlink(name) => {
            if disk.unlink(NAMES[name]).is_ok() {
                models.unlink(name);
            }
        }
        Op::Write(..) | Op::SetLen(..) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    // I8
    #[test]
    fn the_use_is_the_sum_that_the_guest_has_put_there(
        old in proptest::collection::vec(0..400_usize, 0..3),
        ops in proptest::collection::vec(op(), 1..60),
    ) {
        let mut models = Models::default();
        let disk = Disk::with(QUOTA, StorageBaseline::Free, |path| {
            for (name, len) in old.iter().enumerate() {
                fs::write(path.join(NAMES[name]), vec![b'x'; *len]).unwrap();
                models.names.insert(name, models.inodes.len());
                models.inodes.push(Model { own: vec![false; *len], own_names: 0, free_names: 1 });
            }
        });
        let start = models.len();
        for op in &ops {
            act(&disk, &mut models, op);
            prop_assert_eq!(disk.used(), models.used(), "after {:?}", op);
            prop_assert!(disk.used() <= QUOTA);
            let on_disk = super::super::recount(&[disk.folder.path()], &[]);
            let on_disk = on_disk.entries * ENTRY + on_disk.bytes;
            prop_assert_eq!(on_disk, models.len());
            prop_assert!(on_disk <= start + QUOTA);
        }
        for name in NAMES {
            let _ = disk.unlink(name);
        }
        prop_assert_eq!((disk.used(), disk.ledger.inodes.parts()), (0, 0));
    }
}
