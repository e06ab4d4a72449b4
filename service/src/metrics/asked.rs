//! Metrics whose values are asked for when they are shown.

use std::fmt;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use crate::metrics::DurationsSum;

/// Is given the label values of each series, and its value.
pub type Show<'a, V> = &'a mut dyn FnMut(&[&str], V);

type Names = &'static [&'static str];
type Series<V> = Box<dyn Fn(Show<'_, V>) + Send + Sync>;

pub(super) enum Asked {
    Counter(Box<dyn Fn() -> u64 + Send + Sync>),
    Gauge(Box<dyn Fn() -> f64 + Send + Sync>),
    Counters(Names, Series<u64>),
    Gauges(Names, Series<f64>),
    Durations(Names, Series<DurationsSum>),
}

impl EncodeMetric for Asked {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        match self {
            Self::Counter(value) => encoder.encode_counter::<NoLabelSet, u64, u64>(&value(), None),
            Self::Gauge(value) => encoder.encode_gauge(&value()),
            Self::Counters(names, series) => each(&mut encoder, names, series, |mut encoder, value| {
                encoder.encode_counter::<NoLabelSet, u64, u64>(&value, None)
            }),
            Self::Gauges(names, series) => {
                each(&mut encoder, names, series, |mut encoder, value| encoder.encode_gauge(&value))
            }
            Self::Durations(names, series) => {
                each(&mut encoder, names, series, |encoder, value| value.encode(encoder))
            }
        }
    }

    fn metric_type(&self) -> MetricType {
        match self {
            Self::Counter(_) | Self::Counters(..) => MetricType::Counter,
            Self::Gauge(_) | Self::Gauges(..) => MetricType::Gauge,
            Self::Durations(..) => MetricType::Histogram,
        }
    }
}

fn each<V>(
    encoder: &mut MetricEncoder<'_>,
    names: Names,
    series: &Series<V>,
    encode: impl Fn(MetricEncoder<'_>, V) -> fmt::Result,
) -> fmt::Result {
    let mut result = Ok(());
    series(&mut |values, value| {
        debug_assert_eq!(values.len(), names.len(), "one value for each of {names:?}");
        let labels: Vec<_> = names.iter().copied().zip(values.iter().copied()).collect();
        if result.is_ok() {
            result = encoder.encode_family(&labels).and_then(|encoder| encode(encoder, value));
        }
    });
    result
}

impl fmt::Debug for Asked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Counter(_) | Self::Counters(..) => "Counter",
            Self::Gauge(_) | Self::Gauges(..) => "Gauge",
            Self::Durations(..) => "Durations",
        })
    }
}
