//! A core module, looked at before it is made into a component.

use std::collections::BTreeSet;

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
};
use wasmparser::{
    BinaryReaderError, Export, ExternalKind, Import, MemoryType, Parser, Payload, TypeRef,
};

use crate::source::module_error::{ImportNames, ModuleBound, ModuleError};

/// The version and the layer of a core module, after the magic bytes.
const HEADER: &[u8] = b"\0asm\x01\0\0\0";

/// The sections in which toolchains put the WIT world that a module was built against.
const WORLD: &str = "component-type";

/// The parts of a core module that its component depends on.
#[derive(Debug, Default)]
pub(crate) struct CoreModule {
    /// Whether it exports `_start`, which makes it a command.
    pub(crate) has_start: bool,
    /// Whether it has a WIT world, whose functions become functions of the component.
    pub(crate) has_world: bool,
    has_memory: bool,
    is_unstable: bool,
    has_threads: bool,
    has_memory64: bool,
    has_preview1: bool,
    /// Imports that neither the adapter nor, if there is one, the WIT world has.
    missing: ImportNames,
}

impl CoreModule {
    /// Returns whether the first bytes are those of a core module.
    pub(crate) fn is_one(bytes: &[u8]) -> bool {
        bytes.starts_with(HEADER)
    }

    /// Returns the bytes of a module by which adapting and compiling it cost: those without custom
    /// sections, unless they have a WIT world, and without the contents of data segments. Bytes
    /// that cannot be read cost as if they could.
    pub(crate) fn code_bytes(bytes: &[u8]) -> usize {
        let idle = |payload| match payload {
            Payload::CustomSection(section) if !section.name().starts_with(WORLD) => {
                section.range().len()
            }
            Payload::DataSection(section) => {
                section.into_iter().map_while(Result::ok).map(|segment| segment.data.len()).sum()
            }
            _ => 0,
        };
        let payloads = Parser::new(0).parse_all(bytes).map_while(Result::ok);
        bytes.len().saturating_sub(payloads.map(idle).sum())
    }

    /// Looks at a module in one pass over its bytes, without validating it.
    ///
    /// # Errors
    ///
    /// A [`ModuleError`] if no component can be made of the module, as far as its imports, exports
    /// and memories tell.
    pub(crate) fn look(bytes: &[u8]) -> Result<Self, ModuleError> {
        let adapted = functions_of_preview1()?;
        let mut module = Self::default();
        // A WIT world comes after the imports that it explains.
        let mut foreign = ImportNames::default();
        let (mut imports, mut import_bytes, mut worlds, mut world_bytes) = (0, 0, 0, 0);
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::ImportSection(section) => {
                    import_bytes += section.range().len();
                    ModuleBound::ImportBytes.check(import_bytes)?;
                    for import in section.into_imports() {
                        imports += 1;
                        ModuleBound::Imports.check(imports)?;
                        module.add_import(import?, &adapted, &mut foreign);
                    }
                }
                Payload::MemorySection(section) => {
                    for memory in section {
                        module.add_memory(memory?);
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        module.add_export(export?);
                    }
                }
                Payload::CustomSection(section) if section.name().starts_with(WORLD) => {
                    module.has_world = true;
                    worlds += 1;
                    ModuleBound::WorldSections.check(worlds)?;
                    world_bytes += section.data().len();
                    ModuleBound::WorldBytes.check(world_bytes)?;
                }
                _ => {}
            }
        }
        if !module.has_world && module.missing.is_empty() {
            module.missing = foreign;
        }
        module.checked()
    }

    fn add_import(
        &mut self,
        import: Import<'_>,
        adapted: &BTreeSet<String>,
        foreign: &mut ImportNames,
    ) {
        if import.module == WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME {
            self.has_preview1 = true;
            if !adapted.contains(import.name) {
                self.missing.add(import);
            }
        } else {
            foreign.add(import);
        }
        self.is_unstable |= import.module == "wasi_unstable";
        self.has_threads |= (import.module, import.name) == ("wasi", "thread-spawn");
        if let TypeRef::Memory(memory) = import.ty {
            self.add_memory(memory);
        }
    }

    fn add_memory(&mut self, memory: MemoryType) {
        self.has_threads |= memory.shared;
        self.has_memory64 |= memory.memory64;
    }

    fn add_export(&mut self, export: Export<'_>) {
        match (export.name, export.kind) {
            ("_start", ExternalKind::Func) => self.has_start = true,
            ("memory", ExternalKind::Memory) => self.has_memory = true,
            _ => {}
        }
    }

    fn checked(self) -> Result<Self, ModuleError> {
        if self.is_unstable {
            Err(ModuleError::Unstable)
        } else if self.has_threads {
            Err(ModuleError::Threads)
        } else if self.has_memory64 {
            Err(ModuleError::Memory64)
        } else if !self.missing.is_empty() {
            Err(ModuleError::MissingImports(self.missing))
        } else if !self.has_start && !self.has_world {
            Err(ModuleError::NothingToCall)
        } else if !self.has_memory && (self.has_start || self.has_preview1) {
            // The adapter of a command uses the memory whether the module imports WASI or not.
            Err(ModuleError::NoMemory)
        } else {
            Ok(self)
        }
    }
}

/// Returns the names of the functions of WASI preview 1, which the adapter exports.
fn functions_of_preview1() -> Result<BTreeSet<String>, BinaryReaderError> {
    let mut functions = BTreeSet::new();
    for payload in Parser::new(0).parse_all(WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER) {
        if let Payload::ExportSection(section) = payload? {
            for export in section {
                functions.insert(String::from(export?.name));
            }
        }
    }
    Ok(functions)
}

#[cfg(test)]
mod tests {
    use super::CoreModule;
    use crate::source::module_error::ModuleError;

    fn look(fields: &str) -> Result<(bool, bool), String> {
        let bytes = wat::parse_str(format!("(module {fields})")).unwrap();
        assert!(CoreModule::is_one(&bytes));
        let looked = CoreModule::look(&bytes);
        looked.map(|module| (module.has_start, module.has_world)).map_err(|error| error.to_string())
    }

    /// Sections as a WIT world is in, of some bytes each.
    fn worlds(count: usize, bytes: usize) -> String {
        format!("(@custom \"component-type:x\" \"{}\")", "w".repeat(bytes)).repeat(count)
    }

    fn imports(count: usize, name_bytes: usize) -> String {
        format!("(import \"e\" \"{}\" (func))", "n".repeat(name_bytes)).repeat(count)
    }

    #[test]
    fn a_module_is_a_command_or_has_a_world_or_both() {
        let start = "(memory (export \"memory\") 1) (func (export \"_start\"))";
        assert_eq!(look(start), Ok((true, false)));
        assert_eq!(look(&worlds(1, 0)), Ok((false, true)));
        assert_eq!(look(&format!("{start} {}", worlds(1, 0))), Ok((true, true)));
        assert_eq!(look("").unwrap_err(), ModuleError::NothingToCall.to_string());
        assert!(!CoreModule::is_one(&wat::parse_str("(component)").unwrap()));
    }

    #[test]
    fn the_imports_and_the_world_of_a_module_are_bounded() {
        let with_world = |imports: String| look(&format!("{imports} {}", worlds(1, 0)));
        assert_eq!(with_world(imports(4_096, 1)), Ok((false, true)));
        assert_eq!(with_world(imports(4_097, 1)).unwrap_err(), "it has more than 4096 imports");
        assert_eq!(with_world(imports(26, 9_900)), Ok((false, true)));
        assert_eq!(
            with_world(imports(27, 9_900)).unwrap_err(),
            "it has more than 262144 bytes of imports"
        );
        assert_eq!(look(&worlds(128, 8 * 1_024)), Ok((false, true)));
        assert_eq!(
            look(&worlds(129, 0)).unwrap_err(),
            "it has more than 128 sections with a WIT world"
        );
        assert_eq!(
            look(&worlds(1, 1_024 * 1_024 + 1)).unwrap_err(),
            "it has more than 1048576 bytes of WIT worlds"
        );
    }

    #[test]
    fn imports_are_foreign_unless_a_world_explains_them() {
        let foreign = "(import \"a:b/c\" \"f\" (func))";
        assert_eq!(
            look(foreign).unwrap_err(),
            "it imports `a:b/c.f`, which WASI preview 1 does not have"
        );
        assert_eq!(look(&format!("{foreign} {}", worlds(1, 0))), Ok((false, true)));
        // No world has the functions of preview 1.
        let unknown = "(import \"wasi_snapshot_preview1\" \"f\" (func))";
        let error = look(&format!("{unknown} {}", worlds(1, 0))).unwrap_err();
        assert!(error.starts_with("it imports `wasi_snapshot_preview1.f`, which "), "{error}");
        let known = "(import \"wasi_snapshot_preview1\" \"sched_yield\" (func))";
        let error = look(&format!("{known} {}", worlds(1, 0))).unwrap_err();
        assert_eq!(error, ModuleError::NoMemory.to_string());
    }

    #[test]
    fn bytes_that_are_cut_off_or_changed_anywhere_are_no_panic() {
        let fields = "(import \"wasi_snapshot_preview1\" \"sched_yield\" (func (result i32)))
            (memory (export \"memory\") 1) (func (export \"_start\"))";
        let good = wat::parse_str(format!("(module {fields} {})", worlds(1, 9))).unwrap();
        for at in 8..good.len() {
            // Whatever comes out, it comes out.
            let _ = CoreModule::look(&good[..at]);
            for byte in [0, 1, 5, 0x7f, 0xff] {
                let mut bad = good.clone();
                bad[at] = byte;
                let _ = CoreModule::look(&bad);
            }
        }
    }
}
