//! The report of `check --wants`: the needs of a component before anybody runs it.

use limits_config::{EffectiveConfig, Origin, Setting, format_size};
use limits_core::{Domain, Escaped, Permission};
use serde::Serialize;

use crate::guest::services::option;
use crate::inputs::wants::{Import, Wants};
use crate::report::settings::quotas;
use crate::report::text::{WARNING, line};
use crate::report::toml::{patterns_line, quota_line};

/// Imports that are listed at most, and characters that are shown of each.
const MOST_LISTED: usize = 100;
const MOST_OF_A_NAME: usize = 64;

/// The keys of the JSON.
#[derive(Debug, Serialize)]
pub(crate) struct WantsReport {
    imports: Vec<ShownImport>,
    /// Imports that are not listed.
    more_imports: usize,
    start_bytes: u64,
    /// Permissions that the file asks for and no import can use.
    unusable: Vec<&'static str>,
    /// `[quota]` and `[capabilities]`, to paste.
    #[serde(skip)]
    pub(crate) section: String,
}

#[derive(Debug, Serialize)]
struct ShownImport {
    /// Escaped.
    name: String,
    provided: bool,
    permissions: Vec<&'static str>,
    /// The option that it needs to be of use.
    option: Option<&'static str>,
}

impl WantsReport {
    /// Makes the report of a component whose file asks for `asks`.
    pub(crate) fn new(wants: &Wants, asks: &EffectiveConfig) -> Self {
        let asked = |permission: &Permission| is_asked(asks, *permission);
        let unusable = |permission: &Permission| asked(permission) && !wants.can_use(*permission);
        Self {
            imports: wants.imports.iter().take(MOST_LISTED).map(ShownImport::new).collect(),
            more_imports: wants.imports.len().saturating_sub(MOST_LISTED),
            start_bytes: wants.start_bytes,
            unusable: Permission::ALL.iter().filter(|one| unusable(one)).map(name).collect(),
            section: section(wants, asks),
        }
    }

    /// Renders the lines for people.
    pub(crate) fn text(&self) -> String {
        let start = format_size(self.start_bytes);
        let mut text =
            line("memory", &format!("{start} at its start, in memories and tables of its modules"));
        let mut groups: Vec<(&ShownImport, Vec<&str>)> = Vec::new();
        for import in &self.imports {
            match groups.iter_mut().find(|(first, _)| first.is_like(import)) {
                Some((_, names)) => names.push(&import.name),
                None => groups.push((import, vec![&import.name])),
            }
        }
        for (import, names) in groups {
            let uses = match &import.permissions[..] {
                [] => String::from("no capability"),
                permissions => permissions.join(", "),
            };
            let mark = match (import.provided, import.option) {
                (false, _) => format!("; {WARNING}not implemented by this command{WARNING:#}"),
                (true, Some(option)) => format!("; with {option}"),
                (true, None) => String::new(),
            };
            text.push_str(&line("imports", &format!("{}: {uses}{mark}", names.join(", "))));
        }
        if self.more_imports > 0 {
            text.push_str(&line("imports", &format!("and {} more", self.more_imports)));
        }
        if self.imports.is_empty() {
            text.push_str(&line("imports", "nothing"));
        }
        for permission in &self.unusable {
            let says =
                format!("{WARNING}{permission}{WARNING:#} is asked for, and no import can use it");
            text.push_str(&line("note", &says));
        }
        text
    }
}

impl ShownImport {
    fn new(import: &Import) -> Self {
        Self {
            name: shown(&import.name),
            provided: import.is_provided,
            permissions: import.permissions.iter().map(name).collect(),
            option: import.service.map(option),
        }
    }

    /// Returns whether all but the name is the same.
    fn is_like(&self, other: &Self) -> bool {
        let kind = |import: &Self| (import.provided, import.permissions.clone(), import.option);
        kind(self) == kind(other)
    }
}

fn name(permission: &Permission) -> &'static str {
    permission.as_str()
}

fn shown(import: &str) -> String {
    Escaped::head(import, MOST_OF_A_NAME).to_string()
}

fn is_asked(asks: &EffectiveConfig, permission: Permission) -> bool {
    asks.capabilities().patterns(permission).next().is_some()
}

/// Renders the tables to paste into Component.toml: lines that its file has, and as comments those
/// that the imports could use.
fn section(wants: &Wants, asks: &EffectiveConfig) -> String {
    let id = asks.id();
    let mut text = format!(
        "# Component.toml of {id} asks for the lines without `#`; its imports could use the others.\n\
         \n[quota]\n"
    );
    for quota in quotas(asks) {
        let line = quota_line(&quota);
        match quota.origin {
            Origin::Default if !could_use(wants, &quota) => {}
            Origin::Default => text.push_str(&format!("# {line}{}\n", default_note(&line))),
            _ => text.push_str(&format!("{line}\n")),
        }
    }
    text.push_str("\n[capabilities]\n");
    for domain in [Domain::Filesystem, Domain::Network, Domain::Storage, Domain::Messaging] {
        text.push_str(&capabilities(wants, asks, domain));
    }
    text
}

/// Returns the rest of the comment on a default.
fn default_note(line: &str) -> &'static str {
    if line.contains('#') { ", the default" } else { " # the default" }
}

/// Returns whether a component with these imports could use a quota.
fn could_use(wants: &Wants, quota: &Setting) -> bool {
    let any = |domain: Domain| {
        wants.imports.iter().flat_map(|import| import.permissions).any(|one| one.domain() == domain)
    };
    match quota.key.as_str() {
        "quota.storage" | "quota.storage_entries" => {
            wants.can_use(Permission::FilesystemWrite) || wants.can_use(Permission::StorageWrite)
        }
        "quota.network_bandwidth" => any(Domain::Network),
        "quota.message_rate" => any(Domain::Messaging),
        "quota.cpu_time" | "quota.memory" => true,
        // The policy and the period are matters of taste.
        _ => false,
    }
}

/// Renders the permissions of a domain, after the imports that can use one of them.
fn capabilities(wants: &Wants, asks: &EffectiveConfig, domain: Domain) -> String {
    let uses = |import: &&Import| import.permissions.iter().any(|one| one.domain() == domain);
    let users: Vec<String> = wants
        .imports
        .iter()
        .filter(uses)
        .take(MOST_LISTED)
        .map(|import| shown(&import.name))
        .collect();
    let mut text = String::new();
    if !users.is_empty() {
        text.push_str(&format!("# {}\n", users.join(", ")));
    }
    for permission in Permission::ALL.iter().filter(|permission| permission.domain() == domain) {
        let patterns = || asks.capabilities().patterns(*permission).map(|pattern| pattern.as_str());
        match (is_asked(asks, *permission), wants.can_use(*permission)) {
            (true, true) => text.push_str(&format!("{}\n", patterns_line(*permission, patterns()))),
            (true, false) => {
                let line = patterns_line(*permission, patterns());
                text.push_str(&format!("{line} # no import can use it\n"));
            }
            (false, true) => {
                let line = patterns_line(*permission, [placeholder(domain)]);
                text.push_str(&format!("# {line}\n"));
            }
            (false, false) => {}
        }
    }
    text
}

/// Returns a text in the place of a pattern: no valid one, so that it cannot be left as it is.
fn placeholder(domain: Domain) -> &'static str {
    match domain {
        Domain::Filesystem => "<path in the guest>",
        Domain::Network => "<host>:<port>",
        Domain::Storage => "<key>",
        Domain::Messaging => "<topic>",
        // The four domains are all.
        _ => "<resource>",
    }
}
