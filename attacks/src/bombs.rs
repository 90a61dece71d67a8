//! Components that cost their compiler more than their bytes suggest, and mutations of them.
//!
//! Each is made by a number or two, of which [`Bomb::large`] takes those of the catalogue or
//! larger ones. [`Bomb::mutation`] takes others from a seed, and puts the module elsewhere:
//! into nested components, behind padding, or in several copies. The seeds are kept, so that a
//! finding has a name, such as `F4, seed 7`.

mod functions;
mod modules;
mod types;

use std::borrow::Cow;

use fastrand::Rng;
use wasm_encoder::{
    Component, ComponentExportKind, ComponentInstanceSection, CustomSection, InstanceSection,
    ModuleArg, ModuleSection, NestedComponentSection, RawSection,
};

/// A shape of component that is expensive to compile or to instantiate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the suite goes through all of them")]
pub enum Bomb {
    /// Many locals, each set in a branch of its own, and all of them read.
    Diamonds,
    /// Loops in each other around locals that all of them change.
    Loops,
    /// Blocks in each other, each with a branch out of it.
    Nesting,
    /// One long function without a branch.
    Straight,
    /// Indirect calls, one after another.
    Calls,
    /// Loops, one after another.
    FlatLoops,
    /// Elements whose place in the table is computed.
    Elements,
    /// Data segments whose place in memory is computed.
    Segments,
    /// Very many small functions.
    Functions,
    /// A constant expression of many operators.
    Constants,
    /// Branch tables with many targets.
    BranchTables,
    /// Calls and blocks that hand on a thousand values each.
    Values,
    /// Exported functions, each with a type of its own.
    Signatures,
    /// Instances of a module with many globals.
    Globals,
    /// Component types inside each other.
    TypeTower,
    /// Types that name the one before them twice.
    TypeGraph,
    /// Component instances that make component instances.
    Instances,
}

/// Bytes of the largest component that the budget of compiling ends within two seconds.
pub const SMALL: u64 = 256 << 10;

impl Bomb {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Diamonds,
        Self::Loops,
        Self::Nesting,
        Self::Straight,
        Self::Calls,
        Self::FlatLoops,
        Self::Elements,
        Self::Segments,
        Self::Functions,
        Self::Constants,
        Self::BranchTables,
        Self::Values,
        Self::Signatures,
        Self::Globals,
        Self::TypeTower,
        Self::TypeGraph,
        Self::Instances,
    ];

    /// Returns the row of the catalogue that the bomb is of.
    #[must_use]
    pub const fn row(self) -> &'static str {
        match self {
            Self::Diamonds | Self::Values => "F1",
            Self::Loops | Self::FlatLoops => "F2",
            Self::Nesting => "F3",
            Self::Straight | Self::Calls | Self::BranchTables => "F4",
            Self::Elements => "F5",
            Self::Segments => "F6",
            Self::Functions | Self::Signatures => "F7",
            Self::Constants => "F8",
            Self::TypeTower | Self::TypeGraph => "F11",
            Self::Globals => "C13",
            Self::Instances => "B3",
        }
    }

    /// Returns the numbers of the large one, whose meaning depends on the shape.
    const fn numbers(self) -> (u32, u32) {
        match self {
            Self::Diamonds => (40_000, 10_000),
            Self::Loops => (400, 1_000),
            Self::Nesting => (100_000, 1),
            Self::Straight => (1_000_000, 1),
            Self::Calls => (250_000, 1),
            Self::FlatLoops => (100_000, 1),
            Self::Elements => (300_000, 1),
            Self::Segments => (10_000, 40),
            Self::Functions => (100_000, 1),
            Self::Constants => (300_000, 1),
            Self::BranchTables => (1, 1_000_000),
            Self::Values => (1_000, 1_000),
            Self::Signatures => (20_000, 1),
            Self::Globals => (100_000, 500),
            Self::TypeTower => (100_000, 1),
            Self::TypeGraph => (100, 2),
            Self::Instances => (1_000, 1_000),
        }
    }

    /// Returns the component of the catalogue's size.
    #[must_use]
    pub fn large(self) -> Vec<u8> {
        self.part(self.numbers()).alone()
    }

    /// Returns one that grows out of the large one by `seed`: an eighth of its numbers to twice as
    /// much, in another place, instantiated.
    ///
    /// A straight function has at least half of its operators: one of two megabytes is no bomb,
    /// compiling it costs what any code of that size costs.
    #[must_use]
    pub fn mutation(self, seed: u64) -> Vec<u8> {
        // Another stream for each bomb.
        let rows: u64 = self.row().bytes().fold(0, |sum, byte| sum * 256 + u64::from(byte));
        let mut random = Rng::with_seed(seed ^ rows.rotate_left(32));
        let (one, other) = self.numbers();
        let halvings = if self == Self::Straight { 1 } else { 3 };
        let numbers = (scaled(one, halvings, &mut random), scaled(other, halvings, &mut random));
        let copies = random.u32(1..=3);
        let padding: Vec<u8> = (0..random.u32(0..100_000)).map(|at| at.to_le_bytes()[0]).collect();
        let levels = random.u32(0..4);
        let part = self.part(numbers).alone();
        let mut component = Component::new();
        component.section(&CustomSection { name: "padding".into(), data: padding.into() });
        for _ in 0..copies {
            component.section(&RawSection { id: 4, data: &part });
        }
        component.section(&instances_of(0..copies));
        for _ in 0..levels {
            let inner = core::mem::take(&mut component);
            component.section(&NestedComponentSection(&inner)).section(&instances_of(0..1));
        }
        component.finish()
    }

    fn part(self, (one, other): (u32, u32)) -> Part {
        match self {
            Self::Diamonds => Part::Module(functions::diamonds(one, other)),
            Self::Loops => Part::Module(functions::loops(one, other)),
            Self::Nesting => Part::Module(functions::nesting(one)),
            Self::Straight => Part::Module(functions::straight(one)),
            Self::Calls => Part::Module(functions::calls(one)),
            Self::FlatLoops => Part::Module(functions::flat_loops(one)),
            Self::BranchTables => Part::Module(functions::branch_tables(one, other)),
            Self::Values => Part::Module(functions::values(one, other)),
            Self::Elements => Part::Based(modules::elements(one, other)),
            Self::Segments => Part::Based(modules::segments(one, other)),
            Self::Functions => Part::Module(modules::functions(one)),
            Self::Signatures => Part::Module(modules::signatures(one)),
            Self::Constants => Part::Module(modules::constants(one)),
            Self::Globals => Part::Many(modules::globals(one), other),
            Self::TypeTower => Part::Whole(types::tower(one)),
            Self::TypeGraph => Part::Whole(types::graph(one, other)),
            Self::Instances => Part::Whole(types::instances(one, other)),
        }
    }
}

/// Makes an instance of each component without arguments.
fn instances_of(components: impl Iterator<Item = u32>) -> ComponentInstanceSection {
    let mut instances = ComponentInstanceSection::new();
    for component in components {
        instances.instantiate(component, core::iter::empty::<(&str, ComponentExportKind, u32)>());
    }
    instances
}

/// Returns the number halved so many times at most, to twice as much, small numbers as often as
/// large ones.
fn scaled(number: u32, halvings: u32, random: &mut Rng) -> u32 {
    let halved = number >> random.u32(0..=halvings);
    halved.saturating_add(random.u32(0..=halved)).max(1)
}

/// The part of a component that makes it a bomb.
enum Part {
    /// A module without imports.
    Module(wasm_encoder::Module),
    /// A module that imports a global, by which it computes places.
    Based(wasm_encoder::Module),
    /// So many instances of a module.
    Many(wasm_encoder::Module, u32),
    /// A component.
    Whole(Vec<u8>),
}

impl Part {
    /// Returns the component that instantiates the part and does nothing else.
    fn alone(&self) -> Vec<u8> {
        let none = || core::iter::empty::<(Cow<'static, str>, ModuleArg)>();
        let mut component = Component::new();
        let mut instances = InstanceSection::new();
        match self {
            Self::Module(module) => {
                component.section(&ModuleSection(module));
                instances.instantiate(0, none());
            }
            Self::Based(module) => {
                component.section(&ModuleSection(&modules::base()));
                component.section(&ModuleSection(module));
                instances.instantiate(0, none());
                instances.instantiate(1, [("base", ModuleArg::Instance(0))]);
            }
            Self::Many(module, count) => {
                component.section(&ModuleSection(module));
                for _ in 0..*count {
                    instances.instantiate(0, none());
                }
            }
            Self::Whole(bytes) => return bytes.clone(),
        }
        component.section(&instances);
        component.finish()
    }
}
