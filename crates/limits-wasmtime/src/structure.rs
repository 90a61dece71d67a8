//! The structure of a component, counted before anything expensive is done with it.

mod definitions;
mod instances;

use limits_core::{Rejection, StructureCount, StructureLimits, WasmError, WasmResult};

use crate::error_text::escaped;
use crate::structure::definitions::parse;
use crate::structure::instances::{Instantiation, entangled};

/// Items of component definitions that are looked at before a component is given up, for each
/// component instance that is allowed. Each instantiation of a definition looks at all its items
/// again, here as in the compiler.
const STEPS: u64 = 1_000;
/// Items that may be looked at whatever the number of instances.
const FREE_STEPS: u64 = 100_000;

/// The counts of one component's structure.
///
/// Compiling a component costs by them, and so does a store. [`of`](Self::of) reads the bytes
/// once, before any validation, and takes some tens of milliseconds for a component of 40 MB.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Structure {
    counts: [u64; StructureCount::ALL.len()],
    code_bytes: u64,
}

impl Structure {
    /// Counts the structure of the component in `bytes`, and ends at the first count past its limit.
    ///
    /// The bytes are not validated: what is no valid component may be counted.
    ///
    /// # Errors
    ///
    /// [`WasmError::Rejected`] with [`Rejection::Structure`] if there is more of something than
    /// `limits` allow, [`WasmError::InvalidComponent`] if the bytes cannot be read as a component.
    pub fn of(bytes: &[u8], limits: &StructureLimits) -> WasmResult<Self> {
        let mut found = Self { counts: [0; StructureCount::ALL.len()], code_bytes: 0 };
        found.set(StructureCount::ComponentBytes, u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        found.check(limits)?;
        is_component(bytes)?;
        let most = limits.get(StructureCount::ComponentInstances);
        found.set(StructureCount::ComponentInstances, count_instances(bytes, most)?);
        found.code_bytes = found.get(StructureCount::ComponentBytes);
        Ok(found)
    }

    /// Checks the counts against other limits than those that they were made under. The place in
    /// an error is empty.
    ///
    /// # Errors
    ///
    /// [`WasmError::Rejected`] with [`Rejection::Structure`] for the first count, in the order of
    /// [`StructureCount::ALL`], past its limit.
    pub fn check(&self, limits: &StructureLimits) -> WasmResult<()> {
        for count in StructureCount::ALL {
            let (found, limit) = (self.get(count), limits.get(count));
            if found > limit {
                let place = String::new();
                return Err(WasmError::Rejected(Rejection::Structure {
                    count,
                    limit,
                    found,
                    place,
                }));
            }
        }
        Ok(())
    }

    /// Returns a count: the sum over the component, or the largest of its parts.
    #[must_use]
    pub fn get(&self, count: StructureCount) -> u64 {
        self.counts[count.index()]
    }

    /// Returns the bytes by which compiling costs: those of the component without custom sections and
    /// without the contents of data segments.
    #[must_use]
    pub const fn code_bytes(&self) -> u64 {
        self.code_bytes
    }

    /// Returns all counts in the order of [`StructureCount::ALL`], and after them
    /// [`code_bytes`](Self::code_bytes).
    #[must_use]
    pub fn to_counts(&self) -> Vec<u64> {
        self.counts.iter().copied().chain([self.code_bytes]).collect()
    }

    /// Returns the structure that [`to_counts`](Self::to_counts) wrote, or `None` if the number of
    /// counts is not this version's.
    #[must_use]
    pub fn from_counts(counts: &[u64]) -> Option<Self> {
        let (code_bytes, counts) = counts.split_last()?;
        Some(Self { counts: counts.try_into().ok()?, code_bytes: *code_bytes })
    }

    fn set(&mut self, count: StructureCount, found: u64) {
        self.counts[count.index()] = found;
    }
}

/// Refuses text and core modules, with advice.
fn is_component(bytes: &[u8]) -> WasmResult<()> {
    let reason = if !bytes.starts_with(b"\0asm") {
        "this is no binary component; turn component text into one with `wat::parse_bytes` or \
         `wasm-tools parse`"
    } else if bytes.starts_with(b"\0asm\x01\0\0\0") {
        "this is a core module, not a component; turn it into one with `wasm-tools component new`, \
         for a WASI preview 1 module with `--adapt` and the wasi_snapshot_preview1 adapter"
    } else {
        return Ok(());
    };
    Err(WasmError::InvalidComponent { reason: String::from(reason) })
}

/// Counts the component instances that one instantiation of the component in `bytes` makes, itself
/// included, of which it may make `most`.
///
/// A store keeps a record of each component instance, and nothing in the runtime counts them:
/// a component of 28 KB can make a million.
///
/// One pass over the bytes, without validating them: names and indices that lead nowhere are
/// left to the compiler to refuse. Then the instantiations are followed as the compiler
/// follows them, which ends at the bound.
fn count_instances(bytes: &[u8], most: u64) -> WasmResult<u64> {
    let most_steps = most.saturating_mul(STEPS).saturating_add(FREE_STEPS);
    match parse(bytes, most_steps) {
        Ok(Some(definitions)) => Instantiation::of(&definitions).count(most, most_steps),
        Ok(None) => Err(entangled(most_steps)),
        Err(error) => Err(WasmError::InvalidComponent { reason: escaped(&error.to_string()) }),
    }
}

#[cfg(test)]
mod tests {
    use super::count_instances;

    fn count(wat: &str, most: u64) -> Result<u64, String> {
        let bytes = wat::parse_str(wat).unwrap();
        count_instances(&bytes, most).map_err(|error| error.to_string())
    }

    /// Components that instantiate the one before them `each` times, `levels` deep.
    fn tower(levels: usize, each: usize) -> String {
        let mut wat = String::from("(component (component $c0)");
        for level in 1..=levels {
            wat += &format!("(component $c{level} (alias outer 1 {} (component $c))", level - 1);
            wat += &"(instance (instantiate $c))".repeat(each);
            wat += ")";
        }
        wat + &format!("(instance (instantiate $c{levels})))")
    }

    #[test]
    fn a_component_of_one_part_is_one_instance() {
        assert_eq!(count("(component)", 1), Ok(1));
    }

    #[test]
    fn instances_of_instances_are_all_counted() {
        assert_eq!(count(&tower(2, 3), 100), Ok(1 + 1 + 3 + 9));
    }

    #[test]
    fn an_instance_past_the_bound_is_refused() {
        assert_eq!(count(&tower(1, 3), 5), Ok(5));
        assert_eq!(
            count(&tower(1, 3), 4).unwrap_err(),
            "component rejected: it has 5 component instances, max_component_instances is 4"
        );
    }

    #[test]
    fn a_bundle_of_exports_and_a_core_instance_are_no_component_instances() {
        let wat = r#"(component
            (core module $m) (core instance (instantiate $m))
            (component $c)
            (instance $i (export "c" (component $c)))
            (alias export $i "c" (component $d))
            (instance (instantiate $d)))"#;
        assert_eq!(count(wat, 10), Ok(2));
    }

    #[test]
    fn a_component_that_is_given_to_another_is_counted_where_it_is_instantiated() {
        let wat = r#"(component
            (component $leaf)
            (component $twice (import "c" (component $c))
                (instance (instantiate $c)) (instance (instantiate $c)))
            (instance (instantiate $twice (with "c" (component $leaf)))))"#;
        assert_eq!(count(wat, 10), Ok(4));
    }

    #[test]
    fn a_component_that_an_instance_exports_keeps_the_scope_it_was_written_in() {
        let wat = r#"(component
            (component $maker
                (component $leaf)
                (component $pair (alias outer $maker $leaf (component $l))
                    (instance (instantiate $l)) (instance (instantiate $l)))
                (export "pair" (component $pair)))
            (instance $m (instantiate $maker))
            (alias export $m "pair" (component $pair))
            (instance (instantiate $pair)))"#;
        assert_eq!(count(wat, 10), Ok(1 + 1 + 1 + 2));
    }

    /// Each instance is small work, but a definition with many items is looked at many times.
    #[test]
    fn instances_of_large_definitions_are_given_up_after_a_million_steps() {
        let mut wat = String::from("(component (component $c0) (component $c1 ");
        wat += &"(alias outer 1 0 (component))".repeat(20_000);
        wat += ")";
        wat += &"(instance (instantiate $c1))".repeat(900);
        wat += ")";
        assert_eq!(
            count(&wat, 1_000).unwrap_err(),
            "invalid component: its component instances take more than 1100000 steps to follow; \
             nest fewer or smaller components"
        );
    }

    /// A definition is bounded as well, instantiated or not.
    #[test]
    fn a_component_of_too_many_items_is_given_up_as_it_is_read() {
        let aliases = |count: usize| {
            let aliases = "(alias outer 1 0 (component))".repeat(count);
            format!("(component (component $c0) (component {aliases}))")
        };
        // For one instance there are 101 000 steps; two items are definitions.
        assert_eq!(count(&aliases(100_900), 1), Ok(1));
        let words = "invalid component: its component instances take more than 101000 steps to \
                     follow; nest fewer or smaller components";
        assert_eq!(count(&aliases(101_100), 1).unwrap_err(), words);
        let arguments = "(with \"a\" (func $f))".repeat(200);
        let given = format!("(instance (instantiate $c {arguments}))").repeat(600);
        let text = format!("(component (import \"f\" (func $f)) (component $c) {given})");
        assert!(count(&text, 1_000).is_ok());
        assert_eq!(count(&text, 1).unwrap_err(), words);
    }

    #[test]
    fn bytes_that_are_no_component_are_refused_and_indices_that_lead_nowhere_do_not_panic() {
        assert!(count_instances(b"\0asm", 1).is_err());
        assert!(count_instances(b"", 1).is_err());
        let good = wat::parse_str(tower(2, 3)).unwrap();
        for at in 8..good.len() {
            for byte in [0, 1, 5, 0x7f, 0xff] {
                let mut bad = good.clone();
                bad[at] = byte;
                // Whatever comes out, it comes out.
                let _ = count_instances(&bad, 10);
            }
        }
    }
}
