//! The project's own suite in a folder of its own, with faults in the system it brings up, and what its pack says.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::copy::copy;

/// How a fault is made.
pub(crate) enum Fault {
    /// A service is configured so: other words in the compose file.
    Configured { from: &'static str, to: &'static str },
    /// Somebody changes the database after it was migrated and before any gate looks.
    Sql(&'static str),
    /// Something stands on the wire in front of a service while this gate looks: a change of kind `proxy`.
    Wire { gate: &'static str, proxy: &'static str },
}

/// A run of some gates over a system with faults. Their controls are left out: it is their own pass that is looked at.
pub(crate) struct House {
    root: TempDir,
}

impl House {
    /// Run these gates over a system with these faults.
    pub(crate) fn with(gates: &[&str], faults: &[Fault]) -> Self {
        let house = Self::laid_out();
        let mut statements = Vec::new();
        let mut wires: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for fault in faults {
            match fault {
                Fault::Configured { from, to } => house.reword("docker-compose.e2e.yml", from, to),
                Fault::Sql(statement) => statements.push(*statement),
                Fault::Wire { gate, proxy } => wires.entry(gate).or_default().push(proxy),
            }
        }
        house.plant(&statements);
        for gate in gates {
            house.prepare(gate, gates);
        }
        for (gate, proxies) in wires {
            house.stand_on_the_wire(gate, &proxies);
        }
        house.run(gates);
        house
    }

    fn laid_out() -> Self {
        let root = tempfile::tempdir().expect("a folder");
        // Services run as somebody else when we are root, and must be able to stand in it.
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).expect("opened to all");
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        for folder in ["gates", "service/dashboards"] {
            copy(&repository.join(folder), &root.path().join(folder));
        }
        for file in ["docker-compose.e2e.yml", "service/openapi.json"] {
            fs::copy(repository.join(file), root.path().join(file)).expect("copied");
        }
        let house = Self { root };
        let skeldir = Path::new(env!("CARGO_BIN_EXE_closure")).with_file_name("skeldir");
        assert!(
            skeldir.exists(),
            "`{}` is not there: `cargo build --package skeldir` makes it",
            skeldir.display()
        );
        house.replace("docker-compose.e2e.yml", "scripts/skeldir-image", "/bin/true");
        house.replace(
            "docker-compose.e2e.yml",
            "target/x86_64-unknown-linux-gnu/debug/skeldir",
            skeldir.to_str().unwrap(),
        );
        house
    }

    /// A gate that comes first and makes what SQL can make.
    fn plant(&self, statements: &[&str]) {
        let quoted = statements.iter().map(|statement| format!("'''{statement}'''"));
        let first = quoted.collect::<Vec<_>>().join(",\n");
        let gate = format!(
            "id    = \"FAULT\"\nname  = \"planted\"\nclaim = \"what SQL can break is broken\"\n\n\
             [[probe]]\nname  = \"made\"\nkind  = \"sql\"\ndb    = \"admin\"\nwrites = true\nfirst = [{first}]\n\
             query = \"select 1 as made\"\n\n\
             [assert]\nmade = {{ that = \"made.sqlstate == '00000' && made.row.made == 1\", says = \"it is broken\" }}\n"
        );
        let folder = self.root.path().join("gates/FAULT_planted");
        fs::create_dir(&folder).expect("made");
        fs::write(folder.join("gate.toml"), gate).expect("written");
    }

    /// A gate without its controls, after the faults and after those of the gates it needs that are run, too. The others
    /// it needs only so that it is not looked at in vain.
    fn prepare(&self, gate: &str, gates: &[&str]) {
        let path = self.gate_file(gate);
        let text = fs::read_to_string(&path).unwrap();
        let mut kept = Vec::new();
        let mut in_control = false;
        for line in text.lines() {
            if line.starts_with('[') {
                in_control = line.starts_with("[control");
            }
            match line.strip_prefix("needs") {
                _ if in_control => {}
                Some(needed) => {
                    let is_run = |other: &&&str| needed.contains(&format!("\"{other}\""));
                    let needs: Vec<&str> = gates.iter().filter(is_run).copied().chain(["FAULT"]).collect();
                    kept.push(format!("needs = {needs:?}"));
                }
                None => kept.push(line.to_owned()),
            }
        }
        let kept = kept.join("\n");
        assert!(kept.contains("\"FAULT\""), "{gate} says nothing of what it needs");
        fs::write(path, kept).expect("written");
    }

    /// Every probe of the gate looks while the proxies stand.
    fn stand_on_the_wire(&self, gate: &str, proxies: &[&str]) {
        let path = self.gate_file(gate);
        let text = fs::read_to_string(&path).unwrap();
        let (head, rest) = text.split_once("[[probe]]").expect("a gate has probes");
        let probes = rest.split("[[probe]]").map(|block| {
            let stands = block.contains("\nduring");
            let during = if stands { "" } else { "\nduring = \"fault\"" };
            format!("[[probe]]{during}{block}")
        });
        let proxies = proxies
            .iter()
            .map(|proxy| format!("{{ kind = \"proxy\", {proxy} }}"));
        let make = proxies.collect::<Vec<_>>().join(", ");
        let span = format!("[[probe]]\nname = \"fault\"\nkind = \"change\"\nmake = [{make}]\n\n");
        let text = [head.to_owned(), span]
            .into_iter()
            .chain(probes)
            .collect::<String>();
        fs::write(path, text).expect("written");
    }

    fn run(&self, gates: &[&str]) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_closure"));
        command.args([
            "run",
            "--ci-subset",
            "--substrate",
            "native",
            "--quiet",
            "--suite",
        ]);
        command.arg(self.root.path().join("gates"));
        command.arg("--artifact-dir").arg(self.pack());
        for gate in ["FAULT"].iter().chain(gates) {
            command.args(["--only", gate]);
        }
        let said = command.output().expect("it can be started");
        let words = format!(
            "{}\n{}",
            String::from_utf8_lossy(&said.stdout),
            String::from_utf8_lossy(&said.stderr)
        );
        assert!(matches!(said.status.code(), Some(1 | 3)), "{words}");
        let verified = Command::new(env!("CARGO_BIN_EXE_closure"))
            .arg("verify")
            .arg(self.pack())
            .output()
            .expect("it can be started");
        assert_eq!(verified.status.code(), Some(1), "the pack is sound: {words}");
        assert_eq!(self.broken("FAULT"), Vec::<String>::new(), "{words}");
    }

    fn pack(&self) -> PathBuf {
        self.root.path().join("pack")
    }

    /// What the pack says of a gate: its outcome.
    pub(crate) fn outcome(&self, gate: &str) -> String {
        self.summary(gate)["outcome"].as_str().unwrap().to_owned()
    }

    /// The names of its assertions that are broken.
    pub(crate) fn broken(&self, gate: &str) -> Vec<String> {
        let broken = self
            .standings(gate)
            .into_iter()
            .filter(|(_, standing)| standing == "broken");
        broken.map(|(name, _)| name).collect()
    }

    /// How each of its assertions stands. A gate that was not run has none, and would pass for a green one.
    pub(crate) fn standings(&self, gate: &str) -> Vec<(String, String)> {
        let summary = self.summary(gate);
        let assertions = summary["assertions"].as_array().unwrap();
        assert!(
            !assertions.is_empty(),
            "{gate} was not judged: {}",
            summary["reasons"]
        );
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        assertions
            .iter()
            .map(|assertion| (word(&assertion["name"]), word(&assertion["standing"])))
            .collect()
    }

    fn summary(&self, gate: &str) -> Value {
        let path = self.pack().join(format!("gates/{gate}/outcome.json"));
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_slice(&bytes).unwrap()
    }

    fn gate_file(&self, gate: &str) -> PathBuf {
        let folders = fs::read_dir(self.root.path().join("gates")).unwrap().flatten();
        let begins = format!("{gate}_");
        let mut folders = folders.filter(|entry| entry.file_name().to_string_lossy().starts_with(&begins));
        folders
            .next()
            .expect("the suite has this gate")
            .path()
            .join("gate.toml")
    }

    fn reword(&self, file: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.root.path().join(file)).unwrap();
        assert_eq!(text.matches(from).count(), 1, "`{from}` in {file}");
        self.replace(file, from, to);
    }

    fn replace(&self, file: &str, from: &str, to: &str) {
        let path = self.root.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "`{from}` in {file}");
        fs::write(path, text.replace(from, to)).expect("written");
    }
}
