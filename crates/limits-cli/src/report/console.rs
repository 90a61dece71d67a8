//! The ways of a report out of the process.

use std::io;
use std::path::PathBuf;

use anstream::AutoStream;
use anstream::ColorChoice;
use serde::Serialize;

use crate::args::{DirGrant, Format, OutputArgs};
use crate::outcome::classify::Ending;
use crate::outcome::failure::Failure;
use crate::report::json;
use crate::report::report_file::{ReportFile, refuse_stdout_within};
use crate::stdio::Stdio;
use crate::stdio::output_pipe::{DRAIN_PATIENCE, Drained, REPORT_PATIENCE};
use crate::stdio::terminal::lines;

/// A report as JSON and as text.
pub(crate) trait Reported: Serialize {
    /// The command that it is the report of.
    const COMMAND: &'static str;

    /// Returns the text for people.
    fn text(&self) -> Text;

    /// Returns the exit code that goes with it.
    fn exit_code(&self) -> u8;

    /// Replaces the reported end.
    fn end_as(&mut self, ending: Ending);
}

/// A report for people, with colours: the parts for stdout and for stderr.
#[derive(Debug, Default)]
pub(crate) struct Text {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The streams of the process, and the report file if there is one.
///
/// Lines of the command are kept until [`flush_output`](Self::flush_output), when no guest runs.
pub(crate) struct Console {
    stdio: Stdio,
    format: Format,
    file: Option<ReportFile>,
    /// Lines for stdout and for stderr.
    stdout_lines: String,
    stderr_lines: String,
}

impl Console {
    pub(crate) fn new(stdio: Stdio, format: Format) -> Self {
        Self { stdio, format, file: None, stdout_lines: String::new(), stderr_lines: String::new() }
    }

    /// Opens the report file before the guest runs, so that an error is known early. The report
    /// must not destroy `inputs`.
    ///
    /// # Errors
    ///
    /// [`Failure::Report`] if it cannot be opened, is an input, or could be replaced by a guest
    /// that is given `dirs`; and if stdout, where the report goes, is a file that the guest could
    /// write.
    pub(crate) fn open_report(
        &mut self,
        output: &OutputArgs,
        inputs: &[PathBuf],
        dirs: &[DirGrant],
    ) -> Result<(), Failure> {
        if let Some(path) = &output.report {
            self.file = Some(ReportFile::open(path, inputs, dirs)?);
        }
        match self.format {
            Format::Json => refuse_stdout_within(dirs),
            Format::Text => Ok(()),
        }
    }

    pub(crate) fn stdio(&self) -> &Stdio {
        &self.stdio
    }

    /// Returns whether stderr can show progress.
    pub(crate) fn shows_progress(&self) -> bool {
        self.format == Format::Text && self.stdio.stderr.is_terminal()
    }

    /// Writes the report: as JSON to the report file if there is one, then as JSON in the last line
    /// of stdout or as text. Closes the guests' streams. Returns the exit code.
    ///
    /// If the file cannot be written, the report on the streams has that error instead of the end
    /// of the guest: a lost report must not look like success.
    pub(crate) fn publish(&mut self, mut report: impl Reported) -> u8 {
        self.stdio.seal();
        let json = json::line(&report);
        let written = match (&mut self.file, &json) {
            (Some(file), Ok(json)) => file.write(json),
            _ => Ok(()),
        };
        let json = match written {
            Ok(()) => json,
            Err(failure) => {
                report.end_as(Ending::from(&failure));
                json::line(&report)
            }
        };
        match (self.format, json) {
            (Format::Json, Ok(json)) => push_line(&mut self.stdout_lines, &json),
            (Format::Json, Err(failure)) => {
                self.add_to_stderr(&format!("error: {failure}"));
                return Ending::from(&failure).exit_code;
            }
            (Format::Text, _) => {
                let Text { stdout, stderr } = report.text();
                self.add_to_stdout(&stdout);
                self.add_to_stderr(&stderr);
            }
        }
        report.exit_code()
    }

    /// Adds warnings to stderr.
    pub(crate) fn warn(&mut self, notices: &[String]) {
        for notice in notices {
            self.add_to_stderr(&format!("warning: {notice}"));
        }
    }

    /// Adds lines of the command to stderr, in colour if it is a terminal.
    fn add_to_stderr(&mut self, text: &str) {
        let is_coloured = !matches!(AutoStream::choice(&io::stderr()), ColorChoice::Never);
        push_line(&mut self.stderr_lines, &lines(text, is_coloured));
    }

    /// Adds lines of the command to stdout, in colour if it is a terminal.
    fn add_to_stdout(&mut self, text: &str) {
        let is_coloured = !matches!(AutoStream::choice(&io::stdout()), ColorChoice::Never);
        push_line(&mut self.stdout_lines, &lines(text, is_coloured));
    }

    /// Waits until all output is written, and reports a loss. Returns the exit code: a lost report
    /// must not look like success.
    pub(crate) fn flush_output(mut self, code: u8) -> u8 {
        let Stdio { stdout, stderr, .. } = self.stdio.clone();
        self.stdio.seal();
        let is_report = !self.stdout_lines.is_empty();
        let patience = if is_report { REPORT_PATIENCE } else { DRAIN_PATIENCE };
        // Both before the report: they may lead to one file, where no byte of a guest may follow
        // it.
        stdout.settle(patience);
        stderr.settle(DRAIN_PATIENCE);
        if self.stdio.is_joint
            && let Some(reason) = stdout.is_stuck().or_else(|| stderr.is_stuck())
        {
            // Bytes of the guest on their way to the common file would follow the report and could
            // pass for it. Only the exit code can report that.
            return reason.outcome().exit_code();
        }
        if self.stdio.is_joint && (stdout.is_within_line() || stderr.is_within_line()) {
            for (pipe, lines) in
                [(&stdout, &mut self.stdout_lines), (&stderr, &mut self.stderr_lines)]
            {
                if !lines.is_empty() && !pipe.is_within_line() {
                    lines.insert(0, '\n');
                }
            }
        }
        stdout.push(&self.stdout_lines);
        stderr.push(&self.stderr_lines);
        self.stderr_lines.clear();
        let code = match stdout.finish(patience) {
            Drained::All | Drained::ReaderLeft => code,
            Drained::Lost(reason) if is_report => {
                self.add_to_stderr(&format!("error: cannot write the report to stdout: {reason}"));
                reason.outcome().exit_code()
            }
            Drained::Lost(reason) => {
                self.add_to_stderr(&format!(
                    "warning: not all output of the guest reached stdout: {reason}"
                ));
                code
            }
        };
        stderr.push(&self.stderr_lines);
        // A failure of this cannot be reported anywhere.
        stderr.finish(DRAIN_PATIENCE);
        code
    }
}

fn push_line(lines: &mut String, text: &str) {
    let text = text.trim_end_matches('\n');
    if !text.is_empty() {
        lines.push_str(text);
        lines.push('\n');
    }
}
