//! The policies for a store that is away.

use chaos::scenario::Outcome;
use chaos::spec::OnLoss;
use chaos::terms::{AWAY_FROM, AWAY_WINDOWS, GRACE_WINDOWS, SILENT_GRACE_WINDOWS, away};

use crate::start;

/// The window after the one in which the store is back.
const RETURN: u64 = AWAY_WINDOWS + 1;

/// Runs a loss of the store. While it lasts, hosts may take `times` the limit together.
fn store_is_away(on_loss: OnLoss, is_killed: bool, times: u64) -> Outcome {
    let scenario = away(on_loss, is_killed);
    let outcome = start(&scenario);
    let rows = &outcome.verdict.rows;
    let units: Vec<u64> = rows.values().map(|row| row.units).collect();
    println!("{on_loss:?}: {units:?}");
    let lost = outcome.measured.start + AWAY_FROM;
    let back = lost + AWAY_WINDOWS;
    assert_eq!(outcome.faults[0].0, lost, "{outcome}");
    for (window, row) in rows {
        let most = match window.checked_sub(lost) {
            // It is away, and leases of this window and of the one before have ended.
            Some(1..AWAY_WINDOWS) => times,
            // It is back, and what hosts have granted without it goes on for a window.
            Some(AWAY_WINDOWS | RETURN) => times + 1,
            _ => 1,
        };
        assert!(row.units <= most * scenario.limit, "{window}: {units:?}\n{outcome}");
    }
    let grace = if is_killed { GRACE_WINDOWS } else { SILENT_GRACE_WINDOWS };
    let served = rows.range(lost + 1 + grace..back).filter(|(_, row)| row.units > 0);
    let least = if times == 0 { 0 } else { AWAY_WINDOWS - 1 - grace };
    assert_eq!(u64::try_from(served.count()).unwrap(), least, "{units:?}\n{outcome}");
    let after: u64 = rows.range(back + 2..).map(|(_, row)| row.units).sum();
    assert!(after > scenario.limit, "{units:?}");
    outcome
}

#[test]
fn hosts_that_share_grant_the_limit_together_while_the_store_is_killed() {
    store_is_away(OnLoss::Share, true, 1);
}

#[test]
fn hosts_that_share_grant_the_limit_together_while_the_store_is_stopped() {
    store_is_away(OnLoss::Share, false, 1);
}

#[test]
fn hosts_that_are_open_grant_the_limit_each_while_the_store_is_killed() {
    store_is_away(OnLoss::Open, true, 4);
}

#[test]
fn hosts_that_are_open_grant_the_limit_each_while_the_store_is_stopped() {
    store_is_away(OnLoss::Open, false, 4);
}

#[test]
fn hosts_that_are_closed_grant_nothing_while_the_store_is_killed() {
    store_is_away(OnLoss::Closed, true, 0);
}
