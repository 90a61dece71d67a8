//! The grants of a cluster, their cost, and the effect of faults.

use limits_core::{QuotaResource, QuotaType, StoreLoss};

use super::simulation::{MICRO, MILLI, Plan, SECOND, SECONDS, World};

/// Returns the use of windows in units of a thousandth of the limit.
fn use_of(windows: &[u64], limit: u64) -> u64 {
    let count = u64::try_from(windows.len()).unwrap();
    windows.iter().sum::<u64>() * 1_000 / (count * limit)
}

// I1 I5
#[test]
fn eight_hosts_use_the_whole_limit_and_not_a_unit_more() {
    for (demand, first) in [(15_000, 12), (30_000, 12), (15_000, 65)] {
        let plan = Plan { demand, first, ..SECONDS };
        let mut world = World::new(plan);
        world.run(12 * SECOND);
        let windows = world.windows(2);
        assert!(world.most_in_a_window() <= plan.limit, "{:?}", world.granted);
        let least = if first == 12 { 999 } else { 990 };
        assert!(use_of(&windows, plan.limit) >= least, "{demand} {first}: {windows:?}");
        let questions: u64 = world.hosts.iter().map(|host| host.fleet.questions).sum();
        assert!(questions <= 20 * 8 * 12, "{questions} questions");
    }
}

#[test]
fn hosts_whose_demand_is_the_limit_get_nearly_all_of_it() {
    for demand in [9_375, 10_417] {
        let mut world = World::new(Plan { demand, ..SECONDS });
        world.run(12 * SECOND);
        assert!(world.most_in_a_window() <= SECONDS.limit);
        assert!(use_of(&world.windows(2), world.demand()) >= 985, "{:?}", world.granted);
    }
}

#[test]
fn a_limit_that_is_smaller_than_the_number_of_takers_is_shared_as_well() {
    let plan = Plan { limit: 5, demand: 800, ..SECONDS };
    let mut world = World::new(plan);
    world.run(6 * SECOND);
    assert!(world.windows(2).iter().all(|units| *units == 5), "{:?}", world.granted);
}

#[test]
fn windows_of_100_ms_are_used_to_nine_tenths() {
    for (limit, percent) in [(1_000, 94), (100, 90)] {
        let plan = Plan { period: 100 * MILLI, limit, demand: limit, ..SECONDS };
        let mut world = World::new(plan);
        world.run(4 * SECOND);
        assert!(world.most_in_a_window() <= plan.limit);
        let used = use_of(&world.windows(3), world.demand());
        assert!(used >= percent * 10, "limit {limit}: {used}: {:?}", world.granted);
    }
}

#[test]
fn a_store_that_loses_its_data_costs_a_window_and_grants_nothing_twice() {
    for at in [100, 300, 500, 900] {
        let mut world = World::new(SECONDS);
        world.run(3 * SECOND + at * MILLI);
        world.store.lose_data();
        world.run(4 * SECOND);
        world.store.promote();
        world.run(4 * SECOND);
        assert!(world.most_in_a_window() <= SECONDS.limit, "{at}: {:?}", world.granted);
        let windows = world.windows(2);
        let lost = windows.iter().map(|units| SECONDS.limit - units).sum::<u64>();
        // Two losses: at most a window and a quarter each.
        assert!(lost <= SECONDS.limit * 25 / 10, "{at}: {windows:?}");
    }
}

// I4 I5
#[test]
fn an_idle_host_asks_nothing_and_gets_units_in_a_round_trip() {
    let plan = Plan { hosts: 2, demand: 0, first: 50, ..SECONDS };
    let mut world = World::new(plan);
    world.run(20 * SECOND);
    let before = world.store.questions();
    // Ten windows each, with units that live a quarter of a window.
    assert!(before <= 2 * 12 * 7, "{before} questions");
    world.run(60 * SECOND);
    assert_eq!(world.store.questions(), before);
    let take = |world: &World| world.hosts[0].tracker.consume(QuotaType::MessageRate(1));
    assert!(take(&world).is_err());
    world.run(MILLI);
    assert_eq!(take(&world), Ok(()));
}

// I3
#[test]
fn a_store_that_is_away_grants_what_the_policy_says_and_is_asked_again_by_itself() {
    for (on_loss, most) in
        [(StoreLoss::Closed, 0), (StoreLoss::Share, 10_000), (StoreLoss::Open, 30_000)]
    {
        let plan = Plan { demand: 30_000, on_loss, ..SECONDS };
        let mut world = World::new(plan);
        world.run(4 * SECOND);
        world.store.set_away(true);
        world.run(2 * SECOND);
        if on_loss != StoreLoss::Open {
            assert!(world.most_in_a_window() <= plan.limit, "{on_loss}: {:?}", world.granted);
        }
        let last = *world.granted.keys().last().unwrap();
        world.run(4 * SECOND);
        let away: Vec<_> = world.granted.range(last + 1..last + 4).map(|(_, n)| *n).collect();
        assert!(away.iter().all(|units| *units <= most), "{on_loss}: {away:?}");
        let least = most * 9 / 10;
        assert!(away.iter().all(|units| *units >= least), "{on_loss}: {away:?}");
        world.store.set_away(false);
        world.run(3 * SECOND);
        let windows = world.windows(0);
        let back = windows.last().copied().unwrap();
        assert!((9_980..=10_000).contains(&back), "{on_loss}: {windows:?}");
    }
}

// I2
#[test]
fn replies_that_are_lost_are_charged_once() {
    let mut world = World::new(Plan { demand: 30_000, ..SECONDS });
    world.run(3 * SECOND);
    for _ in 0..50 {
        world.store.cut_next_reply();
        world.run(97 * MILLI);
    }
    assert!(world.most_in_a_window() <= SECONDS.limit);
    let windows = world.windows(2);
    assert!(use_of(&windows, SECONDS.limit) >= 990, "{windows:?}");
}

// I1
#[test]
fn a_driver_that_stands_still_spends_nothing_after_the_deadline() {
    let mut world = World::new(Plan { demand: 30_000, ..SECONDS });
    for round in 0..12 {
        let now = world.now();
        let host = &mut world.hosts[round % 8];
        host.stalled_until = now + 2_300 * MILLI;
        // Few takes: units are left when the window ends.
        host.demand = if round % 2 == 0 { 40 } else { 30_000 };
        world.run(700 * MILLI);
    }
    assert!(world.most_in_a_window() <= SECONDS.limit, "{:?}", world.granted);
}

/// Faults at random moments, each of which the store or a host survives.
#[test]
fn no_series_of_faults_grants_a_unit_too_many() {
    for seed in 0..40 {
        let mut random = fastrand::Rng::with_seed(seed);
        let period = [100 * MILLI, 300 * MILLI, SECOND][random.usize(..3)];
        let plan = Plan {
            hosts: random.usize(2..6),
            period,
            limit: [7, 1_000, 10_000][random.usize(..3)],
            demand: random.u64(1..30_000),
            first: random.u64(1..90),
            round_trip: random.u64(100 * MICRO..period / 50),
            on_loss: StoreLoss::Closed,
        };
        let mut world = World::new(plan);
        for _ in 0..20 {
            world.run(random.u64(1..period * 2));
            match random.u8(..9) {
                8 => {
                    // A replica whose clock is ahead.
                    world.store.promote();
                    world.store.step_clock(i64::try_from(random.u64(..period)).unwrap());
                }
                0 => world.store.lose_data(),
                1 => world.store.promote(),
                2 => world.store.set_away(true),
                3 => world.store.set_short_wait(random.bool()),
                4 => world.store.cut_next_reply(),
                5 | 6 => {
                    let until = world.now() + random.u64(1..period * 3);
                    let index = random.usize(..world.hosts.len());
                    world.hosts[index].stalled_until = until;
                }
                _ => world.store.set_away(false),
            }
        }
        let most = world.most_in_a_window();
        assert!(most <= plan.limit, "seed {seed}: {most} of {}: {:?}", plan.limit, world.granted);
        // Once all is well again, the limit is granted again.
        world.store.set_away(false);
        world.store.set_short_wait(false);
        world.hosts.iter_mut().for_each(|host| host.stalled_until = 0);
        world.run(5 * period + 2 * SECOND);
        let back = world.windows(0).last().copied().unwrap();
        let wanted = world.demand().min(plan.limit);
        assert!(back * 10 >= wanted * 7, "seed {seed}: {back} of {wanted}: {:?}", world.granted);
    }
}

/// The lease of a host that is cut off, where the store has moved to a server whose clock is ahead.
// I1
#[test]
fn a_lease_that_no_answer_has_extended_ends_before_another_server_grants() {
    let plan = Plan { hosts: 2, limit: 100, demand: 0, first: 50, ..SECONDS };
    let mut world = World::new(plan);
    // To the beginning of a window.
    world.run(1_750 * MILLI);
    let take = |world: &World| world.hosts[0].tracker.consume(QuotaType::MessageRate(60));
    assert!(take(&world).is_err());
    world.run(5 * MILLI);
    let usage = world.hosts[0].tracker.leases().unwrap().of(QuotaResource::MessageRate).unwrap();
    assert!(usage.usage().left() >= 60);
    world.hosts[0].stalled_until = u64::MAX;
    world.store.promote();
    world.store.step_clock(i64::try_from(600 * MILLI).unwrap());
    world.hosts[1].demand = 1_000;
    world.run(600 * MILLI);
    // The window in which it was leased goes on by the old server's clock, and the new one grants.
    assert_eq!(world.granted.values().last(), Some(&100), "{:?}", world.granted);
    assert!(take(&world).is_err());
}

/// A guest that asks for all and takes nothing would else keep the units from all other hosts.
#[test]
fn a_refused_take_costs_other_hosts_no_more_than_the_window_after_it() {
    for (limit, amount) in [(1_000, 1_000), (1_000, 900), (1_000, 400), (1, 1), (5, 5)] {
        let plan = Plan { hosts: 2, limit, demand: 0, first: 50, ..SECONDS };
        let mut world = World::new(plan);
        world.run(4 * SECOND);
        world.hosts[1].demand = limit * 2;
        world.run(2 * SECOND + 500 * MILLI);
        let _outcome = world.hosts[0].tracker.consume(QuotaType::MessageRate(amount));
        let refused_in = *world.granted.keys().last().unwrap();
        world.run(6 * SECOND);
        let after: Vec<_> = world.granted.range(refused_in + 2..).map(|(_, n)| *n).collect();
        let whole = after.split_last().unwrap().1;
        let least = limit * 98 / 100;
        assert!(whole.iter().all(|units| *units >= least), "{limit} {amount}: {after:?}");
    }
}

#[test]
fn takes_that_do_not_fit_any_more_keep_nothing_from_other_hosts() {
    let plan = Plan { hosts: 2, limit: 1_000, demand: 0, first: 50, ..SECONDS };
    let mut world = World::new(plan);
    world.run(4 * SECOND);
    world.hosts[1].demand = 800;
    world.run(2 * SECOND + 300 * MILLI);
    // The other host has spent nearly half of the window's units.
    let window = *world.granted.keys().last().unwrap();
    for _ in 0..350 {
        assert!(world.hosts[0].tracker.consume(QuotaType::MessageRate(1_000)).is_err());
        world.run(MILLI);
    }
    world.run(100 * MILLI);
    assert!(world.granted[&window] >= 780, "{:?}", world.granted);
}

// I5
#[test]
fn a_store_whose_clock_steps_back_within_a_window_is_not_asked_without_end() {
    let plan = Plan { hosts: 2, demand: 15_000, first: 50, ..SECONDS };
    let mut world = World::new(plan);
    world.run(4 * SECOND);
    // To the end of a window, which then begins anew.
    world.run(650 * MILLI);
    world.store.step_clock(-i64::try_from(900 * MILLI).unwrap());
    let before = world.store.questions();
    world.run(900 * MILLI);
    let questions = world.store.questions() - before;
    assert!(questions <= 2 * 60, "{questions} questions");
}

// I5
#[test]
fn a_clock_that_steps_back_while_a_key_is_young_makes_no_flood_of_questions() {
    let mut world = World::new(Plan { hosts: 2, first: 50, ..SECONDS });
    world.run(600 * MILLI);
    world.store.step_clock(-i64::try_from(900 * MILLI).unwrap());
    let before = world.store.questions();
    world.run(SECOND);
    let questions = world.store.questions() - before;
    assert!(questions <= 2 * 60, "{questions} questions");
}
