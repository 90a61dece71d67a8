//! The end of a guest's future, as its driver tells it.

use crate::hook::Stop;
use crate::moment::Moment;

/// The end of a guest's future.
///
/// Of whole words, since it is moved several times: the processor waits where it reads in one step
/// what was written in several.
#[derive(Debug)]
pub(crate) struct Driven {
    pub(crate) at: Moment,
    /// None if the future was polled to its end.
    pub(crate) stopped: Option<Box<Stopped>>,
}

/// A guest was stopped before the end of its future.
#[derive(Debug)]
pub(crate) struct Stopped {
    pub(crate) stop: Stop,
    /// The guest's fuel counter was in the store then.
    pub(crate) fuel_exact: bool,
}

impl Driven {
    /// Returns the end of a future that was polled to its end.
    #[inline]
    pub(crate) const fn done(at: Moment) -> Self {
        Self { at, stopped: None }
    }
}
