//! `wasm-limits cache`.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use limits_compile::{Cache, CacheEntry, Cleared, Held};
use limits_config::format_size;
use serde::Serialize;

use crate::args::cache_command::CacheCommand;
use crate::inputs::cache_place::CachePlace;
use crate::outcome::Outcome;
use crate::outcome::classify::{Ending, Problem};
use crate::outcome::failure::Failure;
use crate::quote::quoted;
use crate::report::console::{Console, Reported, Text};
use crate::report::model::outcome_name;
use crate::report::text::table;

/// Digits of a key that people see.
const DIGITS: usize = 16;

/// The report of `cache`. The keys here are the keys of the JSON.
#[derive(Debug, Serialize)]
pub(crate) struct CacheReport {
    #[serde(serialize_with = "outcome_name")]
    outcome: Outcome,
    error: Option<Problem>,
    /// Null if the cache could not be used.
    dir: Option<String>,
    /// The entries; empty after `clear`.
    entries: Vec<ListedEntry>,
    /// The entries that `clear` removed, and their bytes.
    removed: u64,
    removed_bytes: u64,
    #[serde(skip)]
    exit_code: u8,
}

#[derive(Debug, Serialize)]
struct ListedEntry {
    /// The hash of the component and of all that its compilation depends on.
    key: String,
    /// `component`, `translated`, `verdict` or `foreign`.
    holds: &'static str,
    bytes: u64,
    /// Seconds since 1970.
    used_unix_s: u64,
}

/// Lists or clears the cache. Returns the exit code.
pub(crate) fn cache(command: &CacheCommand, console: &mut Console) -> u8 {
    let done = console
        .open_report(&command.place().output, &[], &[])
        .and_then(|()| CacheReport::of(command));
    console.publish(done.unwrap_or_else(|failure| CacheReport::not_run(Ending::from(&failure))))
}

impl CacheReport {
    fn of(command: &CacheCommand) -> Result<Self, Failure> {
        let failed = |reason: String| Failure::Host { what: "opening the cache", reason };
        let place = CachePlace::find(command.place().cache.as_deref())
            .map_err(|error| failed(error.to_string()))?;
        let cache = Cache::open(&place.dir, &place.key_file, Cache::DEFAULT_MAX_BYTES)
            .map_err(|error| failed(error.to_string()))?;
        let report = Self { dir: Some(shown(&place.dir)), ..Self::not_run(Ending::success()) };
        match command {
            CacheCommand::List(_) => {
                let entries = cache.entries().map_err(|error| failed(error.to_string()))?;
                Ok(Self { entries: entries.into_iter().map(ListedEntry::from).collect(), ..report })
            }
            CacheCommand::Clear(_) => {
                let Cleared { entries: removed, bytes: removed_bytes, .. } =
                    cache.clear().map_err(|error| failed(error.to_string()))?;
                Ok(Self { removed, removed_bytes, ..report })
            }
        }
    }

    pub(crate) fn not_run(ending: Ending) -> Self {
        Self {
            outcome: ending.outcome,
            error: ending.problem,
            dir: None,
            entries: Vec::new(),
            removed: 0,
            removed_bytes: 0,
            exit_code: ending.exit_code,
        }
    }
}

impl Reported for CacheReport {
    const COMMAND: &'static str = "cache";

    fn text(&self) -> Text {
        if let Some(problem) = &self.error {
            return Text { stdout: String::new(), stderr: format!("error: {}\n", problem.message) };
        }
        let stderr = String::new();
        if self.removed > 0 {
            let size = format_size(self.removed_bytes);
            return Text { stdout: format!("removed: {} entries, {size}\n", self.removed), stderr };
        }
        let dir = self.dir.as_deref().unwrap_or_default();
        let bytes = self.entries.iter().fold(0, |sum: u64, entry| sum.saturating_add(entry.bytes));
        let head = format!("{dir}: {} entries, {}\n", self.entries.len(), format_size(bytes));
        if self.entries.is_empty() {
            return Text { stdout: head, stderr };
        }
        let now = seconds(SystemTime::now());
        let rows: Vec<[String; 4]> = self.entries.iter().map(|entry| entry.row(now)).collect();
        let titles = ["key", "bytes", "holds", "used"].map(String::from);
        Text { stdout: format!("{head}{}", table(&titles, &rows)), stderr }
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }

    fn end_as(&mut self, ending: Ending) {
        (self.outcome, self.exit_code, self.error) =
            (ending.outcome, ending.exit_code, ending.problem);
    }
}

impl From<CacheEntry> for ListedEntry {
    fn from(entry: CacheEntry) -> Self {
        let holds = match entry.holds {
            Held::Component => "component",
            Held::Translated => "translated",
            Held::Verdict => "verdict",
            _ => "foreign",
        };
        Self { key: entry.key, holds, bytes: entry.bytes, used_unix_s: seconds(entry.used) }
    }
}

impl ListedEntry {
    fn row(&self, now: u64) -> [String; 4] {
        let key = self.key.get(..DIGITS).unwrap_or_default();
        let ago = match now.saturating_sub(self.used_unix_s) {
            age @ 0..120 => format!("{age} s ago"),
            age @ 120..7_200 => format!("{} min ago", age / 60),
            age @ 7_200..172_800 => format!("{} h ago", age / 3_600),
            age => format!("{} days ago", age / 86_400),
        };
        [String::from(key), self.bytes.to_string(), String::from(self.holds), ago]
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn shown(path: &Path) -> String {
    quoted(&path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::{CacheReport, ListedEntry};
    use crate::outcome::classify::Ending;
    use crate::report::console::Reported as _;

    #[test]
    fn the_age_of_an_entry_is_in_the_unit_that_fits() {
        let entry = ListedEntry {
            key: "ab".repeat(32),
            holds: "component",
            bytes: 40_580_936,
            used_unix_s: 1_000,
        };
        for (age, words) in [
            (0, "0 s ago"),
            (119, "119 s ago"),
            (120, "2 min ago"),
            (7_200, "2 h ago"),
            (172_800, "2 days ago"),
        ] {
            let row = entry.row(1_000 + age);
            assert_eq!(row, ["abababababababab", "40580936", "component", words].map(String::from));
        }
        // A clock that went back.
        assert_eq!(entry.row(0)[3], "0 s ago");
    }

    #[test]
    fn a_cleared_cache_tells_its_size() {
        let report = CacheReport {
            removed: 2,
            removed_bytes: 2_048,
            ..CacheReport::not_run(Ending::success())
        };
        assert_eq!(report.text().stdout, "removed: 2 entries, 2048 (2 KiB)\n");
    }
}
