//! The kind `exec`: a program of the service's own, run in it while it lives.
//!
//! It is whatever the service's image or folder holds, under the service's account and with its environment. What the
//! engine is heard to do for it was asked for by closure, and is nobody else's act.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Blind, Executed, Params, Site};

/// How long a program may take when the gate does not say.
const WITHIN: Duration = Duration::from_secs(10);

/// The most a program may say on each of its voices: more is nothing an assertion reads.
const LONGEST: usize = 1024 * 1024;

/// `{run, inside, input, timeout}` → `{exit, stdout, stderr, ms}` and, when there is one, `value`: the last line of its
/// standard output that is a JSON object. A program that cannot be started, or does not end in time, leaves none.
pub(super) async fn look(params: Params<'_>, site: &Site) -> Result<Value, Blind> {
    let service = params.text("inside")?;
    let argv = params.texts("run")?;
    if argv.is_empty() {
        return Err(Blind::because("`run` names no program"));
    }
    let input = told(params.get("input"));
    let within = params.duration("timeout")?.unwrap_or(WITHIN);
    let begin = Instant::now();
    let ended = site.ground.exec(service, &argv, &input, within).await;
    let ended = ended.map_err(Blind::because)?;
    on_paper(&ended, begin.elapsed())
}

/// What the program gets to read: a text as it is, anything else as one line of JSON.
fn told(input: Option<&Value>) -> Vec<u8> {
    match input {
        None => Vec::new(),
        Some(Value::String(text)) => text.clone().into_bytes(),
        Some(other) => format!("{other}\n").into_bytes(),
    }
}

fn on_paper(ended: &Executed, took: Duration) -> Result<Value, Blind> {
    if ended.stdout.len().max(ended.stderr.len()) > LONGEST {
        return Err(Blind::because(format!("it says more than {LONGEST} bytes")));
    }
    let stdout = String::from_utf8_lossy(&ended.stdout);
    let mut seen = json!({
        "exit": ended.exit,
        "stdout": stdout,
        "stderr": ended.stderr,
        "ms": took.as_secs_f64() * 1000.0,
    });
    if let Some(value) = last_object(&stdout) {
        seen["value"] = value;
    }
    Ok(seen)
}

fn last_object(stdout: &str) -> Option<Value> {
    let object = |line: &str| serde_json::from_str(line).ok().filter(Value::is_object);
    stdout.lines().rev().find_map(object)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use serde_json::{Value, json};

    use super::{super::testing, Executed, LONGEST, Params, look, on_paper};

    async fn run(params: Value) -> Result<Value, String> {
        let ground = testing::Still::default();
        ground.runs("api", &[]);
        let paper = Arc::new(testing::Kept::default());
        let site = testing::site(Arc::new(ground), paper, BTreeMap::new());
        let seen = look(Params::of(&params).expect("a table"), &site).await;
        seen.map_err(|blind| blind.to_string())
    }

    #[tokio::test]
    async fn the_exit_status_is_data_and_the_last_object_is_the_value() {
        let seen =
            run(json!({"inside": "api", "run": ["/bin/tool", "3"], "input": {"a": 1}, "timeout": "2s"}))
                .await;
        let seen = seen.expect("seen");
        assert_eq!((&seen["exit"], &seen["value"]), (&json!(3), &json!({"a": 1})));
        assert_eq!(seen["stdout"], "/bin/tool 3\n{\"a\":1}\n\n");
        assert_eq!(seen["stderr"], "within 2000 ms");
    }

    #[tokio::test]
    async fn a_text_is_told_as_it_is_and_no_object_is_no_value() {
        let seen = run(json!({"inside": "api", "run": ["tool"], "input": "[1]"})).await;
        let seen = seen.expect("seen");
        assert_eq!(seen["stdout"], "tool\n[1]\n");
        assert!(seen.get("value").is_none());
    }

    #[tokio::test]
    async fn what_cannot_be_run_leaves_no_observation() {
        let nobody = run(json!({"inside": "nobody", "run": ["tool"]})).await;
        assert_eq!(nobody, Err("no service `nobody`".into()));
        let nothing = run(json!({"inside": "api", "run": []})).await;
        assert_eq!(nothing, Err("`run` names no program".into()));
        let talker = Executed {
            stdout: vec![b'x'; LONGEST + 1],
            ..Executed::default()
        };
        assert!(on_paper(&talker, std::time::Duration::ZERO).is_err());
    }
}
