//! The error of a host function.

use alloc::boxed::Box;
use alloc::string::ToString as _;
use core::error::Error;
use core::fmt;

use crate::escaped::shown_reason;

/// The error of a host function, as the function returned it to the guest.
///
/// `Display` [escapes](crate::Escaped) its text and cuts it at 8 192 characters, since it may quote
/// the guest; [`into_inner`](Self::into_inner) returns the error unchanged.
#[derive(Debug)]
pub struct HostError(Box<dyn Error + Send + Sync>);

impl HostError {
    pub(crate) const fn new(error: Box<dyn Error + Send + Sync>) -> Self {
        Self(error)
    }

    pub(crate) fn inner(&self) -> &(dyn Error + 'static) {
        &*self.0
    }

    /// Finds an error of type `E` in this error or its causes.
    #[must_use]
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        let mut next: Option<&(dyn Error + 'static)> = Some(self.inner());
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref::<E>() {
                return Some(found);
            }
            next = error.source();
        }
        None
    }

    /// Returns the error unchanged.
    #[must_use]
    pub fn into_inner(self) -> Box<dyn Error + Send + Sync> {
        self.0
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&shown_reason(&self.0.to_string()), f)
    }
}

#[cfg(test)]
mod tests {
    use super::HostError;
    use crate::execution::wasm_error::WasmError;
    use core::error::Error;
    use core::fmt;
    use std::boxed::Box;
    use std::string::{String, ToString};

    #[derive(Debug)]
    struct Outer(Inner);
    #[derive(Debug)]
    struct Inner(u8);
    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("outer")
        }
    }
    impl fmt::Display for Inner {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("inner")
        }
    }
    impl Error for Inner {}
    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn a_host_functions_error_is_found_by_its_type_at_any_depth() {
        let error = HostError::new(Box::new(Outer(Inner(7))));
        assert!(error.downcast_ref::<Outer>().is_some());
        assert_eq!(error.downcast_ref::<Inner>().map(|inner| inner.0), Some(7));
        assert!(error.downcast_ref::<fmt::Error>().is_none());
        assert!(error.into_inner().is::<Outer>());
    }

    #[test]
    fn the_chain_names_each_cause_once() {
        let error = WasmError::host(Outer(Inner(7)));
        assert_eq!(error.to_string(), "host function failed: outer");
        assert_eq!(error.source().map(ToString::to_string), Some(String::from("inner")));
    }
}
