//! The export to call, and its arguments.

use core::error::Error as _;

use limits_compile::Adapted;
use wasmtime::component::types::ComponentFunc;
use wasmtime::component::wasm_wave::parser::ParserError;
use wasmtime::component::wasm_wave::untyped::UntypedFuncCall;
use wasmtime::component::wasm_wave::wasm::DisplayType;
use wasmtime::component::{Component, Type, Val, wasm_wave};

use crate::guest::exports::{Exports, MOST_OF_A_NAME, for_each_function, full_name, shortened};
use crate::outcome::failure::Failure;

/// The interface of commands, in any version of WASI 0.2.
const COMMAND: &str = "wasi:cli/run";
/// Bytes of a name that is compared with a missing name, and the number of names compared.
const MOST_COMPARED: usize = 256;
const MOST_CANDIDATES: usize = 10_000;
/// Characters of a reason or a type that an error shows; a message has up to three of them.
const MOST_OF_A_REASON: usize = 160;

/// The reason why a function of a core module is none of its component.
const WITHOUT_WORLD: &str = "the file is a core module without a WIT world (a `component-type` section), of which only \
     `_start` can be called: without --invoke";

/// A call of an existing export.
#[derive(Debug)]
pub(crate) enum Call {
    /// A command, run through `wasi:cli/run`.
    Command { export: String },
    /// Any other function.
    Function { export: String, params: Vec<Val> },
}

/// A reason why a call is impossible.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum InvokeError {
    /// The arguments do not fit the function.
    #[error("bad arguments for `{export}`: {reason}; it is {signature}")]
    BadArguments { export: String, signature: String, reason: String },
    /// The component is a library.
    #[error("{}", library(.exports))]
    NoCommand { exports: Exports },
    /// The component exports no such function.
    #[error("the component exports no function `{name}`{}; {}", meant(.nearest), listed(.exports))]
    NoSuchExport { name: String, nearest: Option<String>, exports: Exports },
    /// The arguments are not WAVE, whatever the function takes.
    #[error("cannot read the arguments for `{name}`: {reason}")]
    NotWave { name: String, reason: String },
    /// The text is not a call.
    #[error(
        "expected a call with its arguments in parentheses, as in `name()`, `name(1, \"a\")` or \
         `ns:pkg/iface#func()`, found `{text}`"
    )]
    NotACall { text: String },
    /// Arguments or results have types that WAVE has no words for.
    #[error(
        "`{export}` takes or returns handles, streams, futures or maps, which WAVE cannot write"
    )]
    Unwritable { export: String },
}

impl From<InvokeError> for Failure {
    fn from(error: InvokeError) -> Self {
        Self::Call(error.to_string())
    }
}

impl InvokeError {
    /// Makes a failure, with the reason why a component that was made of a core module lacks the
    /// export.
    pub(crate) fn hidden(self, adapted: Option<Adapted>) -> Failure {
        match (&self, adapted) {
            (Self::NoSuchExport { .. }, Some(adapted)) if !adapted.has_world() => {
                Failure::Call(format!("{self}; {WITHOUT_WORLD}"))
            }
            _ => self.into(),
        }
    }
}

fn meant(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or_else(String::new, |name| format!(", did you mean `{name}`?"))
}

fn library(exports: &Exports) -> String {
    if exports.first.is_empty() {
        return format!("the component exports neither {COMMAND} nor another function");
    }
    format!(
        "the component is a library, as it exports no {COMMAND}: call one of its functions, as in \
         --invoke 'name(1, \"a\")'; {}",
        listed(exports)
    )
}

fn listed(exports: &Exports) -> String {
    match (&exports.first[..], exports.more) {
        ([], _) => String::from("it exports no function at all"),
        (first, 0) => format!("it exports {}", first.join(", ")),
        (first, more) => format!("it exports {} and {more} more", first.join(", ")),
    }
}

/// A call as the command line has it, before the component is compiled.
pub(crate) struct Wanted {
    name: String,
    arguments: UntypedFuncCall<'static>,
}

impl Wanted {
    /// Parses a call before the component is compiled, which can take seconds.
    ///
    /// # Errors
    ///
    /// [`InvokeError::NotACall`] or [`InvokeError::NotWave`].
    pub(crate) fn parse(text: &str) -> Result<Self, InvokeError> {
        let not_a_call = || InvokeError::NotACall { text: shortened(text, MOST_OF_A_NAME) };
        let (name, arguments) = text.split_at(text.find('(').ok_or_else(not_a_call)?);
        let name = String::from(name.trim());
        // Names of WAVE cannot be qualified, so the arguments get another name.
        let source = format!("f{arguments}");
        match UntypedFuncCall::parse(&source) {
            Ok(call) => Ok(Self { name, arguments: call.into_owned() }),
            Err(error) => Err(InvokeError::NotWave {
                name: shortened(&name, MOST_OF_A_NAME),
                reason: shortened(&reason(&error, &source), MOST_OF_A_REASON),
            }),
        }
    }

    /// Finds the called export of `component`. The version of an interface may be omitted if only
    /// one is exported.
    ///
    /// # Errors
    ///
    /// An [`InvokeError`] with the mismatch.
    pub(crate) fn find(&self, component: &Component) -> Result<Call, InvokeError> {
        let Some((export, function)) = self.function(component) else {
            return Err(self.missing(component));
        };
        let types: Vec<Type> = function.params().map(|(_, ty)| ty).collect();
        if !types.iter().chain(&function.results().collect::<Vec<_>>()).all(is_writable) {
            return Err(InvokeError::Unwritable { export: shortened(&export, MOST_OF_A_NAME) });
        }
        match self.arguments.to_wasm_params(&types) {
            Ok(params) => Ok(Call::Function { export, params }),
            Err(error) => Err(InvokeError::BadArguments {
                export: shortened(&export, MOST_OF_A_NAME),
                signature: shortened(&signature(&function), MOST_OF_A_REASON),
                reason: shortened(&reason(&error, self.arguments.source()), MOST_OF_A_REASON),
            }),
        }
    }

    fn function(&self, component: &Component) -> Option<(String, ComponentFunc)> {
        let mut exact = None;
        let mut unversioned = Vec::new();
        for_each_function(component, |interface, name, function| {
            let is_called = |interface: Option<&str>| match (interface, self.name.split_once('#')) {
                (None, None) => name == self.name,
                (Some(interface), Some(wanted)) => (interface, name) == wanted,
                _ => false,
            };
            if exact.is_none() && is_called(interface) {
                exact = Some((full_name(interface, name), function));
            } else if unversioned.len() < 2 && is_called(interface.map(without_version)) {
                unversioned.push((full_name(interface, name), function));
            }
        });
        let only = if unversioned.len() == 1 { unversioned.pop() } else { None };
        exact.or(only)
    }

    fn missing(&self, component: &Component) -> InvokeError {
        let wanted: String = self.name.chars().take(MOST_COMPARED).collect();
        let mut nearest: Option<(f64, String)> = None;
        let mut compared = 0;
        for_each_function(component, |interface, name, _| {
            let length = interface.map_or(0, str::len) + name.len();
            if compared == MOST_CANDIDATES || length > MOST_COMPARED {
                return;
            }
            compared += 1;
            let export = full_name(interface, name);
            let likeness = strsim::jaro_winkler(&wanted, &export);
            if likeness > nearest.as_ref().map_or(0.8, |(likeness, _)| *likeness) {
                nearest = Some((likeness, export));
            }
        });
        InvokeError::NoSuchExport {
            name: shortened(&self.name, MOST_OF_A_NAME),
            nearest: nearest.map(|(_, export)| shortened(&export, MOST_OF_A_NAME)),
            exports: Exports::of(component),
        }
    }
}

impl Call {
    /// Finds the export through which a command runs.
    ///
    /// # Errors
    ///
    /// [`InvokeError::NoCommand`] if the component has none.
    pub(crate) fn command(component: &Component) -> Result<Self, InvokeError> {
        let mut export = None;
        for_each_function(component, |interface, name, _| {
            let is_command = |interface: &str| {
                interface == COMMAND
                    || interface.strip_prefix(COMMAND).is_some_and(|v| v.starts_with("@0.2."))
            };
            if export.is_none() && name == "run" && interface.is_some_and(is_command) {
                export = Some(full_name(interface, name));
            }
        });
        match export {
            Some(export) => Ok(Self::Command { export }),
            None => Err(InvokeError::NoCommand { exports: Exports::of(component) }),
        }
    }
}

/// Writes the mismatch, and quotes its place.
fn reason(error: &ParserError, source: &str) -> String {
    let mut reason = error.kind().to_string();
    if let Some(detail) = error.detail() {
        reason.push_str(&format!(": {detail}"));
    } else if let Some(cause) = error.source() {
        reason.push_str(&format!(": {cause}"));
    }
    match source.get(error.span()) {
        Some(place) if !place.is_empty() => format!("{reason} at `{place}`"),
        _ => reason,
    }
}

/// Writes the type of a function as WIT does.
fn signature(function: &ComponentFunc) -> String {
    let params: Vec<String> =
        function.params().map(|(name, ty)| format!("{name}: {}", DisplayType(&ty))).collect();
    let results: Vec<String> = function.results().map(|ty| DisplayType(&ty).to_string()).collect();
    match &results[..] {
        [] => format!("func({})", params.join(", ")),
        results => format!("func({}) -> {}", params.join(", "), results.join(", ")),
    }
}

/// Writes the results of a function. Several values, which only old components return, become a
/// tuple.
pub(crate) fn write_results(values: &[Val]) -> Option<String> {
    match values {
        [] => None,
        [value] => wasm_wave::to_string(value).ok(),
        values => wasm_wave::to_string(&Val::Tuple(values.to_vec())).ok(),
    }
}

fn without_version(interface: &str) -> &str {
    interface.split_once('@').map_or(interface, |(name, _)| name)
}

/// Returns whether WAVE can write all values of a type: it panics where it cannot.
fn is_writable(ty: &Type) -> bool {
    match ty {
        Type::Bool
        | Type::S8
        | Type::U8
        | Type::S16
        | Type::U16
        | Type::S32
        | Type::U32
        | Type::S64
        | Type::U64
        | Type::Float32
        | Type::Float64
        | Type::Char
        | Type::String
        | Type::Enum(_)
        | Type::Flags(_) => true,
        Type::List(list) => is_writable(&list.ty()),
        Type::FixedLengthList(list) => is_writable(&list.ty()),
        Type::Record(record) => record.fields().all(|field| is_writable(&field.ty)),
        Type::Tuple(tuple) => tuple.types().all(|ty| is_writable(&ty)),
        Type::Variant(variant) => {
            variant.cases().all(|case| case.ty.as_ref().is_none_or(is_writable))
        }
        Type::Option(option) => is_writable(&option.ty()),
        Type::Result(result) => [result.ok(), result.err()].iter().flatten().all(is_writable),
        Type::Map(_)
        | Type::Own(_)
        | Type::Borrow(_)
        | Type::Future(_)
        | Type::Stream(_)
        | Type::ErrorContext => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Call, Wanted, write_results};

    use wasmtime::component::{Component, Val};

    fn component() -> Component {
        let text = r#"(component
            (core module $m
                (memory (export "mem") 1)
                (func (export "add") (param i32 i32) (result i32) unreachable)
                (func (export "size") (param i32 i32) (result i32) unreachable)
                (func (export "make") (result i32) unreachable)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
            (core instance $i (instantiate $m))
            (type $thing (resource (rep i32)))
            (export $exported "thing" (type $thing))
            (func $add (param "a" u32) (param "b" u32) (result u32)
                (canon lift (core func $i "add")))
            (func $size (param "text" string) (result u32)
                (canon lift (core func $i "size") (memory (core memory $i "mem"))
                    (realloc (core func $i "realloc"))))
            (func $make (result (own $exported)) (canon lift (core func $i "make")))
            (instance $math (export "add" (func $add)))
            (export "add" (func $add))
            (export "size" (func $size))
            (export "make" (func $make))
            (export "test:calc/math@1.2.3" (instance $math)))"#;
        let engine = limits_wasmtime::create_engine().unwrap();
        Component::new(&engine, wat::parse_str(text).unwrap()).unwrap()
    }

    fn parse(text: &str) -> Result<(String, Vec<Val>), String> {
        match Wanted::parse(text).and_then(|wanted| wanted.find(&component())) {
            Ok(Call::Function { export, params }) => Ok((export, params)),
            Ok(Call::Command { .. }) => panic!("not a command"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_call_is_read_with_its_arguments() {
        let params = vec![Val::U32(1), Val::U32(2)];
        assert_eq!(parse("add(1, 2)"), Ok((String::from("add"), params.clone())));
        let inside = String::from("test:calc/math@1.2.3#add");
        assert_eq!(parse("test:calc/math@1.2.3#add(1, 2)"), Ok((inside.clone(), params.clone())));
        assert_eq!(parse("test:calc/math#add(1, 2)"), Ok((inside, params)));
        assert_eq!(
            parse("size(\"a(b)\")"),
            Ok((String::from("size"), vec![Val::String(String::from("a(b)"))]))
        );
    }

    #[test]
    fn every_bad_call_says_what_to_do() {
        let exports = "it exports add, size, make, test:calc/math@1.2.3#add";
        let table = [
            (
                "add",
                String::from(
                    "expected a call with its arguments in parentheses, as in `name()`, \
                     `name(1, \"a\")` or `ns:pkg/iface#func()`, found `add`",
                ),
            ),
            (
                "ad(1, 2)",
                format!("the component exports no function `ad`, did you mean `add`?; {exports}"),
            ),
            ("zzz\u{1b}()", format!("the component exports no function `zzz\\u{{1b}}`; {exports}")),
            (
                "make()",
                String::from(
                    "`make` takes or returns handles, streams, futures or maps, which WAVE cannot \
                     write",
                ),
            ),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text).unwrap_err(), expected);
        }
        for text in ["add(1)", "add(1, 2, 3)", "add(1, x)", "add(1, -2)"] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with("bad arguments for `add`: "), "{text}: {error}");
            assert!(error.ends_with("; it is func(a: u32, b: u32) -> u32"), "{text}: {error}");
        }
        for text in ["add(1", "add(1, 2) 3", "add(1, \u{1b})"] {
            let error = Wanted::parse(text).err().unwrap().to_string();
            assert!(error.starts_with("cannot read the arguments for `add`: "), "{error}");
            assert!(!error.contains('\u{1b}'), "{error}");
        }
    }

    #[test]
    fn a_library_is_no_command() {
        assert_eq!(
            Call::command(&component()).unwrap_err().to_string(),
            "the component is a library, as it exports no wasi:cli/run: call one of its functions, as \
             in --invoke 'name(1, \"a\")'; it exports add, size, make, test:calc/math@1.2.3#add"
        );
    }

    #[test]
    fn a_component_without_functions_lists_none() {
        let engine = limits_wasmtime::create_engine().unwrap();
        let empty = Component::new(&engine, wat::parse_str("(component)").unwrap()).unwrap();
        assert_eq!(
            Call::command(&empty).unwrap_err().to_string(),
            "the component exports neither wasi:cli/run nor another function"
        );
    }

    #[test]
    fn results_are_written_in_wave() {
        assert_eq!(write_results(&[]), None);
        assert_eq!(write_results(&[Val::U32(3)]).as_deref(), Some("3"));
        assert_eq!(
            write_results(&[Val::Bool(true), Val::String(String::from("a\n"))]).as_deref(),
            Some("(true, \"a\\n\")")
        );
    }
}
