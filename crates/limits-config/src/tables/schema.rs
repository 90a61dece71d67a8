//! JSON Schemas of the two files, for editors.

use std::borrow::Cow;

use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::ComponentConfig;
use crate::policy::PolicyFile;

/// Returns the JSON Schema of `Component.toml`.
#[must_use]
pub fn component_schema() -> Schema {
    finish(
        schemars::schema_for!(ComponentConfig),
        "Component.toml",
        "What a component is, what it asks for and what it may touch.",
    )
}

/// Returns the JSON Schema of the operator's policy file.
#[must_use]
pub fn policy_schema() -> Schema {
    finish(
        schemars::schema_for!(PolicyFile),
        "policy.toml",
        "What components get at most: a ceiling for each, overrides for some, ceilings for their sum.",
    )
}

fn finish(mut schema: Schema, title: &str, description: &str) -> Schema {
    schema.insert(String::from("title"), title.into());
    schema.insert(String::from("description"), description.into());
    RecursiveTransform(keep_first_paragraph).transform(&mut schema);
    schema
}

/// The rest of a description is for those who program, not for those who edit the file.
fn keep_first_paragraph(schema: &mut Schema) {
    let Some(description) = schema.get("description").and_then(|text| text.as_str()) else {
        return;
    };
    let first = description.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    schema.insert(String::from("description"), first.into());
}

const SIZE: &str = r"^[0-9]+(|(\.[0-9]+)? ?(B|KB|kB|MB|GB|TB|KiB|MiB|GiB|TiB))$";
const BANDWIDTH: &str =
    r"^([0-9]+|[0-9]+/s|[0-9]+(\.[0-9]+)? ?(B|KB|kB|MB|GB|TB|KiB|MiB|GiB|TiB)/s)$";
const CPU_TIME: &str = "^[0-9]+ ?ms/s$";
const PERIOD: &str = "^[0-9]+ ?(ms|s)$";

/// Declares a schema that stands for the values of a field.
macro_rules! stands_for {
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

stands_for!(Count, { "type": "integer", "minimum": 0, "maximum": u32::MAX });
stands_for!(Number, { "type": "integer", "minimum": 0 });
stands_for!(Bytes, {
    "anyOf": [{ "type": "integer", "minimum": 0 }, { "type": "string", "pattern": SIZE }]
});
stands_for!(Storage, {
    "anyOf": [
        { "type": "integer", "minimum": 0 },
        { "type": "string", "pattern": SIZE },
        { "const": "unlimited" }
    ]
});
stands_for!(Bandwidth, {
    "anyOf": [
        { "type": "integer", "minimum": 0 },
        { "type": "string", "pattern": BANDWIDTH },
        { "const": "unlimited" }
    ]
});
stands_for!(CpuTime, {
    "anyOf": [{ "type": "string", "pattern": CPU_TIME }, { "const": "unlimited" }]
});
stands_for!(Messages, {
    "anyOf": [{ "type": "integer", "minimum": 0 }, { "const": "unlimited" }]
});
stands_for!(CpuTimePolicy, { "enum": crate::cpu_time_policy::WORDS });
stands_for!(Period, { "type": "string", "pattern": PERIOD });
stands_for!(Name, { "type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,63}$" });
stands_for!(SemanticVersion, {
    "type": "string",
    "pattern": r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$"
});
stands_for!(RelativePath, { "type": "string", "pattern": r"^[^/\\:]+(/[^/\\:]+)*$" });
stands_for!(Sha256, { "type": "string", "pattern": "^[0-9a-fA-F]{64}$" });
stands_for!(Patterns, {
    "type": "array",
    "items": { "type": "string", "minLength": 1, "maxLength": 1024 },
    "maxItems": 256,
    "uniqueItems": true
});

#[cfg(test)]
mod tests {
    use super::{component_schema, policy_schema};
    use schemars::Schema;
    use std::path::Path;

    /// Set this variable to any value to write the files instead of comparing them.
    const UPDATE: &str = "UPDATE_SCHEMA";

    fn check(name: &str, schema: &Schema) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
        let text = serde_json::to_string_pretty(schema).unwrap() + "\n";
        if std::env::var_os(UPDATE).is_some() {
            std::fs::write(&file, &text).unwrap();
        }
        let written = std::fs::read_to_string(&file).unwrap();
        assert!(written == text, "docs/{name} is stale: run the tests with {UPDATE}=1");
    }

    #[test]
    fn the_schema_in_the_documents_is_current() {
        check("component.schema.json", &component_schema());
    }

    #[test]
    fn the_policy_schema_in_the_documents_is_current() {
        check("policy.schema.json", &policy_schema());
    }
}
