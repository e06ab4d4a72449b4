//! Containers and networks of runs that were ended by force.

use std::collections::HashMap;

use testcontainers::bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, RemoveContainerOptionsBuilder,
};

use super::docker;

/// Names the process that a container or a network belongs to.
const LABEL: &str = "integration-tests.owner";

/// The label for what this process starts; none on a system that does not tell enough of processes.
pub(super) fn label() -> Option<(String, String)> {
    let owner = owner("self")?;
    Some((LABEL.to_owned(), owner))
}

/// Removes what belongs to processes of this host that are gone. Best effort: leftovers are a nuisance, not an error.
pub(super) async fn remove() {
    let Some(host) = host() else { return };
    let Ok(docker) = docker::engine().await else { return };
    let labelled = ListContainersOptionsBuilder::new().all(true).filters(&filter()).build();
    for container in docker.list_containers(Some(labelled)).await.unwrap_or_default() {
        if let (true, Some(id)) = (is_leftover(container.labels, &host), container.id) {
            let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
            let _ = docker.remove_container(&id, Some(options)).await;
        }
    }
    let labelled = ListNetworksOptionsBuilder::new().filters(&filter()).build();
    for network in docker.list_networks(Some(labelled)).await.unwrap_or_default() {
        if let (true, Some(id)) = (is_leftover(network.labels, &host), network.id) {
            let _ = docker.remove_network(&id).await;
        }
    }
}

fn is_leftover(labels: Option<HashMap<String, String>>, host: &str) -> bool {
    labels.and_then(|mut labels| labels.remove(LABEL)).is_some_and(|owner| is_orphaned(&owner, host))
}

fn filter() -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), vec![LABEL.to_owned()])])
}

fn is_orphaned(owner: &str, host: &str) -> bool {
    let mut words = owner.split(' ');
    match (words.next(), words.next()) {
        // Processes of other hosts (or containers) cannot be seen from here.
        (Some(its_host), Some(pid)) if its_host == host => self::owner(pid).as_deref() != Some(owner),
        _ => false,
    }
}

/// Host, number and start of a process: no other process ever has the same.
fn owner(pid: &str) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let number = stat.split(' ').next()?;
    // The name, in brackets, may hold anything; the start is the 20th word behind it.
    let started = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?;
    Some(format!("{} {number} {started}", host()?))
}

fn host() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn only_what_belongs_to_a_process_of_this_host_that_is_gone_is_orphaned() {
        let (_, own) = label().unwrap();
        let host = host().unwrap();
        assert!(!is_orphaned(&own, &host), "{own}");
        assert!(is_orphaned(&format!("{own}1"), &host), "another process had our number once");
        assert!(is_orphaned(&format!("{host} 4194305 7"), &host), "no process has so high a number");
        assert!(!is_orphaned("elsewhere 4194305 7", &host));
        assert!(!is_orphaned("", &host));
    }
}
