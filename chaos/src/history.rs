//! Counts by window in files, which outlive a process that is killed.

use core::ops::Range;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// The columns of a record.
const COLUMNS: usize = 4;
/// The bytes of a record.
const RECORD: usize = COLUMNS * 8;

/// The counts of one window.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "counts")]
pub struct Counts {
    /// Units taken, by the window at the instant of the take: after it was counted, and before its
    /// deadline was looked at.
    pub units: u64,
    /// Units taken, by the window after the take had returned.
    pub returned: u64,
    /// Units asked for.
    pub asked: u64,
    /// Late takes; in other files units received from the store, or questions.
    pub other: u64,
}

impl Counts {
    fn add(&mut self, more: Self) {
        self.units += more.units;
        self.returned += more.returned;
        self.asked += more.asked;
        self.other += more.other;
    }

    const fn columns(self) -> [u64; COLUMNS] {
        [self.units, self.returned, self.asked, self.other]
    }
}

/// A file of counts, written by one thread.
///
/// A take is in the file as soon as [`Recorder::write`] has returned. Of a thread that is killed
/// between its take and that, one take is missing.
#[derive(Debug)]
pub struct Recorder {
    file: File,
    windows: Range<u64>,
}

impl Recorder {
    /// Makes a file for some windows.
    ///
    /// # Errors
    ///
    /// The file exists, or cannot be made.
    pub fn create(path: &Path, windows: Range<u64>) -> io::Result<Self> {
        let file = File::create_new(path)?;
        file.write_at(&windows.start.to_le_bytes(), 0)?;
        Ok(Self { file, windows })
    }

    /// Writes the counts of a window over those before. Counts of windows that the file has no
    /// place for are an error, so that no take is lost.
    ///
    /// # Errors
    ///
    /// The window is not in the file, or the file cannot be written.
    pub fn write(&self, window: u64, counts: Counts) -> io::Result<()> {
        if !self.windows.contains(&window) {
            let message = format!("window {window} is not in {:?}", self.windows);
            return Err(io::Error::other(message));
        }
        let mut record = [0; RECORD];
        for (bytes, column) in record.chunks_exact_mut(8).zip(counts.columns()) {
            bytes.copy_from_slice(&column.to_le_bytes());
        }
        let index = usize::try_from(window - self.windows.start).map_err(io::Error::other)?;
        let offset = u64::try_from(8 + index * RECORD).map_err(io::Error::other)?;
        self.file.write_all_at(&record, offset)
    }
}

/// The counts of one process.
#[derive(Clone, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a history is planted by tests")]
pub struct HostHistory {
    /// The number of the host; several processes have it if it was started again.
    pub host: usize,
    /// The takes of each thread, by window.
    pub threads: BTreeMap<usize, BTreeMap<u64, Counts>>,
    /// The takes of its threads, by window.
    pub takes: BTreeMap<u64, Counts>,
    /// Units received from the store, by window.
    pub received: BTreeMap<u64, u64>,
    /// Questions asked, by the machine's window.
    pub questions: BTreeMap<u64, u64>,
}

/// The counts of all processes of a run.
#[derive(Clone, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a history is planted by tests")]
pub struct History {
    /// The processes, each start of a host one.
    pub hosts: Vec<HostHistory>,
}

/// Returns the file of the takes of a thread.
#[must_use]
pub fn takes_file(folder: &Path, thread: usize) -> PathBuf {
    folder.join(format!("takes-{thread}"))
}

/// Returns the file of what a process received: in `other`, by the store's windows.
#[must_use]
pub fn received_file(folder: &Path) -> PathBuf {
    folder.join("received")
}

/// Returns the file of the questions of a process: in `other`, by the machine's windows.
#[must_use]
pub fn questions_file(folder: &Path) -> PathBuf {
    folder.join("questions")
}

impl History {
    /// Reads the files of all processes: a folder has a folder for each.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or is broken.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let mut hosts = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                let mut history = HostHistory::read(&entry.path())?;
                history.host = number_in(&entry.file_name().to_string_lossy());
                hosts.push(history);
            }
        }
        Ok(Self { hosts })
    }
}

impl HostHistory {
    fn read(folder: &Path) -> io::Result<Self> {
        let mut host = Self::default();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            match name.as_deref() {
                Some("received") => host.received = others(&read(&path)?),
                Some(name) if name.starts_with("questions") => {
                    for (window, count) in others(&read(&path)?) {
                        *host.questions.entry(window).or_insert(0) += count;
                    }
                }
                Some(name) if name.starts_with("takes-") => {
                    let takes = read(&path)?;
                    for (window, counts) in &takes {
                        host.takes.entry(*window).or_default().add(*counts);
                    }
                    host.threads.insert(number_in(name), takes);
                }
                _ => {}
            }
        }
        Ok(host)
    }
}

/// Returns the number after the first hyphen of a name such as `host-3-0`.
fn number_in(name: &str) -> usize {
    name.split('-').nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn others(counts: &BTreeMap<u64, Counts>) -> BTreeMap<u64, u64> {
    counts.iter().map(|(window, counts)| (*window, counts.other)).collect()
}

fn read(path: &Path) -> io::Result<BTreeMap<u64, Counts>> {
    let bytes = fs::read(path)?;
    let mut numbers = bytes.chunks(8).map(|bytes| {
        let mut number = [0; 8];
        // A file that was written up to the middle of a number ends in zeros.
        for (to, from) in number.iter_mut().zip(bytes) {
            *to = *from;
        }
        u64::from_le_bytes(number)
    });
    let first =
        numbers.next().ok_or_else(|| io::Error::other(format!("{} is empty", path.display())))?;
    let mut counts = BTreeMap::new();
    for window in first.. {
        let Some(units) = numbers.next() else { break };
        let mut column = || numbers.next().unwrap_or(0);
        let record = Counts { units, returned: column(), asked: column(), other: column() };
        if record != Counts::default() {
            counts.insert(window, record);
        }
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::{Counts, History, Recorder, received_file, takes_file};
    use std::fs;

    #[test]
    fn what_threads_wrote_is_added_up_by_window_and_what_was_not_closed_is_there_too() {
        let folder = tempfile::tempdir().unwrap();
        let host = folder.path().join("host-7-0");
        fs::create_dir(&host).unwrap();
        let one = Recorder::create(&takes_file(&host, 0), 100..110).unwrap();
        let two = Recorder::create(&takes_file(&host, 1), 100..110).unwrap();
        let received = Recorder::create(&received_file(&host), 100..110).unwrap();
        one.write(102, Counts { units: 1, returned: 1, asked: 2, other: 0 }).unwrap();
        one.write(102, Counts { units: 3, returned: 2, asked: 9, other: 0 }).unwrap();
        two.write(102, Counts { units: 5, returned: 5, asked: 5, other: 0 }).unwrap();
        two.write(109, Counts { units: 1, ..Counts::default() }).unwrap();
        received.write(102, Counts { other: 8, ..Counts::default() }).unwrap();
        let outside = one.write(110, Counts::default()).unwrap_err();
        assert_eq!(outside.to_string(), "window 110 is not in 100..110");

        let history = History::read(folder.path()).unwrap();
        let host = &history.hosts[0];
        assert_eq!(host.host, 7);
        assert_eq!(host.takes[&102], Counts { units: 8, returned: 7, asked: 14, other: 0 });
        assert_eq!(host.takes[&109].units, 1);
        assert_eq!(host.takes.len(), 2);
        assert_eq!(host.received[&102], 8);
        assert_eq!(host.threads[&1][&102].units, 5);
    }
}
