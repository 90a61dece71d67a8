//! The fields of the structs that stand for tables of a file.

use core::time::Duration;

use limits_core::{Allowance, CpuTimePolicy};

use crate::grammar::period;
use crate::grammar::value::Value;

/// A field that holds a setting.
pub(crate) trait Field: Sized {
    /// Returns the value, if one is given.
    fn value(&self) -> Option<Value>;

    /// Returns the field for what a file gives; `None` if the file must give more.
    fn of(value: Option<Value>) -> Option<Self>;
}

/// A type whose values are values of a setting.
pub(crate) trait Scalar: Copy {
    fn to_value(self) -> Value;

    /// Returns `None` for a value of another kind. A test over the table excludes that.
    fn from_value(value: Value) -> Option<Self>;
}

/// A required setting.
impl Field for u64 {
    fn value(&self) -> Option<Value> {
        Some(self.to_value())
    }

    fn of(value: Option<Value>) -> Option<Self> {
        value.and_then(Self::from_value)
    }
}

/// A setting with a default.
impl<T: Scalar> Field for Option<T> {
    fn value(&self) -> Option<Value> {
        self.map(T::to_value)
    }

    fn of(value: Option<Value>) -> Option<Self> {
        match value {
            Some(value) => T::from_value(value).map(Some),
            None => Some(None),
        }
    }
}

impl Scalar for u64 {
    fn to_value(self) -> Value {
        Value::number(self)
    }

    fn from_value(value: Value) -> Option<Self> {
        value.at_most()
    }
}

impl Scalar for u32 {
    fn to_value(self) -> Value {
        Value::number(self.into())
    }

    fn from_value(value: Value) -> Option<Self> {
        value.at_most().and_then(|number| Self::try_from(number).ok())
    }
}

impl Scalar for Allowance {
    fn to_value(self) -> Value {
        Value::Amount(self)
    }

    fn from_value(value: Value) -> Option<Self> {
        value.amount()
    }
}

impl Scalar for Duration {
    fn to_value(self) -> Value {
        Value::number(period::in_ms(self))
    }

    fn from_value(value: Value) -> Option<Self> {
        value.at_most().map(Self::from_millis)
    }
}

impl Scalar for CpuTimePolicy {
    fn to_value(self) -> Value {
        Value::Word(self.as_str())
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Word(word) => word.parse().ok(),
            Value::Amount(_) => None,
        }
    }
}
