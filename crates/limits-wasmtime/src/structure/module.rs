//! One core module: its sections, and the host's memory that an instance of it takes.

use limits_core::{Rejection, StructureCount};
use wasmparser::{
    BinaryReader, CompositeInnerType, ConstExpr, DataKind, ElementItems, ElementKind, ExternalKind,
    FunctionBody, Operator, Payload, SubType, TableInit, TypeRef,
};

use crate::structure::body;
use crate::structure::core_types;
use crate::structure::tally::{Place, Stop, Tally, size};

/// Bytes of the host for one core instance, without its parts.
const INSTANCE_BYTES: u64 = 512;
/// Bytes for one memory of it: the record beside the address space.
const MEMORY_BYTES: u64 = 256;
/// Bytes for one table of it, without its elements.
const TABLE_BYTES: u64 = 128;
/// Bytes for one global.
const GLOBAL_BYTES: u64 = 16;
/// Bytes for one imported item, and for one function that can be referred to.
const REFERENCE_BYTES: u64 = 32;
/// Bytes for one segment that is kept after instantiation, and for one element of it.
const SEGMENT_BYTES: u64 = 32;
/// Bytes for one element of a segment that is kept.
const ELEMENT_BYTES: u64 = 16;

/// The numbers of values that go into a function or block and come out of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Signature {
    pub(super) parameters: u64,
    pub(super) results: u64,
}

impl Signature {
    pub(super) const fn values(self) -> u64 {
        self.parameters.saturating_add(self.results)
    }
}

/// The types of a module and of its functions. An index that leads nowhere has no values; the
/// compiler will refuse it.
#[derive(Debug, Default)]
pub(super) struct Signatures {
    types: Vec<Signature>,
    functions: Vec<u32>,
}

impl Signatures {
    pub(super) fn of_type(&self, index: u32) -> Signature {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        self.types.get(index).copied().unwrap_or_default()
    }

    pub(super) fn of_function(&self, index: u32) -> Signature {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        self.functions.get(index).map_or_else(Signature::default, |index| self.of_type(*index))
    }
}

/// The parts of one core module.
#[derive(Debug, Default)]
pub(super) struct Module {
    number: u32,
    signatures: Signatures,
    imports: u64,
    imported_functions: u32,
    bodies: u32,
    memories: u64,
    tables: u64,
    globals: u64,
    /// Exports, elements and operators that make a function one that can be referred to.
    references: u64,
    segments: u64,
    computed_segments: u64,
    kept_segments: u64,
    elements: u64,
    computed_elements: u64,
    kept_elements: u64,
    constant_operators: u64,
}

impl Module {
    pub(super) fn new(number: u32) -> Self {
        Self { number, ..Self::default() }
    }

    pub(super) const fn place(&self) -> Place {
        Place::Module(self.number, None)
    }

    /// Returns the host's memory for one instance of the module, in bytes.
    ///
    /// An upper bound of the records that Wasmtime keeps, without memories and tables themselves,
    /// which have limits of their own.
    pub(super) fn instance_bytes(&self) -> u64 {
        let functions = size(self.signatures.functions.len());
        [
            (self.imports, REFERENCE_BYTES),
            (self.memories, MEMORY_BYTES),
            (self.tables, TABLE_BYTES),
            (self.globals, GLOBAL_BYTES),
            (self.references.min(functions), REFERENCE_BYTES),
            (self.kept_segments, SEGMENT_BYTES),
            (self.kept_elements, ELEMENT_BYTES),
        ]
        .into_iter()
        .fold(INSTANCE_BYTES, |sum, (count, bytes)| sum.saturating_add(count.saturating_mul(bytes)))
    }

    /// Counts the items of a section, or a function. Returns the bytes of data in it.
    pub(super) fn count(
        &mut self,
        payload: Payload<'_>,
        tally: &mut Tally<'_>,
    ) -> Result<u64, Stop> {
        match payload {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    tally.add(StructureCount::Imports, 1)?;
                    tally.raise(StructureCount::NameBytes, size(import.module.len()))?;
                    tally.raise(StructureCount::NameBytes, size(import.name.len()))?;
                    self.imports = self.imports.saturating_add(1);
                    if let TypeRef::Func(index) | TypeRef::FuncExact(index) = import.ty {
                        self.imported_functions = self.imported_functions.saturating_add(1);
                        self.signatures.functions.push(index);
                    }
                }
            }
            Payload::FunctionSection(section) => {
                for index in section {
                    tally.add(StructureCount::Functions, 1)?;
                    self.signatures.functions.push(index?);
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    tally.add(StructureCount::Tables, 1)?;
                    self.tables = self.tables.saturating_add(1);
                    if let TableInit::Expr(value) = table?.init {
                        self.constant(&value, tally)?;
                    }
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    memory?;
                    tally.add(StructureCount::Memories, 1)?;
                    self.memories = self.memories.saturating_add(1);
                }
            }
            Payload::TagSection(section) => {
                for tag in section {
                    tag?;
                    self.global(tally)?;
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    self.global(tally)?;
                    self.constant(&global?.init_expr, tally)?;
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    tally.add(StructureCount::Exports, 1)?;
                    tally.raise(StructureCount::NameBytes, size(export.name.len()))?;
                    if matches!(export.kind, ExternalKind::Func | ExternalKind::FuncExact) {
                        self.references = self.references.saturating_add(1);
                    }
                }
            }
            Payload::ElementSection(section) => {
                for element in section {
                    let element = element?;
                    self.elements(&element.kind, element.items, tally)?;
                }
            }
            Payload::DataSection(section) => {
                let mut bytes = 0_u64;
                for data in section {
                    let data = data?;
                    let is_computed = match &data.kind {
                        DataKind::Active { offset_expr, .. } => {
                            self.constant(offset_expr, tally)?
                        }
                        DataKind::Passive => false,
                    };
                    // All of them are counted as kept: which of them are depends on the whole.
                    self.segment(true, is_computed, tally)?;
                    bytes = bytes.saturating_add(size(data.data.len()));
                }
                return Ok(bytes);
            }
            Payload::CodeSectionEntry(body) => self.body(&body, tally)?,
            _ => {}
        }
        Ok(0)
    }

    /// Counts the types of a section.
    pub(super) fn types(
        &mut self,
        section: &mut BinaryReader<'_>,
        tally: &mut Tally<'_>,
    ) -> Result<(), Stop> {
        for _ in 0..section.read_var_u32()? {
            core_types::read_group(section, tally, |subtype, tally| self.ty(subtype, tally))?;
        }
        Ok(())
    }

    fn ty(&mut self, subtype: &SubType, tally: &mut Tally<'_>) -> Result<(), Rejection> {
        let (parts, signature) = match &subtype.composite_type.inner {
            CompositeInnerType::Func(function) => {
                let (parameters, results) =
                    (size(function.params().len()), size(function.results().len()));
                (parameters.saturating_add(results), Signature { parameters, results })
            }
            CompositeInnerType::Struct(fields) => (size(fields.fields.len()), Signature::default()),
            _ => (1, Signature::default()),
        };
        self.signatures.types.push(signature);
        tally.raise(StructureCount::TypeSize, parts.saturating_add(1))
    }

    fn global(&mut self, tally: &mut Tally<'_>) -> Result<(), Stop> {
        self.globals = self.globals.saturating_add(1);
        Ok(tally.raise(StructureCount::Globals, self.globals)?)
    }

    fn segment(
        &mut self,
        is_kept: bool,
        is_computed: bool,
        tally: &mut Tally<'_>,
    ) -> Result<(), Stop> {
        self.segments = self.segments.saturating_add(1);
        self.kept_segments = self.kept_segments.saturating_add(u64::from(is_kept));
        self.computed_segments = self.computed_segments.saturating_add(u64::from(is_computed));
        tally.raise(StructureCount::ComputedSegments, self.computed_segments)?;
        Ok(tally.raise(StructureCount::Segments, self.segments)?)
    }

    fn elements(
        &mut self,
        kind: &ElementKind<'_>,
        items: ElementItems<'_>,
        tally: &mut Tally<'_>,
    ) -> Result<(), Stop> {
        let (is_kept, is_computed) = match kind {
            ElementKind::Active { offset_expr, .. } => (false, self.constant(offset_expr, tally)?),
            ElementKind::Passive => (true, false),
            ElementKind::Declared => (false, false),
        };
        self.segment(is_kept, is_computed, tally)?;
        let count = match &items {
            ElementItems::Functions(functions) => functions.count().into(),
            ElementItems::Expressions(_, values) => values.count().into(),
        };
        self.references = self.references.saturating_add(count);
        self.elements = self.elements.saturating_add(count);
        tally.raise(StructureCount::Elements, self.elements)?;
        if let ElementItems::Expressions(_, values) = items {
            for value in values {
                self.constant(&value?, tally)?;
            }
        }
        if is_kept {
            self.kept_elements = self.kept_elements.saturating_add(count);
        }
        if is_computed {
            self.computed_elements = self.computed_elements.saturating_add(count);
            tally.raise(StructureCount::ComputedElements, self.computed_elements)?;
        }
        Ok(())
    }

    /// Counts the operators of a constant expression. Returns whether it must be computed when
    /// the module is instantiated: it is more than a literal.
    fn constant(&mut self, value: &ConstExpr<'_>, tally: &mut Tally<'_>) -> Result<bool, Stop> {
        let mut is_computed = false;
        for operator in value.get_operators_reader() {
            match operator? {
                // A literal and its end are what each expression has.
                Operator::End => continue,
                Operator::I32Const { .. } | Operator::I64Const { .. } => {}
                Operator::RefFunc { .. } => self.references = self.references.saturating_add(1),
                _ => is_computed = true,
            }
            self.constant_operators = self.constant_operators.saturating_add(1);
            tally.raise(StructureCount::ConstantOperators, self.constant_operators)?;
        }
        Ok(is_computed)
    }

    fn body(&mut self, body: &FunctionBody<'_>, tally: &mut Tally<'_>) -> Result<(), Stop> {
        let function = self.imported_functions.saturating_add(self.bodies);
        self.bodies = self.bodies.saturating_add(1);
        tally.place = Place::Module(self.number, Some(function.into()));
        let references = body::count(body, function, &self.signatures, tally)?;
        self.references = self.references.saturating_add(references);
        tally.place = self.place();
        Ok(())
    }
}
