//! What things of a run are called on an engine, and the labels they are known by: everything that a run makes there
//! carries both, so that it is found again by whoever takes it away.

use std::collections::HashMap;

/// The label that holds the run's id.
pub(super) const RUN: &str = "closure.run";

/// The label that holds the copy's name: `live`, `scratch-1`.
pub(super) const COPY: &str = "closure.copy";

/// The copy that probes look at.
pub(super) const LIVE: &str = "live";

/// The names of one copy of the services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) run: String,
    pub(super) copy: String,
}

impl Names {
    /// Of a container, by its service; of a network or a volume, by its name in the compose file.
    pub(super) fn of(&self, what: &str) -> String {
        format!("closure-{}-{}-{what}", self.run, self.copy)
    }

    /// Of an image that is built for a service in this run. An engine wants them in small letters.
    pub(super) fn image(&self, service: &str) -> String {
        format!("closure/{service}:{}", self.run).to_lowercase()
    }

    /// Both labels.
    pub(super) fn labels(&self) -> HashMap<String, String> {
        HashMap::from(
            [(RUN, &self.run), (COPY, &self.copy)].map(|(key, value)| (key.to_owned(), value.clone())),
        )
    }

    /// What finds everything of this copy.
    pub(super) fn filter(&self) -> Filter {
        vec![format!("{RUN}={}", self.run), format!("{COPY}={}", self.copy)]
    }
}

/// Labels that must all be there.
pub(super) type Filter = Vec<String>;

/// What finds everything of a run, whichever copy it belongs to.
pub(super) fn of_run(run: &str) -> Filter {
    vec![format!("{RUN}={run}")]
}

#[cfg(test)]
mod tests {
    use super::{Names, of_run};

    #[test]
    fn every_copy_has_names_and_labels_of_its_own_and_all_are_of_the_run() {
        let names = Names {
            run: "r1".to_owned(),
            copy: "scratch-2".to_owned(),
        };
        assert_eq!(names.of("api"), "closure-r1-scratch-2-api");
        assert_eq!(names.filter(), ["closure.run=r1", "closure.copy=scratch-2"]);
        assert_eq!(names.labels().len(), 2);
        assert_eq!(of_run("r1"), ["closure.run=r1"]);
    }

    #[test]
    fn an_image_is_named_in_small_letters() {
        let names = Names {
            run: "R1".to_owned(),
            copy: "live".to_owned(),
        };
        assert_eq!(names.image("Api"), "closure/api:r1");
    }
}
