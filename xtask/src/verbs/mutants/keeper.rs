//! A process that puts a file back when this one ends before it has done so itself.
//!
//! A signal cannot be caught without unsafe code or a dependency, and a signal that cannot be caught
//! ends everything. So a shell in a process group of its own, which Ctrl-C does not reach, reads from
//! a pipe; that ends when this process does, for whatever reason.

use std::path::Path;
use std::process::Child;

use crate::failure::Result;

/// Ends what runs, then copies: a file that was moved would keep its old time, and cargo would take
/// what it has compiled last for its contents.
#[cfg(unix)]
const SCRIPT: &str = r#"
running=
while read -r group; do running=$group; done
[ -e "$1" ] || exit 0
[ -z "$running" ] || kill -s KILL -- "-$running"
cp "$1" "$2" && rm -f "$1"
"#;

#[derive(Debug)]
pub(super) struct Keeper(Option<Child>);

impl Keeper {
    /// Copies `side` over `original` and removes it if this process ends while `side` is there.
    #[cfg(unix)]
    pub(super) fn start(side: &Path, original: &Path) -> Result<Self> {
        use std::os::unix::process::CommandExt as _;
        use std::process::{Command, Stdio};

        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT, "sh"]).arg(side).arg(original).process_group(0);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = shell.spawn().map_err(|error| format!("cannot run sh: {error}"))?;
        Ok(Self(Some(child)))
    }

    /// Does nothing: elsewhere the side file alone keeps the text.
    #[cfg(not(unix))]
    pub(super) fn start(_: &Path, _: &Path) -> Result<Self> {
        Ok(Self(None))
    }

    /// Has a process group ended, too, until [`idle`](Self::idle) is called.
    pub(super) fn watch(&mut self, group: u32) {
        self.tell(&group.to_string());
    }

    pub(super) fn idle(&mut self) {
        self.tell("");
    }

    fn tell(&mut self, group: &str) {
        use std::io::Write as _;

        if let Some(pipe) = self.0.as_mut().and_then(|child| child.stdin.as_mut()) {
            // Without its keeper a file is still put back, only not after Ctrl-C.
            let _ = writeln!(pipe, "{group}");
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}
