//! One service of the compose file as what an engine is asked to create. Pure: everything that had to be found out
//! stands in the form already.

use std::{collections::HashMap, path::Path, time::Duration};

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HealthConfig, HostConfig, NetworkingConfig, PortBinding, PortMap,
    RestartPolicy, RestartPolicyNameEnum,
};

use super::{images::Image, names::Names};
use crate::{
    compose::model::{Healthcheck, Mount, Service},
    topology::addresses::Addresses,
};

/// The label that holds the service's name.
pub(super) const SERVICE: &str = "closure.service";

/// Everything a container is made from.
pub(super) struct Form<'a> {
    pub(super) name: &'a str,
    pub(super) service: &'a Service,
    pub(super) image: &'a Image,
    pub(super) names: &'a Names,
    /// The compose file's folder, absolute.
    pub(super) folder: &'a Path,
    pub(super) addresses: &'a Addresses,
    /// The first network it is on, as the engine calls it.
    pub(super) network: &'a str,
    /// What it is called there besides its own name.
    pub(super) aliases: Vec<String>,
}

impl Form<'_> {
    /// What the engine is asked to create.
    pub(super) fn body(&self) -> ContainerCreateBody {
        let service = self.service;
        let endpoint = (self.network.to_owned(), endpoint(&self.aliases));
        ContainerCreateBody {
            image: Some(self.image.id.clone()),
            entrypoint: service.entrypoint.clone(),
            cmd: service.command.clone(),
            env: Some(
                service
                    .environment
                    .iter()
                    .map(|(key, value)| format!("{key}={value}"))
                    .collect(),
            ),
            user: service.user.clone(),
            working_dir: service.working_dir.clone(),
            hostname: service.hostname.clone(),
            healthcheck: service.healthcheck.as_ref().map(health),
            exposed_ports: Some(self.ports().map(|(target, _)| in_tcp(target)).collect()),
            labels: Some(self.labels()),
            host_config: Some(self.host()),
            networking_config: Some(NetworkingConfig {
                endpoints_config: Some(HashMap::from([endpoint])),
            }),
            ..ContainerCreateBody::default()
        }
    }

    /// Every volume it needs as the engine calls it, with the place it is mounted at. What the image declares to be
    /// one is named too: then a container that is made anew finds its data, and nobody forgets a nameless volume.
    pub(super) fn volumes(&self) -> Vec<(String, String)> {
        let mounts = &self.service.volumes;
        let named = mounts.iter().filter(|mount| is_volume(mount));
        let named = named.map(|mount| (self.names.of(&mount.source), mount.target.clone()));
        let is_covered = |path: &str| {
            mounts.iter().any(|mount| mount.target == path)
                || self.service.tmpfs.iter().any(|tmpfs| target_of(tmpfs).0 == path)
        };
        let declared = self.image.volumes.iter().filter(|path| !is_covered(path));
        let declared = declared.map(|path| {
            let flat = path.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
            (self.names.of(&format!("{}{flat}", self.name)), path.clone())
        });
        named.chain(declared).collect()
    }

    fn host(&self) -> HostConfig {
        let service = self.service;
        HostConfig {
            binds: Some(self.binds()),
            tmpfs: Some(
                service
                    .tmpfs
                    .iter()
                    .map(|tmpfs| target_of(tmpfs))
                    .map(|(target, options)| (target.to_owned(), options.to_owned()))
                    .collect(),
            ),
            network_mode: Some(self.network.to_owned()),
            port_bindings: Some(self.bindings()),
            readonly_rootfs: Some(service.read_only),
            cap_drop: Some(service.cap_drop.clone()),
            cap_add: Some(service.cap_add.clone()),
            security_opt: Some(service.security_opt.clone()),
            memory: service.mem_limit.and_then(|bytes| bytes.try_into().ok()),
            nano_cpus: service.cpus.map(nanos_of_cores),
            pids_limit: service.pids_limit,
            shm_size: service.shm_size.and_then(|bytes| bytes.try_into().ok()),
            init: Some(service.init),
            restart_policy: Some(RestartPolicy {
                name: Some(RestartPolicyNameEnum::NO),
                maximum_retry_count: None,
            }),
            ..HostConfig::default()
        }
    }

    fn binds(&self) -> Vec<String> {
        let mode = |mount: &Mount| if mount.read_only { ":ro" } else { "" };
        let mode_at = |target: &str| {
            let mount = self.service.volumes.iter().find(|mount| mount.target == target);
            mount.map_or("", mode)
        };
        let volumes = self.volumes();
        let volumes = volumes
            .iter()
            .map(|(source, target)| format!("{source}:{target}{}", mode_at(target)));
        let paths = self.service.volumes.iter().filter(|mount| !is_volume(mount));
        let paths = paths.map(|mount| {
            let source = self.folder.join(&mount.source);
            format!("{}:{}{}", source.display(), mount.target, mode(mount))
        });
        volumes.chain(paths).collect()
    }

    /// Container port and host port: what was picked, and what the compose file publishes besides. Without a host
    /// port the engine picks one.
    fn ports(&self) -> impl Iterator<Item = (u16, Option<u16>)> {
        let picked: Vec<(u16, u16)> = self.addresses.of(self.name).collect();
        let declared = self.service.ports.iter();
        let others: Vec<(u16, Option<u16>)> = declared
            .filter(|port| picked.iter().all(|(target, _)| *target != port.target))
            .map(|port| (port.target, port.published))
            .collect();
        let picked = picked.into_iter().map(|(target, host)| (target, Some(host)));
        picked.chain(others)
    }

    fn bindings(&self) -> PortMap {
        let binding = |host: Option<u16>| PortBinding {
            host_ip: Some("127.0.0.1".to_owned()),
            host_port: Some(host.map_or_else(String::new, |port| port.to_string())),
        };
        self.ports()
            .map(|(target, host)| (in_tcp(target), Some(vec![binding(host)])))
            .collect()
    }

    fn labels(&self) -> HashMap<String, String> {
        let mut labels: HashMap<String, String> = self.service.labels.clone().into_iter().collect();
        labels.extend(self.names.labels());
        labels.insert(SERVICE.to_owned(), self.name.to_owned());
        labels
    }
}

/// How it is found on a network.
pub(super) fn endpoint(aliases: &[String]) -> EndpointSettings {
    EndpointSettings {
        aliases: Some(aliases.to_vec()),
        ..EndpointSettings::default()
    }
}

/// True for a volume, false for a path of the compose file.
pub(super) fn is_volume(mount: &Mount) -> bool {
    !mount.source.starts_with(['.', '/'])
}

/// Path and options of a folder in memory: `/tmp:size=16m`.
fn target_of(tmpfs: &str) -> (&str, &str) {
    tmpfs.split_once(':').unwrap_or((tmpfs, ""))
}

fn in_tcp(port: u16) -> String {
    format!("{port}/tcp")
}

fn health(check: &Healthcheck) -> HealthConfig {
    let nanos = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
    let command = if check.test.is_empty() {
        vec!["NONE".to_owned()]
    } else {
        std::iter::once("CMD".to_owned())
            .chain(check.test.clone())
            .collect()
    };
    HealthConfig {
        test: Some(command),
        interval: Some(nanos(check.interval)),
        timeout: Some(nanos(check.timeout)),
        retries: Some(i64::from(check.retries)),
        start_period: Some(nanos(check.start_period)),
        start_interval: None,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a machine with more than nine milliard cores is not in sight"
)]
fn nanos_of_cores(cores: f64) -> i64 {
    (cores * 1e9).round() as i64
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, HashMap},
        path::Path,
        time::Duration,
    };

    use super::{Addresses, Form, Image, Names, Service};
    use crate::{
        compose::model::{Healthcheck, Mount, Port},
        topology::run_folder::RunFolder,
    };

    fn image() -> Image {
        Image {
            reference: "closure/api:e2e".to_owned(),
            id: "sha256:aa".to_owned(),
            digest: String::new(),
            stop_signal: None,
            volumes: vec![
                "/var/lib/data".to_owned(),
                "/tmp".to_owned(),
                "/metrics".to_owned(),
            ],
        }
    }

    fn service() -> Service {
        let mount = |source: &str, target: &str, read_only| Mount {
            source: source.to_owned(),
            target: target.to_owned(),
            read_only,
        };
        Service {
            command: Some(vec!["api".to_owned()]),
            environment: BTreeMap::from([
                ("B".to_owned(), "2".to_owned()),
                ("A".to_owned(), "1=1".to_owned()),
            ]),
            user: Some("65532:65532".to_owned()),
            read_only: true,
            tmpfs: vec!["/tmp:size=16m".to_owned(), "/run".to_owned()],
            volumes: vec![
                mount("metrics", "/metrics", true),
                mount("./fixtures", "/srv", false),
            ],
            cap_drop: vec!["ALL".to_owned()],
            mem_limit: Some(1 << 20),
            cpus: Some(1.5),
            ports: vec![
                Port {
                    target: 8000,
                    published: None,
                    host_ip: "127.0.0.1".to_owned(),
                },
                Port {
                    target: 9000,
                    published: Some(4711),
                    host_ip: "127.0.0.1".to_owned(),
                },
            ],
            labels: BTreeMap::from([("closure.run".to_owned(), "forged".to_owned())]),
            healthcheck: Some(Healthcheck {
                test: vec!["/skeldir".to_owned(), "healthcheck".to_owned()],
                interval: Duration::from_millis(1500),
                timeout: Duration::from_secs(3),
                retries: 7,
                start_period: Duration::ZERO,
            }),
            ..Service::default()
        }
    }

    fn with_form(service: &Service, check: impl FnOnce(&Form<'_>)) {
        let root = tempfile::tempdir().expect("a folder");
        let run = RunFolder::open(root.path(), "r1").expect("opened");
        let ports = BTreeMap::from([("api".to_owned(), vec![8000])]);
        let addresses = Addresses::pick(&run, &ports).expect("picked");
        check(&Form {
            name: "api",
            service,
            image: &image(),
            names: &Names {
                run: "r1".to_owned(),
                copy: "live".to_owned(),
            },
            folder: Path::new("/repo"),
            addresses: &addresses,
            network: "closure-r1-live-default",
            aliases: vec!["api".to_owned()],
        });
    }

    #[test]
    fn every_key_of_a_service_reaches_the_engine() {
        with_form(&service(), |form| {
            let body = form.body();
            assert_eq!(body.image.as_deref(), Some("sha256:aa"));
            assert_eq!(body.env.expect("environment"), ["A=1=1", "B=2"]);
            assert_eq!(body.user.as_deref(), Some("65532:65532"));
            let health = body.healthcheck.expect("a check");
            assert_eq!(health.test.expect("a test"), ["CMD", "/skeldir", "healthcheck"]);
            assert_eq!((health.interval, health.retries), (Some(1_500_000_000), Some(7)));
            let host = body.host_config.expect("a host");
            assert_eq!(
                (host.memory, host.nano_cpus),
                (Some(1 << 20), Some(1_500_000_000))
            );
            assert_eq!(host.readonly_rootfs, Some(true));
            assert_eq!(
                host.tmpfs.expect("folders in memory"),
                HashMap::from(
                    [("/tmp", "size=16m"), ("/run", "")].map(|(k, v)| (k.to_owned(), v.to_owned()))
                )
            );
            let labels = body.labels.expect("labels");
            assert_eq!(labels["closure.run"], "r1", "nobody else gives a run its labels");
            assert_eq!(labels["closure.service"], "api");
        });
    }

    #[test]
    fn volumes_are_those_of_the_copy_and_what_the_image_declares_is_named_too() {
        with_form(&service(), |form| {
            let expected = [
                ("closure-r1-live-metrics", "/metrics"),
                ("closure-r1-live-api-var-lib-data", "/var/lib/data"),
            ];
            assert_eq!(
                form.volumes(),
                expected.map(|(name, target)| (name.to_owned(), target.to_owned()))
            );
            assert_eq!(
                form.body()
                    .host_config
                    .and_then(|host| host.binds)
                    .expect("binds"),
                [
                    "closure-r1-live-metrics:/metrics:ro",
                    "closure-r1-live-api-var-lib-data:/var/lib/data",
                    "/repo/./fixtures:/srv",
                ]
            );
        });
    }

    #[test]
    fn ports_are_published_on_loopback_only_where_they_were_picked_or_declared() {
        with_form(&service(), |form| {
            let picked = form.addresses.first_of("api").expect("picked").to_string();
            let bindings = form
                .body()
                .host_config
                .and_then(|host| host.port_bindings)
                .expect("ports");
            let of = |port: &str| bindings[port].as_ref().expect("bound")[0].clone();
            assert_eq!(of("8000/tcp").host_port, Some(picked));
            assert_eq!(of("9000/tcp").host_port.as_deref(), Some("4711"));
            assert!(
                bindings
                    .keys()
                    .all(|port| of(port).host_ip.as_deref() == Some("127.0.0.1"))
            );
        });
    }

    #[test]
    fn a_check_that_is_switched_off_is_switched_off_in_the_image_too() {
        let mut service = service();
        service.healthcheck.as_mut().expect("a check").test.clear();
        with_form(&service, |form| {
            let health = form.body().healthcheck.expect("a check");
            assert_eq!(health.test.expect("a test"), ["NONE"]);
        });
    }
}
