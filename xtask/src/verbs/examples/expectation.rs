//! The expected end of an example: the one line of its `EXPECT`.

use serde_json::Value;

use crate::failure::Result;

/// The line `exit=CODE outcome=NAME [invoke=CALL] [result=VALUE] [stdin=FILE] [stdout=FILE]
/// [args=WORDS] [dir=PATH] [options=WORDS] [line=LINE]`. A value runs to the next key or the end of
/// the line; files are in the example's folder.
#[derive(Debug, Default)]
pub(crate) struct Expectation<'a> {
    exit: i32,
    outcome: &'a str,
    result: Option<&'a str>,
    /// The call to make instead of `wasi:cli/run`.
    pub(crate) invoke: Option<&'a str>,
    /// The file that the guest reads; its input is empty without one.
    pub(crate) stdin: Option<&'a str>,
    /// The file that the output must equal; any output is right without one.
    pub(crate) stdout: Option<&'a str>,
    /// The guest's arguments.
    pub(crate) args: Option<&'a str>,
    /// The path under which the guest finds an empty directory to write to.
    pub(crate) dir: Option<&'a str>,
    /// Options of the command; a word `@NAME` is a file that is not there yet.
    pub(crate) options: Option<&'a str>,
    /// The line of the report that grants what was refused.
    line: Option<&'a str>,
}

const KEYS: [&str; 10] =
    ["exit", "outcome", "invoke", "result", "stdin", "stdout", "args", "dir", "options", "line"];

impl<'a> Expectation<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self> {
        let line = text.trim_end();
        let mut starts: Vec<(usize, &str)> =
            KEYS.into_iter().filter_map(|key| Some((find(line, key)?, key))).collect();
        starts.sort_unstable();
        if line.contains('\n') || starts.first().is_none_or(|(at, _)| *at != 0) {
            return Err(format!("EXPECT must be one line that starts with one of {KEYS:?}").into());
        }
        let ends = starts.iter().skip(1).map(|(at, _)| *at).chain([line.len()]);
        let mut exit = None;
        let mut outcome = None;
        let mut expected = Self::default();
        for ((at, key), end) in starts.iter().zip(ends) {
            let value = line[at + key.len() + 1..end].trim_end();
            match *key {
                "exit" => exit = value.parse().ok(),
                "outcome" => outcome = Some(value),
                "invoke" => expected.invoke = Some(value),
                "result" => expected.result = Some(value),
                "stdin" => expected.stdin = Some(value),
                "stdout" => expected.stdout = Some(value),
                "args" => expected.args = Some(value),
                "dir" => expected.dir = Some(value),
                "options" => expected.options = Some(value),
                _ => expected.line = Some(value),
            }
        }
        expected.exit = exit.ok_or("EXPECT has no exit=CODE")?;
        expected.outcome = outcome.ok_or("EXPECT has no outcome=NAME")?;
        Ok(expected)
    }

    /// Compares with the exit code and the JSON report of a run.
    pub(crate) fn compare(&self, code: Option<i32>, report: &str) -> Result {
        if code != Some(self.exit) {
            return Err(
                format!("exit code {code:?}, expected {}; report: {report}", self.exit).into()
            );
        }
        let report: Value = serde_json::from_str(report)
            .map_err(|error| format!("the report is no JSON: {error}; it is {report}"))?;
        let outcome = report["outcome"].as_str();
        if outcome != Some(self.outcome) {
            return Err(format!("outcome {outcome:?}, expected {:?}", self.outcome).into());
        }
        let result = report["result"].as_str();
        if self.result.is_some() && result != self.result {
            return Err(format!("result {result:?}, expected {:?}", self.result).into());
        }
        let line = report["refusals"][0]["line"].as_str();
        if self.line.is_some() && line != self.line {
            return Err(format!("line {line:?}, expected {:?}", self.line).into());
        }
        Ok(())
    }
}

/// Returns the index at which `key=` starts a word.
fn find(line: &str, key: &str) -> Option<usize> {
    let with_equals = |at: &usize| line[at + key.len()..].starts_with('=');
    let at_word = |at: &usize| *at == 0 || line[..*at].ends_with(' ');
    line.match_indices(key).map(|(at, _)| at).find(|at| with_equals(at) && at_word(at))
}

#[cfg(test)]
mod tests {
    use super::Expectation;

    #[test]
    fn values_run_to_the_next_key() {
        let line =
            "exit=0 outcome=success invoke=greet(\"a b\") result=\"Hello, a b!\" stdin=in.txt\n";
        let expected = Expectation::parse(line).unwrap();
        assert_eq!((expected.exit, expected.outcome), (0, "success"));
        assert_eq!(expected.invoke, Some("greet(\"a b\")"));
        assert_eq!(expected.result, Some("\"Hello, a b!\""));
        assert_eq!((expected.stdin, expected.stdout, expected.args), (Some("in.txt"), None, None));
        let line = "exit=0 outcome=success args=a b dir=/data options=--k @f line=a.b = [\"c\"]\n";
        let expected = Expectation::parse(line).unwrap();
        assert_eq!((expected.args, expected.dir), (Some("a b"), Some("/data")));
        assert_eq!((expected.options, expected.line), (Some("--k @f"), Some("a.b = [\"c\"]")));
    }

    #[test]
    fn exit_and_outcome_are_required() {
        let error = |line| Expectation::parse(line).unwrap_err().to_string();
        assert_eq!(error("exit=1"), "EXPECT has no outcome=NAME");
        assert_eq!(error("outcome=trap"), "EXPECT has no exit=CODE");
        assert!(error("").starts_with("EXPECT must be one line"));
        assert!(error("exit=1\noutcome=trap").starts_with("EXPECT must be one line"));
    }

    #[test]
    fn each_difference_is_reported() {
        let expected = Expectation::parse("exit=70 outcome=trap result=7").unwrap();
        let compare = |code, report| expected.compare(code, report).map_err(|e| e.to_string());
        assert_eq!(compare(Some(70), r#"{"outcome":"trap","result":"7"}"#), Ok(()));
        assert!(compare(Some(1), "{}").unwrap_err().starts_with("exit code Some(1), expected 70"));
        assert!(compare(None, "{}").unwrap_err().starts_with("exit code None, expected 70"));
        assert_eq!(
            compare(Some(70), r#"{"outcome":"timeout"}"#).unwrap_err(),
            "outcome Some(\"timeout\"), expected \"trap\""
        );
        let with_line = Expectation::parse("exit=70 outcome=trap line=a = 1").unwrap();
        let compare_line = |report| with_line.compare(Some(70), report).map_err(|e| e.to_string());
        let report = r#"{"outcome":"trap","refusals":[{"line":"a = 1"}]}"#;
        assert_eq!(compare_line(report), Ok(()));
        assert_eq!(
            compare_line(r#"{"outcome":"trap","refusals":[]}"#).unwrap_err(),
            "line None, expected Some(\"a = 1\")"
        );
        assert_eq!(
            compare(Some(70), r#"{"outcome":"trap","result":null}"#).unwrap_err(),
            "result None, expected Some(\"7\")"
        );
    }
}
