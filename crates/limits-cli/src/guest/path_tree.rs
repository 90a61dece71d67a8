//! The paths that a component asked for, as few patterns.

use std::collections::BTreeMap;

use limits_core::{Domain, Extent, Pattern, normalize_path};

/// Entries of one directory that are named one by one; more of them become `dir/*`.
const MOST_NAMES: usize = 8;
/// Patterns below one directory; more of them become `dir/**`.
const MOST_BELOW: usize = 16;
/// Patterns in all: a list of a `Component.toml` has at most 256.
const MOST_PATTERNS: usize = 128;
/// Paths that are kept before they are made into patterns: a guest can ask for any number.
const MOST_NODES: usize = 4_096;
/// Segments and bytes of a path that are kept: a pattern has one segment more at most.
const MOST_SEGMENTS: usize = 31;
const MOST_BYTES: usize = 1_000;

/// Requested paths, at most 4 096 and their last segments.
#[derive(Debug, Default)]
pub(crate) struct PathTree {
    root: Node,
    /// Nodes below the root.
    nodes: usize,
}

/// A path, and the paths below it.
#[derive(Debug, Default)]
struct Node {
    /// The path itself was asked for.
    is_asked: bool,
    /// Some path at or below it was asked for.
    is_opened: bool,
    /// All its entries were asked for.
    is_listed: bool,
    /// Many entries were asked for, or one whose name is no part of a pattern.
    has_any_entry: bool,
    /// Everything below was asked for, or much of it.
    has_everything: bool,
    entries: BTreeMap<Box<str>, Self>,
}

impl PathTree {
    /// Adds a request. One for a text that is no path is left out: nothing could grant it.
    pub(crate) fn add(&mut self, path: &str, extent: Extent) {
        let Ok(path) = normalize_path(path) else { return };
        let mut node = &mut self.root;
        let mut names = path.split('/').filter(|name| !name.is_empty()).peekable();
        let (mut segments, mut bytes) = (0, 0);
        while let Some(name) = names.next() {
            let is_last = names.peek().is_none();
            (segments, bytes) = (segments + 1, bytes + name.len() + 1);
            if node.has_everything || (node.has_any_entry && is_last && extent != Extent::Below) {
                return;
            }
            if !node.entries.contains_key(name) {
                if !is_plain(name) || segments > MOST_SEGMENTS || bytes > MOST_BYTES {
                    match (is_last, extent) {
                        (false, _) | (_, Extent::Below) => node.has_everything = true,
                        (true, _) => node.has_any_entry = true,
                    }
                    return;
                }
                self.nodes += 1;
            }
            node = node.entries.entry(Box::from(name)).or_default();
        }
        match extent {
            Extent::AtOrBelow => node.is_opened = true,
            Extent::Entries => node.is_listed = true,
            Extent::Below => node.has_everything = true,
            _ => node.is_asked = true,
        }
        if self.nodes > MOST_NODES {
            self.reduce();
        }
    }

    /// Returns the patterns that grant all requests: the paths themselves where they are few.
    pub(crate) fn patterns(&mut self) -> Vec<String> {
        self.reduce();
        let mut patterns = Vec::new();
        self.root.list(&mut String::new(), &mut patterns);
        patterns
    }

    fn reduce(&mut self) {
        self.root.reduce(MOST_PATTERNS);
        self.nodes = self.root.count();
    }
}

impl Node {
    /// Makes the paths below this one into patterns, of which there are at most `most` then, and
    /// returns how many there are.
    fn reduce(&mut self, most: usize) -> usize {
        let (mut named, mut deeper) = (0, 0);
        for entry in self.entries.values_mut() {
            deeper += entry.reduce(MOST_BELOW);
            named += usize::from(entry.is_asked);
        }
        self.has_any_entry |= named > MOST_NAMES;
        let below = deeper + if self.has_any_entry { 1 } else { named };
        self.has_everything |= below > most;
        if self.has_everything {
            self.entries.clear();
        } else if self.has_any_entry {
            self.entries.values_mut().for_each(|entry| entry.is_asked = false);
            self.entries.retain(|_, entry| entry.has_patterns_below());
        }
        let below = if self.has_everything { 1 } else { below };
        let has_listing = self.has_everything || self.has_any_entry;
        self.is_asked |= (self.is_opened && below == 0) || (self.is_listed && !has_listing);
        below
    }

    fn has_patterns_below(&self) -> bool {
        self.has_everything || self.has_any_entry || !self.entries.is_empty()
    }

    fn count(&self) -> usize {
        self.entries.values().map(|entry| 1 + entry.count()).sum()
    }

    fn list(&self, path: &mut String, patterns: &mut Vec<String>) {
        if self.is_asked {
            patterns.push(if path.is_empty() { String::from("/") } else { path.clone() });
        }
        if self.has_everything {
            patterns.push(format!("{path}/**"));
        } else if self.has_any_entry {
            patterns.push(format!("{path}/*"));
        }
        let length = path.len();
        for (name, entry) in &self.entries {
            path.push('/');
            path.push_str(name);
            entry.list(path, patterns);
            path.truncate(length);
        }
    }
}

/// Returns whether a pattern can have a segment that matches this name and no other.
fn is_plain(name: &str) -> bool {
    is_literal(Domain::Filesystem, &format!("/{name}"))
}

/// Returns whether a resource is a pattern that matches it and nothing else.
pub(crate) fn is_literal(domain: Domain, resource: &str) -> bool {
    let pattern = Pattern::new(domain, resource);
    !resource.contains('*') && pattern.is_ok_and(|pattern| !pattern.has_id())
}

#[cfg(test)]
mod tests {
    use super::{MOST_NODES, PathTree};
    use limits_core::{CapabilitySet, Extent, Permission};

    const READ: Permission = Permission::FilesystemRead;

    fn patterns(requests: impl IntoIterator<Item = (String, Extent)>) -> Vec<String> {
        let mut tree = PathTree::default();
        let mut asked = Vec::new();
        for (path, extent) in requests {
            tree.add(&path, extent);
            asked.push((path, extent));
        }
        let patterns = tree.patterns();
        assert_eq!(tree.patterns(), patterns, "to list them changes nothing");
        // Whatever was asked for is granted.
        let mut set = CapabilitySet::new();
        for pattern in &patterns {
            set.grant(READ, pattern).unwrap();
        }
        for (path, extent) in asked {
            let decision = match extent {
                Extent::AtOrBelow => set.check_at_or_below(READ, &path),
                Extent::Entries => set.check_entries(READ, &path),
                Extent::Below => set.check_below(READ, &path),
                _ => set.check(READ, &path),
            };
            assert!(decision.is_allowed(), "{decision}: {patterns:?}");
        }
        patterns
    }

    fn files(names: impl IntoIterator<Item = String>) -> Vec<String> {
        patterns(names.into_iter().map(|name| (name, Extent::Itself)))
    }

    fn named<const N: usize>(requests: [(&str, Extent); N]) -> Vec<String> {
        patterns(requests.map(|(path, extent)| (String::from(path), extent)))
    }

    #[test]
    fn a_few_paths_are_the_patterns_themselves() {
        let names = ["/data/b", "/data/a", "/data/./sub//c", "/data/a", "/etc/hosts"];
        assert_eq!(
            files(names.map(String::from)),
            ["/data/a", "/data/b", "/data/sub/c", "/etc/hosts"]
        );
        assert!(files([]).is_empty());
    }

    #[test]
    fn the_ninth_name_in_a_directory_makes_it_all_its_entries() {
        let names = |count| (0..count).map(|index| format!("/data/f{index}"));
        assert_eq!(files(names(8)).len(), 8);
        assert_eq!(files(names(9)), ["/data/*"]);
        // No deeper path is granted by that.
        let deeper = names(20).chain([String::from("/data/f3/x")]);
        assert_eq!(files(deeper), ["/data/*", "/data/f3/x"]);
    }

    #[test]
    fn many_directories_become_everything_below_the_one_that_has_them() {
        let nested = |count| (0..count).map(|index| format!("/app/cache/{index}/file"));
        assert_eq!(files(nested(16)).len(), 16);
        assert_eq!(files(nested(17)), ["/app/cache/**"]);
        let other = [String::from("/app/config"), String::from("/app")];
        assert_eq!(files(nested(17).chain(other)), ["/app", "/app/cache/**", "/app/config"]);
    }

    /// A guest directory can be `/`, and others lie beside each other in it.
    #[test]
    fn the_root_is_the_last_to_be_given_whole() {
        let nested = |count| (0..count).map(|index| format!("/{index}/file"));
        assert_eq!(files(nested(128)).len(), 128);
        assert_eq!(files(nested(129)), ["/**"]);
        let names = (0..9).map(|index| format!("/f{index}"));
        assert_eq!(files(names), ["/*"]);
    }

    #[test]
    fn a_directory_that_was_opened_needs_no_pattern_beside_those_below_it() {
        use Extent::{AtOrBelow, Below, Entries, Itself};
        assert_eq!(named([("/data", AtOrBelow)]), ["/data"]);
        assert_eq!(named([("/data", AtOrBelow), ("/data/a", Itself)]), ["/data/a"]);
        assert_eq!(named([("/", AtOrBelow), ("/a", Itself)]), ["/a"]);
        assert_eq!(named([("/data", Entries), ("/data/a", Itself)]), ["/data", "/data/a"]);
        assert_eq!(named([("/data", Below), ("/data/a/b", Itself)]), ["/data/**"]);
        assert_eq!(named([("/data/a", Itself), ("/data", Below)]), ["/data/**"]);
        assert_eq!(named([("/", Below)]), ["/**"]);
        let opened = (0..30).map(|index| (format!("/data/f{index}"), AtOrBelow));
        assert_eq!(patterns(opened.chain([(String::from("/data"), Entries)])), ["/data/*"]);
    }

    #[test]
    fn a_name_that_no_pattern_can_have_is_one_of_all_entries() {
        for name in ["a*b", "a[0]", "who?", "<id>", "tab\t"] {
            assert_eq!(named([(&format!("/data/{name}"), Extent::Itself)]), ["/data/*"]);
            assert_eq!(named([(&format!("/data/{name}/x"), Extent::Itself)]), ["/data/**"]);
            assert_eq!(named([(&format!("/data/{name}"), Extent::Below)]), ["/data/**"]);
        }
        let long = format!("/data/{}/x", "n".repeat(1_000));
        assert_eq!(named([(&long, Extent::Itself)]), ["/data/**"]);
        let deep = "/d".repeat(40);
        assert_eq!(named([(&deep, Extent::Itself)]), [format!("{}/**", "/d".repeat(31))]);
        assert!(files([]).is_empty());
        let mut tree = PathTree::default();
        tree.add("relative", Extent::Itself);
        assert!(tree.patterns().is_empty());
    }

    #[test]
    fn a_tree_stays_small_however_many_paths_a_guest_asks_for() {
        let mut tree = PathTree::default();
        for index in 0..60_000_u32 {
            tree.add(&format!("/a/{}/{}/{index}", index % 7, index % 1_000), Extent::Itself);
            assert!(tree.nodes <= MOST_NODES);
        }
        assert_eq!(tree.patterns(), (0..7).map(|one| format!("/a/{one}/**")).collect::<Vec<_>>());
        for index in 0..60_000_u32 {
            tree.add(&format!("/{}", index % 5_000), Extent::Itself);
            assert!(tree.nodes <= MOST_NODES);
        }
        assert_eq!(tree.patterns()[0], "/*");
    }
}
