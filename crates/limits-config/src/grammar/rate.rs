//! Rates: "5MB/s", "800ms/s".

use crate::grammar::size::{SizeError, parse_size, split_digits};

const BANDWIDTH: &str = "a bandwidth, such as 5MB/s";
const CPU_TIME: &str = "a CPU time, such as 800ms/s";

/// Reads a bandwidth in bytes per second: a size as in
/// [`parse_storage`](crate::parse_storage) followed by `/s`, or digits alone.
///
/// ```
/// use limits_config::parse_bandwidth;
///
/// assert_eq!(parse_bandwidth("5MB/s"), Ok(5 * 1024 * 1024));
/// assert_eq!(
///     parse_bandwidth("5MB").unwrap_err().to_string(),
///     "`5MB` is not a rate, did you mean `5MB/s`?"
/// );
/// ```
///
/// # Errors
///
/// [`SizeError`] if the text is anything else or exceeds `u64::MAX`.
pub fn parse_bandwidth(bandwidth: &str) -> Result<u64, SizeError> {
    if let Some(size) = bandwidth.strip_suffix("/s") {
        return parse_size(size, bandwidth, BANDWIDTH);
    }
    let bytes = parse_size(bandwidth, bandwidth, BANDWIDTH)?;
    if bandwidth.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(bytes);
    }
    Err(SizeError::NotPerSecond { text: bandwidth.to_owned(), meant: format!("{bandwidth}/s") })
}

/// Reads a share of CPU time in milliseconds per second: digits, an optional single space, and
/// `ms/s`.
///
/// `1000ms/s` is one whole core; more is possible where a component runs more than once at a
/// time.
///
/// ```
/// use limits_config::parse_cpu_time;
///
/// assert_eq!(parse_cpu_time("800ms/s"), Ok(800));
/// assert_eq!(parse_cpu_time("800 ms/s"), Ok(800));
/// ```
///
/// # Errors
///
/// [`SizeError`] if the text is anything else or exceeds `u64::MAX`.
pub fn parse_cpu_time(cpu_time: &str) -> Result<u64, SizeError> {
    let (digits, rest) = split_digits(cpu_time);
    let unit = rest.strip_prefix(' ').unwrap_or(rest);
    if digits.is_empty() {
        return Err(SizeError::Malformed { text: cpu_time.to_owned(), expected: CPU_TIME });
    }
    match unit {
        "ms/s" => {
            digits.parse().map_err(|_error| SizeError::TooLarge { text: cpu_time.to_owned() })
        }
        "" | "ms" => Err(SizeError::NotPerSecond {
            text: cpu_time.to_owned(),
            meant: format!("{digits}ms/s"),
        }),
        _ => Err(SizeError::Malformed { text: cpu_time.to_owned(), expected: CPU_TIME }),
    }
}

#[cfg(test)]
mod tests {
    use super::{parse_bandwidth, parse_cpu_time};
    use proptest::prelude::*;

    #[test]
    fn a_bandwidth_is_a_size_per_second() {
        let table = [
            ("0", 0),
            ("1500", 1500),
            ("0B/s", 0),
            ("1500/s", 1500),
            ("5MB/s", 5 << 20),
            ("5 MiB/s", 5 << 20),
            ("0.5KB/s", 512),
        ];
        for (text, bytes) in table {
            assert_eq!(parse_bandwidth(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn a_bandwidth_that_is_none_says_what_is_missing() {
        let table = [
            ("5MB", "`5MB` is not a rate, did you mean `5MB/s`?"),
            ("5 MB", "`5 MB` is not a rate, did you mean `5 MB/s`?"),
            ("5Mb/s", "`5Mb/s`: bits are not accepted, did you mean `5MB/s`?"),
            ("5Mbit/s", "`5Mbit/s`: bits are not accepted, did you mean `5MB/s`?"),
            ("5MB/sec", "`5MB/sec` is not a bandwidth, such as 5MB/s"),
            ("5MB/m", "`5MB/m` is not a bandwidth, such as 5MB/s"),
            ("/s", "`/s` is not a bandwidth, such as 5MB/s"),
            ("-1/s", "`-1/s` is not a bandwidth, such as 5MB/s"),
            ("0.1KB/s", "`0.1KB/s` is not a whole number of bytes"),
        ];
        for (text, error) in table {
            assert_eq!(parse_bandwidth(text).unwrap_err().to_string(), error);
        }
    }

    #[test]
    fn a_cpu_time_is_milliseconds_per_second() {
        assert_eq!(parse_cpu_time("0ms/s"), Ok(0));
        assert_eq!(parse_cpu_time("1000 ms/s"), Ok(1000));
        assert_eq!(parse_cpu_time("18446744073709551615ms/s"), Ok(u64::MAX));
    }

    #[test]
    fn a_cpu_time_that_is_none_says_what_is_missing() {
        let table = [
            ("800", "`800` is not a rate, did you mean `800ms/s`?"),
            ("800ms", "`800ms` is not a rate, did you mean `800ms/s`?"),
            ("0.5ms/s", "`0.5ms/s` is not a CPU time, such as 800ms/s"),
            ("1s/s", "`1s/s` is not a CPU time, such as 800ms/s"),
            ("", "`` is not a CPU time, such as 800ms/s"),
            ("-1ms/s", "`-1ms/s` is not a CPU time, such as 800ms/s"),
            ("50%", "`50%` is not a CPU time, such as 800ms/s"),
            (
                "18446744073709551616ms/s",
                "`18446744073709551616ms/s` is too large: the most is 18446744073709551615",
            ),
        ];
        for (text, error) in table {
            assert_eq!(parse_cpu_time(text).unwrap_err().to_string(), error);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn any_text_parses_or_errs(text in "\\PC{0,16}(ms/s|/s|)") {
            for error in [parse_bandwidth(&text).err(), parse_cpu_time(&text).err()] {
                prop_assert!(error.is_none_or(|error| !error.to_string().is_empty()));
            }
        }

        #[test]
        fn every_number_is_read_back(number: u64) {
            prop_assert_eq!(parse_bandwidth(&format!("{number}B/s")), Ok(number));
            prop_assert_eq!(parse_cpu_time(&format!("{number}ms/s")), Ok(number));
        }
    }
}
