//! The decisions of a file: what can be changed in it so that a test should notice.

use core::ops::Range;

use super::code::{Code, is_word};
use super::mutation::Mutation;

/// The weakest ordering of an atomic access.
pub(super) const RELAXED: &str = "Relaxed";

/// Comparisons, each exchanged for the other.
const COMPARISONS: [(&str, &str); 6] =
    [("<", "<="), ("<=", "<"), (">", ">="), (">=", ">"), ("==", "!="), ("!=", "==")];

const JUNCTIONS: [(&str, &str); 2] = [("&&", "||"), ("||", "&&")];

/// Methods, each exchanged for the other.
const METHODS: [(&str, &str); 5] = [
    ("checked_add", "checked_sub"),
    ("is_ok", "is_err"),
    ("is_some", "is_none"),
    ("is_some_and", "is_none_or"),
    ("saturating_add", "saturating_sub"),
];

/// The same, where a field may have the name.
const BOUNDS: (&str, &str) = ("max", "min");

const ORDERINGS: [&str; 4] = ["AcqRel", "Acquire", "Release", "SeqCst"];

/// Words that start what is more than a call.
const NO_CALL: [&str; 20] = [
    "async", "break", "const", "continue", "else", "enum", "fn", "for", "if", "impl", "let",
    "loop", "match", "mod", "pub", "return", "struct", "type", "unsafe", "while",
];

/// Returns every mutation of a file in the order of places, and the test modules that it declares in
/// files of their own.
pub(super) fn find(path: &str, text: &str) -> (Vec<Mutation>, Vec<String>) {
    let code = Code::parse(text);
    let mut found: Vec<(Range<usize>, &str)> = Vec::new();
    found.extend(operators(&code));
    found.extend(negations(&code));
    found.extend(code.words().filter_map(|(place, word)| word_for(&code, place, &word)));
    found.extend(calls(&code));
    found.sort_by_key(|(place, _)| (place.start, place.end));
    let mutation = |(place, with)| Mutation::new(path, &code.text, place, with);
    (found.into_iter().map(mutation).collect(), code.left_out)
}

/// Returns the comparisons and junctions, which stand between spaces, with the constants compared.
fn operators(code: &Code) -> Vec<(Range<usize>, &'static str)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < code.code.len() {
        let start = code.next(at);
        let length = code.code[start..].iter().position(|c| c.is_whitespace());
        let end = length.map_or(code.code.len(), |length| start + length);
        at = end;
        let token: String = code.code[start..end].iter().collect();
        let is = |(operator, _): &&(&str, &str)| *operator == token;
        // Otherwise it closes generics or starts a closure.
        let Some(left) = code.last(start).filter(|&left| ends_operand(code, left)) else {
            continue;
        };
        if let Some((_, with)) = JUNCTIONS.iter().find(is) {
            found.push((start..end, *with));
        } else if let Some((_, with)) = COMPARISONS.iter().find(is) {
            found.push((start..end, *with));
            found.extend([left, code.next(end)].into_iter().filter_map(|at| constant(code, at)));
        }
    }
    found
}

fn ends_operand(code: &Code, at: usize) -> bool {
    let starts_closure = ["in", "move", "return"].iter().any(|word| code.ends_word(at + 1, word));
    !starts_closure
        && (is_word(code.code[at]) || matches!(code.code[at], ')' | ']' | '}' | '?' | '"'))
}

/// Returns the mutation of a constant of one digit, which is not part of anything longer.
fn constant(code: &Code, at: usize) -> Option<(Range<usize>, &'static str)> {
    let with = match code.code.get(at)? {
        '0' => "1",
        '1' => "0",
        _ => return None,
    };
    let longer = |c: Option<&char>| c.is_some_and(|&c| is_word(c) || c == '.');
    let before = at.checked_sub(1).and_then(|before| code.code.get(before));
    (!longer(before) && !longer(code.code.get(at + 1))).then_some((at..at + 1, with))
}

fn negations(code: &Code) -> Vec<(Range<usize>, &'static str)> {
    let negates = |at: &usize| {
        let before = at.checked_sub(1).map_or(' ', |before| code.code[before]);
        let after = code.code.get(at + 1).copied().unwrap_or(' ');
        code.code[*at] == '!'
            && (before.is_whitespace() || "([{,|&!".contains(before))
            && (after.is_alphabetic() || "_(*".contains(after))
    };
    (0..code.code.len()).filter(negates).map(|at| (at..at + 1, "")).collect()
}

/// Returns the mutation of a word: a method, an ordering or a truth value.
fn word_for(code: &Code, place: Range<usize>, word: &str) -> Option<(Range<usize>, &'static str)> {
    let before = |text: &str| {
        let start = place.start.checked_sub(text.len());
        start.is_some_and(|start| code.starts(start, text))
    };
    if let "true" | "false" = word {
        return gives(code, &place)
            .then_some((place, if word == "true" { "false" } else { "true" }));
    }
    if ORDERINGS.contains(&word) {
        return (before("Ordering::") || !before("::")).then_some((place, RELAXED));
    }
    let called = code.starts(place.end, "(");
    if !before(".") && !before("::") {
        return None;
    }
    if word == "is_empty" {
        let end = place.end + 2;
        let plain = before(".") && code.starts(place.end, "()") && !negated(code, place.start - 1);
        // Behind it, so that it need not be known where the receiver starts.
        return plain.then_some((end..end, ".eq(&false)"));
    }
    let mut pairs = METHODS.to_vec();
    if called || before("::") {
        pairs.push(BOUNDS);
    }
    pairs.iter().find_map(|&(one, other)| match word {
        word if word == one => Some((place.clone(), other)),
        word if word == other => Some((place.clone(), one)),
        _ => None,
    })
}

/// Tells whether a truth value is returned or assigned: not a pattern, an operand or an argument.
fn gives(code: &Code, place: &Range<usize>) -> bool {
    let Some(last) = code.last(place.start) else { return false };
    let own_line = code.code[last + 1..place.start].contains(&'\n');
    let assigned = code.ends(place.start, " =") || code.ends(place.start, "=>");
    let given = match code.code[last] {
        '{' | ';' => true,
        '}' => own_line,
        ':' => !code.ends(place.start, "::"),
        _ => assigned || code.ends_word(place.start, "return"),
    };
    let next = code.code.get(code.next(place.end));
    given && next.is_none_or(|next| matches!(next, ';' | ',' | '}'))
}

/// Tells whether the expression that ends before the dot at `dot` has a `!` in front of it.
fn negated(code: &Code, dot: usize) -> bool {
    let mut depth = 0_usize;
    for (at, &c) in code.code[..dot].iter().enumerate().rev() {
        match c {
            ')' | ']' => depth += 1,
            '(' | '[' if depth > 0 => depth -= 1,
            _ if depth > 0 || is_word(c) || ".:?".contains(c) => {}
            '!' => return at == 0 || !is_word(code.code[at - 1]),
            _ => return false,
        }
    }
    false
}

/// Returns the statements of one line that only call something.
fn calls(code: &Code) -> Vec<(Range<usize>, &'static str)> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in code.code.split(|&c| c == '\n') {
        let end = start + line.len();
        let (first, last) = (code.next(start), code.last(end));
        if let Some(last) = last.filter(|&last| first < last && last >= start)
            && code.last(first).is_none_or(|before| "{};".contains(code.code[before]))
            && only_calls(&code.code[first..=last])
        {
            found.push((first..last + 1, ""));
        }
        start = end + 1;
    }
    found
}

/// Tells whether a statement is a call, the value of which is dropped or at most tried.
fn only_calls(statement: &[char]) -> bool {
    let statement: String = statement.iter().collect();
    let Some(call) = statement.strip_suffix(';') else { return false };
    let call = call.strip_suffix('?').unwrap_or(call);
    let call = call.strip_suffix(".await").unwrap_or(call);
    let first = call.split(|c| !is_word(c)).next().unwrap_or_default();
    if !call.ends_with(')') || NO_CALL.contains(&first) {
        return false;
    }
    let mut depth = 0_usize;
    for c in call.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => return false,
            ')' | ']' | '}' => depth -= 1,
            '?' => return false,
            c if depth == 0 && !is_word(c) && !".:<>".contains(c) => return false,
            _ => {}
        }
    }
    depth == 0 && first.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::find;

    /// What each line of a function is changed into.
    fn changes(line: &str) -> Vec<String> {
        let text = format!("fn f() {{\n{line}\n}}\n");
        let (found, _) = find("a.rs", &text);
        let prefix = format!("{} -> ", line.trim());
        found
            .iter()
            .map(|mutation| mutation.change().strip_prefix(&prefix).unwrap().to_owned())
            .collect()
    }

    #[test]
    fn decisions_are_changed() {
        for (line, expected) in [
            ("a < b", &["a <= b"][..]),
            ("if a.b() <= c {", &["if a.b() < c {"]),
            ("a[0] > 'x'", &["a[0] >= 'x'"]),
            ("a? >= b", &["a? > b"]),
            ("\"a < b\" == a", &["\"a < b\" != a"]),
            ("a != b", &["a == b"]),
            ("a == 0.5 // b == 1", &["a != 0.5 // b == 1"]),
            ("if a && b || c {", &["if a || b || c {", "if a && b && c {"]),
            ("a > 0 {", &["a >= 0 {", "a > 1 {"]),
            ("1 == a.1;", &["0 == a.1;", "1 != a.1;"]),
            ("!a", &["a"]),
            ("f(!self.a.b(), !(c))", &["f(self.a.b(), !(c))", "f(!self.a.b(), (c))"]),
            ("!matches!(a, B)", &["matches!(a, B)"]),
            (
                "a.is_some().then(Option::is_none)",
                &["a.is_none().then(Option::is_none)", "a.is_some().then(Option::is_some)"],
            ),
            ("a.is_some_and(b)", &["a.is_none_or(b)"]),
            ("a.is_err()", &["a.is_ok()"]),
            ("a.is_empty().then(b)", &["a.is_empty().eq(&false).then(b)"]),
            ("!a.b(&c)?.is_empty()", &["a.b(&c)?.is_empty()"]),
            ("a.saturating_add(b)", &["a.saturating_sub(b)"]),
            ("a.checked_sub(b)", &["a.checked_add(b)"]),
            ("a.min(b).map(u64::max)", &["a.max(b).map(u64::max)", "a.min(b).map(u64::min)"]),
            ("a.load(Ordering::Acquire)", &["a.load(Ordering::Relaxed)"]),
            ("a.swap(b, AcqRel)", &["a.swap(b, Relaxed)"]),
            ("return true;", &["return false;"]),
            ("a = false;", &["a = true;"]),
            ("A { b: true, c }", &["A { b: false, c }"]),
            ("A => true,", &["A => false,"]),
            ("if a { true } else { b }", &["if a { false } else { b }"]),
            ("    false", &["true"]),
            ("self.a.b(c, d);", &["(removed)"]),
            ("a::<B>::c(\"d e\");", &["(removed)"]),
            ("self.a(b)?;", &["(removed)"]),
            ("a.b().await?; // c", &["// c"]),
        ] {
            assert_eq!(changes(line), expected, "{line}");
        }
    }

    #[test]
    fn what_decides_nothing_is_left_alone() {
        for line in [
            "a: Vec<Vec<B>> = c as D;",
            "fn a<B>(c: D) -> E {",
            "Some(a) => b,",
            "a << b >> c",
            "a <<= b",
            "a.collect::<Vec<_>>()",
            "impl<A> B for C<A> {",
            "    >",
            "a(|| b)",
            "let a = || b;",
            "return || b;",
            "a(&&b)",
            "// a < b && !c.is_some()",
            "a(\" < \", b!(c))",
            "#[cfg(not(a))]",
            "self.min = b;",
            "let is_some = max(b);",
            "use a::{Acquire, Release};",
            "a(true)",
            "true => a,",
            "a::true_b;",
            "let a = b();",
            "a = b();",
            "return b();",
            "a()?.b();",
            "a(b()?);",
            "tracing::debug!(a, b = !c);",
            "debug_assert!(a < b);",
            "write!(a, b);",
            "a.b()",
            ".b();",
        ] {
            assert_eq!(changes(line), [""; 0], "{line}");
        }
    }

    #[test]
    fn a_call_that_ends_a_longer_statement_is_kept() {
        assert_eq!(find("a.rs", "fn f() {\n    let a =\n        b();\n}\n").0, []);
        assert_eq!(find("a.rs", "fn f() {\n    a\n        .b();\n}\n").0, []);
    }

    #[test]
    fn a_closure_on_a_line_of_its_own_is_no_junction() {
        assert_eq!(find("a.rs", "fn f() {\n    a(\n        || b,\n    )\n}\n").0, []);
        assert_eq!(find("a.rs", "fn f() {\n    a\n        || b\n}\n").0.len(), 1);
    }

    #[test]
    fn tests_have_no_decisions() {
        let text = "fn f() {}\n#[cfg(test)]\nmod tests {\n    fn g() { a < b }\n}\n#[cfg(test)]\nmod laws;\n";
        assert_eq!(find("a.rs", text), (Vec::new(), vec![String::from("laws")]));
    }
}
