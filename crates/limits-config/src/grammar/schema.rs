//! JSON Schemas of single values.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::grammar::kind::Kind;
use crate::grammar::value::Value;

const SIZE: &str = r"^[0-9]+(|(\.[0-9]+)? ?(B|KB|kB|MB|GB|TB|KiB|MiB|GiB|TiB))$";
const BANDWIDTH: &str =
    r"^([0-9]+|[0-9]+/s|[0-9]+(\.[0-9]+)? ?(B|KB|kB|MB|GB|TB|KiB|MiB|GiB|TiB)/s)$";
const CPU_TIME: &str = "^[0-9]+ ?ms/s$";
const PERIOD: &str = "^[0-9]+ ?(ms|s)$";

/// Describes the values of a setting.
pub(crate) fn of_kind(kind: Kind) -> Schema {
    let number = || json_schema!({ "type": "integer", "minimum": 0 });
    let text = |pattern| json_schema!({ "type": "string", "pattern": pattern });
    let mut forms = match kind {
        Kind::Count => vec![json_schema!({ "type": "integer", "minimum": 0, "maximum": u32::MAX })],
        Kind::Number(_) | Kind::Entries | Kind::Messages => vec![number()],
        Kind::Size | Kind::Storage => vec![number(), text(SIZE)],
        Kind::Bandwidth | Kind::SizeRate => vec![number(), text(BANDWIDTH)],
        Kind::CpuTime => vec![text(CPU_TIME)],
        Kind::Period => vec![text(PERIOD)],
        Kind::Word(words) => vec![json_schema!({ "enum": words })],
    };
    if kind.has_unlimited() {
        forms.push(json_schema!({ "const": Value::UNLIMITED }));
    }
    match forms.len() {
        1 => forms.remove(0),
        _ => json_schema!({ "anyOf": forms }),
    }
}

/// Declares a schema for a field whose type has none.
macro_rules! schema_of {
    ($name:ident, $schema:tt) => {
        pub(crate) struct $name;

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

schema_of!(Weight, { "type": "integer", "minimum": 1, "maximum": 10_000 });
schema_of!(Name, { "type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,63}$" });
schema_of!(SemanticVersion, {
    "type": "string",
    "pattern": r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$"
});
schema_of!(RelativePath, { "type": "string", "pattern": r"^[^/\\:]+(/[^/\\:]+)*$" });
schema_of!(Sha256, { "type": "string", "pattern": "^[0-9a-fA-F]{64}$" });
schema_of!(Patterns, {
    "type": "array",
    "items": { "type": "string", "minLength": 1, "maxLength": 1024 },
    "maxItems": 256,
    "uniqueItems": true
});
