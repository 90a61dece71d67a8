//! Whether a dynamically typed value is of a type.

use wasmtime::component::{Type, Val};

/// Tells whether `value` can be passed where `ty` is expected.
///
/// Wasmtime checks too, but as it lowers the value, with the guest half entered. Handles are
/// left to it: which resource they are of is known only in the store.
pub(crate) fn matches_type(value: &Val, ty: &Type) -> bool {
    match (value, ty) {
        (Val::Bool(_), Type::Bool)
        | (Val::S8(_), Type::S8)
        | (Val::U8(_), Type::U8)
        | (Val::S16(_), Type::S16)
        | (Val::U16(_), Type::U16)
        | (Val::S32(_), Type::S32)
        | (Val::U32(_), Type::U32)
        | (Val::S64(_), Type::S64)
        | (Val::U64(_), Type::U64)
        | (Val::Float32(_), Type::Float32)
        | (Val::Float64(_), Type::Float64)
        | (Val::Char(_), Type::Char)
        | (Val::String(_), Type::String)
        | (Val::Resource(_), Type::Own(_) | Type::Borrow(_)) => true,
        (Val::List(items), Type::List(list)) => {
            let ty = list.ty();
            items.iter().all(|item| matches_type(item, &ty))
        }
        (Val::Record(fields), Type::Record(record)) => {
            fields.len() == record.fields().len()
                && fields.iter().zip(record.fields()).all(|((name, value), field)| {
                    name == field.name && matches_type(value, &field.ty)
                })
        }
        (Val::Tuple(items), Type::Tuple(tuple)) => {
            items.len() == tuple.types().len()
                && items.iter().zip(tuple.types()).all(|(item, ty)| matches_type(item, &ty))
        }
        (Val::Variant(name, payload), Type::Variant(variant)) => variant
            .cases()
            .any(|case| case.name == name && matches_payload(payload.as_deref(), case.ty.as_ref())),
        (Val::Enum(name), Type::Enum(cases)) => cases.names().any(|case| case == name),
        (Val::Option(payload), Type::Option(option)) => {
            payload.as_deref().is_none_or(|value| matches_type(value, &option.ty()))
        }
        (Val::Result(Ok(payload)), Type::Result(result)) => {
            matches_payload(payload.as_deref(), result.ok().as_ref())
        }
        (Val::Result(Err(payload)), Type::Result(result)) => {
            matches_payload(payload.as_deref(), result.err().as_ref())
        }
        (Val::Flags(set), Type::Flags(flags)) => {
            set.iter().all(|name| flags.names().any(|flag| flag == name))
        }
        _ => false,
    }
}

fn matches_payload(value: Option<&Val>, ty: Option<&Type>) -> bool {
    match (value, ty) {
        (Some(value), Some(ty)) => matches_type(value, ty),
        (None, None) => true,
        _ => false,
    }
}
