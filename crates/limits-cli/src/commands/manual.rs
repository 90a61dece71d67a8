//! The manual, made from the definition of the command line.

use std::io::{self, Write};

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::outcome::exit_codes;

/// Returns one page, in which each subcommand has a section.
pub(crate) fn whole(definition: Command) -> Vec<u8> {
    let root = built(definition);
    let mut page = page(&root);
    for command in with_descendants(&root).iter().skip(1) {
        let mut heading = Roff::new();
        heading.control("SH", [command.get_bin_name().unwrap_or_default().to_uppercase().as_str()]);
        page.push_str(&rendered(|to| heading.to_writer(to)));
        for line in body(command).lines() {
            match line.strip_prefix(".SH ") {
                // A section of another page is a part of this section.
                Some(name) => page.extend([".SS ", name, "\n"]),
                None => page.extend([line, "\n"]),
            }
        }
    }
    page.push_str(&exit_status());
    finished(&page)
}

/// Returns the pages of the command and of each subcommand, by the names of their files.
pub(crate) fn pages(definition: Command) -> Vec<(String, Vec<u8>)> {
    let root = built(definition);
    let named = |command: &&Command| {
        let mut page = page(command);
        // The help of the others has no table of exit codes either.
        if command.get_after_help().is_some() {
            page.push_str(&exit_status());
        }
        (man(command).get_filename(), finished(&page))
    };
    with_descendants(&root).iter().map(named).collect()
}

fn built(definition: Command) -> Command {
    let mut root = definition.disable_help_subcommand(true);
    root.build();
    root
}

/// Returns a command and the commands below it, each before those below it.
fn with_descendants(command: &Command) -> Vec<&Command> {
    let below = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    core::iter::once(command).chain(below.flat_map(with_descendants)).collect()
}

/// Returns the sections that each page begins with.
fn page(command: &Command) -> String {
    let man = man(command);
    let head = rendered(|to| {
        man.render_title(to)?;
        man.render_name_section(to)
    });
    head + &body(command)
}

/// Returns the sections on the use of a command.
fn body(command: &Command) -> String {
    let man = man(command);
    rendered(|to| {
        man.render_synopsis_section(to)?;
        man.render_description_section(to)?;
        man.render_options_section(to)?;
        match command.has_subcommands() {
            true => man.render_subcommands_section(to),
            false => Ok(()),
        }
    })
}

fn man(command: &Command) -> Man {
    let version = concat!("wasm-limits ", env!("CARGO_PKG_VERSION"));
    Man::new(command.clone()).source(version)
}

fn exit_status() -> String {
    let mut section = Roff::new();
    section.control("SH", ["EXIT STATUS"]);
    for (code, name, meaning) in exit_codes() {
        section.control("TP", []);
        section.text([bold(code.to_string())]);
        section.text([roman(format!("{name}: {meaning}"))]);
    }
    rendered(|to| section.to_writer(to))
}

/// Returns what a renderer writes, without the definitions that each part begins with.
fn rendered(render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
    let mut bytes = Vec::new();
    // Writing to memory does not fail.
    let _ = render(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().filter(|line| !DEFINITIONS.contains(line));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// An apostrophe that stays one.
const DEFINITIONS: [&str; 2] = [r".ie \n(.g .ds Aq \(aq", r".el .ds Aq '"];

fn finished(page: &str) -> Vec<u8> {
    format!("{}\n{}\n{page}", DEFINITIONS[0], DEFINITIONS[1]).into_bytes()
}
