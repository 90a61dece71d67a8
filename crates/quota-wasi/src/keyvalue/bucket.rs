//! A bucket that a guest has opened.

use std::sync::{Arc, LazyLock};

use limits_core::{Domain, Pattern, PatternError};

use crate::keyvalue::refused::Refused;

/// The bucket of the empty identifier.
const DEFAULT: &str = "default";
/// The longest name of a bucket, in bytes. The store may keep it with each pair.
const MAX_BYTES: usize = 64;

/// A bucket that a guest has opened. It gives nothing by itself: each key is decided anew.
#[derive(Clone, Debug)]
#[expect(unreachable_pub, reason = "the bindings re-export it within the crate")]
pub struct Bucket(Arc<str>);

impl Bucket {
    /// Returns the bucket of an identifier: the text itself, or `default` for the empty one.
    ///
    /// It is one segment of a resource: a `:` in it would let a pattern of one bucket match keys of
    /// another.
    pub(crate) fn of(identifier: &str) -> Result<Self, Refused> {
        let name = if identifier.is_empty() { DEFAULT } else { identifier };
        let problem = if name.len() > MAX_BYTES {
            format!("it has {} bytes, at most {MAX_BYTES} are allowed", name.len())
        } else if name.contains(':') {
            String::from("it has a `:`")
        } else if name.contains('\0') {
            String::from("it has a NUL byte")
        } else {
            return Ok(Self(name.into()));
        };
        Err(Refused::Told(format!("not a bucket: {problem}")))
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    /// Returns the text by which patterns know a key, or a refusal if the key cannot have one.
    pub(crate) fn resource(&self, key: &str) -> Result<String, Refused> {
        static ANY: LazyLock<Result<Pattern, PatternError>> =
            LazyLock::new(|| Pattern::new(Domain::Storage, "**"));
        let told = |problem: &dyn core::fmt::Display| {
            Refused::Told(format!("not a key of bucket `{}`: {problem}", self.shown()))
        };
        let resource = format!("{}:{key}", self.0);
        match &*ANY {
            Ok(any) => any.matches(&resource).map_err(|problem| told(&problem))?,
            Err(problem) => return Err(told(problem)),
        };
        Ok(resource)
    }

    fn shown(&self) -> limits_core::Escaped<'_> {
        limits_core::Escaped::head(&self.0, MAX_BYTES)
    }
}
