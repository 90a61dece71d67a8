//! A mutation in its file, with the original kept until it is back.

use std::fs;
use std::path::{Path, PathBuf};

use super::keeper::Keeper;
use super::mutation::Mutation;
use crate::failure::Result;

/// Where originals are kept, whatever the target directory is, so that the next run finds them.
const KEPT: &str = "target/mutants";

/// Where one is written first, so that a kept one is whole.
const PARTIAL: &str = "target/mutants.partial";

/// A mutation that is in its file. Dropping it puts the original back, too.
#[derive(Debug)]
pub(super) struct Planted {
    file: PathBuf,
    side: PathBuf,
    original: String,
    mutated: String,
    is_back: bool,
    keeper: Keeper,
}

impl Planted {
    /// Writes a mutation into its file under `root`.
    pub(super) fn plant(root: &Path, mutation: &Mutation) -> Result<Self> {
        let (file, side) = (root.join(&mutation.file), root.join(KEPT).join(&mutation.file));
        let original = fs::read_to_string(&file)
            .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        let partial = root.join(PARTIAL);
        make_folder(&side)?;
        write(&partial, &original)?;
        let keeper = Keeper::start(&side, &file)?;
        fs::rename(&partial, &side)
            .map_err(|error| format!("cannot write {}: {error}", side.display()))?;
        let mutated = mutation.apply(&original);
        // From here on, so that a write that fails half-way is undone as well.
        let planted = Self { file, side, original, mutated, is_back: false, keeper };
        write(&planted.file, &planted.mutated)?;
        Ok(planted)
    }

    /// Returns what looks after the file while something runs.
    pub(super) const fn keeper(&mut self) -> &mut Keeper {
        &mut self.keeper
    }

    /// Puts the original back.
    pub(super) fn restore(mut self) -> Result {
        if fs::read_to_string(&self.file).is_ok_and(|text| text != self.mutated) {
            self.is_back = true;
            // The keeper must not overwrite it either, so the original goes to a place of its own.
            let saved = self.side.with_extension("original");
            fs::rename(&self.side, &saved).map_err(|error| format!("cannot move: {error}"))?;
            return Err(format!(
                "{} was edited while a mutation was in it: it still has the mutation; its text before is {}",
                self.file.display(),
                saved.display()
            )
            .into());
        }
        self.put_back()
    }

    fn put_back(&mut self) -> Result {
        self.is_back = true;
        write(&self.file, &self.original)?;
        fs::remove_file(&self.side)
            .map_err(|error| format!("cannot remove {}: {error}", self.side.display()).into())
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        if !self.is_back
            && let Err(failure) = self.put_back()
        {
            eprintln!("{failure}");
        }
    }
}

/// Refuses to start where a run that was ended has left a mutation.
pub(super) fn refuse_left_over(root: &Path) -> Result {
    let kept = root.join(KEPT);
    match first_file(&kept) {
        None => Ok(()),
        Some(side) => {
            let file = side.strip_prefix(&kept).unwrap_or(&side).with_extension("rs");
            let (side, file) = (side.display(), root.join(file));
            let file = file.display();
            Err(format!(
                "{file} may have the mutation of a run that was ended. Restore it:\n  \
                 cp {side} {file} && rm {side}"
            )
            .into())
        }
    }
}

fn first_file(folder: &Path) -> Option<PathBuf> {
    fs::read_dir(folder).ok()?.flatten().find_map(|entry| {
        let path = entry.path();
        if path.is_dir() { first_file(&path) } else { Some(path) }
    })
}

fn make_folder(side: &Path) -> Result {
    let folder = side.parent().unwrap_or(side);
    fs::create_dir_all(folder)
        .map_err(|error| format!("cannot make {}: {error}", folder.display()).into())
}

fn write(path: &Path, text: &str) -> Result {
    fs::write(path, text)
        .map_err(|error| format!("cannot write {}: {error}", path.display()).into())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::super::decisions::find;
    use super::{Mutation, Planted, refuse_left_over};
    use crate::workspace;

    const TEXT: &str = "fn f() {\n    a < b\n}\n";
    const MUTATED: &str = "fn f() {\n    a <= b\n}\n";

    /// A root with one file in it, and the mutation of that.
    fn sample(name: &str) -> (PathBuf, Mutation) {
        let root = workspace::scratch().unwrap().join(format!("planted-{name}"));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("src")).unwrap();
        fs::write(root.join("src/a.rs"), TEXT).unwrap();
        (root, find("src/a.rs", TEXT).0.remove(0))
    }

    fn text(root: &std::path::Path) -> String {
        fs::read_to_string(root.join("src/a.rs")).unwrap()
    }

    #[test]
    fn a_mutation_is_in_its_file_until_it_is_restored_or_dropped() {
        let (root, mutation) = sample("restored");
        let planted = Planted::plant(&root, &mutation).unwrap();
        assert_eq!(text(&root), MUTATED);
        planted.restore().unwrap();
        assert_eq!(text(&root), TEXT);
        drop(Planted::plant(&root, &mutation).unwrap());
        assert_eq!(text(&root), TEXT);
        refuse_left_over(&root).unwrap();
    }

    #[test]
    fn a_run_after_one_that_was_ended_is_refused_and_told_how_to_restore() {
        let (root, mutation) = sample("left");
        let planted = Planted::plant(&root, &mutation).unwrap();
        let (file, side) = (root.join("src/a.rs"), root.join("target/mutants/src/a.rs"));
        let (file, side) = (file.display(), side.display());
        assert_eq!(
            refuse_left_over(&root).unwrap_err().to_string(),
            format!(
                "{file} may have the mutation of a run that was ended. Restore it:\n  cp {side} {file} && rm {side}"
            )
        );
        drop(planted);
    }

    #[test]
    fn an_edit_during_a_run_is_not_overwritten() {
        let (root, mutation) = sample("edited");
        let planted = Planted::plant(&root, &mutation).unwrap();
        fs::write(root.join("src/a.rs"), "mine").unwrap();
        let says = planted.restore().unwrap_err().to_string();
        assert!(says.contains("was edited while a mutation was in it"), "{says}");
        assert_eq!(text(&root), "mine");
        assert!(root.join("target/mutants/src/a.original").is_file());
    }

    #[test]
    #[cfg(unix)]
    fn a_file_is_put_back_when_the_process_is_ended() {
        use super::Keeper;

        let (root, _) = sample("ended");
        let (file, side) = (root.join("src/a.rs"), root.join("side"));
        let keeper = Keeper::start(&side, &file).unwrap();
        fs::write(&side, "before").unwrap();
        // What is left when a process ends is a pipe that is closed.
        drop(keeper);
        assert_eq!((text(&root).as_str(), side.exists()), ("before", false));
    }
}
