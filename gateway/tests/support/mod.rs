//! What tests of a whole gateway have in common.
#![allow(dead_code, reason = "no test uses all of it")]

use std::net::TcpListener;

use service::settings::{GatewaySettings, Port};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Those of a gateway on free ports of loopback, whose Kafka is at `broker`.
pub(crate) fn settings(broker: String) -> GatewaySettings {
    let mut settings = GatewaySettings {
        host: "127.0.0.1".into(),
        port: 0,
        management_port: Port::ANY,
        ..GatewaySettings::default()
    };
    settings.kafka.brokers = vec![broker];
    settings
}

/// A port of ours that nobody serves, and its address: connections are accepted by the system and never answered.
pub(crate) fn silent_broker() -> std::io::Result<(TcpListener, String)> {
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let address = silent.local_addr()?.to_string();
    Ok((silent, address))
}

/// Is told of what is logged and of spans that are entered, on the thread where that is done: the place to make something
/// panic that nothing from outside ends.
pub(crate) struct Trap {
    pub(crate) on_event: fn(&Event<'_>),
    pub(crate) on_enter: fn(),
}

impl Subscriber for Trap {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        (self.on_event)(event);
    }

    fn enter(&self, _: &Id) {
        (self.on_enter)();
    }

    fn exit(&self, _: &Id) {}
}
