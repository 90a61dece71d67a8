//! Each defect of the original design has a row in the map, and in it every test that keeps it out.
//!
//! The row is `| Q7 | what it was | tests |`; the name of a test of it begins with `q7_`.

use std::collections::BTreeMap;

use super::Finding;
use crate::source::Source;
use crate::tree::Tree;

const MAP: &str = "docs/design-map.md";

/// The defects are numbered from 1 to this.
const LAST: usize = 23;

/// A test, as the map names it, with its number and its line.
type Tests = BTreeMap<String, (usize, usize)>;

pub(super) fn rule(tree: &Tree) -> Vec<Finding> {
    let tests: Tests = tree.ending(".rs").flat_map(|(path, text)| tests(path, text)).collect();
    let mut rows: BTreeMap<usize, (usize, Vec<&str>)> = BTreeMap::new();
    for (line, row) in (1..).zip(tree.text(MAP).unwrap_or_default().lines()) {
        if let Some(number) = row.strip_prefix("| Q").and_then(|row| leading_number(row, " |")) {
            let named = row.split('`').skip(1).step_by(2).filter(|word| word.contains("::q"));
            rows.entry(number).or_insert_with(|| (line, Vec::new())).1.extend(named);
        }
    }
    let mut findings = Vec::new();
    for number in 1..=LAST {
        let Some((line, named)) = rows.get(&number) else {
            findings.push(Finding::file(MAP, format!("has no row for Q{number}: add one")));
            continue;
        };
        let mut find = |says: String| findings.push(Finding::line(MAP, *line, says));
        for name in named.iter().filter(|name| tests.get(**name).is_none_or(|(n, _)| *n != number))
        {
            find(format!("`{name}` is no test of Q{number}: repair the name"));
        }
        if named.is_empty() {
            find(format!("no test keeps Q{number} out: write one and name it `q{number}_...`"));
        }
    }
    for (test, (number, line)) in &tests {
        if !rows.get(number).is_some_and(|(_, named)| named.contains(&test.as_str())) {
            let path = test.split("::").next().unwrap_or_default();
            let says = format!("`{test}` is not in the row of Q{number}: add it to {MAP}");
            findings.push(Finding::line(path, *line, says));
        }
    }
    findings
}

/// Returns the functions of a file that are named after a defect.
fn tests(path: &str, text: &str) -> Tests {
    let mut tests = Tests::new();
    for (line, code) in (1..).zip(Source::parse(text).code) {
        let code = code.trim_start();
        let name = code.strip_prefix("async ").unwrap_or(code).strip_prefix("fn ");
        let name = name.and_then(|name| name.split('(').next());
        let number = |name: &str| leading_number(name.strip_prefix('q')?, "_");
        if let Some((name, number)) = name.and_then(|name| Some((name, number(name)?))) {
            tests.insert(format!("{path}::{name}"), (number, line));
        }
    }
    tests
}

/// Returns the number that a text begins with, if `end` comes after it.
fn leading_number(text: &str, end: &str) -> Option<usize> {
    text.split_once(end)?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{LAST, MAP, rule};
    use crate::tidy::says;

    const FILE: &str = "crates/a/tests/a.rs";

    /// A map and the tests of all defects, with one of each changed.
    fn of(number: usize, row: &str, test: &str) -> Vec<String> {
        let (mut map, mut tests) = (String::new(), String::new());
        for n in 1..=LAST {
            if n == number {
                map.push_str(row);
                tests.push_str(test);
            } else {
                map.push_str(&format!("| Q{n} | it was so | `{FILE}::q{n}_is_out` |\n"));
                tests.push_str(&format!("    async fn q{n}_is_out() {{}}\n"));
            }
        }
        says(rule, &[(MAP, &map), (FILE, &tests)])
    }

    #[test]
    fn a_row_and_a_test_that_name_each_other_are_well() {
        let row = format!("| Q2 | so | `{FILE}::q2_a`, `{FILE}::q2_b`; `{FILE}::other` |\n");
        assert_eq!(of(2, &row, "fn q2_a() {}\nfn q2_b() {}\nfn quick_() {}\n"), [""; 0]);
    }

    #[test]
    fn a_defect_without_a_row_and_a_test_that_no_row_has_are_found() {
        assert_eq!(
            of(3, "", "fn q3_a() {}\n"),
            [
                "docs/design-map.md: has no row for Q3: add one",
                "crates/a/tests/a.rs:3: `crates/a/tests/a.rs::q3_a` is not in the row of Q3: \
                 add it to docs/design-map.md",
            ]
        );
    }

    #[test]
    fn a_row_without_a_test_is_found() {
        assert_eq!(
            of(4, "| Q4 | it was so | see `docs/limits.md` |\n", ""),
            ["docs/design-map.md:4: no test keeps Q4 out: write one and name it `q4_...`"]
        );
    }

    #[test]
    fn a_row_that_names_what_is_no_test_of_it_is_found() {
        let row = format!("| Q5 | so | `{FILE}::q5_gone`, `{FILE}::q6_is_out` |\n");
        let finding = |name| {
            format!("docs/design-map.md:5: `{FILE}::{name}` is no test of Q5: repair the name")
        };
        assert_eq!(of(5, &row, "// fn q5_gone() {}\n"), ["q5_gone", "q6_is_out"].map(finding));
    }
}
