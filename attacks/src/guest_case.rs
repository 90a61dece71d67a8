//! A hostile guest, its limits and the end that it must come to.

use core::fmt::{self, Write as _};
use std::borrow::Cow;
use std::collections::BTreeMap;

use limits_config::Policy;
use quota_enforce::{QuotaRegistry, UsageFile};

use crate::Result;
use crate::measured::Measured;
use crate::outcome::Outcome;

/// Bytes by which the host's process may grow beside the guests' memory: compiled code, stacks,
/// streams, and pages that the allocator keeps.
pub const MARGIN: u64 = 24 * 1024 * 1024;

/// A hostile guest, its limits and the end that it must come to.
///
/// Unless it says otherwise, it has 1 MiB of memory, unlimited fuel and CPU time, 50 ms, and no
/// services, and its export `run` is called once.
#[derive(Clone, Debug)]
pub struct GuestCase {
    pub(crate) code: Code,
    settings: BTreeMap<&'static str, String>,
    pub(crate) policy: Option<&'static str>,
    pub(crate) export: &'static str,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) services: Services,
    pub(crate) runs: u32,
    pub(crate) at_once: u32,
    pub(crate) ends: &'static [Outcome],
    pub(crate) says: &'static str,
    pub(crate) growth: u64,
    pub(crate) check: Option<Check>,
}

/// A question about an attack that is measured. The error says what is wrong.
pub type Check = fn(&Measured) -> core::result::Result<(), String>;

/// The component.
#[derive(Clone)]
#[expect(clippy::exhaustive_enums, reason = "text, bytes, or made at each use")]
pub enum Code {
    /// Component text.
    Text(String),
    /// A binary component.
    Bytes(Vec<u8>),
    /// Text or a binary component that is made at each use, since it is large.
    Made(fn() -> Vec<u8>),
}

/// An argument of the export.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "as many as vectors need")]
pub enum Argument {
    /// A string of this character, this many times.
    Text(char, usize),
    /// A number.
    U32(u32),
}

/// The services of WASI that the guest is given. Capabilities are settings.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Services {
    /// An empty directory under `/data`.
    pub(crate) directory: bool,
    pub(crate) tcp: bool,
    pub(crate) udp: bool,
    pub(crate) http: bool,
    pub(crate) keyvalue: bool,
    pub(crate) messages: bool,
}

impl GuestCase {
    /// A guest with this code that may end in `ends`, and in no other way.
    #[must_use]
    pub fn new(code: impl Into<Code>, ends: &'static [Outcome]) -> Self {
        Self {
            code: code.into(),
            settings: BTreeMap::from([
                ("resources.memory.max_bytes", String::from("\"1MiB\"")),
                ("resources.cpu.max_fuel", i64::MAX.to_string()),
                ("resources.cpu.timeout_ms", String::from("50")),
                ("quota.cpu_time", String::from("\"unlimited\"")),
            ]),
            policy: None,
            export: "run",
            arguments: Vec::new(),
            services: Services::default(),
            runs: 1,
            at_once: 1,
            ends,
            says: "",
            growth: MARGIN,
            check: None,
        }
    }

    /// Sets a key of `Component.toml`, by its whole path, to a value in TOML.
    #[must_use]
    pub fn set(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.settings.insert(key, value.to_string());
        self
    }

    /// Sets the limit of memory, in MiB.
    #[must_use]
    pub fn memory_mib(self, mib: u64) -> Self {
        self.set("resources.memory.max_bytes", format_args!("\"{mib}MiB\""))
    }

    /// Sets the fuel of an execution.
    #[must_use]
    pub fn fuel(self, fuel: u64) -> Self {
        self.set("resources.cpu.max_fuel", fuel)
    }

    /// Sets the timeout of an execution, in milliseconds.
    #[must_use]
    pub fn timeout_ms(self, ms: u64) -> Self {
        self.set("resources.cpu.timeout_ms", ms)
    }

    /// Sets the operator's policy, as TOML.
    #[must_use]
    pub const fn policy(mut self, policy: &'static str) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Calls another export than `run`.
    #[must_use]
    pub const fn export(mut self, name: &'static str) -> Self {
        self.export = name;
        self
    }

    /// Passes one more argument.
    #[must_use]
    pub fn argument(mut self, argument: Argument) -> Self {
        self.arguments.push(argument);
        self
    }

    /// Executes it this often, at most `at_once` at a time, as one component.
    #[must_use]
    pub const fn runs(mut self, runs: u32, at_once: u32) -> Self {
        (self.runs, self.at_once) = (runs, at_once);
        self
    }

    /// Gives the guest an empty directory under `/data`.
    #[must_use]
    pub const fn directory(mut self) -> Self {
        self.services.directory = true;
        self
    }

    /// Gives the guest TCP.
    #[must_use]
    pub const fn tcp(mut self) -> Self {
        self.services.tcp = true;
        self
    }

    /// Gives the guest UDP.
    #[must_use]
    pub const fn udp(mut self) -> Self {
        self.services.udp = true;
        self
    }

    /// Gives the guest HTTP.
    #[must_use]
    pub const fn http(mut self) -> Self {
        self.services.http = true;
        self
    }

    /// Gives the guest a store of keys and values.
    #[must_use]
    pub const fn keyvalue(mut self) -> Self {
        self.services.keyvalue = true;
        self
    }

    /// Gives the guest a transport of messages.
    #[must_use]
    pub const fn messages(mut self) -> Self {
        self.services.messages = true;
        self
    }

    /// The message of a failed execution has these words.
    #[must_use]
    pub const fn says(mut self, words: &'static str) -> Self {
        self.says = words;
        self
    }

    /// The host's process may grow by this many bytes, beside the memory of the guests. The default
    /// is [`MARGIN`].
    #[must_use]
    pub const fn growth(mut self, bytes: u64) -> Self {
        self.growth = bytes;
        self
    }

    /// The attack is also held to this.
    #[must_use]
    pub const fn check(mut self, check: Check) -> Self {
        self.check = Some(check);
        self
    }

    /// Returns the operator's policy.
    pub(crate) fn operator(&self) -> Result<Policy> {
        Ok(self.policy.map(Policy::from_toml).transpose()?.unwrap_or_default())
    }

    /// Returns an empty registry under that policy, which records the most that was used.
    pub(crate) fn registry(&self) -> Result<QuotaRegistry> {
        let usage = UsageFile::default();
        Ok(QuotaRegistry::from_policy(&self.operator()?, usage).record_peaks().build())
    }

    /// Returns the number of executions.
    pub(crate) const fn executions(&self) -> u32 {
        self.runs
    }

    /// Tells whether the component is so large that it is made at each use.
    pub(crate) const fn is_large(&self) -> bool {
        matches!(self.code, Code::Made(_))
    }

    /// Returns the `Component.toml`.
    pub(crate) fn config(&self) -> String {
        let mut text = String::from("component = { name = \"attacker\", version = \"1.0.0\" }\n");
        for (key, value) in &self.settings {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{key} = {value}");
        }
        text
    }

    /// Returns the call in WAVE.
    pub(crate) fn call(&self) -> String {
        let arguments: Vec<String> = self.arguments.iter().map(Argument::wave).collect();
        format!("{}({})", self.export, arguments.join(", "))
    }
}

impl Argument {
    fn wave(&self) -> String {
        match *self {
            Self::Text(character, count) => {
                format!("\"{}\"", String::from(character).repeat(count))
            }
            Self::U32(number) => number.to_string(),
        }
    }

    pub(crate) fn value(&self) -> wasmtime::component::Val {
        match *self {
            Self::Text(character, count) => {
                wasmtime::component::Val::String(String::from(character).repeat(count))
            }
            Self::U32(number) => wasmtime::component::Val::U32(number),
        }
    }
}

impl Code {
    /// Returns the text or the binary.
    pub(crate) fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Text(text) => Cow::Borrowed(text.as_bytes()),
            Self::Bytes(bytes) => Cow::Borrowed(bytes),
            Self::Made(make) => Cow::Owned(make()),
        }
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Code").finish_non_exhaustive()
    }
}

impl From<String> for Code {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Code {
    fn from(text: &str) -> Self {
        Self::Text(String::from(text))
    }
}

impl From<Vec<u8>> for Code {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<fn() -> Vec<u8>> for Code {
    fn from(make: fn() -> Vec<u8>) -> Self {
        Self::Made(make)
    }
}
