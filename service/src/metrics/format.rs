//! The two text formats that scrapers ask for.

/// In which form metrics are shown. Both have the same series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The text format of Prometheus, which everybody reads.
    Prometheus,
    /// OpenMetrics, for those who ask for it.
    OpenMetrics,
}

const OPEN_METRICS: &str = "application/openmetrics-text";

impl Format {
    /// What a caller with this `Accept` header is given.
    pub fn accepted_by(accept: Option<&str>) -> Self {
        if accept.is_some_and(|accept| accept.contains(OPEN_METRICS)) {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// The content type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// A page that was written as OpenMetrics, in this format.
    pub(super) fn write(self, page: String) -> String {
        match self {
            Self::OpenMetrics => page,
            Self::Prometheus => prometheus(&page),
        }
    }
}

/// The older format names a counter's family as its series are named, with `_total`, and has no end mark.
fn prometheus(page: &str) -> String {
    let mut text = String::with_capacity(page.len());
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        let of_counter = match lines.peek() {
            Some(next) if line.starts_with("# HELP ") => is_counter(next),
            _ => is_counter(line),
        };
        match (line, of_counter) {
            ("# EOF", _) => continue,
            (line, true) => text.push_str(&with_total(line)),
            (line, false) => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

fn is_counter(line: &str) -> bool {
    line.starts_with("# TYPE ") && line.ends_with(" counter")
}

/// `# HELP name …` as `# HELP name_total …`.
fn with_total(line: &str) -> String {
    let mut words = line.splitn(4, ' ');
    let mut word = || words.next().unwrap_or_default();
    let (mark, keyword, name, rest) = (word(), word(), word(), word());
    format!("{mark} {keyword} {name}_total {rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_metrics_is_for_those_who_ask() {
        let prometheus_asks =
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(Format::accepted_by(Some(prometheus_asks)), Format::OpenMetrics);
        for accept in [None, Some("*/*"), Some("text/plain")] {
            assert_eq!(Format::accepted_by(accept), Format::Prometheus);
        }
    }

    #[test]
    fn a_counters_family_is_named_as_its_series() {
        let page = "# HELP calls Calls.\n# TYPE calls counter\ncalls_total{a=\"b\"} 1\n\
                    # HELP pending Now pending.\n# TYPE pending gauge\npending 2\n# EOF\n";
        let expected = "# HELP calls_total Calls.\n# TYPE calls_total counter\ncalls_total{a=\"b\"} 1\n\
                        # HELP pending Now pending.\n# TYPE pending gauge\npending 2\n";
        assert_eq!(Format::Prometheus.write(page.to_owned()), expected);
        assert_eq!(Format::OpenMetrics.write(page.to_owned()), page);
    }
}
