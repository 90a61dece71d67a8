//! Counting what a component is made of, before anything expensive is done with it.

use std::collections::HashMap;

use limits_core::{LimitExceeded, LimitKind, WasmError, WasmResult};
use wasmparser::{
    BinaryReaderError, ComponentAlias, ComponentExternalKind, ComponentInstance,
    ComponentOuterAliasKind, ComponentTypeRef, Parser, Payload,
};

use crate::printable::printable;

/// Items of component definitions that are looked at before a component is given up, for each
/// component instance that is allowed. Each instantiation of a definition looks at all its items
/// again, here as in the compiler.
const STEPS: u64 = 1_000;
/// Items that may be looked at whatever the number of instances.
const FREE_STEPS: u64 = 100_000;

/// What a component is made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Structure {
    /// Component instances that one instantiation makes, the outermost one included.
    pub(crate) component_instances: u64,
}

impl Structure {
    /// Reads the structure of the component in `bytes`, which may make at most
    /// `max_component_instances` component instances.
    ///
    /// A store keeps a record of each component instance, and nothing in the runtime counts them:
    /// a component of 28 KB can make a million.
    ///
    /// One pass over the bytes, without validating them: names and indices that lead nowhere are
    /// left to the compiler to refuse. Then the instantiations are followed as the compiler
    /// follows them, which ends at the bound.
    pub(crate) fn read(bytes: &[u8], max_component_instances: u64) -> WasmResult<Self> {
        let invalid = |error: BinaryReaderError| WasmError::InvalidComponent {
            reason: printable(&error.to_string()),
        };
        let most_steps = max_component_instances.saturating_mul(STEPS).saturating_add(FREE_STEPS);
        let Some(definitions) = parse(bytes, most_steps).map_err(invalid)? else {
            return Err(entangled(most_steps));
        };
        let mut count = Count { definitions: &definitions, ..Count::default() };
        let component_instances = count.instances(max_component_instances, most_steps)?;
        Ok(Self { component_instances })
    }
}

/// One component as it is written, reduced to what makes component instances.
#[derive(Debug, Default)]
struct Definition<'a> {
    items: Vec<Item<'a>>,
}

/// The two kinds of items that are followed, each with an index space of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Component,
    Instance,
}

impl Kind {
    const fn of(kind: ComponentExternalKind) -> Option<Self> {
        match kind {
            ComponentExternalKind::Component => Some(Self::Component),
            ComponentExternalKind::Instance => Some(Self::Instance),
            _ => None,
        }
    }
}

/// An item in an index space.
#[derive(Clone, Copy, Debug)]
struct Place<'a> {
    name: &'a str,
    kind: Kind,
    index: u32,
}

#[derive(Debug)]
enum Item<'a> {
    Define(usize),
    Import(Kind, &'a str),
    AliasOuter { count: u32, index: u32 },
    AliasExport { kind: Kind, instance: u32, name: &'a str },
    Instantiate { component: u32, with: Vec<Place<'a>> },
    Bundle(Vec<Place<'a>>),
    Export(Place<'a>),
}

fn entangled(most_steps: u64) -> WasmError {
    let reason = format!(
        "its component instances take more than {most_steps} steps to follow; nest fewer or \
         smaller components"
    );
    WasmError::InvalidComponent { reason }
}

/// Returns the components in `bytes`, outermost first, or nothing if they have more than
/// `most_items` items and arguments: memory for them is taken before anything is validated.
fn parse(bytes: &[u8], most_items: u64) -> Result<Option<Vec<Definition<'_>>>, BinaryReaderError> {
    let mut room = most_items;
    let mut definitions = vec![Definition::default()];
    // The definition that each open section belongs to; none for a core module.
    let mut open = vec![Some(0)];
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ModuleSection { .. } => open.push(None),
            Payload::ComponentSection { .. } => {
                let nested = definitions.len();
                definitions.push(Definition::default());
                if let Some(Some(outer)) = open.last() {
                    definitions[*outer].items.push(Item::Define(nested));
                }
                open.push(Some(nested));
            }
            Payload::End(_) => {
                open.pop();
            }
            payload => {
                if let Some(Some(definition)) = open.last() {
                    let counts = items(payload, &mut definitions[*definition].items, room)?;
                    let Some(left) = counts.and_then(|count| room.checked_sub(count)) else {
                        return Ok(None);
                    };
                    room = left;
                }
            }
        }
    }
    Ok(Some(definitions))
}

/// Adds what a section says of components and their instances. Returns how many items and
/// arguments that was, or nothing as soon as there are more than `most`.
fn items<'a>(
    payload: Payload<'a>,
    items: &mut Vec<Item<'a>>,
    most: u64,
) -> Result<Option<u64>, BinaryReaderError> {
    let mut count = 0_u64;
    // Adds an item that has so many arguments, and tells whether there is room for more.
    let mut add = |item: Item<'a>, arguments: usize| {
        items.push(item);
        count = count.saturating_add(size(arguments)).saturating_add(1);
        count <= most
    };
    match payload {
        Payload::ComponentImportSection(section) => {
            for import in section {
                let import = import?;
                let kind = match import.ty {
                    ComponentTypeRef::Component(_) => Kind::Component,
                    ComponentTypeRef::Instance(_) => Kind::Instance,
                    _ => continue,
                };
                if !add(Item::Import(kind, import.name.name), 0) {
                    return Ok(None);
                }
            }
        }
        Payload::ComponentAliasSection(section) => {
            for alias in section {
                let item = match alias? {
                    ComponentAlias::InstanceExport { kind, instance_index, name } => {
                        let Some(kind) = Kind::of(kind) else { continue };
                        Item::AliasExport { kind, instance: instance_index, name }
                    }
                    ComponentAlias::Outer {
                        kind: ComponentOuterAliasKind::Component,
                        count,
                        index,
                    } => Item::AliasOuter { count, index },
                    ComponentAlias::Outer { .. } | ComponentAlias::CoreInstanceExport { .. } => {
                        continue;
                    }
                };
                if !add(item, 0) {
                    return Ok(None);
                }
            }
        }
        Payload::ComponentInstanceSection(section) => {
            for instance in section {
                let (item, arguments) = match instance? {
                    ComponentInstance::Instantiate { component_index, args } => {
                        let with = args.iter().filter_map(|arg| {
                            let kind = Kind::of(arg.kind)?;
                            Some(Place { name: arg.name, kind, index: arg.index })
                        });
                        let with = with.collect();
                        (Item::Instantiate { component: component_index, with }, args.len())
                    }
                    ComponentInstance::FromExports(exports) => {
                        let places = exports.iter().filter_map(|export| {
                            let kind = Kind::of(export.kind)?;
                            Some(Place { name: export.name.name, kind, index: export.index })
                        });
                        (Item::Bundle(places.collect()), exports.len())
                    }
                };
                if !add(item, arguments) {
                    return Ok(None);
                }
            }
        }
        Payload::ComponentExportSection(section) => {
            for export in section {
                let export = export?;
                let Some(kind) = Kind::of(export.kind) else { continue };
                let place = Place { name: export.name.name, kind, index: export.index };
                if !add(Item::Export(place), 0) {
                    return Ok(None);
                }
            }
        }
        _ => {}
    }
    Ok(Some(count))
}

/// What an index stands for while a component is instantiated.
#[derive(Clone, Copy, Debug)]
enum Value {
    /// A definition, with the scope that its outer aliases lead to.
    Component { definition: usize, outer: Option<usize> },
    /// An instance, by its exports.
    Instance(usize),
    /// Something of the host's, or something that the compiler will refuse.
    Unknown,
}

type Exports<'a> = HashMap<&'a str, Value>;

/// The index spaces of one instance being made.
#[derive(Debug, Default)]
struct Scope {
    outer: Option<usize>,
    components: Vec<Value>,
    instances: Vec<Value>,
}

/// An instance being made: how far it is, and what it was given and gives.
#[derive(Debug)]
struct Frame<'a> {
    definition: usize,
    next: usize,
    scope: usize,
    with: Exports<'a>,
    exports: Exports<'a>,
}

/// Follows the instantiations of a component. Scopes and exports stay until the end, since
/// definitions that leave their instance as exports still refer to them.
#[derive(Debug, Default)]
struct Count<'a, 'd> {
    definitions: &'d [Definition<'a>],
    scopes: Vec<Scope>,
    exports: Vec<Exports<'a>>,
    steps: u64,
}

impl<'a> Count<'a, '_> {
    fn instances(&mut self, most: u64, most_steps: u64) -> WasmResult<u64> {
        let mut made = 1;
        // A stack of its own: how deep instantiations nest is the component's choice.
        let mut frames = vec![self.enter(0, None, Exports::new())];
        while let Some(frame) = frames.last_mut() {
            if made > most {
                return Err(WasmError::LimitExceeded(
                    LimitExceeded::new(LimitKind::ComponentInstances, most).with_request(most, 1),
                ));
            }
            self.steps += 1;
            if self.steps > most_steps {
                return Err(entangled(most_steps));
            }
            let Some(item) = self.definitions[frame.definition].items.get(frame.next) else {
                let made = self.keep(core::mem::take(&mut frame.exports));
                frames.pop();
                if let Some(outer) = frames.last() {
                    self.scopes[outer.scope].instances.push(made);
                }
                continue;
            };
            frame.next += 1;
            let (at, scope) = (frame.scope, &self.scopes[frame.scope]);
            match item {
                Item::Define(definition) => {
                    let value = Value::Component { definition: *definition, outer: Some(at) };
                    self.scopes[at].components.push(value);
                }
                Item::Import(kind, name) => {
                    let value = frame.with.get(name).copied().unwrap_or(Value::Unknown);
                    self.push(at, *kind, value);
                }
                Item::AliasOuter { count, index } => {
                    let value = self.outer(at, *count, *index);
                    self.scopes[at].components.push(value);
                }
                Item::AliasExport { kind, instance, name } => {
                    let value = match get(scope, Kind::Instance, *instance) {
                        Value::Instance(exports) => self.exports[exports].get(name).copied(),
                        _ => None,
                    };
                    self.push(at, *kind, value.unwrap_or(Value::Unknown));
                }
                Item::Bundle(places) => {
                    self.steps += size(places.len());
                    let exports = places.iter().map(|p| (p.name, get(scope, p.kind, p.index)));
                    let exports = exports.collect();
                    let value = self.keep(exports);
                    self.push(at, Kind::Instance, value);
                }
                Item::Export(place) => {
                    let value = get(scope, place.kind, place.index);
                    frame.exports.insert(place.name, value);
                    self.push(at, place.kind, value);
                }
                Item::Instantiate { component, with } => {
                    self.steps += size(with.len());
                    made += 1;
                    match get(scope, Kind::Component, *component) {
                        Value::Component { definition, outer } => {
                            let with = with.iter().map(|p| (p.name, get(scope, p.kind, p.index)));
                            let with = with.collect();
                            frames.push(self.enter(definition, outer, with));
                        }
                        _ => self.push(at, Kind::Instance, Value::Unknown),
                    }
                }
            }
        }
        Ok(made)
    }

    fn enter(&mut self, definition: usize, outer: Option<usize>, with: Exports<'a>) -> Frame<'a> {
        let scope = self.scopes.len();
        self.scopes.push(Scope { outer, ..Scope::default() });
        Frame { definition, next: 0, scope, with, exports: Exports::new() }
    }

    fn keep(&mut self, exports: Exports<'a>) -> Value {
        self.exports.push(exports);
        Value::Instance(self.exports.len() - 1)
    }

    fn push(&mut self, scope: usize, kind: Kind, value: Value) {
        let scope = &mut self.scopes[scope];
        match kind {
            Kind::Component => scope.components.push(value),
            Kind::Instance => scope.instances.push(value),
        }
    }

    fn outer(&mut self, scope: usize, count: u32, index: u32) -> Value {
        let mut scope = Some(scope);
        for _ in 0..count {
            self.steps += 1;
            scope = scope.and_then(|scope| self.scopes[scope].outer);
            if scope.is_none() {
                return Value::Unknown;
            }
        }
        scope.map_or(Value::Unknown, |at| get(&self.scopes[at], Kind::Component, index))
    }
}

fn get(scope: &Scope, kind: Kind, index: u32) -> Value {
    let space = match kind {
        Kind::Component => &scope.components,
        Kind::Instance => &scope.instances,
    };
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    space.get(index).copied().unwrap_or(Value::Unknown)
}

fn size(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::Structure;

    fn count(wat: &str, most: u64) -> Result<u64, String> {
        let bytes = wat::parse_str(wat).unwrap();
        Structure::read(&bytes, most)
            .map(|structure| structure.component_instances)
            .map_err(|error| error.to_string())
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
            "component instance limit of 4 component instances exceeded: 4 in use, 1 more requested"
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

    /// What is written once is bounded as well, instantiated or not.
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
        assert!(Structure::read(b"\0asm", 1).is_err());
        assert!(Structure::read(b"", 1).is_err());
        let good = wat::parse_str(tower(2, 3)).unwrap();
        for at in 8..good.len() {
            for byte in [0, 1, 5, 0x7f, 0xff] {
                let mut bad = good.clone();
                bad[at] = byte;
                // Whatever comes out, it comes out.
                let _ = Structure::read(&bad, 10);
            }
        }
    }
}
