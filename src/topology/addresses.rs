//! Who is found where. Addresses are picked before anything starts, because the settings of every service, and so
//! the resolved compose file, are made from them.

use std::{
    collections::BTreeMap,
    fs, io,
    net::{Ipv4Addr, TcpListener},
};

use super::{
    error::{Error, Result},
    run_folder::RunFolder,
    substrate::On,
};

/// Tries before we believe that no port is free.
const TRIES: usize = 4096;

/// Below this live the services of the machine itself.
const LOWEST: u16 = 10_000;

/// The addresses of one copy of the services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    on: On,
    published: BTreeMap<String, BTreeMap<u16, u16>>,
}

impl Addresses {
    /// Pick a free port of 127.0.0.1 for each container port of each service, none twice within a run, and write
    /// them into the run's state.
    ///
    /// # Errors
    /// When no port is free, or the run's state cannot be written.
    pub fn pick(run: &RunFolder, services: &BTreeMap<String, Vec<u16>>) -> Result<Self> {
        let above = ephemeral_from();
        let mut published: BTreeMap<String, BTreeMap<u16, u16>> = BTreeMap::new();
        for (service, ports) in services {
            for &port in ports {
                let free = pick_one(run, above)?;
                published.entry(service.clone()).or_default().insert(port, free);
            }
        }
        Ok(Self {
            on: run.on(),
            published,
        })
    }

    /// Where the other services find a service's container port: `127.0.0.1:23456` natively, `api:8000` on a network
    /// of containers.
    pub fn inside(&self, service: &str, port: u16) -> Option<String> {
        let outside = self.outside(service, port)?;
        Some(match self.on {
            On::Native => outside,
            On::Docker => format!("{service}:{port}"),
        })
    }

    /// Where probes on this host find it.
    pub fn outside(&self, service: &str, port: u16) -> Option<String> {
        let published = self.published.get(service)?.get(&port)?;
        Some(format!("{}:{published}", Ipv4Addr::LOCALHOST))
    }

    /// Container port and host port of everything picked for a service.
    pub(crate) fn of(&self, service: &str) -> impl Iterator<Item = (u16, u16)> {
        let ports = self.published.get(service).into_iter().flatten();
        ports.map(|(&port, &published)| (port, published))
    }

    /// The host port of a service's first container port: where a service that listens once listens natively.
    pub(crate) fn first_of(&self, service: &str) -> Option<u16> {
        self.published.get(service)?.values().next().copied()
    }

    /// Those host ports on which somebody still listens.
    pub(crate) fn still_open(&self) -> Vec<u16> {
        self.published
            .values()
            .flat_map(BTreeMap::values)
            .copied()
            .filter(|&port| !is_free(port))
            .collect()
    }
}

/// The ports of 127.0.0.1 that runs are given: from, up to and without.
pub fn port_range() -> (u16, u16) {
    (LOWEST, ephemeral_from())
}

fn pick_one(run: &RunFolder, above: u16) -> Result<u16> {
    for _ in 0..TRIES {
        let port = LOWEST + draw() % (above - LOWEST);
        let is_ours = is_free(port)
            && run.note(|state| {
                let is_new = !state.ports.contains(&port);
                if is_new {
                    state.ports.push(port);
                }
                is_new
            })?;
        if is_ours {
            return Ok(port);
        }
    }
    Err(Error::folder("pick a free port for", run.path())(
        io::Error::from(io::ErrorKind::AddrInUse),
    ))
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn draw() -> u16 {
    let random = *uuid::Uuid::new_v4().as_bytes();
    u16::from_be_bytes([random[0], random[1]])
}

/// The first port the kernel hands to outgoing connections. We stay below it: otherwise the load driver's own
/// connections could take the port of a service while that service is stopped.
fn ephemeral_from() -> u16 {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first = range
        .split_whitespace()
        .next()
        .and_then(|word| word.parse().ok())
        .unwrap_or(32_768);
    // A machine that hands out nearly everything leaves no room below.
    if first > LOWEST + 1_000 { first } else { u16::MAX }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        net::TcpListener,
    };

    use super::{Addresses, On};
    use crate::topology::{run_folder::RunFolder, state::RunState};

    #[test]
    fn no_port_is_given_out_twice_within_a_run_and_all_are_written_down() {
        let root = tempfile::tempdir().expect("a folder");
        let run = RunFolder::open(root.path(), "r1").expect("opened");
        let services = BTreeMap::from([
            ("api".to_owned(), vec![8000, 9000]),
            ("postgres".to_owned(), vec![5432]),
        ]);
        let all: Vec<Addresses> = (0..20)
            .map(|_| Addresses::pick(&run, &services).expect("picked"))
            .collect();
        let ports: BTreeSet<u16> = all
            .iter()
            .flat_map(|one| one.published.values())
            .flat_map(BTreeMap::values)
            .copied()
            .collect();
        assert_eq!(ports.len(), 60);
        assert_eq!(RunState::read(run.path()).expect("read").ports.len(), 60);
    }

    #[test]
    fn a_service_is_found_by_its_container_port() {
        let root = tempfile::tempdir().expect("a folder");
        let run = RunFolder::open(root.path(), "r1").expect("opened");
        let services = BTreeMap::from([("api".to_owned(), vec![8000])]);
        let addresses = Addresses::pick(&run, &services).expect("picked");
        let port = addresses.first_of("api").expect("it has one");
        assert_eq!(addresses.outside("api", 8000), Some(format!("127.0.0.1:{port}")));
        assert_eq!(addresses.inside("api", 8000), addresses.outside("api", 8000));
        assert_eq!(addresses.outside("api", 1), None);
        assert_eq!(addresses.outside("worker", 8000), None);
        let _listener = TcpListener::bind(("127.0.0.1", port)).expect("it is free");
        assert_eq!(addresses.still_open(), [port]);
    }

    #[test]
    fn on_a_network_of_containers_services_find_each_other_by_name() {
        let root = tempfile::tempdir().expect("a folder");
        let run = RunFolder::open(root.path(), "r1").expect("opened");
        run.stand_on(On::Docker).expect("noted");
        let services = BTreeMap::from([("api".to_owned(), vec![8000])]);
        let addresses = Addresses::pick(&run, &services).expect("picked");
        assert_eq!(addresses.inside("api", 8000).as_deref(), Some("api:8000"));
        assert_eq!(addresses.inside("api", 1), None);
        let outside = addresses.outside("api", 8000).expect("it is published");
        assert!(outside.starts_with("127.0.0.1:"), "{outside}");
    }
}
