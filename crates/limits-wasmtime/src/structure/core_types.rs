//! Core types, read one at a time.
//!
//! A recursion group holds up to a million types of a thousand values each. `wasmparser` keeps a
//! group until it has read all of it, and all declarations of a module type likewise, in four times
//! the memory of the bytes and more. They are read here with the same primitives, and each is
//! counted before the next is read.

use limits_core::{Rejection, StructureCount};
use wasmparser::{BinaryReader, Import, SubType, TypeRef};

use crate::structure::tally::{Stop, Tally, malformed, size};

/// Counts the types of a group, or the type that stands by itself, and hands them to `note`.
/// A group of none takes time as well, and counts as one.
pub(super) fn read_group(
    reader: &mut BinaryReader<'_>,
    tally: &mut Tally<'_>,
    mut note: impl FnMut(&SubType, &mut Tally<'_>) -> Result<(), Rejection>,
) -> Result<(), Stop> {
    let types = if reader.clone().read_u8()? == 0x4e {
        reader.read_u8()?;
        reader.read_var_u32()?
    } else {
        1
    };
    if types == 0 {
        tally.add(StructureCount::Types, 1)?;
    }
    for _ in 0..types {
        tally.add(StructureCount::Types, 1)?;
        note(&reader.read()?, tally)?;
    }
    Ok(())
}

/// Counts a core type of a component. A module type counts as the types in it, at least as one.
pub(super) fn read(reader: &mut BinaryReader<'_>, tally: &mut Tally<'_>) -> Result<(), Stop> {
    let first = reader.clone().read_u8()?;
    if first == 0x50 {
        reader.read_u8()?;
        return read_module_type(reader, tally);
    }
    if first == 0 {
        // The prefix of a type that others may extend, which would look like a module type.
        reader.read_u8()?;
    }
    tally.raise(StructureCount::TypeSize, 1)?;
    read_group(reader, tally, |_, _| Ok(()))
}

/// Counts the declarations of a module type.
fn read_module_type(reader: &mut BinaryReader<'_>, tally: &mut Tally<'_>) -> Result<(), Stop> {
    let mut has_types = false;
    let declarations = reader.read_var_u32()?;
    for declaration in 0..declarations {
        tally.raise(StructureCount::TypeSize, u64::from(declaration).saturating_add(2))?;
        match reader.read_u8()? {
            0x00 => {
                let import = reader.read::<Import<'_>>()?;
                tally.add(StructureCount::Imports, 1)?;
                tally.raise(StructureCount::NameBytes, size(import.module.len()))?;
                tally.raise(StructureCount::NameBytes, size(import.name.len()))?;
            }
            0x01 => {
                read_group(reader, tally, |_, _| Ok(()))?;
                has_types = true;
            }
            // A type of the component around it.
            0x02 => {
                if (reader.read_u8()?, reader.read_u8()?) != (0x10, 0x01) {
                    return Err(malformed(reader, "alias in a module type"));
                }
                reader.read_var_u32()?;
                reader.read_var_u32()?;
            }
            0x03 => {
                let name = reader.read_string()?;
                reader.read::<TypeRef>()?;
                tally.add(StructureCount::Exports, 1)?;
                tally.raise(StructureCount::NameBytes, size(name.len()))?;
            }
            _ => return Err(malformed(reader, "module type declaration")),
        }
    }
    if !has_types {
        tally.add(StructureCount::Types, 1)?;
    }
    Ok(tally.raise(StructureCount::TypeSize, u64::from(declarations).saturating_add(1))?)
}
