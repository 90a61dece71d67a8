//! The structure of a component, counted before it is compiled.

use core::fmt;

/// A count of a component's structure.
///
/// Compiling costs time and memory, and a store costs memory of the host, by these counts more than
/// by the bytes of the file.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum StructureCount {
    /// Bytes of the component.
    ComponentBytes,
    /// Functions that the component defines: core functions of all modules, and canonical ones,
    /// which lift, lower or handle resources.
    Functions,
    /// Bytes of the body of one function.
    BodyBytes,
    /// Parameters and locals of one function.
    Locals,
    /// Blocks, loops and branches of one function.
    Blocks,
    /// The product of locals and blocks of one function, which the compiler's memory follows.
    LocalBlocks,
    /// The product of locals and nested loops of one function, which the compiler's time follows.
    LocalLoops,
    /// Blocks inside each other in one function.
    Nesting,
    /// Loops of one function.
    Loops,
    /// Loops inside each other in one function.
    LoopNesting,
    /// Entries of all branch tables of one function.
    BranchTargets,
    /// Calls of one function, and its operators that call the runtime: those that grow, fill or
    /// copy memories, and those on tables.
    Calls,
    /// Values that calls, blocks and branches of one function hand on.
    Values,
    /// Globals of one module.
    Globals,
    /// Data and element segments of one module.
    Segments,
    /// Segments of one module whose place is computed as it is instantiated.
    ComputedSegments,
    /// Elements of all element segments of one module.
    Elements,
    /// Elements of the segments of one module whose place is computed.
    ComputedElements,
    /// Operators of all constant expressions of one module.
    ConstantOperators,
    /// Memories that the component defines.
    Memories,
    /// Tables that the component defines.
    Tables,
    /// Imports of the component, its types and its modules.
    Imports,
    /// Exports of the component, its types and its modules.
    Exports,
    /// Bytes of the name of one import, export or field.
    NameBytes,
    /// Types that the component and its modules define.
    Types,
    /// Parts of one type, those of the types that it names included.
    TypeSize,
    /// Component and instance types inside each other.
    TypeNesting,
    /// Core modules of the component.
    Modules,
    /// Components in the component.
    Components,
    /// Components inside each other.
    ComponentNesting,
    /// Core instances that one instantiation makes, without those of adapters.
    CoreInstances,
    /// Bytes of the host's memory for the core instances of one instantiation, beside their
    /// memories and tables.
    InstanceBytes,
    /// Component instances that one instantiation makes, itself included.
    ComponentInstances,
    /// Items that one instantiation goes through: those of a component once for each instance of
    /// it.
    InstantiationSteps,
}

/// A row of the table of counts: the key of its limit, its words in an error, its default.
struct Row {
    key: &'static str,
    words: &'static str,
    default: u64,
}

impl StructureCount {
    /// All counts, in the order of the documents.
    pub const ALL: [Self; 34] = [
        Self::ComponentBytes,
        Self::Functions,
        Self::BodyBytes,
        Self::Locals,
        Self::Blocks,
        Self::LocalBlocks,
        Self::LocalLoops,
        Self::Nesting,
        Self::Loops,
        Self::LoopNesting,
        Self::BranchTargets,
        Self::Calls,
        Self::Values,
        Self::Globals,
        Self::Segments,
        Self::ComputedSegments,
        Self::Elements,
        Self::ComputedElements,
        Self::ConstantOperators,
        Self::Memories,
        Self::Tables,
        Self::Imports,
        Self::Exports,
        Self::NameBytes,
        Self::Types,
        Self::TypeSize,
        Self::TypeNesting,
        Self::Modules,
        Self::Components,
        Self::ComponentNesting,
        Self::CoreInstances,
        Self::InstanceBytes,
        Self::ComponentInstances,
        Self::InstantiationSteps,
    ];

    const fn row(self) -> Row {
        let (key, words, default) = match self {
            Self::ComponentBytes => ("max_component_bytes", "bytes", 64 << 20),
            Self::Functions => ("max_functions", "functions", 75_000),
            Self::BodyBytes => ("max_body_bytes", "bytes in the body of one function", 5 << 19),
            Self::Locals => ("max_locals", "locals in one function", 8_000),
            Self::Blocks => ("max_blocks", "blocks in one function", 30_000),
            Self::LocalBlocks => {
                ("max_local_blocks", "locals times blocks in one function", 5_000_000)
            }
            Self::LocalLoops => {
                ("max_local_loops", "locals times nested loops in one function", 25_000)
            }
            Self::Loops => ("max_loops", "loops in one function", 1_500),
            Self::LoopNesting => ("max_loop_nesting", "nested loops in one function", 64),
            Self::Nesting => ("max_nesting", "nested blocks in one function", 2_500),
            Self::BranchTargets => ("max_branch_targets", "branch targets in one function", 50_000),
            Self::Calls => ("max_calls", "calls in one function", 15_000),
            Self::Values => ("max_values", "values handed on in one function", 40_000),
            Self::Globals => ("max_globals", "globals in one module", 10_000),
            Self::Segments => ("max_segments", "segments in one module", 32_000),
            Self::ComputedSegments => {
                ("max_computed_segments", "segments with a computed place in one module", 200)
            }
            Self::Elements => ("max_elements", "elements in one module", 50_000),
            Self::ComputedElements => {
                ("max_computed_elements", "elements with a computed place in one module", 20_000)
            }
            Self::ConstantOperators => {
                ("max_constant_operators", "constant operators in one module", 50_000)
            }
            Self::Memories => ("max_memories", "memories", 100),
            Self::Tables => ("max_tables", "tables", 100),
            Self::Imports => ("max_imports", "imports", 20_000),
            Self::Exports => ("max_exports", "exports", 30_000),
            Self::NameBytes => ("max_name_bytes", "bytes in one name", 16 << 10),
            Self::Types => ("max_types", "types", 8_000),
            Self::TypeSize => ("max_type_size", "parts in one type", 10_000),
            Self::TypeNesting => ("max_type_nesting", "nested types", 16),
            Self::Modules => ("max_modules", "core modules", 200),
            Self::Components => ("max_components", "nested components", 200),
            Self::ComponentNesting => ("max_component_nesting", "levels of nested components", 16),
            Self::CoreInstances => ("max_core_instances", "core instances", 300),
            Self::InstanceBytes => {
                ("max_instance_bytes", "bytes of the host for core instances", 16 << 20)
            }
            Self::ComponentInstances => ("max_component_instances", "component instances", 1_000),
            Self::InstantiationSteps => {
                ("max_instantiation_steps", "steps of one instantiation", 200_000)
            }
        };
        Row { key, words, default }
    }

    /// Returns the key of the limit in `[compile]` of an operator's policy.
    #[must_use]
    pub const fn key(self) -> &'static str {
        self.row().key
    }

    /// Returns the counted things in the plural, with their scope.
    #[must_use]
    pub const fn words(self) -> &'static str {
        self.row().words
    }

    /// Returns the limit that holds where an operator sets none.
    #[must_use]
    pub const fn default_limit(self) -> u64 {
        self.row().default
    }

    /// Returns the largest limit that can be set: past it, counting itself would be unsafe.
    ///
    /// 100 for [`TypeNesting`](Self::TypeNesting), where Wasmtime's parser runs out of stack
    /// later, two million for [`InstantiationSteps`](Self::InstantiationSteps), each of which
    /// takes memory.
    #[must_use]
    pub const fn largest_limit(self) -> u64 {
        match self {
            Self::TypeNesting => 100,
            Self::InstantiationSteps => 2_000_000,
            _ => u64::MAX,
        }
    }

    /// Tells whether the count is one of bytes.
    #[must_use]
    pub const fn is_bytes(self) -> bool {
        matches!(
            self,
            Self::ComponentBytes | Self::BodyBytes | Self::NameBytes | Self::InstanceBytes
        )
    }

    /// Returns the place of the count in [`ALL`](Self::ALL).
    #[must_use]
    pub fn index(self) -> usize {
        // Every variant is in the array, as a test asserts.
        Self::ALL.iter().position(|count| *count == self).unwrap_or(0)
    }
}

impl fmt::Display for StructureCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// The most of each count that a component may have.
///
/// The defaults let through the components of common toolchains, among them JavaScript and Python
/// with their interpreters.
///
/// ```
/// use limits_core::{StructureCount, StructureLimits};
///
/// let limits = StructureLimits::default().with(StructureCount::Functions, 1_000);
/// assert_eq!(limits.get(StructureCount::Functions), 1_000);
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct StructureLimits([u64; StructureCount::ALL.len()]);

impl Default for StructureLimits {
    fn default() -> Self {
        Self(StructureCount::ALL.map(StructureCount::default_limit))
    }
}

impl StructureLimits {
    /// Returns the limit of `count`.
    #[must_use]
    pub fn get(&self, count: StructureCount) -> u64 {
        self.0[count.index()]
    }

    /// Sets the limit of `count`, at most [`StructureCount::largest_limit`]. Zero allows none.
    #[must_use]
    pub fn with(mut self, count: StructureCount, limit: u64) -> Self {
        self.0[count.index()] = limit.min(count.largest_limit());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::{StructureCount, StructureLimits};

    #[test]
    fn no_limit_passes_the_largest() {
        for count in StructureCount::ALL {
            let largest = count.largest_limit();
            assert!(count.default_limit() <= largest);
            assert_eq!(StructureLimits::default().with(count, u64::MAX).get(count), largest);
        }
    }

    #[test]
    fn each_count_has_a_key_and_words_of_its_own() {
        for count in StructureCount::ALL {
            assert!(count.key().starts_with("max_"), "{count:?}");
            let alike = |other: &StructureCount| other.key() == count.key();
            assert_eq!(StructureCount::ALL.iter().filter(|other| alike(other)).count(), 1);
            let alike = |other: &StructureCount| other.words() == count.words();
            assert_eq!(StructureCount::ALL.iter().filter(|other| alike(other)).count(), 1);
        }
    }

    #[test]
    fn each_count_has_a_limit_of_its_own() {
        for (place, count) in StructureCount::ALL.into_iter().enumerate() {
            assert_eq!(count.index(), place);
            let limits = StructureLimits::default().with(count, 7);
            for other in StructureCount::ALL {
                let expected = if other == count { 7 } else { other.default_limit() };
                assert_eq!(limits.get(other), expected);
            }
        }
    }
}
