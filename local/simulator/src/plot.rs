//! A picture of a question: how many a second tapped, were accepted, were turned away and were
//! counted.

use std::path::Path;

use anyhow::Context;
use plotters::prelude::*;

use crate::{
    advice::{Outcome, Run},
    meter::{BIN_MS, Series},
    report::number,
};

const SIZE: (u32, u32) = (960, 720);
const BINS_PER_SECOND: f64 = 1_000.0 / BIN_MS as f64;

/// Writes the picture, as SVG: above with the limits as they are, below with all raised.
///
/// # Errors
/// When the file cannot be written.
pub fn write(file: &Path, outcome: &Outcome) -> anyhow::Result<()> {
    let mut text = String::new();
    draw(&mut text, outcome)
        .map_err(|error| anyhow::anyhow!("{error}"))
        .context("cannot draw")?;
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

fn draw(text: &mut String, outcome: &Outcome) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::with_string(text, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let audience = number(outcome.plan.audience.into());
    let title = format!(
        "{audience} viewers, {} seconds to answer",
        outcome.plan.window_seconds
    );
    let root = root.titled(&title, ("sans-serif", 22))?;
    let halves = root.split_evenly((2, 1));
    for (half, (run, caption)) in halves.iter().zip([
        (&outcome.as_is, "with the limits as they are"),
        (&outcome.raised, "with everything raised that can be"),
    ]) {
        panel(half, run, caption)?;
    }
    root.present()?;
    Ok(())
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn panel(area: &Area<'_>, run: &Run, caption: &str) -> Result<(), Box<dyn std::error::Error>> {
    let played = &run.played;
    let lines = [
        ("tapped", &played.arrived, RGBColor(120, 120, 120)),
        ("accepted", &played.accepted, RGBColor(0, 114, 178)),
        ("in the live tally", &played.tallied, RGBColor(0, 158, 115)),
        ("turned away or too late", &lost(run), RGBColor(213, 94, 0)),
    ];
    let longest = lines.iter().map(|(_, series, _)| series.bins().len()).max();
    let seconds = longest.unwrap_or(1) as f64 / BINS_PER_SECOND;
    let bins = lines.iter().flat_map(|(_, series, _)| series.bins());
    let highest = bins.max().copied().unwrap_or(1) as f64 * BINS_PER_SECOND;
    let mut chart = ChartBuilder::on(area)
        .caption(caption, ("sans-serif", 16))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(72)
        .build_cartesian_2d(0.0..seconds.ceil(), 0.0..highest * 1.05)?;
    chart
        .configure_mesh()
        .x_desc("seconds after the window was opened")
        .y_desc("a second")
        .x_label_formatter(&|seconds| format!("{seconds:.0}"))
        .y_label_formatter(&|rate| number(*rate as u64))
        .light_line_style(TRANSPARENT)
        .draw()?;
    for (name, series, colour) in lines {
        let rates =
            series.bins().iter().enumerate().map(|(bin, &count)| {
                (bin as f64 / BINS_PER_SECOND, count as f64 * BINS_PER_SECOND)
            });
        chart
            .draw_series(LineSeries::new(rates, colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    Ok(())
}

fn lost(run: &Run) -> Series {
    let mut lost = run.played.turned_away.clone();
    for (bin, &count) in (0_u32..).zip(run.played.late.bins()) {
        lost.add(bin * BIN_MS, count);
    }
    lost
}
