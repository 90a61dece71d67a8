//! Stand-ins for the imports that only a component's own host implements.

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, LinkerInstance, ResourceType};
use wasmtime::{Engine, Error, format_err};

use crate::guest::imports::is_provided;
use crate::guest::store_data::StoreData;
use crate::outcome::classify::StubCalled;

/// Resource types that are compared, at most: each new one is compared with all before it.
const MOST_RESOURCES: usize = 4_096;

/// The host's type for every resource that a stub stands in for. No value of it exists.
struct Stub;

/// Links a function that ends the guest for each function of `component` that `linker` lacks, and a
/// resource type for each resource. Imports of WASI 0.2 stay as they are.
///
/// # Errors
///
/// Wasmtime's, and one for a component that imports more than 4 096 resource types.
pub(crate) fn link(linker: &mut Linker<StoreData>, component: &Component) -> Result<(), Error> {
    let engine = component.engine();
    let mut stubs = Stubs { engine, known: Vec::new() };
    for (name, import) in component.component_type().imports(engine) {
        if is_provided(name) {
            stubs.note_resources(&import.ty)?;
        } else {
            stubs.link(&mut linker.root(), None, name, import.ty)?;
        }
    }
    Ok(())
}

struct Stubs<'a> {
    engine: &'a Engine,
    /// The resource types of the imports so far. An import that repeats one of them takes it over;
    /// another definition of it would be refused.
    known: Vec<ResourceType>,
}

impl Stubs<'_> {
    /// Returns whether a resource type appears for the first time.
    fn is_new(&mut self, resource: ResourceType) -> Result<bool, Error> {
        if self.known.contains(&resource) {
            return Ok(false);
        }
        if self.known.len() == MOST_RESOURCES {
            return Err(format_err!("it imports more than {MOST_RESOURCES} resource types"));
        }
        self.known.push(resource);
        Ok(true)
    }

    fn note_resources(&mut self, item: &ComponentItem) -> Result<(), Error> {
        match item {
            ComponentItem::Resource(resource) => self.is_new(*resource).map(|_| ()),
            ComponentItem::ComponentInstance(instance) => {
                let mut exports = instance.exports(self.engine);
                exports.try_for_each(|(_, export)| self.note_resources(&export.ty))
            }
            _ => Ok(()),
        }
    }

    fn link(
        &mut self,
        linker: &mut LinkerInstance<'_, StoreData>,
        interface: Option<&str>,
        name: &str,
        item: ComponentItem,
    ) -> Result<(), Error> {
        match item {
            ComponentItem::ComponentFunc(_) => {
                let called = StubCalled::new(interface, name);
                linker.func_new(name, move |_, _, _, _| Err(called.clone().into()))
            }
            ComponentItem::Resource(resource) if self.is_new(resource)? => {
                linker.resource(name, ResourceType::host::<Stub>(), |_, _| Ok(()))
            }
            ComponentItem::ComponentInstance(instance) => {
                let mut inner = linker.instance(name)?;
                let outer = interface.map(|outer| format!("{outer}#{name}"));
                for (export, item) in instance.exports(self.engine) {
                    let interface = outer.as_deref().unwrap_or(name);
                    self.link(&mut inner, Some(interface), export, item.ty)?;
                }
                Ok(())
            }
            // Types need no definition. Linking refuses modules and components by name.
            _ => Ok(()),
        }
    }
}
