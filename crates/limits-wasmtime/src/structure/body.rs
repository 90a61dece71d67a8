//! The body of one core function.

use limits_core::StructureCount;
use wasmparser::{BlockType, FunctionBody, Operator};

use crate::structure::module::Signatures;
use crate::structure::tally::{Stop, Tally, size};

/// The counts of one function's body.
///
/// They are held against their limits at its end: reading the body takes time and memory by its
/// bytes.
#[derive(Debug, Default)]
struct Body {
    blocks: u64,
    branch_targets: u64,
    calls: u64,
    /// Values that calls, blocks and branches hand on.
    values: u64,
    /// The open blocks, the function itself first.
    labels: Vec<Label>,
    open_loops: u64,
    nesting: u64,
    loops: u64,
    loop_nesting: u64,
    references: u64,
}

/// A block that branches may leave or repeat.
#[derive(Clone, Copy, Debug)]
struct Label {
    /// The number of values that a branch hands to it.
    values: u64,
    is_loop: bool,
}

/// Counts the parts of the body of the function with an index. Returns the number of references to
/// functions in it.
pub(super) fn count(
    body: &FunctionBody<'_>,
    function: u32,
    signatures: &Signatures,
    tally: &mut Tally<'_>,
) -> Result<u64, Stop> {
    tally.raise(StructureCount::BodyBytes, size(body.as_bytes().len()))?;
    let own = signatures.of_function(function);
    let mut locals = own.parameters;
    // A declaration may stand for billions of locals; it is not expanded.
    for declaration in body.get_locals_reader()? {
        let (number, _) = declaration?;
        locals = locals.saturating_add(number.into());
    }
    tally.raise(StructureCount::Locals, locals)?;
    let whole = Label { values: own.results, is_loop: false };
    let mut found = Body { labels: vec![whole], ..Body::default() };
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        found.note(&operators.read()?, signatures);
    }
    tally.raise(StructureCount::Blocks, found.blocks)?;
    tally.raise(StructureCount::Nesting, found.nesting)?;
    tally.raise(StructureCount::BranchTargets, found.branch_targets)?;
    tally.raise(StructureCount::Loops, found.loops)?;
    tally.raise(StructureCount::LoopNesting, found.loop_nesting)?;
    tally.raise(StructureCount::LocalBlocks, found.blocks.saturating_mul(locals))?;
    tally.raise(StructureCount::LocalLoops, found.loop_nesting.saturating_mul(locals))?;
    tally.raise(StructureCount::Calls, found.calls)?;
    tally.raise(StructureCount::Values, found.values)?;
    Ok(found.references)
}

impl Body {
    fn note(&mut self, operator: &Operator<'_>, signatures: &Signatures) {
        match operator {
            Operator::Block { blockty } | Operator::If { blockty } => {
                self.open(*blockty, false, signatures);
            }
            Operator::Loop { blockty } => self.open(*blockty, true, signatures),
            Operator::Else => self.blocks = self.blocks.saturating_add(1),
            Operator::End => {
                let is_loop = self.labels.pop().is_some_and(|label| label.is_loop);
                self.open_loops = self.open_loops.saturating_sub(u64::from(is_loop));
            }
            Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => {
                self.blocks = self.blocks.saturating_add(1);
                self.branch(*relative_depth);
            }
            Operator::BrTable { targets } => {
                self.blocks = self.blocks.saturating_add(1);
                self.branch_targets = self.branch_targets.saturating_add(targets.len().into());
                self.branch(targets.default());
                // A target that cannot be read is one that the operator's reader refuses.
                for depth in targets.targets().flatten() {
                    self.branch(depth);
                }
            }
            Operator::Call { function_index } => {
                self.call(signatures.of_function(*function_index).values());
            }
            Operator::CallIndirect { type_index, .. } => {
                self.call(signatures.of_type(*type_index).values());
            }
            Operator::MemoryGrow { .. }
            | Operator::MemoryFill { .. }
            | Operator::MemoryCopy { .. }
            | Operator::MemoryInit { .. }
            | Operator::TableGet { .. }
            | Operator::TableSet { .. }
            | Operator::TableGrow { .. }
            | Operator::TableFill { .. }
            | Operator::TableCopy { .. }
            | Operator::TableInit { .. } => self.call(0),
            Operator::RefFunc { .. } => self.references = self.references.saturating_add(1),
            _ => {}
        }
    }

    fn open(&mut self, block: BlockType, is_loop: bool, signatures: &Signatures) {
        self.blocks = self.blocks.saturating_add(1);
        let (parameters, results) = match block {
            BlockType::Empty => (0, 0),
            BlockType::Type(_) => (0, 1),
            BlockType::FuncType(index) => {
                let signature = signatures.of_type(index);
                (signature.parameters, signature.results)
            }
        };
        self.values = self.values.saturating_add(parameters).saturating_add(results);
        let values = if is_loop { parameters } else { results };
        self.labels.push(Label { values, is_loop });
        self.loops = self.loops.saturating_add(u64::from(is_loop));
        self.open_loops = self.open_loops.saturating_add(u64::from(is_loop));
        self.loop_nesting = self.loop_nesting.max(self.open_loops);
        // The first label is the function's.
        self.nesting = self.nesting.max(size(self.labels.len()).saturating_sub(1));
    }

    fn call(&mut self, values: u64) {
        self.calls = self.calls.saturating_add(1);
        self.values = self.values.saturating_add(values);
    }

    fn branch(&mut self, depth: u32) {
        let depth = usize::try_from(depth).unwrap_or(usize::MAX);
        let label = self.labels.len().checked_sub(1).and_then(|last| last.checked_sub(depth));
        let values = label.and_then(|at| self.labels.get(at)).map_or(0, |label| label.values);
        self.values = self.values.saturating_add(values);
    }
}
