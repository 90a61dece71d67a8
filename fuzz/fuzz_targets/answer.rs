#![no_main]

fuzz_cases::fuzz!("answer");
