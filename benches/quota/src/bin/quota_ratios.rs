//! The cost of quotas beside the least that is possible and beside `governor`, in one run.
//!
//! An argument is the number of rounds. Each round runs a short batch of everything, one after
//! another, so that whatever else the machine does meets all of them; what is printed are medians
//! over the rounds. A batch during which a thread had to wait for a core is left out.

use core::error::Error;

use bench_report::{Options, Report};
use limits_quota_benches::{many, operations, snapshots, threads};

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_env();
    let rounds = options.rest.first().map_or(Ok(1_001), |rounds| rounds.parse())?;
    let rounds = options.rounds(rounds);
    let is_quick = options.is_quick;
    let fewer = |by: usize| rounds.div_ceil(by);
    let mut report = Report::new(options);
    operations::report(rounds, &mut report)?;
    many::report(fewer(2), is_quick, &mut report)?;
    snapshots::report(fewer(20), is_quick, &mut report)?;
    threads::report(fewer(5), &mut report)?;
    report.finish()?;
    Ok(())
}
