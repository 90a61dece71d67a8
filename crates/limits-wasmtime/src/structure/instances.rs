//! The instances that one instantiation makes, counted by following it.
//!
//! It is followed as the compiler follows it, which looks at all items of a definition in each of
//! its instances. The steps are a count of their own, since a few kilobytes can ask for billions.

use std::collections::HashMap;

use limits_core::{Rejection, StructureCount};

use crate::structure::definitions::{Definition, Item, Kind};
use crate::structure::tally::{Place, Tally, size};

/// The meaning of an index while a component is instantiated.
#[derive(Clone, Copy, Debug)]
enum Value {
    /// A definition, with the scope that its outer aliases lead to.
    Component { definition: usize, outer: Option<usize> },
    /// An instance, by its exports.
    Instance(usize),
    /// A core module, by the host's memory for an instance of it, in bytes.
    Module(u64),
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
    modules: Vec<Value>,
}

/// An instance being made: its next item, its arguments and its exports.
#[derive(Debug)]
struct Frame<'a> {
    definition: usize,
    next: usize,
    scope: usize,
    with: Exports<'a>,
    exports: Exports<'a>,
}

/// An instantiation that is followed. Scopes and exports stay until the end, since definitions that
/// leave their instance as exports still refer to them.
#[derive(Debug)]
pub(super) struct Instantiation<'a, 'd> {
    definitions: &'d [Definition<'a>],
    scopes: Vec<Scope>,
    exports: Vec<Exports<'a>>,
    steps: u64,
}

impl<'a, 'd> Instantiation<'a, 'd> {
    pub(super) const fn of(definitions: &'d [Definition<'a>]) -> Self {
        Self { definitions, scopes: Vec::new(), exports: Vec::new(), steps: 0 }
    }

    /// Counts the instances made.
    pub(super) fn count(mut self, tally: &mut Tally<'_>) -> Result<(), Rejection> {
        tally.place = Place::Whole;
        tally.add(StructureCount::ComponentInstances, 1)?;
        // A stack of its own: how deep instantiations nest is the component's choice.
        let mut frames = vec![self.enter(0, None, Exports::new())];
        while let Some(frame) = frames.last_mut() {
            self.steps = self.steps.saturating_add(1);
            tally.raise(StructureCount::InstantiationSteps, self.steps)?;
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
                Item::DefineComponent(definition) => {
                    let value = Value::Component { definition: *definition, outer: Some(at) };
                    self.push(at, Kind::Component, value);
                }
                Item::DefineModule(bytes) => self.push(at, Kind::Module, Value::Module(*bytes)),
                Item::Import(kind, name) => {
                    let value = frame.with.get(name).copied().unwrap_or(Value::Unknown);
                    self.push(at, *kind, value);
                }
                Item::AliasOuter { kind, count, index } => {
                    let value = self.outer(at, *kind, *count, *index);
                    self.push(at, *kind, value);
                }
                Item::AliasExport { kind, instance, name } => {
                    let value = match get(scope, Kind::Instance, *instance) {
                        Value::Instance(exports) => self.exports[exports].get(name).copied(),
                        _ => None,
                    };
                    self.push(at, *kind, value.unwrap_or(Value::Unknown));
                }
                Item::Bundle(places) => {
                    self.steps = self.steps.saturating_add(size(places.len()));
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
                Item::InstantiateModule(module) => {
                    tally.add(StructureCount::CoreInstances, 1)?;
                    // A module of the host's has the host's size.
                    if let Value::Module(bytes) = get(scope, Kind::Module, *module) {
                        tally.add(StructureCount::InstanceBytes, bytes)?;
                    }
                }
                Item::Instantiate { component, with } => {
                    tally.add(StructureCount::ComponentInstances, 1)?;
                    self.steps = self.steps.saturating_add(size(with.len()));
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
        Ok(())
    }

    fn enter(&mut self, definition: usize, outer: Option<usize>, with: Exports<'a>) -> Frame<'a> {
        let scope = self.scopes.len();
        self.scopes.push(Scope { outer, ..Scope::default() });
        self.steps = self.steps.saturating_add(self.definitions[definition].others);
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
            Kind::Module => scope.modules.push(value),
        }
    }

    fn outer(&mut self, scope: usize, kind: Kind, count: u32, index: u32) -> Value {
        let mut scope = Some(scope);
        for _ in 0..count {
            self.steps = self.steps.saturating_add(1);
            scope = scope.and_then(|scope| self.scopes[scope].outer);
            if scope.is_none() {
                return Value::Unknown;
            }
        }
        scope.map_or(Value::Unknown, |at| get(&self.scopes[at], kind, index))
    }
}

fn get(scope: &Scope, kind: Kind, index: u32) -> Value {
    let space = match kind {
        Kind::Component => &scope.components,
        Kind::Instance => &scope.instances,
        Kind::Module => &scope.modules,
    };
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    space.get(index).copied().unwrap_or(Value::Unknown)
}
