//! Descriptors and threads of the host's process while guests take all that they may.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use attacks::outcome::Outcome;
use attacks::resident::{descriptors, threads};
use attacks::stage::Stage;
use attacks::vector::Kind;
use attacks::zoo::c;

use crate::section::alone;

/// Executions at once.
const AT_ONCE: u32 = 4;
/// The threads that block for one component.
const BLOCKING: usize = 8;
/// Descriptors and threads of the process that are no guest's: of the compiler's worker, the
/// sampler and stores that are dropped.
const OWN: usize = 24;

/// Carries out the attack on descriptors or threads with this title. Returns the most of each that
/// the process had more than before.
fn peaks(stage: &Stage, title: &str, runs: u32) -> (usize, usize) {
    let vectors = c::vectors();
    let vector = vectors.iter().find(|vector| vector.title == title).unwrap();
    let Kind::Guest(case) = &vector.kind else { panic!("{title} is no guest") };
    let case = case.clone().runs(runs, runs);
    let before = (descriptors(), threads());
    let [most_descriptors, most_threads] = [const { AtomicUsize::new(0) }; 2];
    let is_over = AtomicBool::new(false);
    let measured = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                most_descriptors.fetch_max(descriptors(), Ordering::Relaxed);
                most_threads.fetch_max(threads(), Ordering::Relaxed);
            }
        });
        let measured = stage.attack(&case);
        is_over.store(true, Ordering::Relaxed);
        measured.unwrap()
    });
    assert_eq!(measured.judge(&case), Vec::<String>::new(), "{title}");
    assert!(!measured.outcomes.contains_key(&Outcome::Host), "{title}: {measured:?}");
    let more = |most: AtomicUsize, before: usize| most.into_inner().saturating_sub(before);
    (more(most_descriptors, before.0), more(most_threads, before.1))
}

#[test]
fn guests_that_take_all_they_may_have_no_more_descriptors_and_threads_than_their_limits() {
    alone(|stage| {
        let executions = usize::try_from(AT_ONCE).unwrap();
        let base = descriptors();
        for (title, most) in [
            ("files that are opened and never closed", executions * 128),
            ("sockets that are made and never closed", executions * 32),
        ] {
            let (descriptors, threads) = peaks(stage, title, AT_ONCE);
            assert!(descriptors <= most + OWN, "{title}: {descriptors} descriptors");
            assert!(threads <= BLOCKING + OWN, "{title}: {threads} threads");
        }
        let title = "32 executions that open files without end";
        let (_, threads) = peaks(stage, title, 32);
        assert!(threads <= BLOCKING + OWN, "{title}: {threads} threads");
        assert!(descriptors() <= base + OWN, "{} descriptors are left", descriptors() - base);
    });
}
