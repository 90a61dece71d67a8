//! The sizes of component types, computed as they are defined.
//!
//! A type that names another counts all of its parts once more, as a caller that goes through a
//! value does: twenty lines can define a type of a million parts. Sizes are added up with
//! saturation from those of the named types, so that computing them takes one step a name.
//!
//! Types also reach a component as exports of its instances, so instances and components have
//! their exports remembered. All exports are in one list, not in each other: nothing is recursive
//! here, and nothing ends recursively.

use std::collections::HashMap;

use wasmparser::{
    ComponentAlias, ComponentExport, ComponentExternalKind, ComponentInstance,
    ComponentOuterAliasKind, ComponentTypeRef, ComponentValType, TypeBounds,
};

/// The size of a type, an instance or a component.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) parts: u64,
    exports: Option<usize>,
}

impl Shape {
    /// One part, or something whose parts are not known.
    pub(super) const ONE: Self = Self { parts: 1, exports: None };

    pub(super) const fn of_parts(parts: u64) -> Self {
        Self { parts, exports: None }
    }
}

/// The index spaces of a component, or of a component or instance type, as far as they concern
/// sizes.
#[derive(Debug, Default)]
struct Scope<'a> {
    types: Vec<Shape>,
    instances: Vec<Shape>,
    components: Vec<Shape>,
    exports: HashMap<&'a str, Shape>,
    parts: u64,
}

/// The shapes of all that is in scope, the outermost scope first.
#[derive(Debug, Default)]
pub(super) struct Shapes<'a> {
    scopes: Vec<Scope<'a>>,
    exports: Vec<HashMap<&'a str, Shape>>,
}

impl<'a> Shapes<'a> {
    pub(super) fn enter(&mut self) {
        self.scopes.push(Scope::default());
    }

    /// Ends a scope and returns its shape.
    pub(super) fn leave(&mut self) -> Shape {
        let scope = self.scopes.pop().unwrap_or_default();
        self.keep(scope.exports, scope.parts)
    }

    fn keep(&mut self, exports: HashMap<&'a str, Shape>, parts: u64) -> Shape {
        self.exports.push(exports);
        Shape { parts: parts.saturating_add(1), exports: Some(self.exports.len() - 1) }
    }

    /// Adds a nested component that was read.
    pub(super) fn define_component(&mut self, shape: Shape) {
        self.push(ComponentExternalKind::Component, shape);
    }

    /// Adds a type.
    pub(super) fn define_type(&mut self, shape: Shape) {
        self.push(ComponentExternalKind::Type, shape);
    }

    pub(super) fn parts_of(&self, value: ComponentValType) -> u64 {
        match value {
            ComponentValType::Primitive(_) => 1,
            ComponentValType::Type(index) => self.get(ComponentExternalKind::Type, index).parts,
        }
    }

    pub(super) fn import(&mut self, ty: ComponentTypeRef) -> Shape {
        let shape = self.named(ty);
        self.push(ty.kind(), shape);
        shape
    }

    /// Adds an export of a component or instance type.
    pub(super) fn declare_export(&mut self, name: &'a str, ty: ComponentTypeRef) {
        let shape = self.import(ty);
        self.export_as(name, shape);
    }

    pub(super) fn export(&mut self, export: &ComponentExport<'a>) {
        let shape =
            export.ty.map_or_else(|| self.get(export.kind, export.index), |ty| self.named(ty));
        self.push(export.kind, shape);
        self.export_as(export.name.name, shape);
    }

    /// Adds an alias of a component or instance type, as a part of it. Returns the parts so far.
    pub(super) fn declare_alias(&mut self, alias: &ComponentAlias<'a>) -> u64 {
        self.alias(alias);
        let Some(scope) = self.scopes.last_mut() else { return 0 };
        scope.parts = scope.parts.saturating_add(1);
        scope.parts
    }

    pub(super) fn alias(&mut self, alias: &ComponentAlias<'a>) {
        match alias {
            ComponentAlias::InstanceExport { kind, instance_index, name } => {
                let instance = self.get(ComponentExternalKind::Instance, *instance_index);
                let exports = instance.exports.and_then(|at| self.exports.get(at));
                let shape = exports.and_then(|exports| exports.get(name)).copied();
                self.push(*kind, shape.unwrap_or(Shape::ONE));
            }
            ComponentAlias::Outer { kind, count, index } => {
                let kind = match kind {
                    ComponentOuterAliasKind::Type => ComponentExternalKind::Type,
                    ComponentOuterAliasKind::Component => ComponentExternalKind::Component,
                    _ => return,
                };
                let count = usize::try_from(*count).unwrap_or(usize::MAX);
                let scope = self.scopes.len().checked_sub(1).and_then(|at| at.checked_sub(count));
                let shape = scope.map_or(Shape::ONE, |at| self.get_at(at, kind, *index));
                self.push(kind, shape);
            }
            ComponentAlias::CoreInstanceExport { .. } => {}
        }
    }

    pub(super) fn instance(&mut self, instance: &ComponentInstance<'a>) {
        let shape = match instance {
            ComponentInstance::Instantiate { component_index, .. } => {
                self.get(ComponentExternalKind::Component, *component_index)
            }
            ComponentInstance::FromExports(exports) => {
                let named = exports.iter().map(|e| (e.name.name, self.get(e.kind, e.index)));
                let named: HashMap<_, _> = named.collect();
                let parts = named.values().fold(0, |sum: u64, s| sum.saturating_add(s.parts));
                self.keep(named, parts)
            }
        };
        self.push(ComponentExternalKind::Instance, shape);
    }

    fn export_as(&mut self, name: &'a str, shape: Shape) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.exports.insert(name, shape);
            scope.parts = scope.parts.saturating_add(shape.parts);
        }
    }

    fn named(&self, ty: ComponentTypeRef) -> Shape {
        match ty {
            ComponentTypeRef::Func(index)
            | ComponentTypeRef::Instance(index)
            | ComponentTypeRef::Component(index)
            | ComponentTypeRef::Type(TypeBounds::Eq(index)) => {
                self.get(ComponentExternalKind::Type, index)
            }
            ComponentTypeRef::Value(value) => Shape::of_parts(self.parts_of(value)),
            ComponentTypeRef::Module(_) | ComponentTypeRef::Type(TypeBounds::SubResource) => {
                Shape::ONE
            }
        }
    }

    fn push(&mut self, kind: ComponentExternalKind, shape: Shape) {
        let Some(scope) = self.scopes.last_mut() else { return };
        match kind {
            ComponentExternalKind::Type => scope.types.push(shape),
            ComponentExternalKind::Instance => scope.instances.push(shape),
            ComponentExternalKind::Component => scope.components.push(shape),
            _ => {}
        }
    }

    fn get(&self, kind: ComponentExternalKind, index: u32) -> Shape {
        self.scopes.len().checked_sub(1).map_or(Shape::ONE, |at| self.get_at(at, kind, index))
    }

    fn get_at(&self, scope: usize, kind: ComponentExternalKind, index: u32) -> Shape {
        let Some(scope) = self.scopes.get(scope) else { return Shape::ONE };
        let space = match kind {
            ComponentExternalKind::Type => &scope.types,
            ComponentExternalKind::Instance => &scope.instances,
            ComponentExternalKind::Component => &scope.components,
            _ => return Shape::ONE,
        };
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        space.get(index).copied().unwrap_or(Shape::ONE)
    }
}
