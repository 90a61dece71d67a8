//! Every hidden character of Unicode, through each way of escaping and each error that carries
//! text.

use core::fmt;
use core::ops::RangeInclusive;

use limits_core::{
    CapabilitySet, CpuTimePolicy, Domain, Escaped, EscapedJson, HostResource, HostShortage,
    InvalidCall, Pattern, PatternProblem, Permission, RatePolicy, RefusedGrowth, WasmError,
    is_hidden,
};

/// By Unicode 17: the categories `Cc`, `Cf`, `Zl` and `Zp`, the variation selectors, the fillers
/// and joiners without a width, and the code points set aside for more of them.
const HIDDEN: [RangeInclusive<char>; 37] = [
    '\0'..='\u{1f}',
    '\u{7f}'..='\u{9f}',
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{61c}'..='\u{61c}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180d}',
    '\u{180e}'..='\u{180e}',
    '\u{180f}'..='\u{180f}',
    '\u{200b}'..='\u{200d}',
    '\u{200e}'..='\u{200f}',
    '\u{2028}'..='\u{2028}',
    '\u{2029}'..='\u{2029}',
    '\u{202a}'..='\u{202e}',
    '\u{2060}'..='\u{2064}',
    '\u{2065}'..='\u{2065}',
    '\u{2066}'..='\u{2069}',
    '\u{206a}'..='\u{206f}',
    '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{fff8}',
    '\u{fff9}'..='\u{fffb}',
    '\u{13430}'..='\u{1343f}',
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0000}'..='\u{e0000}',
    '\u{e0001}'..='\u{e0001}',
    '\u{e0002}'..='\u{e001f}',
    '\u{e0020}'..='\u{e007e}',
    '\u{e007f}'..='\u{e007f}',
    '\u{e0080}'..='\u{e00ff}',
    '\u{e0100}'..='\u{e01ef}',
    '\u{e01f0}'..='\u{e0ffe}',
    '\u{e0fff}'..='\u{e0fff}',
];

/// The visible characters of the category `Cf`: signs that stand before or around numbers.
const VISIBLE_FORMAT: [RangeInclusive<char>; 7] = [
    '\u{600}'..='\u{605}',
    '\u{6dd}'..='\u{6dd}',
    '\u{70f}'..='\u{70f}',
    '\u{890}'..='\u{891}',
    '\u{8e2}'..='\u{8e2}',
    '\u{110bd}'..='\u{110bd}',
    '\u{110cd}'..='\u{110cd}',
];

fn hidden() -> impl Iterator<Item = char> {
    HIDDEN.into_iter().flatten()
}

fn assert_shown(way: &str, letter: char, text: &str) {
    let bare = text.chars().find(|other| hidden_here(*other));
    assert_eq!(bare, None, "{way} of {letter:?}: {text:?}");
}

/// By the table above, and not by `is_hidden`.
fn hidden_here(letter: char) -> bool {
    HIDDEN.iter().any(|range| range.contains(&letter))
}

#[test]
fn the_hidden_characters_are_those_of_the_table_and_no_other() {
    for letter in '\0'..=char::MAX {
        assert_eq!(is_hidden(letter), hidden_here(letter), "{letter:?}");
    }
    for letter in VISIBLE_FORMAT.into_iter().flatten() {
        assert_eq!(Escaped::head(&letter.to_string(), 1).to_string(), letter.to_string());
    }
}

#[test]
fn no_hidden_character_passes_any_way_of_escaping() {
    for letter in hidden() {
        let text = format!("a{letter}b{letter}c");
        let code = match letter {
            '\n' => String::from("\\n"),
            '\r' => String::from("\\r"),
            '\t' => String::from("\\t"),
            letter => format!("\\u{{{:x}}}", u32::from(letter)),
        };
        for (way, shown, expected) in [
            ("head", Escaped::head(&text, 9), format!("a{code}b{code}c")),
            ("tail", Escaped::tail(&text, 9), format!("a{code}b{code}c")),
            ("cut head", Escaped::head(&text, 2), format!("a{code}…")),
            ("cut tail", Escaped::tail(&text, 2), format!("…{code}c")),
            ("quotes", Escaped::head(&text, 9).in_quotes(), format!("a{code}b{code}c")),
            ("cut quotes", Escaped::tail(&text, 2).in_quotes(), format!("…{code}c")),
        ] {
            let shown = shown.to_string();
            assert_eq!(shown, expected, "{way}");
            assert_shown(way, letter, &shown);
        }
        let units: String =
            letter.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect();
        let json = EscapedJson(&text).to_string();
        assert_eq!(json, format!("a{units}b{units}c"));
    }
}

#[derive(Debug)]
struct HostFunctionError(String);

impl fmt::Display for HostFunctionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for HostFunctionError {}

/// Returns the text of each error that can carry a text.
fn errors(text: &str) -> Vec<(&'static str, String)> {
    let owned = || String::from(text);
    let shortage = || HostShortage::new(HostResource::Memory, text);
    let file = Pattern::new(Domain::Filesystem, "/<id>").expect("a pattern");
    let bound = file.bind(&format!("{text}/")).expect_err("an id with a separator");
    let placeholder = Pattern::new(Domain::Filesystem, &format!("/<{text}>"));
    let reserved = PatternProblem::Reserved(text.chars().next().unwrap_or_default());
    let mut granting = CapabilitySet::new();
    granting.grant(Permission::StorageRead, "**").expect("a pattern");
    let named = |signature: String| InvalidCall::ParameterType {
        export: owned(),
        parameter: Some(owned()),
        expected: owned(),
        given: owned(),
        signature,
    };
    let trap = |refused| WasmError::Trap { reason: owned(), refused };
    vec![
        ("pattern", Pattern::new(Domain::Filesystem, text).expect_err("no path").to_string()),
        ("placeholder", placeholder.expect_err("another placeholder").to_string()),
        ("id", bound.to_string()),
        ("reserved", reserved.to_string()),
        ("allowed", granting.check(Permission::StorageRead, text).to_string()),
        ("denied", CapabilitySet::new().check(Permission::StorageRead, text).to_string()),
        (
            "kept denial",
            WasmError::from(
                granting.check(Permission::NetworkBind, text).into_result().expect_err("denied"),
            )
            .to_string(),
        ),
        ("permission", text.parse::<Permission>().expect_err("no permission").to_string()),
        ("policy", text.parse::<CpuTimePolicy>().expect_err("no policy").to_string()),
        ("policy of a rate", text.parse::<RatePolicy>().expect_err("no policy").to_string()),
        ("shortage", shortage().to_string()),
        ("exhausted", WasmError::HostExhausted(shortage()).to_string()),
        ("trap", trap(None).to_string()),
        ("trap after a shortage", trap(Some(RefusedGrowth::Host(shortage()))).to_string()),
        ("component", WasmError::InvalidComponent { reason: owned() }.to_string()),
        ("configuration", WasmError::InvalidConfiguration { reason: owned() }.to_string()),
        ("host function", WasmError::host(HostFunctionError(owned())).to_string()),
        ("call", WasmError::from(named(owned())).to_string()),
        ("export", InvalidCall::NoExport { export: owned(), nearest: Some(owned()) }.to_string()),
    ]
}

#[test]
fn no_hidden_character_passes_any_error() {
    for letter in hidden() {
        let text = format!("{letter}a");
        for (error, shown) in errors(&text) {
            assert_shown(error, letter, &shown);
            assert!(shown.contains('a'), "{error}: {shown}");
        }
    }
}

#[test]
fn a_long_reason_is_cut() {
    let long = "x".repeat(1 << 20);
    for (error, shown) in errors(&long) {
        // At most two reasons in one text.
        assert!(shown.chars().count() < 2 * 8_192 + 200, "{error}");
    }
    let host = WasmError::host(HostFunctionError(long));
    assert!(host.to_string().ends_with("xx…"));
}
