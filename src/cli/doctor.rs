//! `closure doctor`: what is here, what is missing, what to do about it.

use serde_json::json;

use super::{Exit, arguments::DoctorWish, refused};
use crate::run::{Checkup, Standing, examine};

pub(super) fn command(wish: &DoctorWish) -> anyhow::Result<Exit> {
    let wished = crate::plan::Wish {
        suite: wish.suite.clone(),
        profile: "ci_subset".to_owned(),
        only: Vec::new(),
    };
    let checkup = examine(&wished).map_err(refused)?;
    let exit = if checkup.can_run.is_empty() {
        Exit::NotUp
    } else {
        Exit::Pass
    };
    if wish.json {
        let mut told = json!(checkup);
        told["exit_code"] = exit.code().into();
        println!("{told:#}");
    } else {
        print!("{}", in_words(&checkup));
    }
    Ok(exit)
}

fn in_words(checkup: &Checkup) -> String {
    let mut lines = Vec::new();
    for item in &checkup.items {
        let word = match item.standing {
            Standing::Here => "ok",
            Standing::Note => "note",
            Standing::Missing => "missing",
        };
        let mut said = item.says.lines();
        lines.push(format!(
            "{word:<8} {:<8} {}",
            item.about,
            said.next().unwrap_or_default()
        ));
        lines.extend(said.map(|more| format!("{:<17} {more}", "")));
    }
    let can_run: Vec<&str> = checkup.can_run.iter().map(|on| on.word()).collect();
    lines.push(match can_run.as_slice() {
        [] => "neither containers nor processes of this host can run the services".to_owned(),
        words => format!("can run: {}", words.join(", ")),
    });
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::{Checkup, Standing, in_words};
    use crate::{run::Item, topology::On};

    #[test]
    fn each_thing_is_one_line_and_what_to_do_stands_below_it() {
        let item = |about, standing, says: &str| Item {
            about,
            standing,
            says: says.to_owned(),
        };
        let checkup = Checkup {
            items: vec![
                item("engine", Standing::Missing, "nobody answers\nhint: start it"),
                item("native", Standing::Here, "Postgres in `/usr`"),
            ],
            can_run: vec![On::Native],
        };
        assert_eq!(
            in_words(&checkup),
            "missing  engine   nobody answers\n                  hint: start it\nok       native   Postgres in `/usr`\n\
             can run: native\n"
        );
    }
}
