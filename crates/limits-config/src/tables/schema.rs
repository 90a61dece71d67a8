//! JSON Schemas of the two files, for editors.

use std::borrow::Cow;

use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::grammar::schema::Patterns;
use crate::tables::capabilities::domains;
use crate::tables::component_config::ComponentConfig;
use crate::tables::policy_file::PolicyFile;

/// Returns the JSON Schema of `Component.toml`.
#[must_use]
pub fn component_schema() -> Schema {
    finish(
        schemars::schema_for!(ComponentConfig),
        "Component.toml",
        "The identity of a component, and the resources and capabilities that it asks for.",
    )
}

/// Returns the JSON Schema of the operator's policy file.
#[must_use]
pub fn policy_schema() -> Schema {
    finish(
        schemars::schema_for!(PolicyFile),
        "policy.toml",
        "The operator's limits: a ceiling for each component, overrides for some, ceilings for their sum.",
    )
}

fn finish(mut schema: Schema, title: &str, description: &str) -> Schema {
    schema.insert(String::from("title"), title.into());
    schema.insert(String::from("description"), description.into());
    RecursiveTransform(keep_first_paragraph).transform(&mut schema);
    schema
}

/// Keeps what an editor of the file needs; the rest is for programmers.
fn keep_first_paragraph(schema: &mut Schema) {
    let Some(description) = schema.get("description").and_then(|text| text.as_str()) else {
        return;
    };
    let first = description.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    schema.insert(String::from("description"), first.into());
}

/// Stands for `[capabilities]`, whose keys are the permissions of limits-core.
pub(crate) struct Capabilities;

impl JsonSchema for Capabilities {
    fn schema_name() -> Cow<'static, str> {
        stringify!(Capabilities).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut tables = json_schema!({});
        for domain in domains() {
            let mut lists = json_schema!({});
            for (action, permission) in domain.actions.iter().zip(&domain.permissions) {
                let mut patterns = Patterns::json_schema(generator);
                let description = format!("Patterns of the resources that `{permission}` covers.");
                patterns.insert(String::from("description"), description.into());
                lists.insert(String::from(*action), patterns.into());
            }
            tables.insert(String::from(domain.name), table_of(&lists).into());
        }
        table_of(&tables)
    }
}

fn table_of(properties: &Schema) -> Schema {
    json_schema!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false
    })
}
