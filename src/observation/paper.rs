//! A gate's record as it stands on paper. Red and closing passes look at little again, and take the rest over from the
//! gate's own pass: there it is named, and not written a second time.

use serde::{Deserialize, Serialize};

use super::{GateRecord, Pass};

/// `gates/<id>/observations.json`. Live and offline, whoever judges gets his record out of this, by [`OnPaper::read`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OnPaper(GateRecord);

impl OnPaper {
    /// Write a record down.
    pub fn of(record: &GateRecord) -> Self {
        let mut record = record.clone();
        if let Some(own) = record.pass.take() {
            later_passes(&mut record).for_each(|pass| leave_out(pass, &own));
            record.pass = Some(own);
        }
        Self(record)
    }

    /// Read a record: every pass is complete again.
    ///
    /// # Errors
    /// When a pass takes over what the gate's own pass did not see, or what it has seen itself.
    pub fn read(self) -> Result<GateRecord, String> {
        let Self(mut record) = self;
        let own = record.pass.take();
        let nothing = Pass::default();
        let source = own.as_ref().unwrap_or(&nothing);
        if let Some(name) = source.taken_over.first() {
            return Err(format!("the gate's own pass takes `{name}` over from nobody"));
        }
        for pass in later_passes(&mut record) {
            put_back(pass, source)?;
        }
        record.pass = own;
        Ok(record)
    }
}

/// The red passes and the closing ones.
fn later_passes(record: &mut GateRecord) -> impl Iterator<Item = &mut Pass> {
    let reds = record
        .controls
        .iter_mut()
        .filter_map(|control| control.red.as_mut());
    reds.chain(&mut record.closings)
}

fn leave_out(pass: &mut Pass, own: &Pass) {
    let same = |name: &String| own.seen.get(name) == pass.seen.get(name);
    pass.taken_over = pass.seen.keys().filter(|name| same(name)).cloned().collect();
    pass.seen.retain(|name, _| !pass.taken_over.contains(name));
}

fn put_back(pass: &mut Pass, own: &Pass) -> Result<(), String> {
    for name in std::mem::take(&mut pass.taken_over) {
        let seen = own
            .seen
            .get(&name)
            .ok_or_else(|| format!("a pass takes `{name}` over, which the gate's own pass did not see"))?;
        if pass.seen.insert(name.clone(), seen.clone()).is_some() {
            return Err(format!("a pass takes `{name}` over, and has seen it itself"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::OnPaper;
    use crate::observation::{ControlRecord, GateRecord, Names, Pass};

    fn pass(seen: Value) -> Pass {
        let Value::Object(seen) = seen else {
            panic!("{seen} is no map")
        };
        Pass {
            seen,
            lets: Names::from_iter([("n".to_owned(), json!(1))]),
            ..Pass::default()
        }
    }

    /// A gate whose one control looked at `rows` again.
    fn record() -> GateRecord {
        GateRecord {
            gate: "G".into(),
            pass: Some(pass(
                json!({"load": {"sent": 450}, "rows": {"t_ms": 1, "count": 3}}),
            )),
            controls: vec![ControlRecord {
                control: "lost".into(),
                rerun: vec!["rows".into()],
                red: Some(pass(
                    json!({"load": {"sent": 450}, "rows": {"t_ms": 2, "count": 2}}),
                )),
                closing: Some(0),
                ..ControlRecord::default()
            }],
            closings: vec![pass(
                json!({"load": {"sent": 450}, "rows": {"t_ms": 3, "count": 3}}),
            )],
            not_run: None,
        }
    }

    fn read(paper: Value) -> Result<GateRecord, String> {
        serde_json::from_value::<OnPaper>(paper)
            .expect("it is one")
            .read()
    }

    #[test]
    fn what_a_pass_took_over_is_named_and_not_repeated() {
        let paper = json!(OnPaper::of(&record()));
        assert_eq!(
            paper["pass"]["seen"],
            json!({"load": {"sent": 450}, "rows": {"t_ms": 1, "count": 3}})
        );
        assert_eq!(paper["pass"].get("taken_over"), None);
        let red = &paper["controls"][0]["red"];
        assert_eq!(red["seen"], json!({"rows": {"t_ms": 2, "count": 2}}));
        assert_eq!(red["taken_over"], json!(["load"]));
        assert_eq!(paper["closings"][0]["taken_over"], json!(["load"]));
    }

    #[test]
    fn what_was_written_reads_as_what_was_seen() {
        for record in [
            record(),
            GateRecord::default(),
            GateRecord {
                pass: None,
                not_run: Some("left out".into()),
                ..record()
            },
        ] {
            assert_eq!(read(json!(OnPaper::of(&record))), Ok(record));
        }
    }

    #[test]
    fn what_nobody_saw_cannot_be_taken_over_and_what_a_pass_saw_itself_neither() {
        let refused = |change: fn(&mut Value)| {
            let mut paper = json!(OnPaper::of(&record()));
            change(&mut paper);
            read(paper).expect_err("it is refused")
        };
        assert_eq!(
            refused(|paper| paper["controls"][0]["red"]["taken_over"][0] = "rows".into()),
            "a pass takes `rows` over, and has seen it itself"
        );
        assert_eq!(
            refused(|paper| paper["closings"][0]["taken_over"][0] = "nothing".into()),
            "a pass takes `nothing` over, which the gate's own pass did not see"
        );
        assert_eq!(
            refused(|paper| paper["pass"]["taken_over"] = json!(["load"])),
            "the gate's own pass takes `load` over from nobody"
        );
    }
}
