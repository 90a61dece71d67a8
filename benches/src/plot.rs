//! Plots of lines over a logarithmic axis, readable on white and on black.

use core::error::Error;
use core::fmt::Display;
use core::ops::Range;
use std::path::Path;

use bench_report::Series;
use plotters::coord::Shift;
use plotters::prelude::{
    ChartBuilder, DrawingArea, IntoDrawingArea as _, IntoFont as _, IntoLogRange as _, LineSeries,
    RGBColor, SVGBackend, Text,
};

/// The size of one panel.
const PANEL: (u32, u32) = (450, 320);
/// A grey that is readable on white and on black.
const GREY: RGBColor = RGBColor(128, 128, 128);
/// The colours of the lines, in their order; told apart by people who do not tell red from green.
const LINES: [RGBColor; 5] = [
    RGBColor(31, 145, 224),
    RGBColor(224, 108, 60),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(170, 140, 20),
];

/// One panel of a plot: the lines of one name.
#[derive(Clone, Copy, Debug)]
pub struct Panel {
    /// The name of the lines' plot.
    pub plot: &'static str,
    /// The label of the horizontal axis, which is logarithmic.
    pub x: &'static str,
    /// The label of the vertical axis, which begins at 0.
    pub y: &'static str,
}

/// Draws panels side by side into a file.
///
/// # Errors
///
/// If a panel has no points, or the file cannot be written.
pub fn draw(path: &Path, panels: &[Panel], series: &[&Series]) -> Result<(), Box<dyn Error>> {
    let width = PANEL.0 * u32::try_from(panels.len())?;
    let root = SVGBackend::new(path, (width, PANEL.1)).into_drawing_area();
    for (area, panel) in root.split_evenly((1, panels.len())).iter().zip(panels) {
        let lines: Vec<&Series> =
            series.iter().filter(|series| series.plot == panel.plot).copied().collect();
        draw_panel(area, panel, &lines)?;
    }
    root.present().map_err(failed)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn draw_panel(area: &Area<'_>, panel: &Panel, lines: &[&Series]) -> Result<(), Box<dyn Error>> {
    let xs = lines.iter().flat_map(|line| line.points.iter().map(|(x, _)| *x));
    let ys = lines.iter().flat_map(|line| line.points.iter().map(|(_, y)| *y));
    let (Some(x), Some(y)) = (bounds(xs), bounds(ys)) else {
        return Err(format!("no points for `{}`", panel.plot).into());
    };
    let top = y.end * 1.1;
    // Above the lines, a row for each name.
    let names = i32::try_from(lines.len())? * 16;
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .margin_right(30)
        .margin_top(10 + names)
        .x_label_area_size(38)
        .y_label_area_size(58)
        .build_cartesian_2d((x.start..x.end).log_scale(), 0.0..top)
        .map_err(failed)?;
    let font = || ("sans-serif", 13).into_font().color(&GREY);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(plotters::style::TRANSPARENT)
        .bold_line_style(plotters::style::Color::mix(&GREY, 0.3))
        .axis_style(GREY)
        .label_style(font())
        .x_label_formatter(&|x| label(*x))
        .y_label_formatter(&|y| label(*y))
        .x_desc(panel.x)
        .y_desc(panel.y)
        .draw()
        .map_err(failed)?;
    for ((number, line), color) in (0_i32..).zip(lines).zip(LINES.iter().cycle()) {
        let points = line.points.iter().copied();
        chart
            .draw_series(LineSeries::new(points, plotters::style::Color::stroke_width(color, 2)))
            .map_err(failed)?;
        let font = ("sans-serif", 13).into_font().color(color);
        area.draw(&Text::new(line.line.clone(), (72, 6 + number * 16), font)).map_err(failed)?;
    }
    Ok(())
}

/// Returns the least and the greatest of figures, apart at least by a factor of two.
fn bounds(figures: impl Iterator<Item = f64> + Clone) -> Option<Range<f64>> {
    let least = figures.clone().reduce(f64::min)?;
    let most = figures.reduce(f64::max)?;
    Some(least..most.max(least * 2.0))
}

/// Returns the label of a figure: no more digits than it needs.
fn label(figure: f64) -> String {
    if figure < 10.0 { format!("{:.1}", figure).replace(".0", "") } else { format!("{figure:.0}") }
}

fn failed(error: impl Display) -> Box<dyn Error> {
    format!("cannot draw: {error}").into()
}
