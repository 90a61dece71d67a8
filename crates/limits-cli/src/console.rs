//! Where reports go.

use std::io;

use anstream::AutoStream;
use anstream::ColorChoice;
use serde::Serialize;

use crate::args::{DirGrant, Format, ManifestArgs, OutputArgs};
use crate::failure::Failure;
use crate::manifest::Manifest;
use crate::outlet::Outlet;
use crate::report_file::ReportFile;
use crate::stdio::Stdio;

/// The ways out: the process's streams, and the report file if one is wanted.
pub(crate) struct Console {
    stdio: Stdio,
    format: Format,
    file: Option<ReportFile>,
}

impl Console {
    pub(crate) fn new(stdio: Stdio, format: Format) -> Self {
        Self { stdio, format, file: None }
    }

    /// Opens the report file now, so that one that cannot be written is known before the guest
    /// runs. The inputs were read by now: the report must not destroy them.
    ///
    /// # Errors
    ///
    /// [`Failure::Report`] if it cannot be opened, is an input, or could be replaced by a guest
    /// that is given `dirs`.
    pub(crate) fn open_report(
        &mut self,
        output: &OutputArgs,
        args: &ManifestArgs,
        manifest: &Result<Manifest, Failure>,
        dirs: &[DirGrant],
    ) -> Result<(), Failure> {
        if let Some(path) = &output.report {
            let inputs = Manifest::inputs(args, manifest);
            self.file = Some(ReportFile::open(path, &inputs, dirs)?);
        }
        Ok(())
    }

    pub(crate) fn stdio(&self) -> &Stdio {
        &self.stdio
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Tells whether progress can be shown to somebody.
    pub(crate) fn shows_progress(&self) -> bool {
        self.format == Format::Text && self.stdio.stderr.is_terminal()
    }

    /// Gives the report: as JSON in the last line of stdout, or as `text` on stderr; and as JSON
    /// in the report file if there is one.
    ///
    /// # Errors
    ///
    /// [`Failure::Report`] if the file cannot be written. What goes to the streams goes there
    /// all the same.
    pub(crate) fn publish(
        &mut self,
        report: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        let json = serde_json::to_string(report).map_err(|error| Failure::Host {
            what: "writing the report as JSON",
            reason: error.to_string(),
        })?;
        match self.format {
            Format::Json => push_line(&self.stdio.stdout, &json),
            Format::Text => self.say(&text()),
        }
        match &mut self.file {
            Some(file) => file.write(&json),
            None => Ok(()),
        }
    }

    /// Puts lines of ours on stderr, in colour if somebody is there to see it.
    pub(crate) fn say(&self, text: &str) {
        let is_coloured = !matches!(AutoStream::choice(&io::stderr()), ColorChoice::Never);
        self.push_text(&self.stdio.stderr, text, is_coloured);
    }

    /// Puts lines of ours on stdout, in colour if somebody is there to see it.
    pub(crate) fn print(&self, text: &str) {
        let is_coloured = !matches!(AutoStream::choice(&io::stdout()), ColorChoice::Never);
        self.push_text(&self.stdio.stdout, text, is_coloured);
    }

    fn push_text(&self, outlet: &Outlet, text: &str, is_coloured: bool) {
        if text.is_empty() {
            return;
        }
        if is_coloured {
            push_line(outlet, text.trim_end_matches('\n'));
        } else {
            let plain = anstream::adapter::strip_str(text).to_string();
            push_line(outlet, plain.trim_end_matches('\n'));
        }
    }
}

/// Starts a line of our own, whatever the guest left, and ends it.
fn push_line(outlet: &Outlet, line: &str) {
    if !outlet.is_at_line_start() {
        outlet.push("\n");
    }
    outlet.push(line);
    outlet.push("\n");
}
