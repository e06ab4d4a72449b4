//! Metrics told apart by labels, of which there is a limit.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::metrics::family::{Family, MetricConstructor};

/// Stands for every label value that came after the limit was reached.
const OTHER: &str = "other";

type Labels = Vec<(&'static str, String)>;

/// Metrics of one name told apart by labels; shared by all clones.
///
/// At most `limit` combinations of label values are kept apart. Those that come later all count under the value
/// `other`, so nothing from outside can grow the registry.
pub struct Labelled<M> {
    names: Arc<[&'static str]>,
    limit: usize,
    family: Family<Labels, M, Maker<M>>,
    /// How many combinations are kept apart. Held while one is added, so that no two callers add the last one.
    kept: Arc<Mutex<usize>>,
}

impl<M: Clone> Labelled<M> {
    pub(super) fn new(
        names: &[&'static str],
        limit: usize,
        make: impl Fn() -> M + Send + Sync + 'static,
    ) -> Self {
        let family = Family::new_with_constructor(Maker(Arc::new(make)));
        Self { names: names.into(), limit, family, kept: Arc::default() }
    }

    pub(super) fn family(&self) -> Family<Labels, M, Maker<M>> {
        self.family.clone()
    }

    /// The metric for these label values, in the order of the names. It takes a lock: whoever counts often keeps
    /// what it returns.
    ///
    /// # Panics
    /// If there are not as many values as names.
    pub fn of(&self, values: &[&str]) -> M {
        assert_eq!(values.len(), self.names.len(), "one value for each of {:?}", self.names);
        let labels = self.labels(|index| values[index]);
        if let Some(known) = self.family.get(&labels) {
            return known.clone();
        }
        let mut kept = self.kept.lock();
        let added_meanwhile = self.family.get(&labels).is_some();
        if !added_meanwhile && *kept == self.limit {
            return self.family.get_or_create_owned(&self.labels(|_| OTHER));
        }
        *kept += usize::from(!added_meanwhile);
        self.family.get_or_create_owned(&labels)
    }

    /// Stops showing these label values, as when a partition is given up. Their count starts anew if they return.
    pub fn forget(&self, values: &[&str]) {
        let labels = self.labels(|index| values.get(index).copied().unwrap_or_default());
        let mut kept = self.kept.lock();
        if self.family.remove(&labels) {
            *kept = kept.saturating_sub(1);
        }
    }

    fn labels<'a>(&self, value: impl Fn(usize) -> &'a str) -> Labels {
        self.names.iter().enumerate().map(|(index, name)| (*name, value(index).to_owned())).collect()
    }
}

impl<M> Clone for Labelled<M> {
    fn clone(&self) -> Self {
        Self {
            names: Arc::clone(&self.names),
            limit: self.limit,
            family: self.family.clone(),
            kept: Arc::clone(&self.kept),
        }
    }
}

impl<M> fmt::Debug for Labelled<M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Labelled");
        shown.field("names", &self.names).field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// Makes the metric of a new combination.
pub(super) struct Maker<M>(Arc<dyn Fn() -> M + Send + Sync>);

impl<M> Clone for Maker<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M> MetricConstructor<M> for Maker<M> {
    fn new_metric(&self) -> M {
        (self.0)()
    }
}

impl<M> fmt::Debug for Maker<M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Maker")
    }
}
