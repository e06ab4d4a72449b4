//! Which traces are recorded: `OTEL_TRACES_SAMPLER` and its argument as the SDK's own samplers.

use opentelemetry_sdk::trace::{Sampler, ShouldSample};

use crate::settings::{Sampled, Sampling};

pub(super) fn sampler(sampling: Sampling) -> Box<dyn ShouldSample> {
    let root = match sampling.sampled {
        Sampled::All => Sampler::AlwaysOn,
        Sampled::None => Sampler::AlwaysOff,
        Sampled::Share(share) => Sampler::TraceIdRatioBased(share.get()),
    };
    if sampling.obeys_parent { Sampler::ParentBased(Box::new(root)).into() } else { root.into() }
}
