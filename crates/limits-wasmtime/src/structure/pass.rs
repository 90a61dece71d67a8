//! The one pass over the bytes of a component.

use core::ops::Range;

use limits_core::StructureCount;
use wasmparser::{BinaryReader, Parser, Payload};

use crate::structure::core_types;
use crate::structure::definitions::Definition;
use crate::structure::module::Module;
use crate::structure::shapes::Shapes;
use crate::structure::tally::{Place, Stop, Tally, size};
use crate::structure::types;

/// The component or module that a section belongs to.
#[derive(Debug)]
enum Open {
    /// A component, by its definition.
    Component {
        definition: usize,
        place: Place,
    },
    Module(Box<Module>),
}

/// A component that is read.
#[derive(Debug)]
pub(super) struct Pass<'a, 't, 'l> {
    bytes: &'a [u8],
    tally: &'t mut Tally<'l>,
    definitions: Vec<Definition<'a>>,
    shapes: Shapes<'a>,
    open: Vec<Open>,
    modules: u32,
    components: u32,
    steps: u64,
    /// Bytes that cost nothing to compile: custom sections and data.
    idle_bytes: u64,
}

/// The results of a pass, beside the counts.
#[derive(Debug)]
pub(super) struct Passed<'a> {
    /// The components, the outermost one first.
    pub(super) definitions: Vec<Definition<'a>>,
    pub(super) code_bytes: u64,
}

impl<'a, 't, 'l> Pass<'a, 't, 'l> {
    pub(super) fn new(bytes: &'a [u8], tally: &'t mut Tally<'l>) -> Self {
        let place = Place::Whole;
        let mut shapes = Shapes::default();
        shapes.enter();
        Self {
            bytes,
            tally,
            definitions: vec![Definition::default()],
            shapes,
            open: vec![Open::Component { definition: 0, place }],
            modules: 0,
            components: 0,
            steps: 0,
            idle_bytes: 0,
        }
    }

    pub(super) fn run(mut self) -> Result<Passed<'a>, Stop> {
        for payload in Parser::new(0).parse_all(self.bytes) {
            self.payload(payload?)?;
        }
        let code_bytes = size(self.bytes.len()).saturating_sub(self.idle_bytes);
        Ok(Passed { definitions: self.definitions, code_bytes })
    }

    fn payload(&mut self, payload: Payload<'a>) -> Result<(), Stop> {
        match payload {
            Payload::CustomSection(section) => self.idle(&section.range()),
            Payload::ModuleSection { .. } => {
                self.tally.add(StructureCount::Modules, 1)?;
                let module = Module::new(self.modules);
                self.modules = self.modules.saturating_add(1);
                self.tally.place = module.place();
                self.open.push(Open::Module(Box::new(module)));
            }
            Payload::ComponentSection { .. } => {
                self.tally.add(StructureCount::Components, 1)?;
                self.tally.raise(StructureCount::ComponentNesting, size(self.open.len()))?;
                let place = Place::Component(self.components);
                self.components = self.components.saturating_add(1);
                self.tally.place = place;
                let definition = self.definitions.len();
                self.definitions.push(Definition::default());
                self.shapes.enter();
                self.open.push(Open::Component { definition, place });
            }
            Payload::End(_) => self.close()?,
            payload => match self.open.last_mut() {
                Some(Open::Module(module)) => {
                    let idle = match payload {
                        Payload::TypeSection(section) => {
                            let mut types = reader(self.bytes, section.range());
                            module.types(&mut types, self.tally)?;
                            0
                        }
                        payload => module.count(payload, self.tally)?,
                    };
                    self.idle_bytes = self.idle_bytes.saturating_add(idle);
                }
                Some(Open::Component { definition, .. }) => {
                    let definition = *definition;
                    self.section(payload, definition)?;
                }
                None => {}
            },
        }
        Ok(())
    }

    fn idle(&mut self, range: &Range<usize>) {
        self.idle_bytes = self.idle_bytes.saturating_add(size(range.len()));
    }

    /// Ends a component or module, and defines it in the one around it.
    fn close(&mut self) -> Result<(), Stop> {
        let ended = self.open.pop();
        let Some(Open::Component { definition: outer, place }) = self.open.last() else {
            return Ok(());
        };
        self.tally.place = *place;
        let outer = &mut self.definitions[*outer];
        let steps = match ended {
            Some(Open::Component { definition, .. }) => {
                let shape = self.shapes.leave();
                self.shapes.define_component(shape);
                self.tally.raise(StructureCount::TypeSize, shape.parts)?;
                outer.define_component(definition)
            }
            Some(Open::Module(module)) => outer.define_module(module.instance_bytes()),
            None => 0,
        };
        self.step(steps)
    }

    /// Counts items that definitions hold, whether they are instantiated or not.
    fn step(&mut self, steps: u64) -> Result<(), Stop> {
        self.steps = self.steps.saturating_add(steps);
        Ok(self.tally.raise(StructureCount::InstantiationSteps, self.steps)?)
    }

    /// Counts the items of a section of a component.
    fn section(&mut self, payload: Payload<'a>, at: usize) -> Result<(), Stop> {
        match payload {
            Payload::ComponentImportSection(section) => {
                for import in section {
                    let import = import?;
                    types::import_name(&import.name, self.tally)?;
                    self.shapes.import(import.ty);
                    let steps = self.definitions[at].import(&import);
                    self.step(steps)?;
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    let export = export?;
                    self.tally.add(StructureCount::Exports, 1)?;
                    types::name_bytes(&export.name, self.tally)?;
                    self.shapes.export(&export);
                    let steps = self.definitions[at].export(&export);
                    self.step(steps)?;
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    let alias = alias?;
                    self.shapes.alias(&alias);
                    let steps = self.definitions[at].alias(&alias);
                    self.step(steps)?;
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section {
                    let instance = instance?;
                    self.shapes.instance(&instance);
                    let steps = self.definitions[at].instance(&instance);
                    self.step(steps)?;
                }
            }
            Payload::InstanceSection(section) => {
                for instance in section {
                    let steps = self.definitions[at].core_instance(&instance?);
                    self.step(steps)?;
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section {
                    function?;
                    self.tally.add(StructureCount::Functions, 1)?;
                    let steps = self.definitions[at].other(1);
                    self.step(steps)?;
                }
            }
            Payload::CoreTypeSection(section) => {
                let mut types = reader(self.bytes, section.range());
                for _ in 0..types.read_var_u32()? {
                    core_types::read(&mut types, self.tally)?;
                    let steps = self.definitions[at].other(1);
                    self.step(steps)?;
                }
            }
            Payload::ComponentTypeSection(section) => {
                let mut types = reader(self.bytes, section.range());
                types::read_section(&mut types, &mut self.shapes, self.tally)?;
                let steps = self.definitions[at].other(section.count().into());
                self.step(steps)?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// Returns a reader of a section's content.
fn reader(bytes: &[u8], section: Range<usize>) -> BinaryReader<'_> {
    let start = section.start;
    BinaryReader::new(bytes.get(section).unwrap_or_default(), start)
}
