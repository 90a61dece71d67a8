//! Mutations: decisions changed one at a time, to see whether the tests of their package notice.

mod argued;
mod code;
mod decisions;
mod deck;
mod keeper;
mod limited;
mod mutation;
mod options;
mod planted;
mod predicate;
mod trial;
mod verdicts;

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::tree::{Tree, folder, is_inside};
use crate::workspace;
use argued::Argued;
use mutation::Mutation;
use options::Options;
use trial::{Outcome, Trial};
use verdicts::Verdicts;

pub(crate) fn run(args: &[String]) -> Result {
    let options = Options::parse(args)?;
    let root = workspace::root();
    planted::refuse_left_over(&root)?;
    // Held until the end: two runs would take each other's mutations for the source.
    let _lock = lock(&root)?;
    let tree = Tree::tracked(&root)?;
    let argued = Argued::parse(tree.text(argued::FILE).unwrap_or_default())?;
    refuse_stale(&argued, &tree)?;

    let mut decks = Vec::new();
    for (package, share) in options.shares() {
        let found = candidates(&tree, package)?;
        decks.push((package, share, deck::shuffle(found, options.seed, package)));
    }
    if options.list {
        for (package, share, deck) in &decks {
            for mutation in deck.iter().take(*share) {
                println!("{package} {mutation}");
            }
        }
        return Ok(());
    }
    refuse_changes(&root, &options.packages)?;
    let mut verdicts = Verdicts::default();
    for (package, share, deck) in &decks {
        try_package(package, *share, deck, &argued, &mut verdicts)?;
    }
    print!("{}", verdicts.report());
    if verdicts.has_gaps() { Err(Failure::told()) } else { Ok(()) }
}

/// Tries mutations in the order of the deck until `share` of them have compiled.
fn try_package(
    package: &str,
    share: usize,
    deck: &[Mutation],
    argued: &Argued,
    verdicts: &mut Verdicts,
) -> Result {
    let root = workspace::root();
    let trial = Trial::new(package, deck.iter().any(Mutation::weakens_an_ordering))?;
    let mut tried = 0;
    for mutation in deck {
        if tried == share {
            return Ok(());
        }
        let killer = match trial.run(&root, mutation)? {
            Outcome::DoesNotCompile => {
                eprintln!("{package} {mutation}: does not compile");
                verdicts.replace();
                continue;
            }
            Outcome::Killed(killer) => Some(killer),
            Outcome::Survived => None,
        };
        tried += 1;
        let outcome = verdicts.add(package, mutation, killer.as_deref(), argued.reason(mutation));
        eprintln!("{package} {mutation}: {outcome}");
    }
    if tried < share {
        eprintln!("{package} has no more than {tried} mutations that compile");
    }
    Ok(())
}

/// Returns the mutations of a package in the order of files and places.
fn candidates(tree: &Tree, package: &str) -> Result<Vec<Mutation>> {
    let source = format!("crates/{package}/src");
    let mut found = Vec::new();
    let mut left_out = Vec::new();
    for (path, text) in tree.ending(".rs").filter(|(path, _)| is_inside(path, &source)) {
        let (mutations, modules) = decisions::find(path, text);
        found.extend(mutations);
        left_out.extend(modules.into_iter().map(|module| format!("{}/{module}", children(path))));
    }
    found.retain(|mutation| {
        let module = mutation.file.trim_end_matches(".rs");
        !left_out.iter().any(|left| left == module || is_inside(module, left))
    });
    if found.is_empty() {
        return Err(format!("found nothing to change in {source}: is that a package?").into());
    }
    Ok(found)
}

/// Returns the folder of the modules that a file declares.
fn children(path: &str) -> &str {
    let module = path.trim_end_matches(".rs");
    let is_root = ["/lib", "/main", "/mod"].iter().any(|name| module.ends_with(name));
    if is_root { folder(path) } else { module }
}

/// Refuses a table of argued survivors with entries that are no mutations any more.
fn refuse_stale(argued: &Argued, tree: &Tree) -> Result {
    let files: std::collections::BTreeSet<&str> = argued.files().collect();
    let texts = files.into_iter().filter_map(|path| Some((path, tree.text(path)?)));
    let found: Vec<Mutation> =
        texts.flat_map(|(path, text)| decisions::find(path, text).0).collect();
    let stale = argued.stale(&found);
    if stale.is_empty() { Ok(()) } else { Err(stale.join("\n").into()) }
}

/// Refuses to start where a mutation could not be told from the developer's work.
fn refuse_changes(root: &Path, packages: &[String]) -> Result {
    let folders = packages.iter().map(|package| format!("crates/{package}/src"));
    let output = Command::new("git")
        .args(["status", "--porcelain", "--"])
        .args(folders)
        .current_dir(root)
        .output()
        .map_err(|error| format!("cannot run git: {error}"))?;
    let changed = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(format!("git status failed: {}", output.status).into());
    }
    if changed.is_empty() {
        return Ok(());
    }
    Err(format!("commit or stash what is changed first:\n{}", changed.trim_end()).into())
}

fn lock(root: &Path) -> Result<File> {
    let (folder, path) = (root.join("target"), root.join("target/mutants.lock"));
    let failed = |error| format!("cannot lock {}: {error}", path.display());
    fs::create_dir_all(&folder).map_err(failed)?;
    let lock = File::create(&path).map_err(failed)?;
    lock.try_lock().map_err(|error| format!("another run has {}: {error}", path.display()))?;
    Ok(lock)
}

#[cfg(test)]
mod tests {
    use super::{candidates, children};
    use crate::tree::Tree;

    #[test]
    fn a_test_module_in_a_file_of_its_own_gives_no_mutations() {
        let declares = "#[cfg(test)]\nmod laws;\nmod plain;\nfn f() {\n    a < b\n}\n";
        let body = "fn f() {\n    a < b\n}\n";
        let tree = Tree::of(&[
            ("crates/a/src/lib.rs", declares),
            ("crates/a/src/laws.rs", body),
            ("crates/a/src/laws/more.rs", body),
            ("crates/a/src/plain.rs", declares),
            ("crates/a/src/plain/laws.rs", body),
            ("crates/a/src/plain/plain.rs", body),
            ("crates/a/tests/it.rs", body),
            ("crates/b/src/lib.rs", body),
        ]);
        let found = candidates(&tree, "a").unwrap();
        let files: Vec<&str> = found.iter().map(|mutation| mutation.file.as_str()).collect();
        assert_eq!(
            files,
            ["crates/a/src/lib.rs", "crates/a/src/plain.rs", "crates/a/src/plain/plain.rs"]
        );
        assert_eq!(
            candidates(&tree, "c").unwrap_err().to_string(),
            "found nothing to change in crates/c/src: is that a package?"
        );
    }

    #[test]
    fn modules_are_beside_a_root_and_below_any_other_file() {
        assert_eq!(children("crates/a/src/lib.rs"), "crates/a/src");
        assert_eq!(children("crates/a/src/b/mod.rs"), "crates/a/src/b");
        assert_eq!(children("crates/a/src/b.rs"), "crates/a/src/b");
    }
}
