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
    /// Core functions that the component defines, in all modules together.
    Functions,
    /// Bytes of the body of one function.
    BodyBytes,
    /// Parameters and locals of one function.
    Locals,
    /// Blocks, loops and branches of one function.
    Blocks,
    /// Blocks inside each other in one function.
    Nesting,
    /// Entries of all branch tables of one function.
    BranchTargets,
    /// Globals of one module.
    Globals,
    /// Data and element segments of one module.
    Segments,
    /// Elements of all element segments of one module.
    Elements,
    /// Operators of all constant expressions of one module.
    ConstantOperators,
    /// Memories that the component defines.
    Memories,
    /// Imports of the component and its parts.
    Imports,
    /// Exports of the component and its parts.
    Exports,
    /// Bytes of one name.
    NameBytes,
    /// Types that the component and its parts define.
    Types,
    /// Parts of one type, those of its parts included.
    TypeSize,
    /// Core modules of the component.
    Modules,
    /// Components inside each other.
    ComponentNesting,
    /// Core instances that one instantiation makes.
    CoreInstances,
    /// Bytes of the host's memory for the core instances of one instantiation.
    InstanceBytes,
    /// Component instances that one instantiation makes.
    ComponentInstances,
}

/// A row of the table of counts: the key of its limit, its words in an error, its default.
struct Row {
    key: &'static str,
    words: &'static str,
    default: u64,
}

impl StructureCount {
    /// All counts, in the order of the documents.
    pub const ALL: [Self; 22] = [
        Self::ComponentBytes,
        Self::Functions,
        Self::BodyBytes,
        Self::Locals,
        Self::Blocks,
        Self::Nesting,
        Self::BranchTargets,
        Self::Globals,
        Self::Segments,
        Self::Elements,
        Self::ConstantOperators,
        Self::Memories,
        Self::Imports,
        Self::Exports,
        Self::NameBytes,
        Self::Types,
        Self::TypeSize,
        Self::Modules,
        Self::ComponentNesting,
        Self::CoreInstances,
        Self::InstanceBytes,
        Self::ComponentInstances,
    ];

    const fn row(self) -> Row {
        let (key, words, default) = match self {
            Self::ComponentBytes => ("max_component_bytes", "bytes", 64 << 20),
            Self::Functions => ("max_functions", "functions", 200_000),
            Self::BodyBytes => ("max_body_bytes", "bytes in the body of one function", 1 << 20),
            Self::Locals => ("max_locals", "locals in one function", 20_000),
            Self::Blocks => ("max_blocks", "blocks in one function", 50_000),
            Self::Nesting => ("max_nesting", "nested blocks in one function", 5_000),
            Self::BranchTargets => ("max_branch_targets", "branch targets in one function", 50_000),
            Self::Globals => ("max_globals", "globals in one module", 20_000),
            Self::Segments => ("max_segments", "segments in one module", 20_000),
            Self::Elements => ("max_elements", "elements in one module", 100_000),
            Self::ConstantOperators => {
                ("max_constant_operators", "constant operators in one module", 200_000)
            }
            Self::Memories => ("max_memories", "memories", 100),
            Self::Imports => ("max_imports", "imports", 20_000),
            Self::Exports => ("max_exports", "exports", 20_000),
            Self::NameBytes => ("max_name_bytes", "bytes in one name", 64 << 10),
            Self::Types => ("max_types", "types", 50_000),
            Self::TypeSize => ("max_type_size", "parts in one type", 100_000),
            Self::Modules => ("max_modules", "core modules", 1_000),
            Self::ComponentNesting => ("max_component_nesting", "nested components", 50),
            Self::CoreInstances => ("max_core_instances", "core instances", 1_000),
            Self::InstanceBytes => {
                ("max_instance_bytes", "bytes of the host for core instances", 64 << 20)
            }
            Self::ComponentInstances => ("max_component_instances", "component instances", 1_000),
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

    /// Sets the limit of `count`. Zero allows none.
    #[must_use]
    pub fn with(mut self, count: StructureCount, limit: u64) -> Self {
        self.0[count.index()] = limit;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::{StructureCount, StructureLimits};

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
