//! The choice between waiting and ending without CPU time.

use alloc::boxed::Box;
use core::error::Error;
use core::fmt;
use core::str::FromStr;

use crate::escaped::quoted;

/// The fate of an execution whose component has used up its quota of CPU time: it waits or it ends.
///
/// The larger policy is the more generous one, so the stricter of two is `a.min(b)`, as with
/// [`Allowance`](crate::Allowance). The executor enforces it.
///
/// ```
/// use limits_core::CpuTimePolicy;
///
/// let asked: CpuTimePolicy = "throttle".parse()?;
/// assert_eq!(asked, CpuTimePolicy::default());
/// assert_eq!(asked.min(CpuTimePolicy::Deny).to_string(), "deny");
/// # Ok::<(), limits_core::CpuTimePolicyError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "an execution without CPU time waits or ends")]
pub enum CpuTimePolicy {
    /// The execution ends with the refusal.
    Deny,
    /// The execution waits for the next period, as under a cgroup's `cpu.max`, while its deadline
    /// runs on. It ends with the refusal if CPU time never comes (a quota of zero).
    #[default]
    Throttle,
}

impl CpuTimePolicy {
    /// Returns the policy's word: `deny` or `throttle`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Throttle => "throttle",
        }
    }
}

impl fmt::Display for CpuTimePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for CpuTimePolicy {
    type Err = CpuTimePolicyError;

    fn from_str(text: &str) -> Result<Self, CpuTimePolicyError> {
        [Self::Deny, Self::Throttle]
            .into_iter()
            .find(|policy| policy.as_str() == text)
            .ok_or_else(|| CpuTimePolicyError(Box::from(text)))
    }
}

/// A text that is not a [`CpuTimePolicy`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CpuTimePolicyError(Box<str>);

impl fmt::Display for CpuTimePolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a CPU time policy: expected throttle or deny", quoted(&self.0))
    }
}

impl Error for CpuTimePolicyError {}

#[cfg(test)]
mod tests {
    use super::CpuTimePolicy;
    use std::string::ToString as _;

    #[test]
    fn a_policy_is_read_from_its_word_and_from_no_other() {
        for policy in [CpuTimePolicy::Deny, CpuTimePolicy::Throttle] {
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
        let says = |text: &str| text.parse::<CpuTimePolicy>().unwrap_err().to_string();
        assert_eq!(says("Deny"), "`Deny` is not a CPU time policy: expected throttle or deny");
        assert_eq!(says(""), "`` is not a CPU time policy: expected throttle or deny");
        assert_eq!(
            says("\u{1b}[2J"),
            "`\\u{1b}[2J` is not a CPU time policy: expected throttle or deny"
        );
    }

    #[test]
    fn deny_is_stricter_than_throttle_which_is_the_default() {
        assert!(CpuTimePolicy::Deny < CpuTimePolicy::Throttle);
        assert_eq!(CpuTimePolicy::default(), CpuTimePolicy::Throttle);
    }
}
