//! Imports of a component that the command has no implementation of.

use limits_core::StructureLimits;
use limits_wasmtime::Structure;
use wasmparser::{
    BinaryReaderError, ComponentAlias, ComponentExternalKind, ComponentOuterAliasKind,
    ComponentType, ComponentTypeRef, InstanceTypeDeclaration, Parser, Payload, TypeBounds,
};

use crate::inputs::outer_sections::OuterSections;
use crate::outcome::failure::Failure;

/// The interfaces of WASI 0.2 that [`linker`](crate::guest::wasi::linker) provides, by package.
const PROVIDED: [(&str, &[&str]); 7] = [
    (
        "wasi:cli",
        &[
            "environment",
            "exit",
            "stderr",
            "stdin",
            "stdout",
            "terminal-input",
            "terminal-output",
            "terminal-stderr",
            "terminal-stdin",
            "terminal-stdout",
        ],
    ),
    ("wasi:clocks", &["monotonic-clock", "wall-clock"]),
    ("wasi:filesystem", &["preopens", "types"]),
    ("wasi:http", &["outgoing-handler", "types"]),
    ("wasi:io", &["error", "poll", "streams"]),
    ("wasi:random", &["insecure", "insecure-seed", "random"]),
    (
        "wasi:sockets",
        &[
            "instance-network",
            "ip-name-lookup",
            "network",
            "tcp",
            "tcp-create-socket",
            "udp",
            "udp-create-socket",
        ],
    ),
];

/// The interfaces that it provides in their draft, by package.
const DRAFTS: [(&str, &[&str]); 2] =
    [("wasi:keyvalue", &["atomics", "batch", "store"]), ("wasi:messaging", &["producer", "types"])];
/// The one version of the drafts.
const DRAFT: &str = "0.2.0-draft";

/// Bytes of a component outside its modules and nested components that are looked at before its
/// structure was counted. Types take up to a hundred times their bytes while they are read.
const MOST_OUTER_BYTES: usize = 256 * 1024;
/// Bytes before the first section.
const HEADER_BYTES: usize = 8;
/// Imports that an error names at most.
const MOST_NAMED: usize = 4;

/// Returns whether the command implements an import.
pub(crate) fn is_provided(import: &str) -> bool {
    let Some((interface, version)) = import.split_once('@') else { return false };
    let Some((package, name)) = interface.split_once('/') else { return false };
    let is_of = |(known, names): &(&str, &[&str])| *known == package && names.contains(&name);
    // No other version stands for a pre-release.
    let is_stable = version.starts_with("0.2.") && !version.contains('-');
    (is_stable && PROVIDED.iter().any(is_of)) || (version == DRAFT && DRAFTS.iter().any(is_of))
}

/// Refuses a component that imports what the command does not implement, before it is compiled,
/// which can take seconds. Returns whether the imports were looked at: those of text, of a module
/// and of a component whose imports and types take unusual space have to be looked at later, when
/// its structure was counted.
///
/// # Errors
///
/// [`Failure::MissingImports`] with the first of those imports.
pub(crate) fn check_early(bytes: &[u8]) -> Result<bool, Failure> {
    // Reading a type takes stack by the depth of its nesting, which has to be counted first.
    let is_looked_at = Parser::is_component(bytes)
        && outer(bytes)
            .is_some_and(|outer| Structure::of(&outer, &StructureLimits::default()).is_ok());
    if is_looked_at {
        check(bytes)?;
    }
    Ok(is_looked_at)
}

/// Refuses a component that imports what the command does not implement. A malformed component
/// passes: the compiler has the better message.
///
/// # Errors
///
/// [`Failure::MissingImports`] with the first of those imports.
pub(crate) fn check(bytes: &[u8]) -> Result<(), Failure> {
    let mut missing = needed(bytes).unwrap_or_default();
    missing.retain(|import| !is_provided(import));
    if missing.is_empty() {
        return Ok(());
    }
    let more = missing.len().saturating_sub(MOST_NAMED);
    missing.truncate(MOST_NAMED);
    Err(Failure::MissingImports { first: missing, more })
}

/// Returns a component without its modules, nested components and custom sections, or `None` if
/// the rest is large.
fn outer(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut outer = bytes.get(..HEADER_BYTES)?.to_vec();
    for section in OuterSections::of(bytes).map_while(Result::ok) {
        let is_inner = matches!(
            section,
            Payload::ModuleSection { .. }
                | Payload::ComponentSection { .. }
                | Payload::CustomSection(_)
        );
        if let (false, Some((id, range))) = (is_inner, section.as_section()) {
            outer.push(id);
            write_length(range.len(), &mut outer);
            outer.extend(bytes.get(range)?);
        }
        if outer.len() > MOST_OUTER_BYTES {
            return None;
        }
    }
    Some(outer)
}

/// Writes a length as the binary format has it: seven bits a byte, the lowest first.
fn write_length(mut length: usize, to: &mut Vec<u8>) {
    while let Some(rest) = length.checked_shr(7).filter(|rest| *rest > 0) {
        to.push(length.to_le_bytes()[0] | 0x80);
        length = rest;
    }
    to.push(length.to_le_bytes()[0]);
}

/// Lists the imports of the outermost component that need an implementation. Instances that only
/// define types need none.
///
/// # Errors
///
/// Those of a malformed component, which is not validated beyond its imports.
pub(crate) fn needed(bytes: &[u8]) -> Result<Vec<String>, BinaryReaderError> {
    let mut needed = Vec::new();
    // For each type of the outermost component, whether an instance of it needs an implementation.
    let mut types = Vec::new();
    for section in OuterSections::of(bytes) {
        match section? {
            Payload::ComponentTypeSection(section) => {
                for ty in section {
                    types.push(match ty? {
                        ComponentType::Instance(declarations) => {
                            declarations.iter().any(needs_implementation)
                        }
                        _ => false,
                    });
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    let is_type = matches!(
                        alias?,
                        ComponentAlias::InstanceExport { kind: ComponentExternalKind::Type, .. }
                            | ComponentAlias::Outer { kind: ComponentOuterAliasKind::Type, .. }
                    );
                    types.extend(is_type.then_some(false));
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    let is_type = export?.kind == ComponentExternalKind::Type;
                    types.extend(is_type.then_some(false));
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    let import = import?;
                    let is_needed = match import.ty {
                        ComponentTypeRef::Type(bounds) => {
                            types.push(false);
                            bounds == TypeBounds::SubResource
                        }
                        ComponentTypeRef::Instance(index) => usize::try_from(index)
                            .ok()
                            .and_then(|index| types.get(index).copied())
                            .unwrap_or_default(),
                        _ => true,
                    };
                    if is_needed {
                        needed.push(String::from(import.name.name));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(needed)
}

fn needs_implementation(declaration: &InstanceTypeDeclaration<'_>) -> bool {
    match declaration {
        InstanceTypeDeclaration::Export { ty: ComponentTypeRef::Type(bounds), .. } => {
            *bounds == TypeBounds::SubResource
        }
        InstanceTypeDeclaration::Export { .. } => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{DRAFT, DRAFTS, PROVIDED, check_early, is_provided, needed, outer};
    use crate::guest::wasi::linker;

    #[test]
    fn wasi_0_2_is_provided_in_any_patch_version_and_nothing_else() {
        for (import, expected) in [
            ("wasi:io/poll@0.2.0", true),
            ("wasi:io/poll@0.2.12", true),
            ("wasi:http/types@0.2.3", true),
            ("wasi:io/poll@0.3.0", false),
            ("wasi:io/poll@0.2.0-rc-2023-11-10", false),
            ("wasi:io/poll", false),
            ("wasi:io/other@0.2.0", false),
            ("wasi:keyvalue/store@0.2.0-draft", true),
            ("wasi:keyvalue/store@0.2.0-draft2", false),
            ("wasi:keyvalue/store@0.2.0", false),
            ("wasi:keyvalue/watcher@0.2.0-draft", false),
            ("wasi:messaging/producer@0.2.0-draft", true),
            ("wasi:messaging/incoming-handler@0.2.0-draft", false),
            ("wasi:io/poll@0.2.0-draft", false),
            ("demo:bot/io", false),
            ("log", false),
        ] {
            assert_eq!(is_provided(import), expected, "{import}");
        }
    }

    #[test]
    fn every_interface_that_counts_as_provided_is_linked() {
        let engine = limits_wasmtime::create_engine().unwrap();
        let mut linker = linker(&engine).unwrap();
        let empty = wasmtime::Module::new(&engine, wat::parse_str("(module)").unwrap()).unwrap();
        let versions = || (0..64).map(|patch| format!("0.2.{patch}")).chain([String::from(DRAFT)]);
        for (package, names) in PROVIDED.iter().chain(&DRAFTS) {
            for name in *names {
                // The linker has one version of each interface, and refuses to define it again.
                let is_linked = versions().any(|version| {
                    let instance = format!("{package}/{name}@{version}");
                    linker.root().module(&instance, &empty).is_err()
                });
                assert!(is_linked, "{package}/{name}");
            }
        }
    }

    #[test]
    fn imports_that_need_an_implementation_are_listed_without_compiling() {
        let text = r#"(component
            (import "demo:bot/types" (instance
                (type $r (record (field "a" u32)))
                (export "r" (type (eq $r)))))
            (import "wasi:io/poll@0.2.0" (instance (export "pollable" (type (sub resource)))))
            (component (import "inner" (func)))
            (core module (func))
            (import "demo:bot/io" (instance
                (export "bot" (type $bot (sub resource)))
                (export "say" (func (param "b" (borrow $bot))))))
            (import "t" (type (sub resource)))
            (import "log" (func)))"#;
        let listed = needed(&wat::parse_str(text).unwrap()).unwrap();
        assert_eq!(listed, ["wasi:io/poll@0.2.0", "demo:bot/io", "t", "log"]);
    }
    #[test]
    fn the_outer_part_of_a_component_is_one_with_the_same_imports() {
        for fields in [1, 100, 2_000] {
            let field = |at: usize| format!("(field \"f{at}\" u8)");
            let record: String = (0..fields).map(field).collect();
            let text = format!(
                "(component (core module (func)) (component) (@custom \"c\" \"x\") \
                 (type (record {record})) (import \"log\" (func)))"
            );
            let bytes = wat::parse_str(text).unwrap();
            assert!(check_early(&bytes).is_err());
            let outer = outer(&bytes).unwrap();
            assert!(outer.len() < bytes.len());
            assert_eq!(needed(&outer).unwrap(), ["log"]);
        }
    }

    /// Ten thousand of them overflow the stack of a parser that reads them recursively.
    #[test]
    fn types_that_nest_deeply_are_left_to_the_count_of_the_structure() {
        let mut types = vec![1];
        types.extend([0x42, 1, 1].repeat(10_000));
        types.push(0x7d);
        let mut bytes = b"\0asm\x0d\0\x01\0\x07".to_vec();
        super::write_length(types.len(), &mut bytes);
        bytes.extend(types);
        assert!(matches!(check_early(&bytes), Ok(false)));
    }
}
