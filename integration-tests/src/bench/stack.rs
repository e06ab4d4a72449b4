//! Gateways and workers of ours, each in a process of its own, with topics and groups of their own.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::caller::{Access, Endpoint, answering};
use super::child::{Role, Server, free_ports};
use super::rounds::{Process, Target};
use super::slow::HANDLERS_AT_ONCE;
use crate::wait;

/// Partitions of the topics that the services create.
const PARTITIONS: usize = 3;

/// Longest wait for one page of a management port.
const PAGE_TIMEOUT: Duration = Duration::from_secs(5);

/// What runs.
#[derive(Debug, Clone)]
pub struct Layout {
    /// How many gateways.
    pub gateways: usize,
    /// How many workers, at most as many as partitions.
    pub workers: usize,
    /// Which programs they are.
    pub programs: Programs,
    /// Settings of all of them, by environment variable.
    pub settings: Vec<(String, String)>,
    /// What those settings make the gateways want to see.
    pub access: Access,
}

/// The programs of a stack.
#[derive(Debug, Clone)]
pub enum Programs {
    /// What is compiled into this program.
    Own,
    /// The same, with a worker whose handler takes its time.
    Slow,
    /// `api-gateway` and `hash-processor` in this folder.
    Folder(PathBuf),
}

/// A stack that runs. Dropping it kills it.
#[derive(Debug)]
pub struct Stack {
    access: Access,
    gateways: Vec<Service>,
    workers: Vec<Service>,
}

#[derive(Debug)]
struct Service {
    server: Server,
    /// Where a gateway takes requests.
    address: String,
    management_port: u16,
}

impl Stack {
    /// The topics of a stack named `name`.
    pub fn topics(name: &str) -> [String; 3] {
        let requests = format!("{name}-requests");
        [requests.clone(), format!("{name}-responses"), format!("{requests}.dlq")]
    }

    /// The groups of its gateways and of its workers.
    pub fn groups(name: &str) -> [String; 2] {
        [format!("{name}-gateways"), format!("{name}-workers")]
    }

    /// Starts a stack on the broker at `bootstrap` and waits until every gateway answers and every worker has a share.
    ///
    /// # Errors
    /// Something does not start; says what.
    pub async fn start(name: &str, bootstrap: &str, layout: &Layout) -> Result<Self> {
        let [requests, responses, _] = Self::topics(name);
        let [gateways, workers] = Self::groups(name);
        let mut environment = vec![
            ("KAFKA_BROKERS", bootstrap.to_owned()),
            ("KAFKA_REQUEST_TOPIC", requests),
            ("KAFKA_RESPONSE_TOPIC", responses),
            ("KAFKA_PARTITIONS", PARTITIONS.to_string()),
            ("SERVICE_1_GROUP_ID", gateways),
            ("SERVICE_2_GROUP_ID", workers),
            ("RUST_LOG", "warn".into()),
        ];
        if matches!(layout.programs, Programs::Slow) {
            environment.push(("SERVICE_2_HEAVY_THREADS", HANDLERS_AT_ONCE.to_string()));
        }
        environment.extend(layout.settings.iter().map(|(key, value)| (key.as_str(), value.clone())));
        let start = |role, count: usize| {
            (0..count)
                .map(|_| Service::start(role, &layout.programs, &environment))
                .collect::<Result<Vec<_>>>()
        };
        let workers = start(Role::Processor, layout.workers)?;
        let access = layout.access.clone();
        let mut stack = Self { access, gateways: start(Role::Gateway, layout.gateways)?, workers };
        stack
            .settle()
            .await
            .with_context(|| stack.casualties().unwrap_or_else(|| format!("{name} does not start")))?;
        Ok(stack)
    }

    /// What is driven, and whose CPU time and memory count.
    pub fn target(&self, name: &str) -> Target {
        let processes = |services: &[Service], role: Role| {
            services.iter().map(|service| Process { role, pid: service.server.pid() }).collect::<Vec<_>>()
        };
        let mut all = processes(&self.gateways, Role::Gateway);
        all.extend(processes(&self.workers, Role::Processor));
        Target { name: name.to_owned(), endpoints: self.endpoints().collect(), processes: all }
    }

    fn endpoints(&self) -> impl Iterator<Item = Endpoint> {
        self.gateways.iter().map(|gateway| Endpoint::hash(gateway.address.clone(), self.access.clone()))
    }

    /// The sum of a counter over all gateways; `None` if they have no such.
    ///
    /// # Errors
    /// A gateway does not show its metrics.
    pub async fn gateways_count(&self, metric: &str) -> Result<Option<f64>> {
        let mut sum = None;
        for gateway in &self.gateways {
            if let Some(value) = value(&gateway.metrics().await?, metric) {
                sum = Some(sum.unwrap_or(0.0) + value);
            }
        }
        Ok(sum)
    }

    async fn settle(&self) -> Result<()> {
        for endpoint in self.endpoints() {
            answering(&endpoint).await?;
        }
        wait::until_ok("a share of the partitions for each worker", async || {
            let mut shares = Vec::new();
            for worker in &self.workers {
                shares.push(partitions_of(&worker.metrics().await?));
            }
            let settled = shares.iter().sum::<usize>() == PARTITIONS && !shares.contains(&0);
            ensure!(settled, "they have {shares:?}");
            Ok(())
        })
        .await
    }

    fn casualties(&mut self) -> Option<String> {
        self.gateways.iter_mut().chain(&mut self.workers).find_map(|service| service.server.ended())
    }
}

impl Service {
    fn start(role: Role, programs: &Programs, shared: &[(&str, String)]) -> Result<Self> {
        let [port, management_port] = free_ports()?;
        let mut environment = shared.to_vec();
        let server = if role == Role::Gateway {
            environment.push(("SERVICE_1_HOST", "127.0.0.1".into()));
            environment.push(("SERVICE_1_PORT", port.to_string()));
            environment.push(("SERVICE_1_MANAGEMENT_PORT", management_port.to_string()));
            match programs {
                Programs::Own | Programs::Slow => Server::start(role, &environment)?,
                Programs::Folder(folder) => Server::start_program(&folder.join("api-gateway"), &environment)?,
            }
        } else {
            environment.push(("SERVICE_2_MANAGEMENT_PORT", management_port.to_string()));
            match programs {
                Programs::Own => Server::start(role, &environment)?,
                Programs::Slow => Server::start(Role::Slow, &environment)?,
                Programs::Folder(folder) => {
                    Server::start_program(&folder.join("hash-processor"), &environment)?
                }
            }
        };
        Ok(Self { server, address: format!("127.0.0.1:{port}"), management_port })
    }

    async fn metrics(&self) -> Result<String> {
        let client = reqwest::Client::builder().timeout(PAGE_TIMEOUT).build()?;
        let page = client.get(format!("http://127.0.0.1:{}/metrics", self.management_port)).send().await?;
        Ok(page.error_for_status()?.text().await?)
    }
}

/// The value of a metric without labels.
fn value(page: &str, metric: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '))?.trim().parse().ok()
}

/// A worker shows the lag of each partition that it has.
fn partitions_of(page: &str) -> usize {
    page.lines().filter(|line| line.starts_with("processor_lag_records{")).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# TYPE gateway_late_replies counter\n\
                        gateway_late_replies_total 7\n\
                        processor_lag_records{partition=\"0\"} 0\n\
                        processor_lag_records{partition=\"2\"} 5\n";

    #[test]
    fn a_counter_is_found_by_its_whole_name() {
        assert_eq!(value(PAGE, "gateway_late_replies_total"), Some(7.0));
        assert_eq!(value(PAGE, "gateway_late_replies"), None);
    }

    #[test]
    fn a_workers_share_is_the_lags_that_it_shows() {
        assert_eq!(partitions_of(PAGE), 2);
    }
}
