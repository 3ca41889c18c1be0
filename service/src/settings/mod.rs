//! Settings: everything a process is told, read once, from its environment and nowhere else.
//!
//! `table` lists every setting there is, `roles` says which role reads which. A setting that is missing without a
//! default, empty, or unusable stops the process and is named. What was read is kept, without its secrets, for the
//! start-up line.

mod dsn;
mod llm;
mod roles;
mod secret;
pub(crate) mod table;

use std::collections::BTreeMap;

use serde_json::Value;

pub(crate) use self::{
    dsn::Dsn,
    llm::Llm,
    roles::{
        Api, Client, Database, Exporter, Limits, Migrate, MockPlatform, Platforms, Provision, Role, Stage,
        Tokens, Worker,
    },
    secret::Secret,
    table::{Setting, Show},
};

/// Why a setting cannot be used. The words name the variable and never repeat a secret.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum SettingError {
    /// It is not in the environment, and has no default.
    #[error("`{0}` is not set")]
    Missing(&'static str),
    /// It is there, and says nothing.
    #[error("`{0}` is empty")]
    Empty(&'static str),
    /// It says something that cannot be used.
    #[error("`{name}` is unusable: {why}")]
    Unusable {
        /// The variable.
        name: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// The environment of a process, and what has been read of it so far.
pub(crate) struct Environment {
    variables: BTreeMap<String, String>,
    effective: serde_json::Map<String, Value>,
}

impl Environment {
    /// The environment of this process. A value that is not UTF-8 is kept with its bad bytes replaced, so that it is
    /// refused as unusable rather than taken for missing.
    pub(crate) fn of_this_process() -> Self {
        Self::of(std::env::vars_os().map(|(name, value)| {
            (
                name.to_string_lossy().into_owned(),
                value.to_string_lossy().into_owned(),
            )
        }))
    }

    /// An environment made of pairs.
    pub(crate) fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            variables: variables.into_iter().collect(),
            effective: serde_json::Map::new(),
        }
    }

    /// Reads one setting. `parse` says what is wrong with a text it cannot use, without repeating it.
    pub(crate) fn read<T>(
        &mut self,
        setting: &'static Setting,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, SettingError> {
        let name = setting.name;
        let text = match (self.variables.get(name), setting.default) {
            (Some(text), _) if text.trim().is_empty() => return Err(SettingError::Empty(name)),
            (Some(text), _) => text.clone(),
            (None, Some(default)) => default.to_owned(),
            (None, None) => return Err(SettingError::Missing(name)),
        };
        let value = parse(&text).map_err(|why| SettingError::Unusable { name, why })?;
        let shown = match setting.show {
            Show::Plain => text,
            Show::Dsn => Dsn::parse(&text).map_or_else(|_| "set".to_owned(), |dsn| dsn.to_string()),
            Show::Never => "set".to_owned(),
        };
        self.effective.insert(name.to_owned(), Value::String(shown));
        Ok(value)
    }

    /// What was read, by name, without secrets.
    pub(crate) fn effective(&self) -> &serde_json::Map<String, Value> {
        &self.effective
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::of(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    fn number(text: &str) -> Result<u8, String> {
        text.parse().map_err(|_| "no number".to_owned())
    }

    fn text(text: &str) -> Result<String, String> {
        if text.is_ascii() {
            Ok(text.to_owned())
        } else {
            Err("no text".to_owned())
        }
    }

    #[test]
    fn a_missing_setting_is_named() {
        let error = environment(&[]).read(&table::API_LISTEN, text);
        assert_eq!(
            error.expect_err("nothing was set").to_string(),
            "`API_LISTEN` is not set"
        );
    }

    #[test]
    fn an_empty_setting_is_refused_even_when_it_has_a_default() {
        let error = environment(&[("DATABASE_POOL_SIZE", " ")]).read(&table::DATABASE_POOL_SIZE, number);
        assert_eq!(error, Err(SettingError::Empty("DATABASE_POOL_SIZE")));
    }

    #[test]
    fn an_absent_setting_takes_its_default() {
        let value = environment(&[]).read(&table::DATABASE_POOL_SIZE, number);
        assert_eq!(value, Ok(10));
    }

    #[test]
    fn what_was_read_is_shown_without_secrets() {
        let mut environment = environment(&[
            ("SECRET_BOX_KEY", "hush"),
            ("DATABASE_URL", "postgresql://app_user:hush@db:5432/skeldir"),
        ]);
        environment.read(&table::SECRET_BOX_KEY, text).expect("it is set");
        environment.read(&table::DATABASE_URL, text).expect("it is set");
        assert_eq!(
            serde_json::to_string(environment.effective()).expect("a map of texts"),
            r#"{"SECRET_BOX_KEY":"set","DATABASE_URL":"postgresql://app_user@db:5432/skeldir"}"#
        );
    }
}
