//! What figures belong to: the machine, the broker and the build.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use chrono::Utc;
use kafka::wire;
use kafka_protocol::messages::ApiVersionsRequest;
use kafka_protocol::protocol::StrBytes;
use serde::Serialize;

const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// The first version that names the cluster's features.
const WITH_FEATURES: i16 = 3;

/// The feature whose level each release of Apache Kafka raises.
const METADATA: &str = "metadata.version";

const UNTOLD: &str = "does not tell its version";

/// Where and of what the figures are.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// When the run began, in UTC.
    pub began: String,
    /// The version of this project, the commit of its folder, and how it was built.
    pub build: String,
    /// Processor, memory, kernel.
    pub hardware: String,
    /// What else kept the processors busy over the minute before: the load average.
    pub load_average: String,
    /// What kind of broker, as far as it tells.
    pub broker: String,
}

impl Machine {
    /// Looks around.
    pub fn here(broker: String) -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        Self {
            began: Utc::now().format("%Y-%m-%d %H:%M UTC").to_string(),
            build: build(),
            hardware: hardware(
                &read("/proc/cpuinfo"),
                &read("/proc/meminfo"),
                &read("/proc/sys/kernel/osrelease"),
            ),
            load_average: read("/proc/loadavg").split(' ').next().unwrap_or("unknown").to_owned(),
            broker,
        }
    }
}

/// Whether this is a build that measures nothing worth knowing.
pub fn is_debug_build() -> bool {
    cfg!(debug_assertions)
}

fn build() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(env!("CARGO_MANIFEST_DIR")).args(arguments).output();
        let output = output.ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    // What the build was told is certain; what the folder is at now is the next best.
    let commit = service::COMMIT.map(str::to_owned).or_else(|| {
        let changed = !git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
        Some(format!(
            "{}{}",
            git(&["rev-parse", "--short", "HEAD"])?,
            if changed { " with changes" } else { "" }
        ))
    });
    let commit = commit.unwrap_or_else(|| "commit unknown".to_owned());
    let profile = if is_debug_build() { "debug" } else { "release" };
    format!("{} ({commit}), {profile} build", env!("CARGO_PKG_VERSION"))
}

fn hardware(cpuinfo: &str, meminfo: &str, kernel: &str) -> String {
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let model = field(cpuinfo, "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let memory = field(meminfo, "MemTotal").and_then(|total| total.split(' ').next()?.parse::<u64>().ok());
    let memory = memory.map_or("memory unknown".to_owned(), |kib| format!("{} GiB", kib.div_ceil(1 << 20)));
    format!("{cores} × {model}, {memory}, Linux {}", kernel.trim())
}

/// What a broker at an address tells of its version.
///
/// # Errors
/// It does not answer.
pub async fn told_by_broker(config: &kafka::Config) -> Result<String> {
    let mut broker = wire::bootstrap(config).await?;
    let Ok(version) = broker.version_within::<ApiVersionsRequest>(WITH_FEATURES..=WITH_FEATURES) else {
        return Ok(UNTOLD.to_owned());
    };
    let request = ApiVersionsRequest::default()
        .with_client_software_name(StrBytes::from_static_str("bench"))
        .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")));
    let answer = broker.call(&request, version, CALL_TIMEOUT).await?;
    let level = answer.finalized_features.iter().find(|feature| feature.name.as_str() == METADATA);
    Ok(level.map_or(UNTOLD.to_owned(), |level| format!("{METADATA} {}", level.max_version_level)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_in_one_line() {
        let line =
            hardware("processor\t: 0\nmodel name\t: Fast 9000\n", "MemTotal:  8000000 kB\n", "6.18.1\n");
        assert!(line.ends_with(" × Fast 9000, 8 GiB, Linux 6.18.1"), "{line}");
    }

    #[test]
    fn what_is_unknown_is_said() {
        assert!(hardware("", "", "").contains("memory unknown"));
    }
}
