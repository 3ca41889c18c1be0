//! Pulling, with the real engine and a registry of the test's own on loopback, which an engine asks without TLS.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use closure::{
    compose::model::{Native, Service},
    digest::Digest,
    topology::{Error, State},
};
use serde_json::json;

use crate::house::{House, PATIENCE, acting, docker, puppet};

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// A registry that holds one image, `tiny:1`: the puppet, alone.
struct Registry {
    port: u16,
    digest: Digest,
    /// Every request line it got.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Registry {
    fn open() -> Self {
        let mut archive = tar::Builder::new(Vec::new());
        archive.append_path_with_name(puppet(), "puppet").unwrap();
        let layer = archive.into_inner().unwrap();
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "config": {"Entrypoint": ["/puppet"]},
            "rootfs": {"type": "layers", "diff_ids": [sha256(&layer)]},
            "history": [{"created_by": "a test"}],
        })
        .to_string()
        .into_bytes();
        let described = |kind: &str, bytes: &[u8]| {
            json!({
                "mediaType": format!("application/vnd.docker.{kind}"),
                "size": bytes.len(),
                "digest": sha256(bytes),
            })
        };
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": described("container.image.v1+json", &config),
            "layers": [described("image.rootfs.diff.tar.gzip", &layer)],
        })
        .to_string()
        .into_bytes();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let registry = Self {
            port,
            digest: Digest::of(&manifest),
            asked: Arc::clone(&asked),
        };
        let blobs = Arc::new([manifest, config, layer]);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (asked, blobs) = (Arc::clone(&asked), Arc::clone(&blobs));
                thread::spawn(move || serve(stream, &asked, blobs.as_slice()));
            }
        });
        registry
    }

    fn image(&self) -> String {
        format!("127.0.0.1:{}/tiny:1", self.port)
    }
}

fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", Digest::of(bytes))
}

/// Answer requests until the engine has no more.
fn serve(stream: TcpStream, asked: &Mutex<Vec<String>>, blobs: &[Vec<u8>]) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request).unwrap_or(0) == 0 {
            return;
        }
        let mut header = String::new();
        while reader.read_line(&mut header).unwrap_or(0) > 2 {
            header.clear();
        }
        asked.lock().unwrap().push(request.trim().to_owned());
        let mut words = request.split_whitespace();
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let is_manifest = path.starts_with("/v2/tiny/manifests/");
        let found = match path {
            "/v2/" => Some(&b"{}"[..]),
            _ if is_manifest => Some(blobs[0].as_slice()),
            path => {
                let wanted = path.strip_prefix("/v2/tiny/blobs/").unwrap_or_default();
                blobs
                    .iter()
                    .find(|blob| sha256(blob) == wanted)
                    .map(Vec::as_slice)
            }
        };
        let status = if found.is_some() {
            "200 OK"
        } else {
            "404 Not Found"
        };
        let body = found.unwrap_or(b"{}");
        let kind = if is_manifest {
            MANIFEST
        } else {
            "application/octet-stream"
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nDocker-Content-Digest: {}\r\n\
             Docker-Distribution-Api-Version: registry/2.0\r\n\r\n",
            body.len(),
            sha256(body)
        );
        let body = if method == "HEAD" { &b""[..] } else { body };
        if stream.write_all(head.as_bytes()).is_err() || stream.write_all(body).is_err() {
            return;
        }
    }
}

fn from_image(image: &str, words: &[&str]) -> Service {
    Service {
        image: Some(image.to_owned()),
        build: None,
        ..acting(words)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_missing_is_pulled_once_and_known_by_its_digest_in_the_registry() {
    let registry = Registry::open();
    let house = House::new("pull-once");
    let service = from_image(&registry.image(), &["say:I came from afar", "forever"]);
    let topology = house.topology([("api", service)]);
    topology.prepare().await.unwrap();
    let asked = registry.asked.lock().unwrap().len();
    assert!(asked >= 3, "manifest, config and layer");
    topology.prepare().await.unwrap();
    let seen = topology.bring_up(PATIENCE).await.unwrap();
    assert_eq!(
        registry.asked.lock().unwrap().len(),
        asked,
        "what is here is not pulled"
    );
    assert_eq!(
        (seen[0].state, seen[0].last_words.as_str()),
        (State::Running, "I came from afar")
    );
    assert_eq!(seen[0].image, registry.image());
    assert_eq!(
        seen[0].digest,
        format!("127.0.0.1:{}/tiny@sha256:{}", registry.port, registry.digest)
    );
    topology.tear_down(false).await.unwrap();
    assert_eq!(house.things(), [""; 0]);
    // What was pulled is not the run's: it stays for the next one.
    docker(&["rmi", &registry.image()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_its_registry_does_not_have_is_told_in_the_registrys_words() {
    let registry = Registry::open();
    let house = House::new("pull-none");
    let image = format!("127.0.0.1:{}/other:2", registry.port);
    let topology = house.topology([("api", from_image(&image, &[]))]);
    let error = topology.prepare().await.unwrap_err();
    assert!(
        matches!(&error, Error::Image { image: of, .. } if *of == image),
        "{error:?}"
    );
    let said = error.to_string();
    assert!(
        said.starts_with(&format!("there is no image `{image}` for `api`: "))
            && said.contains("\nhint: build it"),
        "{said}"
    );
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_registry_is_silent_the_postgres_of_this_host_stands_in_and_that_is_said() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let callers = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&callers);
    thread::spawn(move || {
        let silent = listener.incoming().flatten();
        // Kept open and never answered.
        let _held: Vec<TcpStream> = silent
            .inspect(|_| {
                counted.fetch_add(1, Ordering::Relaxed);
            })
            .collect();
    });
    let house = House::new("pull-postgres");
    let image = format!("127.0.0.1:{port}/postgres:15-alpine");
    let mut service = from_image(&image, &[]);
    service.native = Some(Native {
        provides: Some("postgres".to_owned()),
        ..Native::default()
    });
    let topology = house.topology([("db", service)]);
    let begin = Instant::now();
    topology
        .prepare()
        .await
        .expect("`closure/postgres:15` is here: run `scripts/setup`");
    assert!(begin.elapsed() < Duration::from_mins(1), "{:?}", begin.elapsed());
    assert!(callers.load(Ordering::Relaxed) > 0, "the registry was asked");
    assert_eq!(
        topology.notices(),
        [format!(
            "`db` runs `closure/postgres:15`, because `{image}` could not be had: its registry did not deliver within 10 s"
        )]
    );
    topology.tear_down(false).await.unwrap();
}
