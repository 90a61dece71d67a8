//! `on_store_loss`: the rule for each rate while the store is away.

use core::fmt;
use core::str::FromStr as _;

use limits_core::{QuotaResource, StoreLoss};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use crate::toml::known_name::KnownName;
use crate::toml::shown::quoted;

/// The rates, which alone are shared.
const RATES: [QuotaResource; 3] =
    [QuotaResource::MessageRate, QuotaResource::NetworkBandwidth, QuotaResource::CpuTime];

/// Their keys.
const KEYS: [&str; RATES.len()] = [RATES[0].key(), RATES[1].key(), RATES[2].key()];

/// The words, the strictest first.
#[cfg(any(test, feature = "schema"))]
const WORDS: [&str; 3] =
    [StoreLoss::Closed.as_str(), StoreLoss::Share.as_str(), StoreLoss::Open.as_str()];

/// The rule for each rate while the store is away.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct LossRules([StoreLoss; RATES.len()]);

impl Default for LossRules {
    fn default() -> Self {
        Self([StoreLoss::Closed; RATES.len()])
    }
}

impl LossRules {
    pub(crate) fn of(&self, resource: QuotaResource) -> StoreLoss {
        let mut rules = RATES.iter().zip(self.0);
        rules.find(|(rate, _)| **rate == resource).map_or(StoreLoss::Closed, |(_, rule)| rule)
    }
}

impl<'de> Deserialize<'de> for LossRules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordOrTable)
    }
}

struct WordOrTable;

impl<'de> Visitor<'de> for WordOrTable {
    type Value = LossRules;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"closed\", \"share\" or \"open\", or a table of these words by rate")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<LossRules, E> {
        rule(word).map(|rule| LossRules([rule; RATES.len()]))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<LossRules, A::Error> {
        let LossRules(mut rules) = LossRules::default();
        while let Some(index) = entries.next_key_seed(KnownName(&KEYS))? {
            let given = entries.next_value_seed(OneRule)?;
            if let Some(rule) = rules.get_mut(index) {
                *rule = given;
            }
        }
        Ok(LossRules(rules))
    }
}

/// Reads the rule of one rate.
struct OneRule;

impl<'de> DeserializeSeed<'de> for OneRule {
    type Value = StoreLoss;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<StoreLoss, D::Error> {
        d.deserialize_str(self)
    }
}

impl Visitor<'_> for OneRule {
    type Value = StoreLoss;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"closed\", \"share\" or \"open\"")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<StoreLoss, E> {
        rule(word)
    }
}

fn rule<E: Error>(word: &str) -> Result<StoreLoss, E> {
    StoreLoss::from_str(word).ok().ok_or_else(|| {
        E::custom(format!("`{}` is not known: expected closed, share or open", quoted(word)))
    })
}

#[cfg(any(test, feature = "schema"))]
impl schemars::JsonSchema for LossRules {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        stringify!(LossRules).into()
    }

    fn json_schema(_generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let mut rates = schemars::json_schema!({});
        for key in KEYS {
            let word = schemars::json_schema!({ "enum": WORDS });
            rates.insert(String::from(key), word.into());
        }
        schemars::json_schema!({
            "anyOf": [
                { "enum": WORDS },
                { "type": "object", "properties": rates, "additionalProperties": false }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{KEYS, RATES};
    use limits_core::QuotaResource;

    #[test]
    fn each_rate_has_a_rule() {
        let all = QuotaResource::ALL.iter().copied();
        let rates: Vec<QuotaResource> = all.filter(|resource| resource.is_rate()).collect();
        assert_eq!(rates, RATES);
        assert_eq!(KEYS, ["message_rate", "network_bandwidth", "cpu_time"]);
    }
}
