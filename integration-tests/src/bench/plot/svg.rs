//! As much of SVG as a plot needs.

use std::fmt::Write as _;

/// A picture that is being drawn. Coordinates are pixels from the upper left corner.
#[derive(Debug)]
pub(super) struct Svg {
    text: String,
}

/// Which end of a text its coordinates are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    /// An empty picture; `title` is read to those who cannot see it.
    pub(super) fn new(width: f64, height: f64, title: &str) -> Self {
        let text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"system-ui, sans-serif\" font-size=\"12\">\n\
             <title>{}</title>\n",
            escaped(title)
        );
        Self { text }
    }

    /// A line from point to point.
    pub(super) fn line(&mut self, points: impl IntoIterator<Item = (f64, f64)>, colour: &str, width: f64) {
        let points: Vec<String> = points.into_iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let points = points.join(" ");
        let _ = writeln!(
            self.text,
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" \
             stroke-linejoin=\"round\"/>"
        );
    }

    /// One line of text on the base line `y`.
    pub(super) fn text(&mut self, x: f64, y: f64, anchor: Anchor, colour: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escaped(text);
        let _ = writeln!(
            self.text,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{text}</text>"
        );
    }

    /// The whole file.
    pub(super) fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_a_line_and_a_text() {
        let mut svg = Svg::new(20.0, 10.0, "a < b");
        svg.line([(0.0, 1.0), (2.0, 3.04)], "#123456", 2.0);
        svg.text(1.0, 2.0, Anchor::End, "#123456", "&");
        let expected = "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"20\" height=\"10\" \
            viewBox=\"0 0 20 10\" font-family=\"system-ui, sans-serif\" font-size=\"12\">\n\
            <title>a &lt; b</title>\n\
            <polyline points=\"0.0,1.0 2.0,3.0\" fill=\"none\" stroke=\"#123456\" stroke-width=\"2\" \
            stroke-linejoin=\"round\"/>\n\
            <text x=\"1.0\" y=\"2.0\" text-anchor=\"end\" fill=\"#123456\">&amp;</text>\n\
            </svg>\n";
        assert_eq!(svg.finish(), expected);
    }
}
