//! The descriptors that a worker inherits.

use std::fs;
use std::os::fd::RawFd;

use crate::worker::restriction::Restriction;

/// Closes all descriptors but the three standard ones, which the host made for this worker.
///
/// To be called before the process opens any: a descriptor that something in the process owned
/// would be closed under it.
pub(super) fn close_inherited() -> Result<(), Restriction> {
    let what = "closing its descriptors";
    let entries = fs::read_dir("/proc/self/fd").map_err(Restriction::of(what))?;
    let open: Vec<RawFd> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|descriptor| *descriptor > 2)
        .collect();
    for descriptor in open {
        // One of them was that of the listing, which is closed already.
        let _ = nix::unistd::close(descriptor);
    }
    let entries = fs::read_dir("/proc/self/fd").map_err(Restriction::of(what))?;
    // The three, and that of the listing.
    match entries.count() {
        0..=4 => Ok(()),
        more => Err(Restriction { what, reason: format!("{more} are left") }),
    }
}
