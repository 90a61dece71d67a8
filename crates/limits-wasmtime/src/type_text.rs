//! Types of the component model written as in WIT, cut to a length.

use core::fmt::{self, Write};

use wasmtime::component::types::ComponentFunc;
use wasmtime::component::{Type, Val};

/// Characters after which a text is cut: types can be as large as a component.
const MOST: usize = 200;

/// Writes a type.
pub(crate) fn of_type(ty: &Type) -> String {
    Cut::written(|f| write_type(f, ty))
}

/// Writes the type of a value, as far as the value shows it.
pub(crate) fn of_value(value: &Val) -> String {
    Cut::written(|f| write_value_type(f, value))
}

/// Writes the type of a function.
pub(crate) fn of_function(function: &ComponentFunc) -> String {
    Cut::written(|f| {
        f.write_str("func(")?;
        list(f, function.params(), |f, (name, ty)| field(f, name, |f| write_type(f, &ty)))?;
        f.write_str(")")?;
        for (place, ty) in function.results().enumerate() {
            f.write_str(if place == 0 { " -> " } else { ", " })?;
            write_type(f, &ty)?;
        }
        Ok(())
    })
}

/// A text that takes no more than [`MOST`] characters.
struct Cut {
    text: String,
    room: usize,
}

impl Cut {
    fn written(write: impl FnOnce(&mut Self) -> fmt::Result) -> String {
        let mut cut = Self { text: String::new(), room: MOST };
        if write(&mut cut).is_err() {
            cut.text.push('…');
        }
        cut.text
    }
}

impl Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            self.room = self.room.checked_sub(1).ok_or(fmt::Error)?;
            self.text.push(letter);
        }
        Ok(())
    }
}

fn list<I: IntoIterator>(
    f: &mut Cut,
    items: I,
    mut write: impl FnMut(&mut Cut, I::Item) -> fmt::Result,
) -> fmt::Result {
    for (place, item) in items.into_iter().enumerate() {
        if place > 0 {
            f.write_str(", ")?;
        }
        write(f, item)?;
    }
    Ok(())
}

fn field(f: &mut Cut, name: &str, write: impl FnOnce(&mut Cut) -> fmt::Result) -> fmt::Result {
    write!(f, "{name}: ")?;
    write(f)
}

/// Writes `of<...>` around something.
fn around(f: &mut Cut, of: &str, write: impl FnOnce(&mut Cut) -> fmt::Result) -> fmt::Result {
    write!(f, "{of}<")?;
    write(f)?;
    f.write_str(">")
}

fn case(
    f: &mut Cut,
    name: &str,
    payload: Option<impl FnOnce(&mut Cut) -> fmt::Result>,
) -> fmt::Result {
    f.write_str(name)?;
    let Some(payload) = payload else { return Ok(()) };
    f.write_str("(")?;
    payload(f)?;
    f.write_str(")")
}

/// Writes `of { ... }` around something.
fn braces(f: &mut Cut, of: &str, write: impl FnOnce(&mut Cut) -> fmt::Result) -> fmt::Result {
    write!(f, "{of} {{ ")?;
    write(f)?;
    f.write_str(" }")
}

fn write_type(f: &mut Cut, ty: &Type) -> fmt::Result {
    f.write_str(match ty {
        Type::Bool => "bool",
        Type::S8 => "s8",
        Type::U8 => "u8",
        Type::S16 => "s16",
        Type::U16 => "u16",
        Type::S32 => "s32",
        Type::U32 => "u32",
        Type::S64 => "s64",
        Type::U64 => "u64",
        Type::Float32 => "f32",
        Type::Float64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::Own(_) => "own<resource>",
        Type::Borrow(_) => "borrow<resource>",
        Type::Future(_) => "future",
        Type::Stream(_) => "stream",
        Type::ErrorContext => "error-context",
        Type::List(items) => return around(f, "list", |f| write_type(f, &items.ty())),
        Type::FixedLengthList(items) => {
            return around(f, "list", |f| {
                write_type(f, &items.ty())?;
                f.write_str(", N")
            });
        }
        Type::Map(map) => {
            return around(f, "map", |f| {
                list(f, [map.key(), map.value()], |f, ty| write_type(f, &ty))
            });
        }
        Type::Record(record) => {
            return braces(f, "record", |f| {
                list(f, record.fields(), |f, it| field(f, it.name, |f| write_type(f, &it.ty)))
            });
        }
        Type::Tuple(tuple) => {
            return around(f, "tuple", |f| list(f, tuple.types(), |f, ty| write_type(f, &ty)));
        }
        Type::Variant(variant) => {
            return braces(f, "variant", |f| {
                list(f, variant.cases(), |f, it| {
                    case(f, it.name, it.ty.map(|ty| move |f: &mut Cut| write_type(f, &ty)))
                })
            });
        }
        Type::Enum(cases) => {
            return braces(f, "enum", |f| list(f, cases.names(), |f, name| f.write_str(name)));
        }
        Type::Option(option) => return around(f, "option", |f| write_type(f, &option.ty())),
        Type::Result(result) => {
            return around(f, "result", |f| {
                list(f, [result.ok(), result.err()], |f, ty| match ty {
                    Some(ty) => write_type(f, &ty),
                    None => f.write_str("_"),
                })
            });
        }
        Type::Flags(flags) => {
            return braces(f, "flags", |f| list(f, flags.names(), |f, name| f.write_str(name)));
        }
    })
}

fn write_value_type(f: &mut Cut, value: &Val) -> fmt::Result {
    let payload = |f: &mut Cut, payload: Option<&Val>| match payload {
        Some(value) => write_value_type(f, value),
        None => f.write_str("_"),
    };
    f.write_str(match value {
        Val::Bool(_) => "bool",
        Val::S8(_) => "s8",
        Val::U8(_) => "u8",
        Val::S16(_) => "s16",
        Val::U16(_) => "u16",
        Val::S32(_) => "s32",
        Val::U32(_) => "u32",
        Val::S64(_) => "s64",
        Val::U64(_) => "u64",
        Val::Float32(_) => "f32",
        Val::Float64(_) => "f64",
        Val::Char(_) => "char",
        Val::String(_) => "string",
        Val::Resource(_) => "resource",
        Val::Future(_) => "future",
        Val::Stream(_) => "stream",
        Val::ErrorContext(_) => "error-context",
        Val::Map(_) => "map",
        // The items need not be of one type.
        Val::List(items) | Val::FixedLengthList(items) => {
            return around(f, "list", |f| list(f, items, write_value_type));
        }
        Val::Tuple(items) => return around(f, "tuple", |f| list(f, items, write_value_type)),
        Val::Record(fields) => {
            return braces(f, "record", |f| {
                list(f, fields, |f, (name, value)| field(f, name, |f| write_value_type(f, value)))
            });
        }
        Val::Variant(name, payload) => {
            return braces(f, "variant", |f| {
                let payload = payload.as_deref();
                case(f, name, payload.map(|value| move |f: &mut Cut| write_value_type(f, value)))
            });
        }
        Val::Enum(name) => return braces(f, "enum", |f| f.write_str(name)),
        Val::Option(value) => return around(f, "option", |f| payload(f, value.as_deref())),
        Val::Result(Ok(value)) => {
            return around(f, "result", |f| {
                payload(f, value.as_deref())?;
                f.write_str(", _")
            });
        }
        Val::Result(Err(value)) => {
            return around(f, "result", |f| {
                f.write_str("_, ")?;
                payload(f, value.as_deref())
            });
        }
        Val::Flags(names) => {
            return braces(f, "flags", |f| list(f, names, |f, name| f.write_str(name)));
        }
    })
}
