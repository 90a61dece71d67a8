//! `wasi:http` under capabilities, limits and the bandwidth quota.
