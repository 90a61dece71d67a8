//! The programs of the workspace that attacks start.

use std::path::PathBuf;

use crate::Result;

/// Finds a program that was built beside this one: in its folder, or, for a test, in the one above.
///
/// # Errors
///
/// If it is in neither.
pub(crate) fn find(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    own.ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .ok_or_else(|| {
            let own = own.display();
            format!("{name} is not beside {own}: cargo build --workspace --all-features --bins")
                .into()
        })
}
