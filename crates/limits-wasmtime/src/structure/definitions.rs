//! The definitions of a component, read from its bytes without validating them.

use wasmparser::{
    BinaryReaderError, ComponentAlias, ComponentExternalKind, ComponentInstance,
    ComponentOuterAliasKind, ComponentTypeRef, Parser, Payload,
};

/// One component as it is written, reduced to the items that make component instances.
#[derive(Debug, Default)]
pub(super) struct Definition<'a> {
    pub(super) items: Vec<Item<'a>>,
}

/// The two kinds of items that are followed, each with an index space of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
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
pub(super) struct Place<'a> {
    pub(super) name: &'a str,
    pub(super) kind: Kind,
    pub(super) index: u32,
}

#[derive(Debug)]
pub(super) enum Item<'a> {
    Define(usize),
    Import(Kind, &'a str),
    AliasOuter { count: u32, index: u32 },
    AliasExport { kind: Kind, instance: u32, name: &'a str },
    Instantiate { component: u32, with: Vec<Place<'a>> },
    Bundle(Vec<Place<'a>>),
    Export(Place<'a>),
}

/// Returns the components in `bytes`, outermost first, or `None` if they have more than
/// `most_items` items and arguments: memory for them is taken before anything is validated.
pub(super) fn parse(
    bytes: &[u8],
    most_items: u64,
) -> Result<Option<Vec<Definition<'_>>>, BinaryReaderError> {
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

/// Adds the items of a section that concern components and their instances. Returns the number of
/// items and arguments, or `None` as soon as there are more than `most`.
fn items<'a>(
    payload: Payload<'a>,
    items: &mut Vec<Item<'a>>,
    most: u64,
) -> Result<Option<u64>, BinaryReaderError> {
    let mut count = 0_u64;
    // Adds an item with so many arguments. Returns false when there is no room for more.
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

pub(super) fn size(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
