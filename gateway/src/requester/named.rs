//! The reply address that requests carry at the moment.

use std::sync::atomic::{AtomicI32, Ordering};

const NOTHING_YET: i32 = -1;
const ALL: i32 = -2;

/// How replies find their way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyRouting {
    /// Requests name one response partition; each gateway reads its share. Needs workers that obey the header.
    Partition,
    /// Requests name the topic alone, the only form that Spring's and NestJS's workers both answer. Each gateway
    /// reads every response partition, so the cost of reading grows with the number of gateways.
    Any,
}

/// What is being read, and so may be named.
#[derive(Debug)]
pub(crate) struct Named {
    routing: ReplyRouting,
    state: AtomicI32,
}

/// What a request says of where its reply goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReplyAddress {
    pub(crate) partition: Option<i32>,
}

impl Named {
    pub(crate) fn new(routing: ReplyRouting) -> Self {
        Self { routing, state: AtomicI32::new(NOTHING_YET) }
    }

    pub(crate) fn reads_all(&self) -> bool {
        self.routing == ReplyRouting::Any
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.state.load(Ordering::Acquire) != NOTHING_YET
    }

    /// The address for a new request, once replies are listened for.
    pub(crate) fn address(&self) -> Option<ReplyAddress> {
        match self.state.load(Ordering::Acquire) {
            NOTHING_YET => None,
            ALL => Some(ReplyAddress { partition: None }),
            partition => Some(ReplyAddress { partition: Some(partition) }),
        }
    }

    /// The one partition that is named, if one is.
    pub(crate) fn partition(&self) -> Option<i32> {
        self.address().and_then(|address| address.partition)
    }

    pub(crate) fn name(&self, partition: i32) {
        self.state.store(partition, Ordering::Release);
    }

    pub(crate) fn all(&self) {
        self.state.store(ALL, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_named_before_it_is_read() {
        let named = Named::new(ReplyRouting::Partition);
        assert_eq!((named.address(), named.is_ready()), (None, false));
        named.name(0);
        assert_eq!(named.address(), Some(ReplyAddress { partition: Some(0) }));
        let all = Named::new(ReplyRouting::Any);
        all.all();
        assert_eq!((all.address(), all.partition()), (Some(ReplyAddress { partition: None }), None));
    }
}
