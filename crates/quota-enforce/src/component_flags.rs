//! The flags of a component, which each take reads first.

use core::sync::atomic::{AtomicU8, Ordering};

const REGISTERED: u8 = 1;
/// It was registered, and is no more.
const UNREGISTERED: u8 = 2;
/// Sinks or peaks hear of each take.
const WATCHED: u8 = 4;

/// The flags of a component at one time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ComponentFlags(u8);

impl ComponentFlags {
    #[inline]
    pub(crate) fn of(flags: &AtomicU8) -> Self {
        // Pairs with the releases below: a thread that sees the component unregistered sees what
        // was done before that.
        Self(flags.load(Ordering::Acquire))
    }

    pub(crate) fn set_registered(flags: &AtomicU8) {
        flags.fetch_or(REGISTERED, Ordering::Release);
    }

    pub(crate) fn set_unregistered(flags: &AtomicU8) {
        flags.fetch_or(UNREGISTERED, Ordering::Release);
    }

    pub(crate) fn set_watched(flags: &AtomicU8) {
        flags.fetch_or(WATCHED, Ordering::Release);
    }

    #[inline]
    pub(crate) const fn is_registered(self) -> bool {
        self.0 & (REGISTERED | UNREGISTERED) == REGISTERED
    }

    /// Reports whether the component was never registered: no sink has heard of it.
    pub(crate) const fn is_unheard(self) -> bool {
        self.0 & REGISTERED == 0
    }

    /// Reports whether sinks or peaks hear of each take.
    #[inline]
    pub(crate) const fn is_watched(self) -> bool {
        self.0 & WATCHED != 0
    }
}

#[cfg(test)]
mod tests {
    use super::ComponentFlags;
    use core::sync::atomic::AtomicU8;

    #[test]
    fn a_component_is_unheard_then_registered_then_neither_watched_or_not() {
        for watched in [false, true] {
            let flags = AtomicU8::new(0);
            if watched {
                ComponentFlags::set_watched(&flags);
            }
            let read = || {
                let flags = ComponentFlags::of(&flags);
                assert_eq!(flags.is_watched(), watched);
                (flags.is_unheard(), flags.is_registered())
            };
            assert_eq!(read(), (true, false));
            ComponentFlags::set_registered(&flags);
            assert_eq!(read(), (false, true));
            ComponentFlags::set_unregistered(&flags);
            assert_eq!(read(), (false, false));
        }
    }

    #[test]
    fn a_component_that_was_given_up_unheard_stays_so() {
        let flags = AtomicU8::new(0);
        ComponentFlags::set_unregistered(&flags);
        assert!(ComponentFlags::of(&flags).is_unheard());
        assert!(!ComponentFlags::of(&flags).is_registered());
    }
}
