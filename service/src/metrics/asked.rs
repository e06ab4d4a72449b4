//! A metric whose value is asked for when it is shown.

use std::fmt;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

#[derive(Clone, Copy, Debug)]
pub(super) enum AskedKind {
    Counter,
    Gauge,
}

pub(super) struct Asked {
    kind: AskedKind,
    value: Box<dyn Fn() -> f64 + Send + Sync>,
}

impl Asked {
    pub(super) fn new(kind: AskedKind, value: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        Self { kind, value: Box::new(value) }
    }
}

impl EncodeMetric for Asked {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let value = (self.value)();
        match self.kind {
            AskedKind::Counter => encoder.encode_counter::<NoLabelSet, f64, f64>(&value, None),
            AskedKind::Gauge => encoder.encode_gauge(&value),
        }
    }

    fn metric_type(&self) -> MetricType {
        match self.kind {
            AskedKind::Counter => MetricType::Counter,
            AskedKind::Gauge => MetricType::Gauge,
        }
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Asked").field("kind", &self.kind).finish_non_exhaustive()
    }
}
