//! Where reports go.

use std::io;

use anstream::AutoStream;
use anstream::ColorChoice;
use serde::Serialize;

use crate::args::{DirGrant, Format, ManifestArgs, OutputArgs};
use crate::inputs::manifest::Manifest;
use crate::outcome::classify::Ending;
use crate::outcome::failure::Failure;
use crate::report::json;
use crate::report::report_file::{ReportFile, refuse_stdout_within};
use crate::stdio::Stdio;
use crate::stdio::output_pipe::{DRAIN_PATIENCE, Drained, REPORT_PATIENCE};
use crate::stdio::terminal::lines;

/// A report that can be given as JSON and to people.
pub(crate) trait Reported: Serialize {
    /// Returns the report for people.
    fn text(&self) -> Text;

    /// Returns the exit code that goes with it.
    fn exit_code(&self) -> u8;

    /// Puts another end in the place of the one that is reported.
    fn end_as(&mut self, ending: Ending);
}

/// A report for people, in colours: what goes to stdout, and what goes to stderr.
#[derive(Debug, Default)]
pub(crate) struct Text {
    pub(crate) printed: String,
    pub(crate) said: String,
}

/// The ways out: the process's streams, and the report file if one is wanted.
///
/// What is said here is kept until [`flush_output`](Self::flush_output), when no guest runs any more.
pub(crate) struct Console {
    stdio: Stdio,
    format: Format,
    file: Option<ReportFile>,
    /// Lines for stdout and for stderr.
    printed: String,
    said: String,
}

impl Console {
    pub(crate) fn new(stdio: Stdio, format: Format) -> Self {
        Self { stdio, format, file: None, printed: String::new(), said: String::new() }
    }

    /// Opens the report file now, so that one that cannot be written is known before the guest
    /// runs. The inputs were read by now: the report must not destroy them.
    ///
    /// # Errors
    ///
    /// [`Failure::Report`] if it cannot be opened, is an input, or could be replaced by a guest
    /// that is given `dirs`; and if stdout, where the report goes, is a file that the guest could
    /// write.
    pub(crate) fn open_report(
        &mut self,
        output: &OutputArgs,
        args: &ManifestArgs,
        manifest: &Result<Manifest, Failure>,
        dirs: &[DirGrant],
    ) -> Result<(), Failure> {
        if let Some(path) = &output.report {
            let inputs = Manifest::inputs(args, Some(manifest));
            self.file = Some(ReportFile::open(path, &inputs, dirs)?);
        }
        match self.format {
            Format::Json => refuse_stdout_within(dirs),
            Format::Text => Ok(()),
        }
    }

    pub(crate) fn stdio(&self) -> &Stdio {
        &self.stdio
    }

    /// Tells whether progress can be shown to somebody.
    pub(crate) fn shows_progress(&self) -> bool {
        self.format == Format::Text && self.stdio.stderr.is_terminal()
    }

    /// Gives the report: as JSON in the report file if there is one, then as JSON in the last line
    /// of stdout or as text. From now on the guests' streams are closed. Returns the exit code.
    ///
    /// If the file cannot be written, the report on the streams says so instead of how the guest
    /// ended: a report that is lost must not look like success.
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
            (Format::Json, Ok(json)) => push_line(&mut self.printed, &json),
            (Format::Json, Err(failure)) => {
                self.say(&format!("error: {failure}"));
                return Ending::from(&failure).exit_code;
            }
            (Format::Text, _) => {
                let Text { printed, said } = report.text();
                self.print(&printed);
                self.say(&said);
            }
        }
        report.exit_code()
    }

    /// Puts lines of ours on stderr, in colour if somebody is there to see it.
    fn say(&mut self, text: &str) {
        let is_coloured = !matches!(AutoStream::choice(&io::stderr()), ColorChoice::Never);
        push_line(&mut self.said, &lines(text, is_coloured));
    }

    /// Puts lines of ours on stdout, in colour if somebody is there to see it.
    fn print(&mut self, text: &str) {
        let is_coloured = !matches!(AutoStream::choice(&io::stdout()), ColorChoice::Never);
        push_line(&mut self.printed, &lines(text, is_coloured));
    }

    /// Waits until all that was written and said is out, and says so if it is not. Returns the
    /// exit code: a report that is lost must not look like success.
    pub(crate) fn flush_output(mut self, code: u8) -> u8 {
        let Stdio { stdout, stderr, .. } = self.stdio.clone();
        self.stdio.seal();
        let is_report = !self.printed.is_empty();
        let patience = if is_report { REPORT_PATIENCE } else { DRAIN_PATIENCE };
        // Both before anything of ours: they may lead to one file, where nothing of a guest may
        // come behind a report.
        stdout.settle(patience);
        stderr.settle(DRAIN_PATIENCE);
        if self.stdio.is_joint
            && let Some(reason) = stdout.is_stuck().or_else(|| stderr.is_stuck())
        {
            // What is on its way to the common file comes behind anything that is written now, and
            // could pass for a report. The exit code is all that is left to say it with.
            return reason.outcome().exit_code();
        }
        if self.stdio.is_joint && (stdout.is_within_line() || stderr.is_within_line()) {
            for (pipe, lines) in [(&stdout, &mut self.printed), (&stderr, &mut self.said)] {
                if !lines.is_empty() && !pipe.is_within_line() {
                    lines.insert(0, '\n');
                }
            }
        }
        stdout.push(&self.printed);
        stderr.push(&self.said);
        self.said.clear();
        let code = match stdout.finish(patience) {
            Drained::All | Drained::ReaderLeft => code,
            Drained::Lost(reason) if is_report => {
                self.say(&format!("error: cannot write the report to stdout: {reason}"));
                reason.outcome().exit_code()
            }
            Drained::Lost(reason) => {
                self.say(&format!("warning: not all output of the guest reached stdout: {reason}"));
                code
            }
        };
        stderr.push(&self.said);
        // Nobody is left to tell if this fails as well.
        stderr.finish(DRAIN_PATIENCE);
        code
    }
}

fn push_line(said: &mut String, text: &str) {
    let text = text.trim_end_matches('\n');
    if !text.is_empty() {
        said.push_str(text);
        said.push('\n');
    }
}
