//! Questions about a directory, beside an enumeration of all paths in a small world.

use limits_core::{CapabilitySet, Denial, Extent, Pattern, Permission, ResourceError};
use proptest::collection::vec;
use proptest::prelude::*;

const READ: Permission = Permission::FilesystemRead;
const ID: &str = "me";
/// Names that occur in patterns or match `a*`, and one that only `*` and `**` match.
const NAMES: [&str; 5] = ["a", "ab", "b", ID, "other"];
/// The most segments of a pattern, and so the depth below a directory at which nothing new happens.
const DEEP: usize = 3;

fn pattern() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        2 => Just("*"),
        2 => Just("**"),
        2 => Just("a"),
        1 => Just("b"),
        1 => Just("a*"),
        1 => Just("<id>"),
    ];
    let below_root = vec(segment, 0..=DEEP).prop_map(|segments| format!("/{}", segments.join("/")));
    prop_oneof![20 => below_root, 1 => Just(String::from("**"))]
}

fn lists() -> impl Strategy<Value = Vec<Vec<String>>> {
    vec(vec(pattern(), 1..4), 1..=3)
}

fn dir() -> impl Strategy<Value = String> {
    vec(prop::sample::select(&NAMES), 0..=2).prop_map(|names| format!("/{}", names.join("/")))
}

/// Returns the conjunction of lists, bound to the id.
fn conjunction(lists: &[Vec<String>]) -> CapabilitySet {
    let sets = lists.iter().map(|patterns| {
        let mut set = CapabilitySet::new();
        for pattern in patterns {
            set.grant(READ, pattern).expect("a pattern");
        }
        set
    });
    let set = sets.reduce(|set, other| set.restricted_by("other", &other));
    set.unwrap_or_default().bind(ID).expect("an id")
}

/// Returns the paths of a depth below a directory.
fn below(dir: &str, depth: usize) -> Vec<String> {
    let mut paths = vec![String::from(dir.trim_end_matches('/'))];
    for _ in 0..depth {
        let extend = |path: &String| NAMES.map(|name| format!("{path}/{name}"));
        paths = paths.iter().flat_map(extend).collect();
    }
    if depth == 0 { vec![String::from(dir)] } else { paths }
}

/// The lists of patterns, which are asked one by one.
struct Model(Vec<Vec<Pattern>>);

impl Model {
    fn new(lists: &[Vec<String>]) -> Self {
        let compile = |text: &String| {
            let pattern = Pattern::new(READ.domain(), text).expect("a pattern");
            pattern.bind(ID).expect("an id")
        };
        Self(lists.iter().map(|list| list.iter().map(compile).collect()).collect())
    }

    fn each(&self, holds: impl Fn(&[Pattern]) -> bool) -> bool {
        self.0.iter().all(|list| holds(list))
    }
}

fn matches(pattern: &Pattern, path: &str) -> bool {
    pattern.matches(path).expect("a path")
}

fn one_matches(list: &[Pattern], path: &str) -> bool {
    list.iter().any(|pattern| matches(pattern, path))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn a_path_at_or_below_could_be_allowed_if_each_list_has_one(lists in lists(), dir in dir()) {
        let paths: Vec<_> = (0..=DEEP).flat_map(|depth| below(&dir, depth)).collect();
        let expected =
            Model::new(&lists).each(|list| paths.iter().any(|path| one_matches(list, path)));
        let set = conjunction(&lists);
        prop_assert_eq!(set.check_at_or_below(READ, &dir).is_allowed(), expected);
    }

    #[test]
    fn entries_are_allowed_if_the_directory_is_or_every_name(lists in lists(), dir in dir()) {
        let model = Model::new(&lists);
        let all = |paths: &[String]| {
            model.each(|list| paths.iter().all(|path| one_matches(list, path)))
        };
        let expected = all(&below(&dir, 0)) || all(&below(&dir, 1));
        let set = conjunction(&lists);
        prop_assert_eq!(set.check_entries(READ, &dir).is_allowed(), expected);
    }

    #[test]
    fn everything_below_is_allowed_if_one_pattern_of_each_list_matches_it(
        lists in lists(),
        dir in dir(),
    ) {
        let paths: Vec<_> = (1..=DEEP + 1).flat_map(|depth| below(&dir, depth)).collect();
        let covers = |pattern: &Pattern| paths.iter().all(|path| matches(pattern, path));
        let model = Model::new(&lists);
        let expected = model.each(|list| list.iter().any(covers));
        let set = conjunction(&lists);
        let allowed = set.check_below(READ, &dir).is_allowed();
        prop_assert_eq!(allowed, expected);
        // Never true when wrong.
        let is_right = || model.each(|list| paths.iter().all(|path| one_matches(list, path)));
        prop_assert!(!allowed || is_right());
    }

    #[test]
    fn the_questions_imply_each_other(lists in lists(), dir in dir()) {
        let set = conjunction(&lists);
        let could = set.check_at_or_below(READ, &dir).is_allowed();
        prop_assert!(could || !set.check(READ, &dir).is_allowed());
        prop_assert!(could || !set.check_entries(READ, &dir).is_allowed());
        let below = set.check_below(READ, &dir).is_allowed();
        prop_assert!(!below || set.check_entries(READ, &dir).is_allowed());
    }
}

fn set(patterns: &[&str]) -> CapabilitySet {
    let lists = [patterns.iter().map(ToString::to_string).collect()];
    conjunction(&lists)
}

#[test]
fn a_directory_is_normalised_before_it_is_judged() {
    let set = set(&["/a/**"]);
    for dir in ["/a/", "/b/../a", "//a", "/a/."] {
        assert!(set.check_at_or_below(READ, dir).is_allowed(), "{dir}");
        assert!(set.check_entries(READ, dir).is_allowed(), "{dir}");
        assert!(set.check_below(READ, dir).is_allowed(), "{dir}");
    }
    for dir in ["/a/..", "/a/../b"] {
        assert!(!set.check_entries(READ, dir).is_allowed(), "{dir}");
        assert!(!set.check_below(READ, dir).is_allowed(), "{dir}");
    }
    assert!(!set.check_at_or_below(READ, "/a/../b").is_allowed());
    assert!(set.check_at_or_below(READ, "/a/..").is_allowed(), "the root");
}

#[test]
fn an_unbound_id_is_no_name_that_could_be_allowed() {
    let open = CapabilitySet::builder().grant(READ, "/a/<id>/**").build().unwrap();
    assert!(!open.check_at_or_below(READ, "/a").is_allowed());
    assert!(open.bind(ID).unwrap().check_at_or_below(READ, "/a").is_allowed());
    let behind = CapabilitySet::builder().grant(READ, "/a/**/<id>").build().unwrap();
    assert!(!behind.check_at_or_below(READ, "/a/b").is_allowed());
}

#[test]
fn the_entries_or_the_directory_must_be_allowed_by_all_lists_alike() {
    let lists = [vec![String::from("/a")], vec![String::from("/a/*")]];
    let decision = conjunction(&lists).check_entries(READ, "/a").into_result().unwrap_err();
    assert_eq!(
        decision.to_string(),
        "filesystem.read of the entries of `/a` denied: \
         no granted pattern matches every name (1 checked)"
    );
}

#[test]
fn a_denial_says_which_question_was_asked_and_who_denies() {
    let lists = [vec![String::from("**")], vec![String::from("/a/*.txt")]];
    let set = conjunction(&lists);
    let told = [
        (
            set.check_at_or_below(READ, "/b"),
            Extent::AtOrBelow,
            "at or below `/b` denied: no \
          pattern of other matches (1 checked)",
        ),
        (
            set.check_entries(READ, "/a"),
            Extent::Entries,
            "of the entries of `/a` denied: no \
          pattern of other matches every name (1 checked)",
        ),
        (
            set.check_below(READ, "/a"),
            Extent::Below,
            "of everything below `/a` denied: no \
          pattern of other matches every name (1 checked)",
        ),
    ];
    for (decision, extent, text) in told {
        assert_eq!(decision.to_string(), format!("filesystem.read {text}"));
        let kept = decision.into_result().unwrap_err();
        assert_eq!(kept.to_string(), format!("filesystem.read {text}"));
        assert_eq!((kept.extent(), kept.denied_by()), (extent, Some("other")));
    }
    let allowed = set.check_at_or_below(READ, "/a");
    assert_eq!(allowed.to_string(), "filesystem.read at or below `/a` allowed by `**`");
}

#[test]
fn a_text_that_is_no_path_and_a_permission_without_paths_are_denied() {
    let mut set = set(&["**"]);
    set.grant(Permission::StorageRead, "**").unwrap();
    set.grant(Permission::NetworkConnect, "**").unwrap();
    for ask in
        [CapabilitySet::check_at_or_below, CapabilitySet::check_entries, CapabilitySet::check_below]
    {
        let relative = Some(Denial::InvalidResource(ResourceError::Relative));
        assert_eq!(ask(&set, READ, "a").denial(), relative);
        let too_deep = "/a".repeat(65);
        let denial = ask(&set, READ, &too_deep).denial();
        assert!(matches!(
            denial,
            Some(Denial::InvalidResource(ResourceError::TooManySegments {
                segments: 65,
                most: 64
            }))
        ));
        assert_eq!(
            ask(&set, READ, "/\0").denial(),
            Some(Denial::InvalidResource(ResourceError::Nul))
        );
        for permission in [Permission::StorageRead, Permission::NetworkConnect] {
            assert_eq!(ask(&set, permission, "/a").denial(), Some(Denial::NotOfPaths));
        }
    }
    assert_eq!(
        set.check_below(Permission::StorageRead, "/a").to_string(),
        "storage.read of everything below `/a` denied: the permission is not one of paths"
    );
}
