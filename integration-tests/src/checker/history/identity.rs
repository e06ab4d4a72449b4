//! By what things of a history are recognised.

use std::fmt;

use protocol::CorrelationId;
use sha2::{Digest as _, Sha256};

/// SHA-256 of a request's `data`: what stands for it everywhere, and the right answer to it. Each call's data is its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of this data.
    pub fn of(data: &str) -> Self {
        Self(Sha256::digest(data.as_bytes()).into())
    }

    /// Reads the 64 lower-case hexadecimal digits of an answer; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok().map(|()| Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// A correlation id as it stood in a record or an answer.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Id {
    /// One as our gateways write it.
    Ours(CorrelationId),
    /// Any other text.
    Other(Box<str>),
}

impl From<&str> for Id {
    fn from(text: &str) -> Self {
        // The same id in other letters is another id: workers echo it byte for byte.
        CorrelationId::parse(text.as_bytes())
            .filter(|id| &*id.as_text() == text)
            .map_or_else(|| Self::Other(text.into()), Self::Ours)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours(id) => id.fmt(formatter),
            Self::Other(text) => text.fmt(formatter),
        }
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Which service a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// `api-gateway`.
    Gateway,
    /// `hash-processor`.
    Worker,
}

/// One process. No number of a service comes twice, so what is started again has a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Instance {
    /// What it runs.
    pub service: Service,
    /// Which of them.
    pub number: u32,
}

impl Instance {
    /// The gateway of this number.
    pub fn gateway(number: u32) -> Self {
        Self { service: Service::Gateway, number }
    }

    /// The worker of this number.
    pub fn worker(number: u32) -> Self {
        Self { service: Service::Worker, number }
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = match self.service {
            Service::Gateway => "gateway",
            Service::Worker => "worker",
        };
        write!(formatter, "{service} {}", self.number)
    }
}
