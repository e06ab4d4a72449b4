//! Latency percentiles as a picture: a panel for each number of requests in flight, a line for each series.
//!
//! The picture lies on whatever ground the page has. All colours are of middling brightness, so that they stand out
//! from white as from near-black: a style sheet that asks for the reader's preference sees the browser's and not the
//! page's.

mod scale;
mod svg;

use super::comparison::Comparison;
use super::findings::Findings;
use super::sample::Sample;
use scale::{Millis, PERCENTILES, percentile};
use svg::{Anchor, Svg};

const PANEL_WIDTH: f64 = 430.0;
const PANEL_HEIGHT: f64 = 290.0;
const PANELS_IN_A_ROW: usize = 2;
/// Around a panel's lines, for its title and the scales' labels.
const LEFT: f64 = 58.0;
const RIGHT: f64 = 26.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 42.0;
const HEAD: f64 = 30.0;
const LEGEND_LINE: f64 = 20.0;

/// Points on a line.
const POINTS: u32 = 90;

const INK: &str = "#808080";
const COLOURS: [&str; 7] = ["#8a8f98", "#2f81f7", "#d4731a", "#2da44e", "#986ee2", "#d6409f", "#0e9aa7"];

/// The picture of what was measured under load; `None` if that is nothing.
pub fn svg(findings: &Findings) -> Option<String> {
    let panels: Vec<Panel<'_>> = findings.loads.iter().filter_map(Panel::of).collect();
    let lines = || panels.iter().flat_map(|panel| &panel.lines);
    let scale =
        Millis::spanning(lines().flat_map(|line| [line.sample.millis(0.0), line.sample.millis(0.999)]))?;
    let mut names: Vec<&str> = Vec::new();
    for line in lines() {
        if !names.contains(&line.name) {
            names.push(line.name);
        }
    }
    let colour = |name: &str| {
        let place = names.iter().position(|known| *known == name).unwrap_or_default();
        COLOURS[place % COLOURS.len()]
    };
    #[expect(clippy::cast_precision_loss, reason = "a few panels and series")]
    let float = |count: usize| count as f64;
    let columns = panels.len().min(PANELS_IN_A_ROW);
    let above = HEAD + LEGEND_LINE * float(names.len().div_ceil(2));
    let height = above + PANEL_HEIGHT * float(panels.len().div_ceil(PANELS_IN_A_ROW));
    let mut svg = Svg::new(PANEL_WIDTH * float(columns.max(2)), height, "Latency by percentile");
    svg.text(LEFT, 20.0, Anchor::Start, INK, "Latency by percentile, milliseconds; both scales logarithmic");
    for (place, name) in names.iter().enumerate() {
        let (x, y) = (LEFT + PANEL_WIDTH * float(place % 2), HEAD + 8.0 + LEGEND_LINE * float(place / 2));
        svg.line([(x, y), (x + 24.0, y)], colour(name), 2.5);
        svg.text(x + 32.0, y + 4.0, Anchor::Start, INK, name);
    }
    for (place, panel) in panels.iter().enumerate() {
        let x = PANEL_WIDTH * float(place % PANELS_IN_A_ROW);
        let y = above + PANEL_HEIGHT * float(place / PANELS_IN_A_ROW);
        panel.draw(&mut svg, (x, y), &scale, colour);
    }
    Some(svg.finish())
}

struct Panel<'a> {
    in_flight: usize,
    lines: Vec<Line<'a>>,
}

struct Line<'a> {
    name: &'a str,
    /// Of all rounds.
    sample: Sample,
}

impl<'a> Panel<'a> {
    fn of(comparison: &'a Comparison) -> Option<Self> {
        let lines = comparison
            .series
            .iter()
            .filter_map(|series| Some(Line { name: &series.name, sample: series.all()? }));
        let lines: Vec<_> = lines.collect();
        (!lines.is_empty()).then_some(Self { in_flight: comparison.in_flight, lines })
    }

    fn draw(
        &self,
        svg: &mut Svg,
        (left, top): (f64, f64),
        scale: &Millis,
        colour: impl Fn(&str) -> &'static str,
    ) {
        let (width, height) = (PANEL_WIDTH - LEFT - RIGHT, PANEL_HEIGHT - TOP - BOTTOM);
        let at = |across: f64, up: f64| (left + LEFT + width * across, top + TOP + height * (1.0 - up));
        let (x, y) = at(0.5, 1.0);
        svg.text(x, y - 10.0, Anchor::Middle, INK, &format!("{} in flight", self.in_flight));
        for (millis, label) in scale.marks() {
            let up = scale.place(millis);
            svg.line([at(0.0, up), at(1.0, up)], INK, 0.35);
            let (x, y) = at(0.0, up);
            svg.text(x - 8.0, y + 4.0, Anchor::End, INK, &label);
        }
        for (quantile, label) in PERCENTILES {
            let across = percentile::place(quantile);
            svg.line([at(across, 0.0), at(across, 1.0)], INK, 0.35);
            let (x, y) = at(across, 0.0);
            svg.text(x, y + 18.0, Anchor::Middle, INK, label);
        }
        for line in &self.lines {
            let points = (0..=POINTS).map(|point| {
                let across = f64::from(point) / f64::from(POINTS);
                at(across, scale.place(line.sample.millis(percentile::at(across))))
            });
            svg.line(points, colour(line.name), 2.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::comparison::tests::{round, series};

    #[test]
    fn each_series_has_a_line_and_a_legend() {
        let load = |in_flight| Comparison {
            in_flight,
            data_bytes: 1,
            series: vec![
                series("a & <b>", vec![round(10, 1), None]),
                series("c", vec![round(10, 7)]),
                series("broken", vec![None]),
            ],
        };
        let findings = Findings { loads: vec![load(1), load(64), load(256)], ..Findings::default() };
        let svg = svg(&findings).unwrap();
        assert_eq!(svg.matches(COLOURS[0]).count(), 4, "a legend and three lines");
        assert_eq!(svg.matches(COLOURS[1]).count(), 4);
        assert!(!svg.contains(COLOURS[2]));
        assert!(svg.contains("a &amp; &lt;b&gt;") && !svg.contains("NaN"));
    }

    #[test]
    fn nothing_measured_is_no_picture() {
        assert_eq!(svg(&Findings::default()), None);
    }

    /// Three to one is what WCAG asks for of large text and of graphics.
    #[test]
    fn every_colour_stands_out_from_light_and_from_dark() {
        let luminance = |colour: &str| {
            let part = |at: usize| {
                let part = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
                if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
        };
        let contrast = |a: &str, b: &str| {
            let (a, b) = (luminance(a), luminance(b));
            (a.max(b) + 0.05) / (a.min(b) + 0.05)
        };
        for colour in COLOURS.iter().chain([&INK]) {
            for ground in ["#ffffff", "#0d1117"] {
                let contrast = contrast(colour, ground);
                assert!(contrast >= 3.0, "{colour} on {ground}: {contrast:.2}");
            }
        }
    }
}
