//! Component types, read without recursion.
//!
//! An instance type may define an instance type in it, and so on: three bytes a level.
//! `wasmparser` reads them with one call inside another, whether it validates or not, so that a
//! file of 30 KB ends its process by overflowing the stack. They are read here first, with
//! the same primitives and a stack of their own, and refused where they nest too deeply.

use limits_core::{Rejection, StructureCount};
use wasmparser::{
    BinaryReader, BinaryReaderError, ComponentAlias, ComponentExternName, ComponentImport,
    ComponentTypeRef, ComponentValType, ValType,
};

use crate::structure::core_types;
use crate::structure::shapes::{Shape, Shapes};
use crate::structure::tally::{Stop, Tally, malformed, size};

/// Reads the types of a section, and adds them to the innermost scope of `shapes`.
pub(super) fn read_section<'a>(
    section: &mut BinaryReader<'a>,
    shapes: &mut Shapes<'a>,
    tally: &mut Tally<'_>,
) -> Result<(), Stop> {
    // The number of declarations still to come in each open type, and what they are of.
    let mut open: Vec<(u32, Of)> = vec![(section.read_var_u32()?, Of::Section)];
    while let Some((left, of)) = open.last_mut() {
        let Some(rest) = left.checked_sub(1) else {
            if *of == Of::Type {
                let shape = shapes.leave();
                define(shape, shapes, tally)?;
            }
            open.pop();
            continue;
        };
        *left = rest;
        let is_type = match of {
            Of::Section => true,
            Of::Type => declaration(section, shapes, tally)?,
        };
        if !is_type {
            continue;
        }
        tally.add(StructureCount::Types, 1)?;
        match section.read_u8()? {
            0x41 | 0x42 => {
                let declarations = section.read_var_u32()?;
                tally.raise(StructureCount::TypeNesting, size(open.len()))?;
                open.push((declarations, Of::Type));
                shapes.enter();
            }
            first => {
                let parts = simple(first, section, shapes, tally)?;
                define(Shape::of_parts(parts), shapes, tally)?;
            }
        }
    }
    Ok(())
}

/// The owner of declarations.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Of {
    Section,
    /// A component or instance type.
    Type,
}

fn define(shape: Shape, shapes: &mut Shapes<'_>, tally: &mut Tally<'_>) -> Result<(), Rejection> {
    shapes.define_type(shape);
    tally.raise(StructureCount::TypeSize, shape.parts)
}

/// Reads a declaration of a component or instance type, but for a type, of which it reads nothing
/// and returns true.
fn declaration<'a>(
    reader: &mut BinaryReader<'a>,
    shapes: &mut Shapes<'a>,
    tally: &mut Tally<'_>,
) -> Result<bool, Stop> {
    match reader.read_u8()? {
        0x00 => core_types::read(reader, tally)?,
        0x01 => return Ok(true),
        0x02 => {
            let parts = shapes.declare_alias(&reader.read::<ComponentAlias<'a>>()?);
            tally.raise(StructureCount::TypeSize, parts)?;
        }
        0x03 => {
            let import = reader.read::<ComponentImport<'a>>()?;
            import_name(&import.name, tally)?;
            shapes.import(import.ty);
        }
        0x04 => {
            let name = reader.read::<ComponentExternName<'a>>()?;
            tally.add(StructureCount::Exports, 1)?;
            name_bytes(&name, tally)?;
            shapes.declare_export(name.name, reader.read::<ComponentTypeRef>()?);
        }
        _ => return Err(malformed(reader, "component or instance type declaration")),
    }
    Ok(false)
}

/// Counts an import of a component with its name.
pub(super) fn import_name(
    name: &ComponentExternName<'_>,
    tally: &mut Tally<'_>,
) -> Result<(), Rejection> {
    tally.add(StructureCount::Imports, 1)?;
    name_bytes(name, tally)
}

/// Counts the bytes of the name of an import or export.
pub(super) fn name_bytes(
    name: &ComponentExternName<'_>,
    tally: &mut Tally<'_>,
) -> Result<(), Rejection> {
    let parts = [Some(name.name), name.implements, name.version_suffix, name.external_id];
    for part in parts.into_iter().flatten() {
        tally.raise(StructureCount::NameBytes, size(part.len()))?;
    }
    Ok(())
}

/// Reads a type that defines no others, after its first byte, and returns the number of its parts.
fn simple(
    first: u8,
    reader: &mut BinaryReader<'_>,
    shapes: &Shapes<'_>,
    tally: &mut Tally<'_>,
) -> Result<u64, Stop> {
    let mut parts = 1_u64;
    let mut add = |more: u64| parts = parts.saturating_add(more);
    let value = |reader: &mut BinaryReader<'_>| -> Result<u64, BinaryReaderError> {
        Ok(shapes.parts_of(reader.read::<ComponentValType>()?))
    };
    let option = |reader: &mut BinaryReader<'_>| -> Result<u64, BinaryReaderError> {
        let ty = reader.read::<Option<ComponentValType>>()?;
        Ok(ty.map_or(1, |ty| shapes.parts_of(ty)))
    };
    let mut name = |reader: &mut BinaryReader<'_>| -> Result<(), Stop> {
        Ok(tally.raise(StructureCount::NameBytes, size(reader.read_string()?.len()))?)
    };
    match first {
        // A primitive type.
        0x64 | 0x73..=0x7f => {}
        // A resource.
        0x3f => {
            reader.read::<ValType>()?;
            match reader.read_u8()? {
                0x00 => {}
                0x01 => _ = reader.read_var_u32()?,
                _ => return Err(malformed(reader, "resource destructor")),
            }
        }
        // A function.
        0x40 | 0x43 => {
            for _ in 0..reader.read_var_u32()? {
                name(reader)?;
                add(value(reader)?);
            }
            match reader.read_u8()? {
                0x00 => add(value(reader)?),
                0x01 if reader.read_u8()? == 0x00 => {}
                _ => return Err(malformed(reader, "component function results")),
            }
        }
        // A record.
        0x72 => {
            for _ in 0..reader.read_var_u32()? {
                name(reader)?;
                add(value(reader)?);
            }
        }
        // A variant.
        0x71 => {
            for _ in 0..reader.read_var_u32()? {
                name(reader)?;
                add(option(reader)?);
                if reader.read_u8()? != 0 {
                    return Err(malformed(reader, "variant case"));
                }
            }
        }
        // A list or an option.
        0x70 | 0x6b => add(value(reader)?),
        // A map.
        0x63 => {
            add(value(reader)?);
            add(value(reader)?);
        }
        // A tuple.
        0x6f => {
            for _ in 0..reader.read_var_u32()? {
                add(value(reader)?);
            }
        }
        // Flags or an enumeration.
        0x6e | 0x6d => {
            for _ in 0..reader.read_var_u32()? {
                name(reader)?;
                add(1);
            }
        }
        // A result.
        0x6a => {
            add(option(reader)?);
            add(option(reader)?);
        }
        // An owned or a borrowed handle.
        0x69 | 0x68 => _ = reader.read_var_u32()?,
        // A list of fixed length.
        0x67 => {
            add(value(reader)?);
            reader.read_var_u32()?;
        }
        // A stream or a future.
        0x66 | 0x65 => add(option(reader)?),
        _ => return Err(malformed(reader, "component type")),
    }
    Ok(parts)
}
