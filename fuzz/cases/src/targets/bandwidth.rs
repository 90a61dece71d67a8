//! Bandwidths and CPU time.

use limits_config::{parse_bandwidth, parse_cpu_time, parse_storage};

use crate::corpus::{Corpus, texts};
use crate::targets::size::WORDS;

pub(crate) fn run(bytes: &[u8]) -> bool {
    let Ok(text) = core::str::from_utf8(bytes) else { return false };
    let rate = parse_bandwidth(text);
    if let (Ok(rate), Some(size)) = (&rate, text.strip_suffix("/s")) {
        assert_eq!(parse_storage(size).as_ref(), Ok(rate));
    }
    let time = parse_cpu_time(text);
    if let Ok(ms) = time {
        let digits = text.trim_end_matches("ms/s").trim_end();
        assert_eq!(digits.parse(), Ok(ms), "{text}");
    }
    rate.is_ok() || time.is_ok()
}

pub(crate) fn corpus() -> Corpus {
    texts(&["5MB/s", "5242880", "800ms/s", "800 ms/s", "0.5KiB/s", "1/s"], WORDS, 64)
}
