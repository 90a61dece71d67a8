//! All vectors, in both ways.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stderr, reason = "the measures stand in the log of a failed test")]

mod bombs;
mod bounds;
mod catalogue;
mod mutations;
mod section;

use section::both_ways;

#[test]
fn section_a_is_contained() {
    both_ways('A');
}

#[test]
fn section_b_is_contained() {
    both_ways('B');
}

#[test]
fn section_c_is_contained() {
    both_ways('C');
}

#[test]
fn section_d_is_contained() {
    both_ways('D');
}

#[test]
fn section_e_is_contained() {
    both_ways('E');
}

#[test]
fn section_f_is_contained() {
    both_ways('F');
}

#[test]
fn section_g_is_contained() {
    both_ways('G');
}

#[test]
fn section_h_is_contained() {
    both_ways('H');
}
