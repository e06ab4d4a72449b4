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
const PLAIN: &str = "text/plain";

impl Format {
    /// What a caller with this `Accept` header is given: OpenMetrics if it names that, does not refuse it (`q=0`) and does
    /// not like the older format better.
    pub fn accepted_by(accept: Option<&str>) -> Self {
        let weight = |format| accept.and_then(|accept| weight(accept, format));
        match weight(OPEN_METRICS) {
            Some(wanted) if wanted > 0.0 && wanted >= weight(PLAIN).unwrap_or(0.0) => Self::OpenMetrics,
            _ => Self::Prometheus,
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

/// How much an `Accept` header wants `media_type` where it names it, from 0 to 1; the most where it does so several times, as
/// for several versions. A weight that cannot be read is none, which means 1.
fn weight(accept: &str, media_type: &str) -> Option<f32> {
    let weight_of = |range: &str| {
        let mut parts = range.split(';').map(str::trim);
        if !parts.next()?.eq_ignore_ascii_case(media_type) {
            return None;
        }
        let mut parameters = parts.filter_map(|parameter| parameter.split_once('='));
        let named = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
        Some(named.and_then(|(_, value)| value.trim().parse().ok()).unwrap_or(1.0))
    };
    accept.split(',').filter_map(weight_of).reduce(f32::max)
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
    fn weights_decide() {
        for accept in [
            "application/openmetrics-text; q=0",
            "application/openmetrics-text;version=1.0.0;q=0.000, */*",
            "application/openmetrics-text;q=0.4,text/plain;q=0.5",
            "application/openmetrics-texts",
            "text/html;a=application/openmetrics-text",
            "application/openmetrics-text;q=nan",
            ";q=1,,",
        ] {
            assert_eq!(Format::accepted_by(Some(accept)), Format::Prometheus, "{accept}");
        }
        for accept in [
            "Application/OpenMetrics-Text;Q=0.5, text/plain;q=0.3",
            "text/plain;q=0.5,application/openmetrics-text;version=0.0.1;q=0.1,application/openmetrics-text;q=0.5",
            "application/openmetrics-text;q=none",
        ] {
            assert_eq!(Format::accepted_by(Some(accept)), Format::OpenMetrics, "{accept}");
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
