//! The picture of a run: units in each window, under faults, beside a peer.

use core::fmt::Display;
use std::io;
use std::path::Path;

use plotters::prelude::{
    ChartBuilder, Color as _, IntoDrawingArea as _, IntoFont as _, LineSeries, PathElement,
    RGBColor, SVGBackend, Text,
};

use crate::fault::{Fault, Planned};
use crate::scenario::{Outcome, Scenario};
use crate::spec::Limiter;

/// A grey that is readable on white and on black.
const GREY: RGBColor = RGBColor(128, 128, 128);
const OURS: RGBColor = RGBColor(31, 145, 224);
const PEER: RGBColor = RGBColor(224, 108, 60);
/// The highest value of the picture, in hundredths of the limit.
const TOP: f64 = 200.0;

/// Returns the run that the picture shows, with hosts of a limiter.
#[must_use]
pub fn shown(limiter: Limiter) -> Scenario {
    let period = Scenario::default().period;
    let at = |window, percent, fault| Planned { window, percent, fault };
    Scenario {
        limiter,
        demand: vec![crate::spec::Demand::Rate(2_000 * 3 / 16); 4],
        windows: 60,
        faults: vec![
            at(8, 50, Fault::FlushAll),
            at(16, 30, Fault::KillServer(core::time::Duration::ZERO)),
            at(24, 10, Fault::FreezeServer(period * 3)),
            at(33, 40, Fault::FreezeHost(1, period * 2)),
            at(40, 50, Fault::RestartHost(2)),
            at(48, 50, Fault::DeleteKeys),
        ],
        ..Scenario::default()
    }
}

/// Draws the use of two runs of the [same faults](shown).
///
/// # Errors
///
/// The file cannot be written.
pub fn draw(path: &Path, ours: &Outcome, peer: &Outcome) -> io::Result<()> {
    let root = SVGBackend::new(path, (900, 380)).into_drawing_area();
    let last = count(ours.measured.end - ours.measured.start - 1);
    let mut chart = ChartBuilder::on(&root)
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..last, 0.0..TOP)
        .map_err(failed)?;
    let font = || ("sans-serif", 13).into_font().color(&GREY);
    chart
        .configure_mesh()
        .disable_mesh()
        .axis_style(GREY)
        .label_style(font())
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.0}"))
        .x_desc("window of 200 ms")
        .y_desc("units taken, % of the limit")
        .draw()
        .map_err(failed)?;
    let limit = [(0.0, 100.0), (last, 100.0)];
    chart.draw_series(LineSeries::new(limit, &GREY)).map_err(failed)?;
    for (row, (window, fault)) in ours.faults.iter().enumerate() {
        let x = count(window.saturating_sub(ours.measured.start));
        let line = PathElement::new([(x, 0.0), (x, TOP)], GREY.mix(0.4));
        chart.draw_series([line]).map_err(failed)?;
        // Two rows, so that the texts do not meet.
        let y = TOP - if row % 2 == 0 { 2.0 } else { 12.0 };
        let text = Text::new(label(fault), (x + 0.3, y), font());
        chart.draw_series([text]).map_err(failed)?;
    }
    for (outcome, color, name, y) in
        [(peer, PEER, "INCR for each request", 40.0), (ours, OURS, "quota-cluster", 26.0)]
    {
        let points = outcome.measured.clone().map(|window| {
            let units = outcome.verdict.rows.get(&window).map_or(0, |row| row.units);
            let x = count(window - outcome.measured.start);
            (x, 100.0 * count(units) / count(outcome.verdict.limit))
        });
        chart.draw_series(LineSeries::new(points, color.stroke_width(2))).map_err(failed)?;
        let over = outcome.verdict.over;
        let asked = outcome.verdict.round_trips_per_request;
        let text = format!("{name}: {over} units over, {asked:.3} round trips a request");
        let font = ("sans-serif", 13).into_font().color(&color);
        chart.draw_series([Text::new(text, (28.0, y), font)]).map_err(failed)?;
    }
    drop(chart);
    root.present().map_err(failed)
}

const fn label(fault: &Fault) -> &'static str {
    match fault {
        Fault::FlushAll => "FLUSHALL",
        Fault::KillServer(_) => "server killed",
        Fault::FreezeServer(_) => "server stopped",
        Fault::FreezeHost(..) => "host stopped",
        Fault::RestartHost(_) => "host killed",
        Fault::DeleteKeys => "keys deleted",
        _ => "fault",
    }
}

/// Returns a count as a coordinate.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "a coordinate")]
const fn count(number: u64) -> f64 {
    number as f64
}

fn failed(error: impl Display) -> io::Error {
    io::Error::other(format!("cannot draw: {error}"))
}
