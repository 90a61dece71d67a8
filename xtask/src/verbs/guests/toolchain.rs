//! Toolchains that make components of JavaScript and Python, in pinned versions.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::cargo;
use crate::failure::{Failure, Result};

/// The package of the JavaScript toolchain.
const PACKAGE: &str = "@bytecodealliance/componentize-js";
/// The ways to the programs that install the toolchains.
const INSTALL_NODE: &str = "install Node.js 20 or later, with npm";
const INSTALL_VENV: &str = "apt-get install python3-venv";

/// The versions of `guests/versions.toml`, each installed anew when it is used.
pub(super) struct Toolchain {
    versions: toml::Table,
    scratch: PathBuf,
}

impl Toolchain {
    pub(super) fn read(versions: &Path, scratch: &Path) -> Result<Self> {
        let text = fs::read_to_string(versions)
            .map_err(|error| format!("cannot read {}: {error}", versions.display()))?;
        let table = text
            .parse()
            .map_err(|error| format!("cannot parse {}: {error}", versions.display()))?;
        Ok(Self { versions: table, scratch: scratch.to_owned() })
    }

    pub(super) fn javascript_versions(&self) -> impl Iterator<Item = &str> {
        self.list("componentize-js", "versions")
    }

    pub(super) fn python_versions(&self) -> impl Iterator<Item = &str> {
        self.list("componentize-py", "versions")
    }

    /// Reports whether programs of a version see `EIO` where a quota refuses a stream's write.
    pub(super) fn answers_eio(&self, python: &str) -> bool {
        self.list("componentize-py", "EIO").any(|version| version == python)
    }

    fn list<'a>(&'a self, tool: &str, key: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let list = self.versions.get(tool).and_then(|table| table.get(key));
        list.and_then(toml::Value::as_array).into_iter().flatten().filter_map(toml::Value::as_str)
    }

    /// Installs a version of the JavaScript toolchain.
    pub(super) fn javascript(&self, version: &str) -> Result<JavaScript> {
        let before = self.versions.get("componentize-js").and_then(|table| table.get("before"));
        let before = before.and_then(toml::Value::as_str).unwrap_or_default();
        let folder = self.folder(&format!("componentize-js-{version}"))?;
        let package = format!("{PACKAGE}@{version}");
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts"]);
        npm.arg(format!("--before={before}")).arg("--prefix").arg(&folder).arg(package);
        call(&mut npm, INSTALL_NODE)?;
        Ok(JavaScript { folder })
    }

    /// Installs a version of the Python toolchain.
    pub(super) fn python(&self, version: &str) -> Result<Python> {
        let folder = self.folder(&format!("componentize-py-{version}"))?;
        let environment = folder.join("venv");
        call(Command::new("python3").args(["-m", "venv"]).arg(&environment), INSTALL_VENV)?;
        let package = format!("componentize-py=={version}");
        let mut pip = Command::new(environment.join("bin/pip"));
        call(pip.args(["install", "--quiet", &package]), INSTALL_VENV)?;
        Ok(Python { folder })
    }

    /// Makes an empty folder: npm removes packages that are needed from one that it has filled.
    fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.scratch.join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)
            .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        Ok(folder)
    }
}

/// An installed version of the JavaScript toolchain.
pub(super) struct JavaScript {
    folder: PathBuf,
}

impl JavaScript {
    /// Makes a component of a folder's `app.js` in a world of its `world.wit`.
    pub(super) fn build(&self, guest: &Path, world: &str) -> Result<PathBuf> {
        let wit = self.folder.join(world);
        wasi_interfaces(&wit.join("deps"))?;
        copy(&guest.join("world.wit"), &wit.join("world.wit"))?;
        let component = wit.with_extension("wasm");
        let tool = self.folder.join("node_modules").join(PACKAGE).join("src/cli.js");
        let mut node = Command::new("node");
        node.arg(tool).arg(guest.join("app.js")).arg("--wit").arg(wit);
        node.args(["--world-name", world, "--out"]).arg(&component);
        call(&mut node, INSTALL_NODE)?;
        Ok(component)
    }
}

/// An installed version of the Python toolchain.
pub(super) struct Python {
    folder: PathBuf,
}

impl Python {
    /// Makes a component of a folder's `app.py` in a world of its `world.wit`.
    pub(super) fn build(&self, guest: &Path, world: &str) -> Result<PathBuf> {
        // A copy, beside which the tool leaves its cache.
        copy(&guest.join("app.py"), &self.folder.join("app.py"))?;
        let component = self.folder.join("app.wasm");
        let mut tool = Command::new(self.folder.join("venv/bin/componentize-py"));
        tool.arg("--quiet").arg("--wit-path").arg(guest.join("world.wit"));
        tool.args(["--world", world, "componentize", "app", "--python-path"]).arg(&self.folder);
        tool.arg("--output").arg(&component);
        call(&mut tool, INSTALL_VENV)?;
        Ok(component)
    }
}

/// Copies the interfaces of WASI, in the version that the command implements, from the sources of
/// wasmtime-wasi.
fn wasi_interfaces(to: &Path) -> Result {
    let metadata = cargo::output(&["metadata", "--format-version", "1"])?;
    let metadata: Value =
        serde_json::from_str(&metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let wasi = packages.iter().find(|package| package["name"] == "wasmtime-wasi");
    let manifest = wasi.and_then(|package| package["manifest_path"].as_str());
    let manifest = Path::new(manifest.ok_or("cargo metadata has no wasmtime-wasi")?);
    let from = manifest.with_file_name("src").join("p2/wit/deps");
    fs::create_dir_all(to).map_err(|error| format!("cannot make {}: {error}", to.display()))?;
    let files =
        fs::read_dir(&from).map_err(|error| format!("cannot list {}: {error}", from.display()))?;
    for file in files.flatten() {
        copy(&file.path(), &to.join(file.file_name()))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result {
    let copied = fs::copy(from, to);
    copied.map_err(|error| format!("cannot copy {}: {error}", from.display()))?;
    Ok(())
}

/// Runs a program; without it, the failure says how to install it.
fn call(command: &mut Command, install: &str) -> Result {
    let shown = format!("{command:?}");
    eprintln!("$ {shown}");
    let status = command.status().map_err(|error| {
        let program = command.get_program().to_string_lossy();
        Failure::missing_tool(format!("cannot run {program} ({error}): {install}"))
    })?;
    if status.success() { Ok(()) } else { Err(format!("`{shown}` failed ({status})").into()) }
}
