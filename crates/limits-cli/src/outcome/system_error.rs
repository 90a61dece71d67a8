//! Errors of the operating system.

use core::fmt;
use std::io;

use limits_core::{HostResource, HostShortage};
use limits_wasmtime::host_resource;

use crate::outcome::Outcome;

/// An error of the operating system, and whether a lack of resources caused it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum SystemError {
    /// The host lacked a resource.
    Short(HostShortage),
    /// Any other reason.
    Other(String),
}

impl SystemError {
    /// Returns the outcome by who must act.
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::Short(_) => Outcome::Host,
            Self::Other(_) => Outcome::Error,
        }
    }

    /// Classifies an error.
    pub(crate) fn of(error: &io::Error) -> Self {
        match host_resource(error) {
            Some(resource) => Self::Short(HostShortage::new(resource, error.to_string())),
            None => Self::Other(error.to_string()),
        }
    }

    /// Classifies an error of WASI that an error of the system may have caused.
    pub(crate) fn of_wasi(error: &wasmtime::Error) -> Self {
        let words = error.root_cause().to_string();
        match error.root_cause().downcast_ref::<io::Error>() {
            Some(error) => Self::of(error),
            None if error.is::<wasmtime::OutOfMemory>() => {
                Self::Short(HostShortage::new(HostResource::Memory, words))
            }
            None => Self::Other(words),
        }
    }
}

impl fmt::Display for SystemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short(shortage) => fmt::Display::fmt(shortage, f),
            Self::Other(reason) => f.write_str(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SystemError;
    use limits_core::HostResource;
    use std::io;

    #[test]
    #[cfg(unix)]
    fn what_the_host_lacks_is_told_from_what_is_wrong_with_a_file() {
        use rustix::io::Errno;
        for (errno, lacking) in [
            (Errno::NOMEM, Some(HostResource::Memory)),
            (Errno::MFILE, Some(HostResource::Descriptors)),
            (Errno::NFILE, Some(HostResource::Descriptors)),
            (Errno::NOSPC, Some(HostResource::Disk)),
            (Errno::DQUOT, Some(HostResource::Disk)),
            (Errno::NOENT, None),
            (Errno::ACCESS, None),
            (Errno::IO, None),
            (Errno::AGAIN, None),
        ] {
            let error = io::Error::from(errno);
            let below = wasmtime::Error::from(io::Error::from(errno)).context("opening");
            for refused in [SystemError::of(&error), SystemError::of_wasi(&below)] {
                let resource = match &refused {
                    SystemError::Short(shortage) => Some(shortage.resource()),
                    SystemError::Other(_) => None,
                };
                assert_eq!(resource, lacking, "{errno:?}");
                assert!(refused.to_string().ends_with(&error.to_string()), "{refused}");
            }
        }
    }
}
