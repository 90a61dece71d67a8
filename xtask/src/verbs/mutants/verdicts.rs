//! What became of the mutations that were tried, as a table.

use core::fmt::Write as _;

use super::mutation::Mutation;

/// One mutation that compiled.
struct Row {
    package: String,
    mutation: Mutation,
    outcome: String,
    survived: bool,
    argued: bool,
}

/// The rows so far.
#[derive(Default)]
pub(super) struct Verdicts {
    rows: Vec<Row>,
    /// How many did not compile.
    replaced: usize,
}

impl Verdicts {
    /// Adds a mutation with what killed it, if anything did, and why it may survive, if it may.
    /// Returns the outcome in words.
    pub(super) fn add(
        &mut self,
        package: &str,
        mutation: &Mutation,
        killer: Option<&str>,
        reason: Option<&str>,
    ) -> &str {
        let outcome = match (killer, reason) {
            (Some(killer), None) => format!("killed by {killer}"),
            (Some(killer), Some(_)) => {
                format!("killed by {killer}, so its entry in {} can go", super::argued::FILE)
            }
            (None, None) => String::from("survived"),
            (None, Some(reason)) => format!("survived, argued: {reason}"),
        };
        self.rows.push(Row {
            package: package.to_owned(),
            mutation: mutation.clone(),
            outcome,
            survived: killer.is_none(),
            argued: reason.is_some(),
        });
        self.rows.last().map_or("", |row| &row.outcome)
    }

    /// Counts a mutation that did not compile.
    pub(super) const fn replace(&mut self) {
        self.replaced += 1;
    }

    /// Tells whether any survived without a reason.
    pub(super) fn has_gaps(&self) -> bool {
        self.rows.iter().any(|row| row.survived && !row.argued)
    }

    /// Returns the table in Markdown, with the counts as the last line.
    pub(super) fn report(&self) -> String {
        let mut report = String::from("\n| package | place | mutation | outcome |\n");
        report.push_str("|---|---|---|---|\n");
        for row in &self.rows {
            let (file, line) = (&row.mutation.file, row.mutation.line);
            let change = row.mutation.change().replace('`', "'").replace('|', "\\|");
            let _ = writeln!(
                report,
                "| {} | {file}:{line} | `{change}` | {} |",
                row.package,
                row.outcome.replace('|', "\\|"),
            );
        }
        report.push('\n');
        if self.replaced > 0 {
            let _ = writeln!(report, "{} more did not compile", self.replaced);
        }
        let argued = self.rows.iter().filter(|row| row.survived && row.argued).count();
        if argued > 0 {
            let _ = writeln!(report, "{argued} of the survivors argued");
        }
        let survived = self.rows.iter().filter(|row| row.survived).count();
        let _ = writeln!(report, "{} killed, {survived} survived", self.rows.len() - survived);
        report
    }
}

#[cfg(test)]
mod tests {
    use super::super::decisions::find;
    use super::Verdicts;

    #[test]
    fn the_table_ends_with_the_counts() {
        let (found, _) = find("a.rs", "fn f() {\n    a || b\n    !c\n    d < e\n}\n");
        let mut verdicts = Verdicts::default();
        verdicts.replace();
        assert_eq!(verdicts.add("a", &found[0], Some("t::holds"), None), "killed by t::holds");
        verdicts.add("a", &found[1], None, Some("it is the same"));
        assert!(!verdicts.has_gaps());
        verdicts.add("b", &found[2], None, None);
        assert!(verdicts.has_gaps());
        assert_eq!(
            verdicts.report(),
            "
| package | place | mutation | outcome |
|---|---|---|---|
| a | a.rs:2 | `a \\|\\| b -> a && b` | killed by t::holds |
| a | a.rs:3 | `!c -> c` | survived, argued: it is the same |
| b | a.rs:4 | `d < e -> d <= e` | survived |

1 more did not compile
1 of the survivors argued
1 killed, 2 survived
"
        );
    }

    #[test]
    fn an_argued_mutation_that_is_killed_is_told() {
        let (found, _) = find("a.rs", "fn f() {\n    !c\n}\n");
        assert_eq!(
            Verdicts::default().add("a", &found[0], Some("t"), Some("it is the same")),
            "killed by t, so its entry in xtask/mutants.allow can go"
        );
    }
}
