//! The thread that ends a worker whose budget is spent.
//!
//! The kernel's own limits are coarse: whole seconds of CPU time, and address space instead of
//! memory.

use core::time::Duration;
use std::sync::{Arc, mpsc};
use std::thread;

use crate::protocol::{Allowance, Answer, Failed};
use crate::worker::output::Output;
use crate::worker::restriction::Restriction;
use crate::worker::vitals::Vitals;

/// Time between two looks.
const INTERVAL: Duration = Duration::from_millis(5);

/// Starts the watchdog, and returns when it has started.
pub(super) fn start(
    allowance: Allowance,
    vitals: Arc<Vitals>,
    output: Arc<Output>,
) -> Result<(), Restriction> {
    let what = "starting its watchdog";
    let most_memory = vitals.most_memory(allowance);
    let (tell, started) = mpsc::channel();
    let watch = move || {
        // The starter waits for it.
        let _ = tell.send(());
        loop {
            thread::sleep(INTERVAL);
            let failed = if Vitals::cpu_time() > Duration::from_millis(allowance.cpu_ms) {
                Failed::Cpu
            } else if vitals.resident().is_ok_and(|resident| resident > most_memory) {
                Failed::Memory
            } else {
                continue;
            };
            // The host has gone if this fails.
            let _ = output.end(&Answer::Failed(failed), &[]);
            std::process::exit(1);
        }
    };
    thread::Builder::new()
        .name(String::from("watchdog"))
        .stack_size(128 * 1024)
        .spawn(watch)
        .map_err(Restriction::of(what))?;
    started.recv().map_err(Restriction::of(what))
}
