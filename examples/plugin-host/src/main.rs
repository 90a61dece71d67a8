//! A host of plugins: each in a folder with its `Component.toml`, all of them under one policy.
//!
//! `cargo run -q -p plugin-host` loads the two plugins beside this file, sends them messages and
//! prints their answers. docs/embedding.md explains each step.

mod folder;
mod host;
mod io;
mod plugin_state;

use std::io::{Write as _, stdout};
use std::path::Path;
use std::{env, fs, process};

use limits_config::Policy;
use quota_enforce::UsageFile;

use crate::folder::Folder;
use crate::host::{Host, Result};

#[tokio::main]
async fn main() -> Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let there = env::temp_dir().join(format!("plugin-host-{}", process::id()));
    let usage_path = there.join("usage.json");
    fs::create_dir_all(&there)?;

    for start in ["first start", "second start, with the usage of the first"] {
        writeln!(stdout(), "{start}")?;
        let policy = Policy::from_file(here.join("policy.toml"))?;
        let usage = UsageFile::read(&usage_path)?.unwrap_or_default();
        let host = Host::new(policy, usage, Folder::new(there.join("files")))?;
        let mut notes = host.load(&here.join("plugins/notes")).await?;
        let mut spinner = host.load(&here.join("plugins/spinner")).await?;
        for text in ["buy milk", "call home", "read a very long book"] {
            let answer = notes.message(text).await?;
            writeln!(stdout(), "  notes    {text:<22} {answer}")?;
        }
        for text in ["one", "two", "spin", "three"] {
            let answer = spinner.message(text).await;
            let answer = answer.unwrap_or_else(|error| without_fuel(&error.to_string()));
            writeln!(stdout(), "  spinner  {text:<22} {answer}")?;
        }
        for plugin in [&notes, &spinner] {
            let (component, usage) = (&plugin.component.handle, plugin.component.handle.usage());
            let bytes = usage.storage_used;
            writeln!(stdout(), "  {:<8} stores {bytes} bytes", component.id())?;
        }
        host.registry.usage_file().write(&usage_path)?;
    }
    fs::remove_dir_all(there)?;
    Ok(())
}

/// Cuts the units of fuel off, which are not the same in each run.
fn without_fuel(error: &str) -> String {
    String::from(error.split(',').next().unwrap_or_default())
}
