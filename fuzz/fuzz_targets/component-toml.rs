#![no_main]

fuzz_cases::fuzz!("component-toml");
