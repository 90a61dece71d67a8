//! `wasm-limits completions` and `wasm-limits man`.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Args;
use crate::args::text_command::TextCommand;
use crate::commands::manual;
use crate::outcome::Outcome;
use crate::outcome::system_error::SystemError;
use crate::quote::quoted_path;

/// Prints or writes the text. Returns the exit code.
pub(crate) fn text(command: &TextCommand) -> i32 {
    let definition = Args::command();
    let done = match command {
        TextCommand::Completions { shell } => print(script(*shell).as_bytes()),
        TextCommand::Man { out: None } => print(&manual::whole(definition)),
        TextCommand::Man { out: Some(dir) } => write(dir, &manual::pages(definition)),
    };
    let outcome = match done {
        Ok(()) => Outcome::Success,
        Err(message) => {
            // A failure of this cannot be reported anywhere.
            let _ = writeln!(io::stderr(), "error: {message}");
            Outcome::Error
        }
    };
    i32::from(outcome.exit_code())
}

/// Returns the script that completes command lines in a shell.
fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "wasm-limits", &mut script);
    let script = String::from_utf8_lossy(&script);
    match shell {
        // The generator of 4.6 takes the hyphen in the name of a program for the beginning of a
        // subcommand in one of two places, and shows hidden options.
        Shell::Bash => script
            .replace("wasm__subcmd__limits", "wasm__limits")
            .replace(" --compile-worker ", " "),
        _ => script.into_owned(),
    }
}

fn print(text: &[u8]) -> Result<(), String> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text).and_then(|()| stdout.flush());
    written.map_err(|error| format!("cannot write to stdout: {}", SystemError::of(&error)))
}

/// Writes files by name into a directory.
fn write(dir: &Path, files: &[(String, Vec<u8>)]) -> Result<(), String> {
    let failed = |path: &Path, error: &io::Error| {
        format!("cannot write {}: {}", quoted_path(path), SystemError::of(error))
    };
    fs::create_dir_all(dir).map_err(|error| failed(dir, &error))?;
    files.iter().try_for_each(|(name, text)| {
        let path = dir.join(name);
        fs::write(&path, text).map_err(|error| failed(&path, &error))
    })
}

#[cfg(test)]
mod tests {
    use super::{Args, manual, script};
    use clap::{Command, CommandFactory as _};
    use clap_complete::Shell;

    /// Returns the options that the help shows, of a command and those below it.
    fn options(command: &Command) -> Vec<String> {
        let shown = command.get_arguments().filter(|argument| !argument.is_hide_set());
        let own = shown.filter_map(|argument| argument.get_long().map(str::to_owned));
        own.chain(command.get_subcommands().flat_map(options)).collect()
    }

    #[test]
    fn every_option_is_in_every_script_and_in_the_manual() {
        let options = options(&Args::command());
        assert!(options.len() > 40 && options.iter().any(|name| name == "stub-imports"));
        let page = String::from_utf8(manual::whole(Args::command())).unwrap();
        for option in &options {
            let item = format!(".TP\n\\fB\\-\\-{}\\fR", option.replace('-', "\\-"));
            assert!(page.contains(&item), "{item}");
        }
        for shell in [Shell::Bash, Shell::Elvish, Shell::Fish, Shell::PowerShell, Shell::Zsh] {
            let script = script(shell);
            for option in &options {
                assert!(script.contains(option.as_str()), "{shell}: {option}");
            }
        }
    }

    #[test]
    fn a_page_shows_no_hidden_option_and_each_exit_code() {
        for (name, page) in manual::pages(Args::command()) {
            let page = String::from_utf8(page).unwrap();
            assert!(!page.contains("compile\\-worker"), "{name}");
            let has_codes = page.contains("\n.TP\n\\fB65\\fR\ntimeout: ");
            let is_place = name.contains("cache") || name.contains("-man") || name.contains("comp");
            assert_eq!(has_codes, !is_place, "{name}");
        }
    }
}
