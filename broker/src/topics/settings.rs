//! A topic's settings: which there are, their defaults, and those a topic was created with.

use std::collections::BTreeMap;

use kafka_protocol::ResponseError;

use super::Refused;
use crate::config::Config;

const MAX_MESSAGE_BYTES: &str = "max.message.bytes";
const RETENTION_BYTES: &str = "retention.bytes";

/// What kind of value a setting takes, as DescribeConfigs numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SettingKind {
    Boolean,
    Text,
    Int,
    Long,
    List,
}

impl SettingKind {
    /// The number in a DescribeConfigs answer.
    pub(crate) fn code(self) -> i8 {
        match self {
            Self::Boolean => 1,
            Self::Text => 2,
            Self::Int => 3,
            Self::Long => 5,
            Self::List => 7,
        }
    }

    fn takes(self, value: &str) -> bool {
        match self {
            Self::Boolean => value.parse::<bool>().is_ok(),
            Self::Int => value.parse::<i32>().is_ok(),
            Self::Long => value.parse::<i64>().is_ok(),
            Self::Text | Self::List => !value.is_empty(),
        }
    }
}

/// One setting a topic can have.
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    pub(crate) kind: SettingKind,
    default: &'static str,
}

/// The settings a topic can have. Only the two sizes do something here; the rest are kept, so that what asks for
/// them finds what was set.
const SETTINGS: &[Setting] = &[
    Setting { name: "cleanup.policy", kind: SettingKind::List, default: "delete" },
    Setting { name: "compression.type", kind: SettingKind::Text, default: "producer" },
    Setting { name: "delete.retention.ms", kind: SettingKind::Long, default: "86400000" },
    Setting { name: "file.delete.delay.ms", kind: SettingKind::Long, default: "60000" },
    Setting { name: "flush.messages", kind: SettingKind::Long, default: "9223372036854775807" },
    Setting { name: "flush.ms", kind: SettingKind::Long, default: "9223372036854775807" },
    Setting { name: MAX_MESSAGE_BYTES, kind: SettingKind::Int, default: "1048588" },
    Setting { name: "message.timestamp.type", kind: SettingKind::Text, default: "CreateTime" },
    Setting { name: "min.insync.replicas", kind: SettingKind::Int, default: "1" },
    Setting { name: RETENTION_BYTES, kind: SettingKind::Long, default: "-1" },
    Setting { name: "retention.ms", kind: SettingKind::Long, default: "604800000" },
    Setting { name: "segment.bytes", kind: SettingKind::Int, default: "1073741824" },
    Setting { name: "segment.ms", kind: SettingKind::Long, default: "604800000" },
    Setting { name: "unclean.leader.election.enable", kind: SettingKind::Boolean, default: "false" },
];

/// The settings one topic was created with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    set: BTreeMap<&'static str, String>,
}

impl Settings {
    /// Keeps what is known and well-formed; refuses the rest with the name of the first that is neither.
    pub(crate) fn parse(wanted: &BTreeMap<String, String>) -> Result<Self, Refused> {
        let mut set = BTreeMap::new();
        for (name, value) in wanted {
            let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) else {
                let message = format!("unknown topic setting {name}");
                return Err(Refused::new(ResponseError::InvalidConfig, message));
            };
            let negative_size = setting.name == MAX_MESSAGE_BYTES && value.starts_with('-');
            if !setting.kind.takes(value) || negative_size {
                let message = format!("{name} cannot be {value:?}");
                return Err(Refused::new(ResponseError::InvalidConfig, message));
            }
            set.insert(setting.name, value.clone());
        }
        Ok(Self { set })
    }

    /// Every setting with its value, and whether it is the topic's own.
    pub(crate) fn all(&self, config: &Config) -> impl Iterator<Item = (&'static Setting, String, bool)> {
        SETTINGS.iter().map(|setting| {
            let own = self.set.get(setting.name);
            let value = own.cloned().unwrap_or_else(|| match setting.name {
                MAX_MESSAGE_BYTES => config.max_message_bytes.to_string(),
                RETENTION_BYTES => config.retention_bytes.to_string(),
                _ => setting.default.to_owned(),
            });
            (setting, value, own.is_some())
        })
    }

    /// The largest batch the topic takes, in bytes.
    pub(crate) fn max_message_bytes(&self, config: &Config) -> usize {
        self.size(MAX_MESSAGE_BYTES).unwrap_or(config.max_message_bytes)
    }

    /// The bytes each partition keeps: the broker's bound, or the topic's if that is lower.
    pub(crate) fn retention_bytes(&self, config: &Config) -> usize {
        self.size(RETENTION_BYTES).map_or(config.retention_bytes, |own| own.min(config.retention_bytes))
    }

    /// A setting of the topic's own as a size; `None` if it has none or a negative one ("unlimited").
    fn size(&self, name: &str) -> Option<usize> {
        self.set.get(name)?.parse().ok()
    }
}
