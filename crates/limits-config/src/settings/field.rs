//! The fields of the structs that stand for tables of a file.

use core::time::Duration;

use limits_core::{Allowance, CpuTimePolicy, RatePolicy, StorageBaseline};

use crate::grammar::period;
use crate::grammar::value::Value;

/// A field that holds a setting.
pub(crate) trait Field: Sized {
    /// Returns the value, if one is given.
    fn value(&self) -> Option<Value>;

    /// Returns the field for what a file gives; `None` if the file must give more, or if the value
    /// is of another kind. A test over the table excludes the latter.
    fn of(value: Option<Value>) -> Option<Self>;
}

/// A required setting.
impl Field for u64 {
    fn value(&self) -> Option<Value> {
        Some(Value::number(*self))
    }

    fn of(value: Option<Value>) -> Option<Self> {
        value.and_then(Value::at_most)
    }
}

/// Implements [`Field`] for a setting with a default.
macro_rules! optional {
    ($type:ty, $to_value:expr, $from_value:expr) => {
        impl Field for Option<$type> {
            fn value(&self) -> Option<Value> {
                self.map($to_value)
            }

            fn of(value: Option<Value>) -> Option<Self> {
                let from_value: fn(Value) -> Option<$type> = $from_value;
                value.map_or(Some(None), |value| from_value(value).map(Some))
            }
        }
    };
}

optional!(u32, |number| Value::number(number.into()), |value| value.at_most()?.try_into().ok());
optional!(u64, Value::number, Value::at_most);
optional!(Allowance, Value::Amount, Value::amount);
optional!(Duration, |period| Value::number(period::in_ms(period)), |value| {
    value.at_most().map(Duration::from_millis)
});
optional!(CpuTimePolicy, |policy| Value::Word(policy.as_str()), |value| {
    value.to_string().parse().ok()
});
optional!(RatePolicy, |policy| Value::Word(policy.as_str()), |value| {
    value.to_string().parse().ok()
});
optional!(StorageBaseline, |baseline| Value::Word(baseline.as_str()), |value| {
    value.to_string().parse().ok()
});
