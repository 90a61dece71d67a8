#![no_main]

fuzz_cases::fuzz!("cache-entry");
