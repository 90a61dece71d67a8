//! The command line.

pub(crate) mod cache_command;
pub(crate) mod compile_args;
pub(crate) mod service_args;
pub(crate) mod text_command;

use core::num::NonZeroU32;
use std::path::{Path, PathBuf};

use clap::builder::{PathBufValueParser, TypedValueParser as _};
use clap::{Parser, Subcommand, ValueEnum};
use limits_config::ComponentName;

use crate::args::cache_command::CacheCommand;
use crate::args::compile_args::{CacheArgs, CompileArgs};
use crate::args::service_args::ServiceArgs;
use crate::args::text_command::TextCommand;
use crate::inputs::manifest::Manifest;
use crate::outcome::exit_code_help;

/// Runs a WebAssembly component under the limits of its Component.toml and reports what it used.
#[derive(Debug, Parser)]
#[command(name = "wasm-limits", bin_name = "wasm-limits", version, after_help = exit_code_help())]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one")]
pub(crate) enum Verb {
    #[command(flatten)]
    Reported(Command),
    #[command(flatten)]
    Text(TextCommand),
}

/// The work that ends with a report.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs a component and reports what it used.
    #[command(after_help = exit_code_help())]
    Run(RunArgs),
    /// Validates a Component.toml and prints the effective limits with their origin: on stdout if
    /// the file is valid, else the error on stderr.
    #[command(after_help = exit_code_help())]
    Check(CheckArgs),
    /// Runs a component many times under generous limits and suggests limits to declare.
    #[command(after_help = exit_code_help())]
    Calibrate(CalibrateArgs),
    /// Lists or removes the compiled components that are kept.
    #[command(subcommand)]
    Cache(CacheCommand),
}

impl Command {
    /// Returns every file that the command would read or keep, were it to run.
    pub(crate) fn inputs(&self) -> Vec<PathBuf> {
        match self {
            Self::Run(run) => Manifest::files(&run.guest, None),
            Self::Check(check) => Manifest::inputs(&check.manifest, None),
            Self::Calibrate(calibrate) => Manifest::files(&calibrate.guest, None),
            Self::Cache(_) => Vec::new(),
        }
    }
}

#[derive(clap::Args, Debug)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) guest: GuestArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Runs the component N times, each in a fresh store with the same input.
    #[arg(long, value_name = "N")]
    pub(crate) repeat: Option<NonZeroU32>,
    /// Runs up to M of them at the same time; they share the component's quotas.
    #[arg(long, value_name = "M", default_value = "1", requires = "repeat")]
    pub(crate) parallel: NonZeroU32,
    /// Refuses no quota and no capability: counts everything, and reports what would have been
    /// refused. Fuel, timeout and the memory of one run still hold.
    #[arg(long)]
    pub(crate) observe: bool,
}

#[derive(clap::Args, Debug)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) manifest: ManifestArgs,
    /// Lists what the component imports and needs at its start, and the `[quota]` and
    /// `[capabilities]` that it could use, to paste into a Component.toml. Nothing is compiled or
    /// run.
    #[arg(long)]
    pub(crate) wants: bool,
    #[command(flatten)]
    pub(crate) compiling: CompileArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(clap::Args, Debug)]
pub(crate) struct CalibrateArgs {
    #[command(flatten)]
    pub(crate) guest: GuestArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// The number of measured runs.
    #[arg(long, value_name = "N", default_value = "20")]
    pub(crate) runs: NonZeroU32,
    /// The suggested limits are this many times the highest use: 1 to 1000.
    #[arg(long, value_name = "FACTOR", default_value = "1.5", value_parser = parse_headroom)]
    pub(crate) headroom: f64,
    /// Refuses no capability, and suggests what the component asked for.
    #[arg(long)]
    pub(crate) observe: bool,
    /// The timeout of one measured run, in milliseconds.
    #[arg(long, value_name = "MS", default_value = "60000")]
    pub(crate) timeout: u64,
}

/// The component, and the files that limit it.
#[derive(Clone, clap::Args, Debug)]
pub(crate) struct ManifestArgs {
    /// The component's Component.toml.
    #[arg(value_name = "Component.toml")]
    pub(crate) manifest: PathBuf,
    /// The component, binary or text [default: `path` of the file, else component.wasm or
    /// component.wat beside it].
    #[arg(long, value_name = "FILE")]
    pub(crate) component: Option<PathBuf>,
    /// The operator's policy, which decides what the component gets of its request.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// The identity under which the policy's overrides apply [default: the name in the file].
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<ComponentName>,
}

/// The call, and the parts of the host that the guest can reach.
#[derive(clap::Args, Debug)]
pub(crate) struct GuestArgs {
    #[command(flatten)]
    pub(crate) manifest: ManifestArgs,
    /// Calls an export instead of wasi:cli/run: `name(args)` or `ns:pkg/iface#func(args)`, with
    /// arguments in WAVE.
    #[arg(long, value_name = "CALL")]
    pub(crate) invoke: Option<String>,
    /// Gives the guest a directory, to read and write, or with `:ro` to read, as far as its
    /// `[capabilities]` allow. GUEST has no `:`.
    #[arg(long = "dir", value_name = "HOST::GUEST[:ro]", value_parser = parse_dir)]
    pub(crate) dirs: Vec<DirGrant>,
    /// Gives the guest an environment variable; it has no other.
    #[arg(long = "env", value_name = "K=V", value_parser = parse_env)]
    pub(crate) env: Vec<(String, String)>,
    /// Links each import that the command does not implement as a function that ends the guest: for
    /// components that import interfaces of their own host.
    #[arg(long)]
    pub(crate) stub_imports: bool,
    #[command(flatten)]
    pub(crate) services: ServiceArgs,
    #[command(flatten)]
    pub(crate) compiling: CompileArgs,
    #[command(flatten)]
    pub(crate) cache: CacheArgs,
    /// Arguments of the guest.
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) args: Vec<String>,
}

/// The form and the place of the report.
#[derive(clap::Args, Debug)]
pub(crate) struct OutputArgs {
    /// The report as text for people, or as one JSON object in the last line of stdout.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
    /// Writes the report to FILE as well, always as JSON; a guest cannot forge it there. FILE may
    /// not lie in a directory that the guest may write, and may not be an input.
    #[arg(long, value_name = "FILE", value_parser = PathBufValueParser::new().try_map(report))]
    pub(crate) report: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// One JSON object in the last line of stdout.
    Json,
    /// Lines for people on stderr; on stdout `check` prints a valid file's limits, `calibrate` the
    /// suggested ones.
    Text,
}

/// A directory that the guest may use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct DirGrant {
    pub(crate) host: PathBuf,
    pub(crate) guest: String,
    pub(crate) is_read_only: bool,
}

fn parse_dir(text: &str) -> Result<DirGrant, String> {
    let (host, rest) = text
        .rsplit_once("::")
        .ok_or("expected HOST::GUEST or HOST::GUEST:ro, as in ./data::/data:ro")?;
    let (guest, is_read_only) = match rest.strip_suffix(":ro") {
        Some(guest) => (guest, true),
        None => (rest, false),
    };
    if guest.contains(':') || host.ends_with(':') {
        return Err(String::from(
            "GUEST cannot have a `:` in HOST::GUEST, but for `:ro` at its end, in lower case",
        ));
    }
    if host.is_empty() || guest.is_empty() {
        return Err(String::from("neither HOST nor GUEST may be empty in HOST::GUEST"));
    }
    Ok(DirGrant { host: PathBuf::from(host), guest: String::from(guest), is_read_only })
}

fn report(file: PathBuf) -> Result<PathBuf, &'static str> {
    if file == Path::new("-") {
        return Err("expected a file: `--format json` puts the report on stdout, and `./-` is a \
                    file of that name");
    }
    Ok(file)
}

fn parse_headroom(text: &str) -> Result<f64, &'static str> {
    let factor = text.parse().ok().filter(|factor| (1.0..=1_000.0).contains(factor));
    factor.ok_or("expected a number from 1 to 1000")
}

fn parse_env(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((String::from(name), String::from(value))),
        _ => Err(String::from(
            "expected NAME=VALUE; values are not taken over from this process's environment",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{Args, Command, Format, Verb, parse_dir, parse_env, parse_headroom};
    use clap::{CommandFactory as _, Parser as _};
    use std::path::{Path, PathBuf};

    #[test]
    fn the_definition_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_option_of_run_is_read() {
        let args = Args::try_parse_from([
            "wasm-limits",
            "run",
            "Component.toml",
            "--component",
            "c.wasm",
            "--invoke",
            "f(1)",
            "--policy",
            "policy.toml",
            "--id",
            "other",
            "--dir",
            "a::b:ro",
            "--env",
            "K=V=W",
            "--repeat",
            "3",
            "--parallel",
            "2",
            "--format",
            "json",
            "--report",
            "r.json",
            "--stub-imports",
            "--tcp",
            "--udp",
            "--http",
            "--ca",
            "roots.pem",
            "--keyvalue",
            "keys.redb",
            "--messages",
            "sent.jsonl",
            "--observe",
            "--",
            "--flag",
            "x",
        ])
        .unwrap();
        let Verb::Reported(Command::Run(run)) = args.verb else { panic!("not run") };
        assert_eq!(run.guest.manifest.manifest, Path::new("Component.toml"));
        assert_eq!(run.guest.manifest.component.as_deref(), Some(Path::new("c.wasm")));
        assert_eq!(run.guest.manifest.policy.as_deref(), Some(Path::new("policy.toml")));
        assert_eq!(run.guest.manifest.id.unwrap().as_str(), "other");
        assert_eq!(run.guest.invoke.as_deref(), Some("f(1)"));
        assert!(run.guest.stub_imports);
        let services = run.guest.services;
        assert!(services.tcp && services.udp && services.http);
        let files: Vec<_> = services.files().map(PathBuf::as_path).collect();
        assert_eq!(files, ["roots.pem", "keys.redb", "sent.jsonl"].map(Path::new));
        assert!(run.guest.dirs[0].is_read_only);
        assert_eq!(run.guest.env, [(String::from("K"), String::from("V=W"))]);
        assert_eq!(run.guest.args, ["--flag", "x"]);
        assert_eq!((run.repeat.unwrap().get(), run.parallel.get()), (3, 2));
        assert!(run.observe);
        assert_eq!(run.output.format, Format::Json);
        assert_eq!(run.output.report.as_deref(), Some(Path::new("r.json")));
    }

    #[test]
    fn calibrate_has_its_documented_defaults() {
        let args = Args::try_parse_from(["wasm-limits", "calibrate", "Component.toml"]).unwrap();
        let Verb::Reported(Command::Calibrate(calibrate)) = args.verb else {
            panic!("not calibrate")
        };
        assert_eq!(calibrate.runs.get(), 20);
        assert_eq!(calibrate.headroom.to_string(), "1.5");
        assert_eq!(calibrate.timeout, 60_000);
    }

    #[test]
    fn bad_values_are_usage_errors() {
        for bad in [
            &["run"][..],
            &["run", "C.toml", "--repeat", "0"],
            &["run", "C.toml", "--repeat", "2", "--parallel", "0"],
            &["run", "C.toml", "--parallel", "2"],
            &["run", "C.toml", "--dir", "only-host"],
            &["run", "C.toml", "--dir", ".::/d:RO"],
            &["run", "C.toml", "--report", "-"],
            &["run", "C.toml", "--ca", "roots.pem"],
            &["run", "C.toml", "--keyvalue"],
            &["run", "C.toml", "--env", "NAME"],
            &["run", "C.toml", "--format", "yaml"],
            &["run", "C.toml", "--id", "Not A Name"],
            &["calibrate", "C.toml", "--runs", "0"],
            &["calibrate", "C.toml", "--headroom", "0.5"],
        ] {
            let line = ["wasm-limits"].iter().chain(bad);
            assert_eq!(Args::try_parse_from(line).unwrap_err().exit_code(), 2, "{bad:?}");
        }
    }

    #[test]
    fn a_directory_is_given_with_its_name_for_the_guest() {
        let grant = parse_dir("/srv/a::/data:ro").unwrap();
        assert_eq!((grant.host.to_str(), grant.guest.as_str()), (Some("/srv/a"), "/data"));
        assert!(grant.is_read_only);
        assert!(!parse_dir(".::/data").unwrap().is_read_only);
        assert_eq!(
            parse_dir("/srv/a").unwrap_err(),
            "expected HOST::GUEST or HOST::GUEST:ro, as in ./data::/data:ro"
        );
        assert_eq!(
            parse_dir("::x").unwrap_err(),
            "neither HOST nor GUEST may be empty in HOST::GUEST"
        );
        for typo in [".::/d:RO", ".::/d:rw", ".::/d:ro:ro", ".::/d:", ".:::ro", ".::a:b"] {
            assert_eq!(
                parse_dir(typo).unwrap_err(),
                "GUEST cannot have a `:` in HOST::GUEST, but for `:ro` at its end, in lower case",
                "{typo}"
            );
        }
    }

    #[test]
    fn a_headroom_is_a_number_from_1_to_1000() {
        for (text, factor) in [("1", 1.0), ("1.5", 1.5), ("2.50", 2.5), ("1000", 1_000.0)] {
            assert_eq!(parse_headroom(text), Ok(factor));
        }
        for text in ["", "0.999", "1000.001", "-2", "NaN", "inf", "1,5", "50%"] {
            assert_eq!(parse_headroom(text), Err("expected a number from 1 to 1000"), "{text}");
        }
    }

    #[test]
    fn a_variable_needs_a_name_and_a_value() {
        assert_eq!(parse_env("K="), Ok((String::from("K"), String::new())));
        assert_eq!(
            parse_env("=V").unwrap_err(),
            "expected NAME=VALUE; values are not taken over from this process's environment"
        );
    }
}
