//! Amounts in a file: a number, a text with a unit, or "unlimited".

use core::fmt;

use limits_core::Allowance;
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserializer, Serializer};

use crate::{SizeError, parse_bandwidth, parse_cpu_time, parse_storage};

const UNLIMITED: &str = "unlimited";

/// How one kind of amount is written.
struct Amount {
    expected: &'static str,
    /// Whether a number without a unit is one.
    bare: bool,
    /// Reads a text with a unit; `None` if there are no units.
    parse: Option<Parse>,
    unlimited: bool,
}

type Parse = fn(&str) -> Result<u64, SizeError>;

const BYTES: Amount = Amount {
    expected: "bytes, such as 4194304 or \"4MiB\"",
    bare: true,
    parse: Some(parse_storage),
    unlimited: false,
};
const STORAGE: Amount = Amount {
    expected: "bytes, such as 4194304 or \"4MiB\", or \"unlimited\"",
    unlimited: true,
    ..BYTES
};
const BANDWIDTH: Amount = Amount {
    expected: "bytes per second, such as 1048576 or \"5MB/s\", or \"unlimited\"",
    parse: Some(parse_bandwidth),
    ..STORAGE
};
const CPU_TIME: Amount = Amount {
    expected: "a CPU time, such as \"800ms/s\", or \"unlimited\"",
    bare: false,
    parse: Some(parse_cpu_time),
    unlimited: true,
};
const MESSAGES: Amount = Amount {
    expected: "messages per second, such as 500, or \"unlimited\"",
    parse: None,
    ..STORAGE
};

impl Visitor<'_> for &Amount {
    type Value = Allowance;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Allowance, E> {
        if self.bare {
            return Ok(Allowance::AtMost(number));
        }
        Err(E::invalid_type(Unexpected::Unsigned(number), &self))
    }

    // TOML has signed integers only, and other formats wider ones.
    fn visit_i64<E: Error>(self, number: i64) -> Result<Allowance, E> {
        self.visit_i128(number.into())
    }

    fn visit_i128<E: Error>(self, number: i128) -> Result<Allowance, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(out_of_range(number, self)),
        }
    }

    fn visit_u128<E: Error>(self, number: u128) -> Result<Allowance, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(out_of_range(number, self)),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Allowance, E> {
        if self.unlimited && text == UNLIMITED {
            return Ok(Allowance::Unlimited);
        }
        match self.parse {
            Some(parse) => parse(text).map(Allowance::AtMost).map_err(E::custom),
            None => Err(E::invalid_type(Unexpected::Str(text), &self)),
        }
    }
}

fn out_of_range<E: Error>(number: impl fmt::Display, amount: &Amount) -> E {
    let found = format!("integer `{number}`");
    E::invalid_value(Unexpected::Other(&found), &amount)
}

fn read<'de, D: Deserializer<'de>>(
    deserializer: D,
    amount: &Amount,
) -> Result<Option<Allowance>, D::Error> {
    deserializer.deserialize_any(amount).map(Some)
}

/// Reads bytes that cannot be unlimited.
pub(crate) fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let allowance = deserializer.deserialize_any(&BYTES)?;
    allowance.at_most().ok_or_else(|| D::Error::custom("bytes cannot be unlimited"))
}

pub(crate) fn some_bytes<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    bytes(deserializer).map(Some)
}

/// Bytes, or unlimited.
pub(crate) mod storage {
    use super::{Allowance, Deserializer, STORAGE, read};

    pub(crate) use super::write as serialize;

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Allowance>, D::Error> {
        read(deserializer, &STORAGE)
    }
}

/// Bytes per second, or unlimited.
pub(crate) mod bandwidth {
    use super::{Allowance, BANDWIDTH, Deserializer, read};

    pub(crate) use super::write as serialize;

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Allowance>, D::Error> {
        read(deserializer, &BANDWIDTH)
    }
}

/// Milliseconds of CPU time per second, or unlimited.
pub(crate) mod cpu_time {
    use super::{Allowance, CPU_TIME, Deserializer, read};

    pub(crate) use super::write_cpu_time as serialize;

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Allowance>, D::Error> {
        read(deserializer, &CPU_TIME)
    }
}

/// Messages per second, or unlimited.
pub(crate) mod messages {
    use super::{Allowance, Deserializer, MESSAGES, read};

    pub(crate) use super::write as serialize;

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Allowance>, D::Error> {
        read(deserializer, &MESSAGES)
    }
}

#[expect(clippy::ref_option, reason = "serde hands a reference to the field")]
pub(crate) fn write<S: Serializer>(amount: &Option<Allowance>, s: S) -> Result<S::Ok, S::Error> {
    match amount {
        Some(Allowance::AtMost(units)) => s.serialize_u64(*units),
        Some(Allowance::Unlimited) => s.serialize_str(UNLIMITED),
        None => s.serialize_none(),
    }
}

#[expect(clippy::ref_option, reason = "serde hands a reference to the field")]
pub(crate) fn write_cpu_time<S: Serializer>(
    amount: &Option<Allowance>,
    s: S,
) -> Result<S::Ok, S::Error> {
    match amount {
        Some(Allowance::AtMost(ms)) => s.collect_str(&format_args!("{ms}ms/s")),
        other => write(other, s),
    }
}
