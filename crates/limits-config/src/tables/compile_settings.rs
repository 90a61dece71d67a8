//! `[compile]` of the policy: the structure that a component may have, and the budget of compiling
//! it.

use core::fmt;

use limits_core::{Allowance, CompileBudget, StructureCount, StructureLimits};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::grammar::kind::{Kind, Unit};
use crate::grammar::value::Value;
use crate::settings::setting::Origin;
use crate::toml::known_name::KnownName;

/// The most workers that the policy may allow.
const MOST_WORKERS: u64 = 64;

/// A key of `[compile]` of the policy file.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum CompileKey {
    /// The limit of a count of the component's structure.
    Structure(StructureCount),
    /// CPU time, in milliseconds.
    CpuMs,
    /// More CPU time for each MiB, in milliseconds.
    CpuMsPerMib,
    /// Memory, in bytes.
    Memory,
    /// More memory for each MiB, in bytes.
    MemoryPerMib,
    /// Compilations at one time.
    Workers,
}

/// The number of keys.
const KEYS: usize = StructureCount::ALL.len() + BUDGET.len();

/// The keys that are no counts.
const BUDGET: [CompileKey; 5] = [
    CompileKey::CpuMs,
    CompileKey::CpuMsPerMib,
    CompileKey::Memory,
    CompileKey::MemoryPerMib,
    CompileKey::Workers,
];

impl CompileKey {
    /// All keys, in the order of the documents: the counts, then the budget.
    pub const ALL: [Self; KEYS] = {
        let mut all = [Self::Workers; KEYS];
        let mut at = 0;
        while at < KEYS {
            all[at] = match at < StructureCount::ALL.len() {
                true => Self::Structure(StructureCount::ALL[at]),
                false => BUDGET[at - StructureCount::ALL.len()],
            };
            at += 1;
        }
        all
    };

    /// Their names in the file, in the same order.
    const NAMES: [&'static str; KEYS] = {
        let mut names = [""; KEYS];
        let mut at = 0;
        while at < KEYS {
            names[at] = Self::ALL[at].as_str();
            at += 1;
        }
        names
    };

    /// Returns the key as it stands in the table, such as `max_functions`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Structure(count) => count.key(),
            Self::CpuMs => "cpu_ms",
            Self::CpuMsPerMib => "cpu_ms_per_mib",
            Self::Memory => "memory",
            Self::MemoryPerMib => "memory_per_mib",
            Self::Workers => "workers",
        }
    }

    /// Returns the unit of the value.
    #[must_use]
    pub const fn unit(self) -> Unit {
        self.kind().unit()
    }

    /// Returns the value that holds where the policy has none.
    pub(crate) fn default_value(self) -> u64 {
        let budget = CompileBudget::default();
        match self {
            Self::Structure(count) => count.default_limit(),
            Self::CpuMs => budget.cpu_ms,
            Self::CpuMsPerMib => budget.cpu_ms_per_mib,
            Self::Memory => budget.memory_bytes,
            Self::MemoryPerMib => budget.memory_bytes_per_mib,
            Self::Workers => budget.workers.into(),
        }
    }

    /// Returns the largest value that is accepted.
    const fn largest(self) -> u64 {
        match self {
            Self::Structure(count) => count.largest_limit(),
            _ => u64::MAX,
        }
    }

    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::Structure(count) if count.is_bytes() => Kind::Size,
            Self::Memory | Self::MemoryPerMib => Kind::Size,
            Self::CpuMs | Self::CpuMsPerMib => Kind::Number(Unit::Milliseconds),
            Self::Structure(_) | Self::Workers => Kind::Number(Unit::Count),
        }
    }

    /// Returns the description of the setting, in one line.
    #[cfg(any(test, feature = "schema"))]
    pub(crate) fn about(self) -> String {
        match self {
            Self::Structure(count) => format!("The most {}.", count.words()),
            Self::CpuMs => String::from(
                "Milliseconds of CPU time of compiling one component. Four times as much time may \
                 pass.",
            ),
            Self::CpuMsPerMib => String::from("More of them for each MiB that is compiled."),
            Self::Memory => String::from("Bytes of memory of compiling one component."),
            Self::MemoryPerMib => String::from("More of them for each MiB that is compiled."),
            Self::Workers => String::from("Compilations at one time, 1 to 64. Further ones wait."),
        }
    }
}

impl fmt::Display for CompileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "compile.{}", self.as_str())
    }
}

/// `[compile]` of the policy file: the structure that a component may have, and the budget of
/// compiling it. Only the operator has the table.
///
/// ```
/// use limits_config::Policy;
/// use limits_core::StructureCount;
///
/// let policy = Policy::from_toml("[compile]\nmax_functions = 1_000\nmemory = \"512MiB\"")?;
/// let compile = policy.compile();
/// assert_eq!(compile.structure().get(StructureCount::Functions), 1_000);
/// assert_eq!(compile.budget().memory_bytes, 512 << 20);
/// # Ok::<(), limits_config::ConfigError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CompileSettings {
    /// The values that are given, in the order of [`CompileKey::ALL`].
    given: [Option<u64>; KEYS],
}

impl Default for CompileSettings {
    fn default() -> Self {
        Self { given: [None; KEYS] }
    }
}

/// One setting of `[compile]` in effect. Its text is the value with its unit.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct CompileSetting {
    /// The key.
    pub key: CompileKey,
    /// The value, in [`CompileKey::unit`].
    pub value: u64,
    /// The file that decided the value: the policy, or neither.
    pub origin: Origin,
}

impl fmt::Display for CompileSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.key.kind().show(Value::number(self.value)))
    }
}

impl CompileSettings {
    /// Returns the limits on a component's structure.
    #[must_use]
    pub fn structure(&self) -> StructureLimits {
        let counts = self.settings().filter_map(|setting| match setting.key {
            CompileKey::Structure(count) => Some((count, setting.value)),
            _ => None,
        });
        counts.fold(StructureLimits::default(), |limits, (count, limit)| limits.with(count, limit))
    }

    /// Returns the budget of compiling one component.
    #[must_use]
    pub fn budget(&self) -> CompileBudget {
        CompileBudget {
            cpu_ms: self.value(CompileKey::CpuMs),
            cpu_ms_per_mib: self.value(CompileKey::CpuMsPerMib),
            memory_bytes: self.value(CompileKey::Memory),
            memory_bytes_per_mib: self.value(CompileKey::MemoryPerMib),
            workers: u32::try_from(self.value(CompileKey::Workers)).unwrap_or(u32::MAX),
        }
    }

    /// Goes through all keys, in the order of [`CompileKey::ALL`].
    pub fn settings(&self) -> impl Iterator<Item = CompileSetting> {
        CompileKey::ALL.into_iter().zip(self.given).map(|(key, given)| CompileSetting {
            key,
            value: given.unwrap_or_else(|| key.default_value()),
            origin: if given.is_some() { Origin::Policy } else { Origin::Default },
        })
    }

    fn value(&self, key: CompileKey) -> u64 {
        self.settings()
            .find(|setting| setting.key == key)
            .map_or_else(|| key.default_value(), |setting| setting.value)
    }
}

impl<'de> Deserialize<'de> for CompileSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct("compile", &CompileKey::NAMES, Entries)
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = CompileSettings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the table `compile`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<CompileSettings, A::Error> {
        let mut settings = CompileSettings::default();
        while let Some(index) = entries.next_key_seed(KnownName(&CompileKey::NAMES))? {
            let Some(key) = CompileKey::ALL.get(index).copied() else { continue };
            let number = entries.next_value_seed(NumberOf(key))?;
            if settings.given[index].replace(number).is_some() {
                return Err(A::Error::duplicate_field(key.as_str()));
            }
        }
        Ok(settings)
    }
}

/// Reads the value of a key.
struct NumberOf(CompileKey);

impl<'de> DeserializeSeed<'de> for NumberOf {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        let Self(key) = self;
        match key.kind().deserialize(deserializer)? {
            Value::Amount(Allowance::AtMost(number))
                if key == CompileKey::Workers && !(1..=MOST_WORKERS).contains(&number) =>
            {
                Err(D::Error::custom(format!(
                    "{number} workers are out of range: 1 to {MOST_WORKERS}"
                )))
            }
            Value::Amount(Allowance::AtMost(number)) if number > key.largest() => Err(
                D::Error::custom(format!("{number} is out of range: at most {}", key.largest())),
            ),
            Value::Amount(Allowance::AtMost(number)) => Ok(number),
            // The kinds of these keys have no such value.
            other => Err(D::Error::custom(format!("`{other}` is no number"))),
        }
    }
}

impl Serialize for CompileSettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let given = CompileKey::ALL.iter().zip(self.given);
        serializer.collect_map(given.filter_map(|(key, value)| {
            value.map(|value| (key.as_str(), key.kind().written(Value::number(value))))
        }))
    }
}

#[cfg(any(test, feature = "schema"))]
impl schemars::JsonSchema for CompileSettings {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        stringify!(CompileSettings).into()
    }

    fn json_schema(_generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let mut properties = schemars::json_schema!({});
        for key in CompileKey::ALL {
            let mut schema = crate::grammar::schema::of_kind(key.kind());
            schema.insert(String::from("description"), key.about().into());
            schema.insert(String::from("default"), key.default_value().into());
            if key == CompileKey::Workers {
                schema.insert(String::from("minimum"), 1.into());
                schema.insert(String::from("maximum"), MOST_WORKERS.into());
            }
            if matches!(key, CompileKey::Structure(_)) && key.largest() < u64::MAX {
                schema.insert(String::from("maximum"), key.largest().into());
            }
            properties.insert(String::from(key.as_str()), schema.into());
        }
        schemars::json_schema!({
            "type": "object",
            "description": "The structure that a component may have, and the budget of compiling it.",
            "properties": properties,
            "additionalProperties": false
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{CompileKey, CompileSettings};
    use crate::policy::Policy;
    use crate::settings::setting::Origin;
    use limits_core::{CompileBudget, StructureCount, StructureLimits};

    fn compile(text: &str) -> CompileSettings {
        Policy::from_toml(&format!("[compile]\n{text}")).unwrap().compile().clone()
    }

    #[test]
    fn without_a_table_the_defaults_hold() {
        let settings = Policy::default().compile().clone();
        assert_eq!(settings.structure(), StructureLimits::default());
        assert_eq!(settings.budget(), CompileBudget::default());
        assert!(settings.settings().all(|setting| setting.origin == Origin::Default));
    }

    #[test]
    fn each_key_sets_its_own_value_and_no_other() {
        for key in CompileKey::ALL {
            let given = compile(&format!("{} = 7", key.as_str()));
            for setting in given.settings() {
                let is_given = setting.key == key;
                assert_eq!(setting.origin == Origin::Policy, is_given, "{key}");
                assert_eq!(setting.value == 7, is_given, "{key}");
            }
            match key {
                CompileKey::Structure(count) => assert_eq!(given.structure().get(count), 7),
                _ => assert_ne!(given.budget(), CompileBudget::default()),
            }
        }
        let budget =
            compile("cpu_ms = 1\ncpu_ms_per_mib = 2\nmemory = 3\nmemory_per_mib = 4\nworkers = 5");
        let expected = CompileBudget {
            cpu_ms: 1,
            cpu_ms_per_mib: 2,
            memory_bytes: 3,
            memory_bytes_per_mib: 4,
            workers: 5,
        };
        assert_eq!(budget.budget(), expected);
    }

    #[test]
    fn sizes_are_written_and_shown_as_sizes() {
        let settings = compile("max_body_bytes = \"2MiB\"\nmemory = \"1GiB\"");
        let shown = |key: CompileKey| {
            settings.settings().find(|setting| setting.key == key).unwrap().to_string()
        };
        assert_eq!(shown(CompileKey::Structure(StructureCount::BodyBytes)), "2097152 (2 MiB)");
        assert_eq!(shown(CompileKey::Memory), "1073741824 (1 GiB)");
        assert_eq!(shown(CompileKey::CpuMs), "1000 ms");
        assert_eq!(CompileKey::Memory.to_string(), "compile.memory");
    }

    #[test]
    fn mistakes_are_named() {
        for (text, error) in [
            ("workers = 0", "0 workers are out of range: 1 to 64"),
            ("workers = 65", "65 workers are out of range: 1 to 64"),
            ("max_type_nesting = 101", "101 is out of range: at most 100"),
            (
                "max_function = 1",
                "unknown key `compile.max_function`: did you mean `max_functions`?",
            ),
            ("cpu_ms = \"1s\"", "compile.cpu_ms"),
            ("memory = -1", "compile.memory"),
        ] {
            let refused = Policy::from_toml(&format!("[compile]\n{text}")).unwrap_err().to_string();
            assert!(refused.contains(error), "{refused}");
            assert!(refused.starts_with("line 2, "), "{refused}");
        }
    }
}
