//! Compiling with a real worker.

#![cfg(target_os = "linux")]

mod worker;
