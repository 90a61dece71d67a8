//! The choice between waiting and refusing when a rate is used up.

use alloc::boxed::Box;
use core::error::Error;
use core::fmt;
use core::str::FromStr;

use crate::escaped::quoted;

/// The fate of an operation whose component has used up a rate, of messages or of bytes on the
/// network: it waits or it is refused.
///
/// The larger policy is the more generous one, so the stricter of two is `a.min(b)`, as with
/// [`CpuTimePolicy`](crate::CpuTimePolicy). A tracker does not know it: the caller that takes from
/// the rate, such as `quota-wasi`, enforces it.
///
/// ```
/// use limits_core::RatePolicy;
///
/// let asked: RatePolicy = "throttle".parse()?;
/// assert_eq!(asked, RatePolicy::default());
/// assert_eq!(asked.min(RatePolicy::Deny).to_string(), "deny");
/// # Ok::<(), limits_core::RatePolicyError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "an operation waits or is refused")]
pub enum RatePolicy {
    /// The operation is refused, and the guest reads why.
    Deny,
    /// The operation waits for its units, while the deadline of its execution runs on. No byte and
    /// no message is lost.
    #[default]
    Throttle,
}

impl RatePolicy {
    /// Returns the policy's word: `deny` or `throttle`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Throttle => "throttle",
        }
    }
}

impl fmt::Display for RatePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for RatePolicy {
    type Err = RatePolicyError;

    fn from_str(text: &str) -> Result<Self, RatePolicyError> {
        [Self::Deny, Self::Throttle]
            .into_iter()
            .find(|policy| policy.as_str() == text)
            .ok_or_else(|| RatePolicyError(Box::from(text)))
    }
}

/// A text that is not a [`RatePolicy`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RatePolicyError(Box<str>);

impl fmt::Display for RatePolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a policy for a rate: expected throttle or deny", quoted(&self.0))
    }
}

impl Error for RatePolicyError {}

#[cfg(test)]
mod tests {
    use super::RatePolicy;
    use std::string::ToString as _;

    #[test]
    fn a_policy_is_read_from_its_word_and_from_no_other() {
        for policy in [RatePolicy::Deny, RatePolicy::Throttle] {
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
        let says = |text: &str| text.parse::<RatePolicy>().unwrap_err().to_string();
        assert_eq!(says("Deny"), "`Deny` is not a policy for a rate: expected throttle or deny");
        assert_eq!(says(""), "`` is not a policy for a rate: expected throttle or deny");
        assert_eq!(
            says("\u{1b}[2J"),
            "`\\u{1b}[2J` is not a policy for a rate: expected throttle or deny"
        );
    }

    #[test]
    fn deny_is_stricter_than_throttle_which_is_the_default() {
        assert!(RatePolicy::Deny < RatePolicy::Throttle);
        assert_eq!(RatePolicy::default(), RatePolicy::Throttle);
    }
}
