//! The definitions of a component, reduced to the items that instantiations depend on.

use wasmparser::{
    ComponentAlias, ComponentExport, ComponentExternalKind, ComponentImport, ComponentInstance,
    ComponentOuterAliasKind, Instance,
};

use crate::structure::tally::size;

/// One component as it is written.
#[derive(Debug, Default)]
pub(super) struct Definition<'a> {
    pub(super) items: Vec<Item<'a>>,
    /// The number of its other items, which the compiler goes through in each instance as well.
    pub(super) others: u64,
}

/// The kinds of items that are followed, each with an index space of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Component,
    Instance,
    Module,
}

impl Kind {
    const fn of(kind: ComponentExternalKind) -> Option<Self> {
        match kind {
            ComponentExternalKind::Component => Some(Self::Component),
            ComponentExternalKind::Instance => Some(Self::Instance),
            ComponentExternalKind::Module => Some(Self::Module),
            _ => None,
        }
    }
}

/// An item in an index space.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) name: &'a str,
    pub(super) kind: Kind,
    pub(super) index: u32,
}

#[derive(Debug)]
pub(super) enum Item<'a> {
    DefineComponent(usize),
    /// A core module, by the host's memory that an instance of it takes, in bytes.
    DefineModule(u64),
    Import(Kind, &'a str),
    AliasOuter {
        kind: Kind,
        count: u32,
        index: u32,
    },
    AliasExport {
        kind: Kind,
        instance: u32,
        name: &'a str,
    },
    Instantiate {
        component: u32,
        with: Vec<Place<'a>>,
    },
    InstantiateModule(u32),
    Bundle(Vec<Place<'a>>),
    Export(Place<'a>),
}

impl<'a> Definition<'a> {
    /// Adds an item. Returns the number of steps that it takes in each instance.
    fn add(&mut self, item: Option<Item<'a>>, arguments: usize) -> u64 {
        match item {
            Some(item) => {
                self.items.push(item);
                size(arguments).saturating_add(1)
            }
            None => self.other(size(arguments).saturating_add(1)),
        }
    }

    /// Adds items that nothing else depends on.
    pub(super) fn other(&mut self, count: u64) -> u64 {
        self.others = self.others.saturating_add(count);
        count
    }

    pub(super) fn define_component(&mut self, definition: usize) -> u64 {
        self.add(Some(Item::DefineComponent(definition)), 0)
    }

    pub(super) fn define_module(&mut self, instance_bytes: u64) -> u64 {
        self.add(Some(Item::DefineModule(instance_bytes)), 0)
    }

    pub(super) fn import(&mut self, import: &ComponentImport<'a>) -> u64 {
        let kind = Kind::of(import.ty.kind());
        self.add(kind.map(|kind| Item::Import(kind, import.name.name)), 0)
    }

    pub(super) fn export(&mut self, export: &ComponentExport<'a>) -> u64 {
        self.add(place(export).map(Item::Export), 0)
    }

    pub(super) fn alias(&mut self, alias: &ComponentAlias<'a>) -> u64 {
        let item = match *alias {
            ComponentAlias::InstanceExport { kind, instance_index, name } => Kind::of(kind)
                .map(|kind| Item::AliasExport { kind, instance: instance_index, name }),
            ComponentAlias::Outer { kind, count, index } => match kind {
                ComponentOuterAliasKind::Component => Some(Kind::Component),
                ComponentOuterAliasKind::CoreModule => Some(Kind::Module),
                _ => None,
            }
            .map(|kind| Item::AliasOuter { kind, count, index }),
            ComponentAlias::CoreInstanceExport { .. } => None,
        };
        self.add(item, 0)
    }

    pub(super) fn instance(&mut self, instance: &ComponentInstance<'a>) -> u64 {
        let (item, arguments) = match instance {
            ComponentInstance::Instantiate { component_index, args } => {
                let with = args.iter().filter_map(|arg| {
                    let kind = Kind::of(arg.kind)?;
                    Some(Place { name: arg.name, kind, index: arg.index })
                });
                let with = with.collect();
                (Item::Instantiate { component: *component_index, with }, args.len())
            }
            ComponentInstance::FromExports(exports) => {
                (Item::Bundle(exports.iter().filter_map(place).collect()), exports.len())
            }
        };
        self.add(Some(item), arguments)
    }

    pub(super) fn core_instance(&mut self, instance: &Instance<'a>) -> u64 {
        match instance {
            Instance::Instantiate { module_index, args } => {
                self.add(Some(Item::InstantiateModule(*module_index)), args.len())
            }
            Instance::FromExports(exports) => self.add(None, exports.len()),
        }
    }
}

fn place<'a>(export: &ComponentExport<'a>) -> Option<Place<'a>> {
    let kind = Kind::of(export.kind)?;
    Some(Place { name: export.name.name, kind, index: export.index })
}
