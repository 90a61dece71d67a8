//! `wasm-limits check`.

use limits_compile::{Adapted, Adapter, Compiler};
use limits_config::{CompileSetting, EffectiveConfig, LoadError, Origin, Setting, format_size};
use limits_core::{CapabilitySet, WasmError};
use serde::Serialize;
use std::collections::BTreeMap;

use crate::address_space;
use crate::args::CheckArgs;
use crate::background::in_background;
use crate::guest::compiling::Compiling;
use crate::inputs::component_file::ComponentFile;
use crate::inputs::manifest::{Manifest, Terms};
use crate::inputs::wants::Wants;
use crate::interrupt::Interrupt;
use crate::outcome::Outcome;
use crate::outcome::classify::{Ending, Problem};
use crate::outcome::failure::Failure;
use crate::quote::quoted;
use crate::report::cluster_terms::ClusterTerms;
use crate::report::console::{Console, Reported, Text};
use crate::report::model::outcome_name;
use crate::report::settings::{by_key, changes, compile_by_key, limits, quotas};
use crate::report::text::{BOLD, colour, line, table};
use crate::report::wants::WantsReport;

/// The report of `check`. The keys here are the keys of the JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Checked {
    component: Option<String>,
    version: Option<String>,
    /// The identity under which the policy applied.
    id: Option<String>,
    #[serde(serialize_with = "outcome_name")]
    outcome: Outcome,
    error: Option<Problem>,
    file: Option<CheckedFile>,
    #[serde(serialize_with = "by_key")]
    limits: Vec<Setting>,
    #[serde(serialize_with = "by_key")]
    quota: Vec<Setting>,
    /// The ceilings over all components.
    #[serde(serialize_with = "by_key")]
    host: Vec<Setting>,
    /// The structure that components may have, and the budget of compiling one.
    #[serde(serialize_with = "compile_by_key")]
    compile: Vec<CompileSetting>,
    /// The rates that hosts share; null if the policy has no cluster.
    cluster: Option<ClusterTerms>,
    capabilities: BTreeMap<String, Vec<String>>,
    policy: Vec<String>,
    /// Null without `--wants`.
    wants: Option<WantsReport>,
    #[serde(skip)]
    exit_code: u8,
}

#[derive(Debug, Serialize)]
struct CheckedFile {
    path: String,
    bytes: usize,
    sha256: String,
    /// The adapter that makes a component of the file's core module; null for a component.
    adapted: Option<Adapter>,
}

/// Validates the file and prints the effective limits. Returns the exit code.
pub(crate) async fn check(args: &CheckArgs, console: &mut Console, interrupt: &Interrupt) -> u8 {
    let manifest = Manifest::load(&args.manifest, interrupt).await;
    let inputs = Manifest::inputs(&args.manifest, Some(&manifest));
    let checked = match console.open_report(&args.output, &inputs, &[]) {
        Ok(()) => look(args, manifest, interrupt).await,
        Err(failure) => Checked::not_run(Ending::from(&failure)),
    };
    console.publish(checked)
}

async fn look(
    args: &CheckArgs,
    manifest: Result<Manifest, Failure>,
    interrupt: &Interrupt,
) -> Checked {
    let Manifest { version, asks, terms, file, .. } = match manifest {
        Ok(manifest) => manifest,
        Err(failure) => return Checked::not_run(Ending::from(&failure)),
    };
    let (file, wants) = match file {
        Ok(file) => {
            let asks = args.wants.then_some(asks);
            let id = terms.effective.id().to_string();
            let compiler = Compiling::new(&args.compiling, &terms.compile)
                .compiler(address_space::engine(0).settings());
            let looking = in_background("parsing", interrupt, move || {
                CheckedFile::new(&file, &compiler, &id, asks.as_ref())
            });
            match looking.await.flatten() {
                Ok((checked, wants)) => (Some(checked), wants),
                Err(failure) => return Checked::not_run(Ending::from(&failure)),
            }
        }
        // A component that is not built yet is no error; one that is named, or is there, must be
        // readable.
        Err(Failure::Load(LoadError::Missing { .. })) if !args.wants => (None, None),
        Err(failure) => return Checked::not_run(Ending::from(&failure)),
    };
    Checked { wants, ..Checked::new(version, file, &terms) }
}

impl Reported for Checked {
    const COMMAND: &'static str = "check";

    fn text(&self) -> Text {
        if let (Some(wants), Outcome::Success) = (&self.wants, self.outcome) {
            let stderr = format!("{}{}", head(self), wants.text());
            return Text { stdout: wants.section.clone(), stderr };
        }
        let text = render(self);
        match self.outcome {
            Outcome::Success => Text { stdout: text, stderr: String::new() },
            _ => Text { stdout: String::new(), stderr: text },
        }
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }

    fn end_as(&mut self, ending: Ending) {
        (self.outcome, self.exit_code, self.error) =
            (ending.outcome, ending.exit_code, ending.problem);
    }
}

impl CheckedFile {
    /// Checks the structure of a component without compiling it, and looks for its needs if `asks`
    /// are given.
    fn new(
        file: &ComponentFile,
        compiler: &Compiler,
        id: &str,
        asks: Option<&EffectiveConfig>,
    ) -> Result<(Self, Option<WantsReport>), Failure> {
        let path = file.path.to_string_lossy().into_owned();
        let bytes = file.len();
        let sha256 = hex::encode(file.sha256());
        let translated = compiler
            .translate(id, file.source())
            .map_err(|error| Failure::compiling(&file.path, error))?;
        let adapted = translated.adapted.map(Adapted::adapter);
        let wants = asks
            .map(|asks| Wants::of(&translated.binary).map(|wants| WantsReport::new(&wants, asks)))
            .transpose()
            .map_err(|error| WasmError::InvalidComponent { reason: quoted(&error.to_string()) })?;
        Ok((Self { path, bytes, sha256, adapted }, wants))
    }
}

impl Checked {
    pub(crate) fn not_run(ending: Ending) -> Self {
        Self {
            component: None,
            version: None,
            id: None,
            outcome: ending.outcome,
            error: ending.problem,
            file: None,
            limits: Vec::new(),
            quota: Vec::new(),
            host: Vec::new(),
            compile: Vec::new(),
            cluster: None,
            capabilities: BTreeMap::new(),
            policy: Vec::new(),
            wants: None,
            exit_code: ending.exit_code,
        }
    }

    fn new(version: String, file: Option<CheckedFile>, terms: &Terms) -> Self {
        let Terms { name, effective, host, compile, cluster, .. } = terms;
        Self {
            component: Some(name.clone()),
            version: Some(version),
            id: Some(effective.id().to_string()),
            file,
            limits: limits(effective),
            quota: quotas(effective),
            host: host.settings().collect(),
            compile: compile.settings().collect(),
            cluster: cluster.as_ref().map(|table| ClusterTerms::new(table, effective, host)),
            capabilities: patterns(effective.capabilities()),
            policy: changes(terms),
            ..Self::not_run(Ending::success())
        }
    }
}

/// Returns the patterns of each permission that has any.
fn patterns(capabilities: &CapabilitySet) -> BTreeMap<String, Vec<String>> {
    let mut patterns: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (permission, pattern) in capabilities.iter() {
        patterns.entry(permission.to_string()).or_default().push(pattern.to_string());
    }
    patterns
}

/// Renders the first lines: what was checked, and its file.
fn head(checked: &Checked) -> String {
    let style = colour(checked.outcome);
    let mut text = match (&checked.component, &checked.version, &checked.id) {
        (Some(name), Some(version), Some(id)) if checked.error.is_none() => {
            let known_as = if id == name { String::new() } else { format!(", known here as {id}") };
            format!("{style}valid{style:#} {BOLD}{name}{BOLD:#} {version}{known_as}\n")
        }
        _ => {
            let name = checked.outcome.name();
            format!("{style}{name}{style:#} (exit code {})\n", checked.exit_code)
        }
    };
    if let Some(problem) = &checked.error {
        text.push_str(&line("why", &problem.message));
        return text;
    }
    match &checked.file {
        Some(file) => {
            let bytes = format_size(u64::try_from(file.bytes).unwrap_or(u64::MAX));
            let path = quoted(&file.path);
            let kind = match file.adapted {
                Some(adapter) => format!(", a core module, adapted as a {adapter}"),
                None => String::new(),
            };
            text.push_str(&line("file", &format!("{path}, {bytes}{kind}, not compiled")));
            text.push_str(&line("sha256", &file.sha256));
        }
        None => text.push_str(&line("file", "none found; `run` needs one")),
    }
    text
}

fn render(checked: &Checked) -> String {
    let mut text = head(checked);
    if checked.error.is_some() {
        return text;
    }
    // Without ceilings in the policy there is no host above the component.
    let has_ceilings = checked.host.iter().any(|ceiling| ceiling.origin != Origin::Default);
    let ceilings = checked.host.iter().filter(|_| has_ceilings);
    let settings = checked.limits.iter().chain(&checked.quota).chain(ceilings);
    let row = |setting: &Setting| {
        [setting.key.to_string(), setting.to_string(), setting.origin.to_string()]
    };
    let mut rows: Vec<[String; 3]> = settings.map(row).collect();
    rows.extend(
        checked.compile.iter().map(|setting| {
            [setting.key.to_string(), setting.to_string(), setting.origin.to_string()]
        }),
    );
    for (permission, patterns) in &checked.capabilities {
        let key = format!("capabilities.{permission}");
        rows.push([key, quoted(&patterns.join(" ")), Origin::Component.to_string()]);
    }
    text.push_str(&table(&["setting", "value", "set by"].map(String::from), &rows));
    for says in checked.cluster.iter().flat_map(ClusterTerms::lines) {
        text.push_str(&line("cluster", &says));
    }
    for change in &checked.policy {
        text.push_str(&line("policy", change));
    }
    text
}
