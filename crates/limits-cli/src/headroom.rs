//! How much more than the most that was measured a limit should allow.

use core::fmt;
use core::str::FromStr;

/// A factor from 1 to 1000, exact to a thousandth.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Headroom {
    thousandths: u64,
}

impl Headroom {
    /// Multiplies and rounds up; the result stops at the largest number there is.
    pub(crate) fn over(self, measured: u64) -> u64 {
        let product = u128::from(measured) * u128::from(self.thousandths);
        u64::try_from(product.div_ceil(1000)).unwrap_or(u64::MAX)
    }
}

impl FromStr for Headroom {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected a number from 1 to 1000 with at most three decimals";
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !is_digits(whole) || !is_digits(decimals) || decimals.len() > 3 || whole.len() > 4 {
            return Err(EXPECTED);
        }
        let thousandths =
            format!("{whole}{decimals:0<3}").parse().map_err(|_too_large| EXPECTED)?;
        if !(1_000..=1_000_000).contains(&thousandths) {
            return Err(EXPECTED);
        }
        Ok(Self { thousandths })
    }
}

impl fmt::Display for Headroom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = format!("{:03}", self.thousandths % 1000);
        match decimals.trim_end_matches('0') {
            "" => write!(f, "{}", self.thousandths / 1000),
            decimals => write!(f, "{}.{decimals}", self.thousandths / 1000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Headroom;

    #[test]
    fn a_factor_is_read_exactly() {
        for (text, shown) in
            [("1", "1"), ("1.5", "1.5"), ("2.50", "2.5"), ("1.001", "1.001"), ("1000", "1000")]
        {
            assert_eq!(text.parse::<Headroom>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_not_a_factor_is_refused() {
        for text in ["", "0.999", "1000.001", "-2", "1e3", "NaN", "1.5555", "1.", ".5", "+2"] {
            assert_eq!(
                text.parse::<Headroom>().unwrap_err(),
                "expected a number from 1 to 1000 with at most three decimals",
                "{text}"
            );
        }
    }

    #[test]
    fn the_product_is_rounded_up_and_never_wraps() {
        let factor: Headroom = "1.5".parse().unwrap();
        assert_eq!(factor.over(0), 0);
        assert_eq!(factor.over(1), 2);
        assert_eq!(factor.over(1_000), 1_500);
        assert_eq!(factor.over(u64::MAX), u64::MAX);
    }
}
