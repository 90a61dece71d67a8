//! A command that is ended, with all that it has started, when it has run too long.

use core::time::Duration;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

use super::keeper::Keeper;
use crate::failure::Result;

/// How a command ended.
pub(super) enum Ending {
    Itself(ExitStatus),
    OutOfTime,
}

/// Runs a command, the output of which goes to a file, while a keeper looks after it.
pub(super) fn run(
    command: &mut Command,
    limit: Duration,
    printed: &Path,
    keeper: &mut Keeper,
) -> Result<Ending> {
    print_to(command, printed)?;
    group(command);
    let start = Instant::now();
    let mut child = command.spawn().map_err(|error| format!("cannot run cargo: {error}"))?;
    keeper.watch(child.id());
    let ending = wait(&mut child, start, limit);
    keeper.idle();
    ending
}

/// Has a command write all that it says to a file.
pub(super) fn print_to(command: &mut Command, printed: &Path) -> Result {
    let file = File::create(printed)
        .map_err(|error| format!("cannot make {}: {error}", printed.display()))?;
    let errors = file.try_clone().map_err(|error| format!("cannot share a file: {error}"))?;
    command.stdin(Stdio::null()).stdout(file).stderr(errors);
    Ok(())
}

fn wait(child: &mut Child, start: Instant, limit: Duration) -> Result<Ending> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(Ending::Itself(status)),
            Ok(None) if start.elapsed() < limit => {}
            Ok(None) => {
                end(child);
                return Ok(Ending::OutOfTime);
            }
            Err(error) => {
                end(child);
                return Err(format!("cannot wait for cargo: {error}").into());
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(unix)]
fn group(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;

    command.process_group(0);
}

#[cfg(not(unix))]
fn group(_: &mut Command) {}

/// Ends a child; its group too, since cargo does not take its tests with it.
fn end(child: &mut Child) {
    #[cfg(unix)]
    {
        let script = "kill -s KILL -- \"-$1\"";
        let _ = Command::new("sh").args(["-c", script, "sh", &child.id().to_string()]).status();
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Command, Duration, Ending, Instant, Keeper, run};
    use crate::workspace;

    fn ending(script: &str, limit: Duration, printed: &str) -> (Ending, String) {
        let printed: PathBuf = workspace::scratch().unwrap().join(printed);
        let mut keeper = Keeper::start(&printed.with_extension("none"), &printed).unwrap();
        let mut command = Command::new("sh");
        let ending = run(command.args(["-c", script]), limit, &printed, &mut keeper).unwrap();
        (ending, std::fs::read_to_string(printed).unwrap())
    }

    #[test]
    fn what_runs_too_long_is_ended_with_what_it_has_started() {
        let script = "sleep 600 & echo $!; wait";
        let (ending, sleeper) = ending(script, Duration::from_secs(1), "limited.txt");
        assert!(matches!(ending, Ending::OutOfTime));
        let state = format!("/proc/{}/stat", sleeper.trim());
        let start = Instant::now();
        // Gone, or waiting to be collected by the process that has inherited it.
        while std::fs::read_to_string(&state).is_ok_and(|state| !state.contains(") Z")) {
            assert!(start.elapsed() < Duration::from_secs(30), "still there");
            std::thread::yield_now();
        }
    }

    #[test]
    fn what_ends_itself_has_its_status() {
        let (ending, said) =
            ending("echo said; exit 3", Duration::from_secs(60), "limited-status.txt");
        assert!(matches!(ending, Ending::Itself(status) if status.code() == Some(3)));
        assert_eq!(said, "said\n");
    }
}
