//! Looks from inside a service: a sidecar that cannot see proves nothing either way, and it says nothing of what it
//! reads.

use std::{
    fs,
    io::Write as _,
    process::{Child, Command, Stdio},
    thread,
};

use crate::suite::{Said, Suite, closure, verify};

const M2: &str = "M2_settings/gate.toml";

#[test]
fn a_sidecar_that_cannot_see_leaves_its_gate_inconclusive_and_never_failed() {
    for substrate in ["native", "docker"] {
        let suite = Suite::mini().reword(M2, "dsn_env = \"DATABASE_URL\"", "dsn_env = \"NOBODYS_URL\"");
        let said = suite
            .run_on(substrate, &["--only", "M2", "--json"])
            .exits(3)
            .json();
        let gates = said["gates"].as_array().unwrap();
        let gate = gates.iter().find(|gate| gate["id"] == "M2").unwrap();
        assert_eq!(gate["outcome"], "inconclusive", "{substrate}");
        let reasons = gate["reasons"].to_string();
        for word in [
            "own_database",
            "`NOBODYS_URL` is not in the environment of process",
        ] {
            assert!(reasons.contains(word), "{substrate}: {reasons}");
        }
        verify(&suite.pack()).exits(1).says(&["inconclusive M2"]);
    }
}

/// A process that has a DSN and does nothing with it.
struct Holder(Child);

impl Holder {
    fn of(dsn: &str) -> Self {
        let mut sleep = Command::new("sleep");
        let holder = Self(sleep.arg("600").env("DATABASE_URL", dsn).spawn().unwrap());
        // For a moment a process that is becoming another program has no environment at all.
        let environment = format!("/proc/{}/environ", holder.0.id());
        while fs::read(&environment).unwrap().is_empty() {
            thread::yield_now();
        }
        holder
    }

    /// What the sidecar says beside it, when it is told this.
    fn beside(&self, errand: &str) -> Said {
        let mut command = closure();
        command
            .args(["sidecar", "--pid", &self.0.id().to_string()])
            .env_clear();
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut sidecar = command.spawn().unwrap();
        sidecar
            .stdin
            .take()
            .unwrap()
            .write_all(errand.as_bytes())
            .unwrap();
        sidecar.wait_with_output().unwrap().into()
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _ended = self.0.wait();
    }
}

fn errand(server: &str) -> String {
    format!(
        r#"{{"dsn_env": "DATABASE_URL", "servers": ["{server}"], "patience_ms": 5000, "question":
            {{"sql": "select 1 as a", "context": [], "first": [], "writes": false, "limit": null}}}}"#
    )
}

#[test]
fn a_sidecar_that_cannot_see_answers_why_and_tells_no_secret() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    for (dsn, why) in [
        (
            format!("postgres://reader:swordfish-1@{closed}/db"),
            "cannot connect as `reader`",
        ),
        (
            "postgres://reader:swordfish-1@192.0.2.1:5432/db".to_owned(),
            "no database server of this run",
        ),
        ("swordfish-1".to_owned(), "no URL of a Postgres database"),
    ] {
        let said = Holder::of(&dsn)
            .beside(&errand(&closed))
            .exits(0)
            .says(&["{\"blind\":", why]);
        assert!(
            !said.out.contains("swordfish-1") && !said.err.contains("swordfish-1"),
            "{said:?}"
        );
    }
}

#[test]
fn a_sidecar_that_is_told_nonsense_says_so() {
    Holder::of("")
        .beside("nonsense")
        .exits(2)
        .says(&["error: that is no errand: "]);
}

#[test]
fn the_sidecar_is_no_command_for_people() {
    let help = Said::by(closure().arg("--help")).exits(0).out;
    assert!(help.contains("verify") && !help.contains("sidecar"), "{help}");
}
