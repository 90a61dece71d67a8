//! Draws the plots of `docs/performance.md` from the points of a file of measurements:
//! `plots --json FILE FOLDER`.

use core::error::Error;
use std::fs;
use std::path::Path;

use bench_report::{Entry, Options, Series, read};
use limits_benches::plot::{Panel, draw};

/// The plots: the file, and its panels from left to right.
const PLOTS: &[(&str, &[Panel])] = &[
    (
        "interval.svg",
        &[
            Panel {
                plot: "interval-overshoot",
                x: "units of fuel between two looks",
                y: "end after the deadline, us",
            },
            Panel {
                plot: "interval-overhead",
                x: "units of fuel between two looks",
                y: "more time than plain fuel, %",
            },
        ],
    ),
    ("callers.svg", &[Panel { plot: "callers", x: "callers", y: "an execution, us (two cores)" }]),
    (
        "hogs.svg",
        &[Panel {
            plot: "hogs",
            x: "spinning guests",
            y: "light execution, p99, ms (two workers)",
        }],
    ),
    (
        "quota-threads.svg",
        &[Panel { plot: "quota-threads", x: "threads", y: "million takes a second (two cores)" }],
    ),
];

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_env();
    let (Some(file), [folder]) = (&options.json, options.rest.as_slice()) else {
        return Err("expected --json FILE FOLDER".into());
    };
    let folder = Path::new(folder);
    fs::create_dir_all(folder)?;
    let entries = read(file)?;
    let series: Vec<&Series> = entries.iter().filter_map(Entry::series).collect();
    for (name, panels) in PLOTS {
        draw(&folder.join(name), panels, &series)?;
    }
    Ok(())
}
