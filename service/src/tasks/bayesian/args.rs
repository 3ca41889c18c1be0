//! What an inference may be asked with.

use serde::Deserialize;
use uuid::Uuid;

use super::sampler::Plan;
use crate::{
    queue::Task,
    settings::Stage,
    tasks::{Job, TaskError},
};

/// The greatest seed: what every reader of JSON keeps exactly.
const GREATEST_SEED: u64 = (1 << 53) - 1;

/// The arguments, all of which may be left out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Args {
    lookback_days: i32,
    chains: u64,
    draws: u64,
    seed: Option<u64>,
    deaf: bool,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            lookback_days: 30,
            chains: 4,
            draws: 1_000,
            seed: None,
            deaf: false,
        }
    }
}

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// How far back it looks.
    pub(super) lookback_days: i32,
    /// How much is drawn.
    pub(super) plan: Plan,
    /// Whether it does not listen when it is asked to end: a drill of the hard limit.
    pub(super) deaf: bool,
}

impl Asked {
    /// Reads the arguments of a task. The bound of the draws is far beyond what the limits leave time for: what bounds
    /// an inference is its limits, and an operator must be able to see them hold.
    pub(super) fn of(job: &Job<'_>) -> Result<Self, TaskError> {
        read(job.task, job.settings.stage).map_err(TaskError::Refused)
    }
}

fn read(task: &Task, stage: Stage) -> Result<Asked, &'static str> {
    if task.tenant_id.is_none() {
        return Err("it is done for a tenant");
    }
    let args = Args::deserialize(&task.args).map_err(
        |_| "`args` may hold the whole numbers `lookback_days`, `chains`, `draws` and `seed`, and nothing else",
    )?;
    if !(1..=365).contains(&args.lookback_days) {
        return Err("`lookback_days` is not from 1 to 365");
    }
    if !(2..=8).contains(&args.chains) {
        return Err("`chains` is not from 2 to 8");
    }
    if !(100..=1_000_000_000).contains(&args.draws) {
        return Err("`draws` is not from 100 to 10^9");
    }
    let seed = args.seed.unwrap_or_else(|| seed_of(task.id));
    if seed > GREATEST_SEED {
        return Err("`seed` is not from 0 to 2^53 - 1");
    }
    if args.deaf && stage != Stage::Test {
        return Err("`deaf` is for drills, and there are none on this stage");
    }
    Ok(Asked {
        lookback_days: args.lookback_days,
        plan: Plan {
            seed,
            chains: args.chains,
            draws: args.draws,
        },
        deaf: args.deaf,
    })
}

/// A seed that a task keeps when it is handed out again.
fn seed_of(task: Uuid) -> u64 {
    task.as_u64_pair().0 & GREATEST_SEED
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn asked(args: Value, stage: Stage) -> Result<Asked, &'static str> {
        let task = Task {
            id: Uuid::from_u128(7 << 64),
            queue: "llm".to_owned(),
            name: "x".to_owned(),
            tenant_id: Some(Uuid::nil()),
            args,
            correlation_id: Uuid::nil(),
            attempts: 1,
            retry_count: 0,
        };
        read(&task, stage)
    }

    #[test]
    fn nothing_has_to_be_said() {
        let plan = Plan {
            seed: 7,
            chains: 4,
            draws: 1_000,
        };
        let expected = Asked {
            lookback_days: 30,
            plan,
            deaf: false,
        };
        assert_eq!(asked(json!({}), Stage::Production), Ok(expected));
    }

    #[test]
    fn what_is_out_of_bounds_is_refused_by_name() {
        for (args, name) in [
            (json!({ "lookback_days": 0 }), "`lookback_days`"),
            (json!({ "lookback_days": 366 }), "`lookback_days`"),
            (json!({ "chains": 1 }), "`chains`"),
            (json!({ "chains": 9 }), "`chains`"),
            (json!({ "draws": 99 }), "`draws`"),
            (json!({ "draws": 1_000_000_001_u64 }), "`draws`"),
            (json!({ "seed": 1_u64 << 53 }), "`seed`"),
            (json!({ "draws": "many" }), "`args`"),
            (json!({ "seed": -1 }), "`args`"),
            (json!({ "what": 1 }), "`args`"),
        ] {
            let why = asked(args.clone(), Stage::Test).expect_err("it is out of bounds");
            assert!(why.starts_with(name), "{args}: {why}");
        }
        for draws in [100, 1_000_000_000] {
            assert!(asked(json!({ "draws": draws }), Stage::Production).is_ok());
        }
    }

    #[test]
    fn only_a_drill_is_deaf() {
        let deaf = json!({ "deaf": true });
        assert!(asked(deaf.clone(), Stage::Test).is_ok_and(|asked| asked.deaf));
        assert_eq!(
            asked(deaf, Stage::Production),
            Err("`deaf` is for drills, and there are none on this stage")
        );
    }
}
