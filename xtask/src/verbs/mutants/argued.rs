//! Mutations that may survive, each with its reason: `xtask/mutants.allow`.

use super::mutation::Mutation;
use crate::failure::Result;

/// Where the table is.
pub(super) const FILE: &str = "xtask/mutants.allow";

/// One mutation that may survive.
#[derive(Debug)]
struct Entry {
    line: usize,
    /// The file and the change, as `FILE: BEFORE -> AFTER`.
    mutation: String,
    reason: String,
}

/// The table.
#[derive(Debug)]
pub(super) struct Argued(Vec<Entry>);

impl Argued {
    /// Reads a table: a line for a mutation, then its reason in indented lines.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut entries: Vec<Entry> = Vec::new();
        let said = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| said(line)) {
            if !line.starts_with(char::is_whitespace) {
                let mutation = line.trim_end().to_owned();
                entries.push(Entry { line: number, mutation, reason: String::new() });
            } else if let Some(entry) = entries.last_mut() {
                if !entry.reason.is_empty() {
                    entry.reason.push(' ');
                }
                entry.reason.push_str(line.trim());
            } else {
                return Err(format!("{FILE}:{number}: a reason without its mutation").into());
            }
        }
        match entries.iter().find(|entry| entry.reason.is_empty()) {
            Some(entry) => {
                Err(format!("{FILE}:{}: no reason: add one in an indented line below", entry.line)
                    .into())
            }
            None => Ok(Self(entries)),
        }
    }

    /// Returns why a mutation may survive, if the table has it.
    pub(super) fn reason(&self, mutation: &Mutation) -> Option<&str> {
        let name = name(mutation);
        self.0.iter().find(|entry| entry.mutation == name).map(|entry| entry.reason.as_str())
    }

    /// Returns the files that the table names.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|entry| Some(entry.mutation.split_once(": ")?.0))
    }

    /// Returns what is wrong with entries that are none of these mutations.
    pub(super) fn stale(&self, mutations: &[Mutation]) -> Vec<String> {
        let names: Vec<String> = mutations.iter().map(name).collect();
        let stale = self.0.iter().filter(|entry| !names.contains(&entry.mutation));
        stale
            .map(|entry| {
                let (line, mutation) = (entry.line, &entry.mutation);
                format!("{FILE}:{line}: `{mutation}` is no mutation any more: repair or remove it")
            })
            .collect()
    }
}

fn name(mutation: &Mutation) -> String {
    format!("{}: {}", mutation.file, mutation.change())
}

#[cfg(test)]
mod tests {
    use super::super::decisions::find;
    use super::Argued;

    const TABLE: &str = "# Why.\n\na.rs: a < b -> a <= b\n    Both are\n    the same.\n";

    #[test]
    fn an_argued_mutation_has_its_reason_wherever_it_stands() {
        let argued = Argued::parse(TABLE).unwrap();
        let (found, _) = find("a.rs", "fn f() {\n\n    a < b\n    c < d\n}\n");
        assert_eq!(argued.reason(&found[0]), Some("Both are the same."));
        assert_eq!(argued.reason(&found[1]), None);
        assert_eq!(argued.stale(&found), [""; 0]);
        assert_eq!(argued.files().collect::<Vec<_>>(), ["a.rs"]);
    }

    #[test]
    fn an_entry_that_is_no_mutation_any_more_is_told() {
        let (found, _) = find("a.rs", "fn f() {\n    c < d\n}\n");
        assert_eq!(
            Argued::parse(TABLE).unwrap().stale(&found),
            [
                "xtask/mutants.allow:3: `a.rs: a < b -> a <= b` is no mutation any more: repair or remove it"
            ]
        );
    }

    #[test]
    fn an_entry_without_a_reason_is_refused() {
        for (text, says) in [
            (
                "a.rs: a -> b\n",
                "xtask/mutants.allow:1: no reason: add one in an indented line below",
            ),
            ("  because\n", "xtask/mutants.allow:1: a reason without its mutation"),
        ] {
            assert_eq!(Argued::parse(text).unwrap_err().to_string(), says);
        }
    }
}
