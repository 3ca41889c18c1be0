//! An engine that dies in the middle of a run: played by a door to the real one that is slammed.

use std::{
    fs,
    io::{Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use closure::topology::{On, RunFolder, State, Topology, clean};

use crate::house::{More as _, PATIENCE, acting, furnished, model, pick, site, things_of};

/// Tells the process whose engine dies where to keep its run, and what the run is called.
const ROOT: &str = "CLOSURE_TEST_SILENCE_ROOT";
const RUN: &str = "CLOSURE_TEST_SILENCE_RUN";

/// A socket behind which the real engine stands for as long as the door is open.
struct Door {
    socket: PathBuf,
    is_open: Arc<AtomicBool>,
    passing: Arc<Mutex<Vec<UnixStream>>>,
}

impl Door {
    fn open(socket: &Path) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let is_open = Arc::new(AtomicBool::new(true));
        let passing: Arc<Mutex<Vec<UnixStream>>> = Arc::default();
        let door = Self {
            socket: socket.to_owned(),
            is_open: Arc::clone(&is_open),
            passing: Arc::clone(&passing),
        };
        thread::spawn(move || {
            for caller in listener.incoming().flatten() {
                if !is_open.load(Ordering::SeqCst) {
                    return;
                }
                let engine = UnixStream::connect("/var/run/docker.sock").unwrap();
                let ends = [&caller, &engine].map(|end| end.try_clone().unwrap());
                passing.lock().unwrap().extend(ends);
                let (back, forth) = (engine.try_clone().unwrap(), caller.try_clone().unwrap());
                thread::spawn(move || pass(caller, engine));
                thread::spawn(move || pass(back, forth));
            }
        });
        door
    }

    /// From here on nobody gets through, and whoever was passing is cut off.
    fn slam(&self) {
        self.is_open.store(false, Ordering::SeqCst);
        fs::remove_file(&self.socket).unwrap();
        for end in self.passing.lock().unwrap().drain(..) {
            let _cut_already = end.shutdown(Shutdown::Both);
        }
    }
}

fn pass(mut from: UnixStream, mut to: UnixStream) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _gone_already = to.shutdown(Shutdown::Write);
}

#[test]
fn an_engine_that_dies_is_told_in_words_and_what_it_kept_is_cleaned_once_it_is_back() {
    let root = furnished();
    let socket = root.path().join("engine.sock");
    let id = format!("silence-{}", std::process::id());
    let runs = root.path().join("runs");
    let door = Door::open(&socket);
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "silence::holder", "--ignored", "--nocapture"])
        .env("DOCKER_HOST", format!("unix://{}", socket.display()))
        .env(ROOT, root.path())
        .env(RUN, &id)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    await_file(&root.path().join("ready"));
    door.slam();
    fs::write(root.path().join("slammed"), "").unwrap();
    assert!(
        holder.wait().unwrap().success(),
        "see the holder's own assertions"
    );
    let told = fs::read_to_string(root.path().join("told")).unwrap();
    let expected = format!(
        "failed to kill `api`: the Docker engine no longer answers\n\
         exited, was lost\n\
         the run left something behind\n  \
         whatever carries the label `closure.run={id}` may still be there: the Docker engine no longer answers\n"
    );
    assert!(told.starts_with(&expected), "{told}");
    assert!(!things_of(&id).is_empty(), "the engine kept them");

    let error = clean(&runs).unwrap_err().to_string();
    assert!(
        error.contains("the Docker engine does not answer at `"),
        "{error}"
    );
    assert!(runs.join(&id).exists(), "a later clean must find it");

    let _open_again = Door::open(&socket);
    let cleaned = clean(&runs).unwrap();
    assert_eq!(cleaned.len(), 1);
    assert_eq!(things_of(&id), [""; 0]);
    assert!(!runs.join(&id).exists());
}

fn await_file(path: &Path) {
    let begin = Instant::now();
    while !path.exists() {
        assert!(begin.elapsed() < PATIENCE, "`{}` never came", path.display());
        thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "not a test: the process whose engine dies"]
async fn holder() {
    let root = PathBuf::from(std::env::var(ROOT).unwrap());
    let run = RunFolder::open(&root.join("runs"), &std::env::var(RUN).unwrap()).unwrap();
    run.stand_on(On::Docker).unwrap();
    let run = Arc::new(run);
    let addresses = pick(&run, &[]);
    let services = [
        ("api", acting(&["say:up", "forever"])),
        ("db", acting(&["forever"]).healthy_when(&["exit:0"], 100)),
    ];
    let topology = Topology::docker(run, site(&root), model(services), addresses).unwrap();
    topology.bring_up(PATIENCE).await.unwrap();
    fs::write(root.join("ready"), "").unwrap();
    await_file(&root.join("slammed"));
    let killed = topology.kill("api").await.unwrap_err();
    let cause = std::error::Error::source(&killed).unwrap();
    let begin = Instant::now();
    let lost = loop {
        let seen = topology.inspect("api").await.unwrap();
        if seen.state == State::Exited {
            break seen;
        }
        assert!(begin.elapsed() < PATIENCE, "it is still called {}", seen.state);
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!((lost.exit_code, lost.pid), (None, None));
    let left = topology.tear_down(false).await.unwrap_err();
    let told = format!("{killed}: {cause}\nexited, was lost\n{left}\n");
    fs::write(root.join("told"), told).unwrap();
}
