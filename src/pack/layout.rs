//! Every file name of a pack, and the role each file plays. Both are stable: adjudicators look for these names.

use serde::{Deserialize, Serialize};

/// The table of contents.
pub const TOC: &str = "pack.json";
/// The checksums of every other file.
pub const MANIFEST: &str = "manifest.sha256";
/// The archive, beside the files it holds.
pub const ARCHIVE: &str = "closure_pack_artifact.zip";
/// The archive's checksum, beside it.
pub const CHECKSUM: &str = "closure_pack_artifact.sha256";
/// What the archive is, beside it.
pub const METADATA: &str = "closure_pack_artifact_metadata.json";
/// The name a pack gets that does not survive its own verification.
pub const BROKEN: &str = "closure_pack_artifact.zip.broken";
/// The archive while it is being written.
pub const PART: &str = "closure_pack_artifact.zip.part";

/// What was going to be done.
pub const PLAN: &str = "plan.json";
/// What it was done to.
pub const SEAL: &str = "seal.json";
/// What happened when, one event a line.
pub const TIMELINE: &str = "timeline.jsonl";
/// Every HTTP exchange, one a line.
pub const EXCHANGES: &str = "exchanges.jsonl";
/// What a container engine said of what it did to the services, one event a line; only where there was one.
pub const ENGINE_EVENTS: &str = "engine_events.jsonl";
/// What every sentence may see besides its gate's own observations.
pub const CONSTANTS: &str = "constants.json";
/// The machine before, during and after the run.
pub const PHYSICS: &str = "runner_physics_probe.json";
/// The canonical summary.
pub const SUMMARY: &str = "phase8_gate_summary.json";
/// Which alteration breaks which assertion, over all gates.
pub const KILL_MATRIX: &str = "controls/kill_matrix.json";
/// The report for people with a browser.
pub const REPORT_HTML: &str = "report.html";
/// The report for people with a terminal.
pub const REPORT_MD: &str = "REPORT.md";
/// The report for CI systems.
pub const JUNIT: &str = "junit.xml";

/// The name of the summary's twin that carries the authority: `phase8_gate_summary_ci_subset.json`.
pub fn summary_of(authority: &str) -> String {
    format!("phase8_gate_summary_{authority}.json")
}

/// Where a gate's own file goes: `gates/<id>/<name>`.
pub fn gate_file(gate: &str, name: &str) -> String {
    format!("gates/{gate}/{name}")
}

/// What a gate's probes and controls saw.
pub fn observations(gate: &str) -> String {
    gate_file(gate, "observations.json")
}

/// What a gate came to.
pub fn outcome(gate: &str) -> String {
    gate_file(gate, "outcome.json")
}

/// What one control of a gate proved.
pub fn control(gate: &str, control: &str) -> String {
    gate_file(gate, &format!("controls/{control}.json"))
}

/// Where a file of the suite goes that belongs to no single gate: `suite/<path>`, relative to the suite's folder.
pub fn suite_file(path: &str) -> String {
    format!("suite/{path}")
}

/// Where the compose file goes: `compose/<name>`.
pub fn compose_file(name: &str) -> String {
    format!("compose/{name}")
}

/// The gate whose observations a path holds, if it holds any.
pub fn gate_of_observations(path: &str) -> Option<&str> {
    let gate = path.strip_prefix("gates/")?.strip_suffix("/observations.json")?;
    (!gate.contains('/')).then_some(gate)
}

/// What a file of the pack is good for. There is no fifth role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Seen, and written down as it happened.
    Raw,
    /// Handed in: the plan, the gate text, the SQL, the compose file.
    Given,
    /// Made from the raw and the given files; can be made again.
    Derived,
    /// Opaque: no conclusion rests on it.
    Log,
}

/// Logs by name only: they are written from observations, and can be made again.
const DERIVED_LOGS: [&str; 3] = [
    "logs/compose_missing_runtime_dsn_negative_control.log",
    "logs/container_identity_negative_control.log",
    "logs/r3_ingestion_under_fire.log",
];

const RAW: [&str; 6] = [SEAL, TIMELINE, EXCHANGES, ENGINE_EVENTS, CONSTANTS, PHYSICS];

const RAW_OF_A_SPAN: [&str; 4] = ["requests.csv", "rows.csv", "series.csv", "latency.hlog"];

/// The role of the file at a path of the pack. What no pattern claims is derived, and must be made again: a file
/// nobody knows can therefore never pass as evidence.
pub fn role_of(path: &str) -> Role {
    let (room, rest) = path.split_once('/').unwrap_or(("", path));
    match room {
        "" if RAW.contains(&rest) => Role::Raw,
        "" if rest == PLAN => Role::Given,
        "suite" | "compose" => Role::Given,
        "gates" => role_in_gate(rest),
        "load" if is_raw_of_a_span(rest) => Role::Raw,
        "logs" if !DERIVED_LOGS.contains(&path) => Role::Log,
        _ => Role::Derived,
    }
}

/// A gate's folder holds the gate as it was given, and beside it what was seen and what it came to.
fn role_in_gate(rest: &str) -> Role {
    match rest.split_once('/') {
        Some((_, "observations.json")) => Role::Raw,
        Some((_, file)) if file != "outcome.json" && !file.starts_with("controls/") => Role::Given,
        _ => Role::Derived,
    }
}

fn is_raw_of_a_span(rest: &str) -> bool {
    rest.rsplit_once('/')
        .is_some_and(|(_, file)| RAW_OF_A_SPAN.contains(&file))
}

#[cfg(test)]
mod tests {
    use super::{Role, gate_of_observations, role_of};

    #[test]
    fn every_file_has_the_role_the_layout_gives_it() {
        for (path, role) in [
            ("plan.json", Role::Given),
            ("seal.json", Role::Raw),
            ("timeline.jsonl", Role::Raw),
            ("exchanges.jsonl", Role::Raw),
            ("engine_events.jsonl", Role::Raw),
            ("runner_physics_probe.json", Role::Raw),
            ("gates/EG8.1/gate.toml", Role::Given),
            ("gates/EG8.1/sql/migrations.sql", Role::Given),
            ("gates/EG8.1/observations.json", Role::Raw),
            ("gates/EG8.1/outcome.json", Role::Derived),
            ("gates/EG8.1/controls/unset.json", Role::Derived),
            ("load/storm/requests.csv", Role::Raw),
            ("load/storm/latency.hlog", Role::Raw),
            ("load/storm/accounting.json", Role::Derived),
            ("logs/api.log", Role::Log),
            ("logs/r3_ingestion_under_fire.log", Role::Derived),
            ("suite/suite.toml", Role::Given),
            ("compose/docker-compose.e2e.yml", Role::Given),
            ("phase8_gate_summary.json", Role::Derived),
            ("sql/phase8_pg_snapshot.csv", Role::Derived),
            ("junit.xml", Role::Derived),
            ("nobody_knows.bin", Role::Derived),
        ] {
            assert_eq!(role_of(path), role, "{path}");
        }
    }

    #[test]
    fn a_gate_is_known_by_its_observations() {
        assert_eq!(
            gate_of_observations("gates/EG8.1/observations.json"),
            Some("EG8.1")
        );
        assert_eq!(gate_of_observations("gates/a/b/observations.json"), None);
        assert_eq!(gate_of_observations("gates/EG8.1/outcome.json"), None);
    }
}
