//! Connection strings. Nothing in one is left to a default: a database that nobody named is never reached.

use std::{fmt, str::FromStr};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

/// A connection string that names its host, port, database and role.
#[derive(Clone)]
pub(crate) struct Dsn {
    url: Url,
}

impl Dsn {
    /// Reads `postgresql://role[:password]@host:port/database`. The error says what is missing, never what was there.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("not a connection string ({error})"))?;
        if !matches!(url.scheme(), "postgresql" | "postgres") {
            return Err("the scheme is not `postgresql`".to_owned());
        }
        let database = url.path().trim_start_matches('/');
        let missing = [
            (url.host_str().unwrap_or_default().is_empty(), "host"),
            (url.port().is_none(), "port"),
            (database.is_empty() || database.contains('/'), "database"),
            (url.username().is_empty(), "role"),
        ];
        if let Some((_, part)) = missing.iter().find(|(absent, _)| *absent) {
            return Err(format!("it names no {part}"));
        }
        // A query string can override every part above (`?host=…`), so there is none.
        if url.query().is_some() || url.fragment().is_some() {
            return Err("it goes on after the database's name".to_owned());
        }
        Ok(Self { url })
    }

    /// The first part in which two connection strings differ, if any. Passwords are not compared.
    pub(crate) fn differs_from(&self, other: &Self) -> Option<&'static str> {
        [
            (self.url.host_str() != other.url.host_str(), "host"),
            (self.url.port() != other.url.port(), "port"),
            (self.url.path() != other.url.path(), "database"),
            (self.url.username() != other.url.username(), "role"),
        ]
        .into_iter()
        .find_map(|(differs, part)| differs.then_some(part))
    }

    /// The database's name.
    pub(crate) fn database(&self) -> &str {
        self.url.path().trim_start_matches('/')
    }

    /// The same server and role, another database.
    pub(crate) fn with_database(&self, database: &str) -> Self {
        let mut url = self.url.clone();
        url.set_path(database);
        Self { url }
    }

    /// What the driver wants to know. Statements are not logged: their parameters are not ours to show.
    pub(crate) fn options(&self, application: &str) -> Result<PgConnectOptions, sqlx::Error> {
        use sqlx::ConnectOptions as _;
        let options = PgConnectOptions::from_str(self.url.as_str())?
            .application_name(application)
            .ssl_mode(PgSslMode::Disable)
            .disable_statement_logging();
        Ok(match self.url.password() {
            Some(_) => options,
            // Otherwise the driver would look for one in places that nobody told it about.
            None => options.password(""),
        })
    }
}

impl fmt::Display for Dsn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.url.clone();
        // Refused only for a URL without a host, which `parse` refuses first.
        let _ = shown.set_password(None);
        formatter.write_str(shown.as_str())
    }
}

impl fmt::Debug for Dsn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_connection_string_is_taken_and_shown_without_its_password() {
        let dsn = Dsn::parse("postgresql://app_user:hush@127.0.0.1:5432/skeldir").expect("it is whole");
        assert_eq!(dsn.to_string(), "postgresql://app_user@127.0.0.1:5432/skeldir");
        assert_eq!(dsn.database(), "skeldir");
    }

    #[test]
    fn whatever_is_left_out_is_named() {
        for (text, why) in [
            ("redis://a:b@h:1/d", "the scheme is not `postgresql`"),
            ("postgresql://a:b@h/d", "it names no port"),
            ("postgresql://a:b@h:1", "it names no database"),
            ("postgresql://h:1/d", "it names no role"),
            (
                "postgresql://a:b@h:1/d?host=elsewhere",
                "it goes on after the database's name",
            ),
        ] {
            assert_eq!(Dsn::parse(text).expect_err(text), why);
        }
    }

    #[test]
    fn no_error_repeats_the_password() {
        for text in [
            "postgresql://a:hush@h",
            "hush",
            "redis://a:hush@h:1/d",
            "postgresql://a:hush@h:1:2/d",
        ] {
            let why = Dsn::parse(text).expect_err(text);
            assert!(!why.contains("hush"), "{why}");
        }
    }

    #[test]
    fn two_strings_are_compared_part_by_part() {
        let one = Dsn::parse("postgresql://a:x@h:1/d").expect("whole");
        for (text, part) in [
            ("postgresql://a:y@h:1/d", None),
            ("postgres://a@h:1/d", None),
            ("postgresql://b:x@h:1/d", Some("role")),
            ("postgresql://a:x@i:1/d", Some("host")),
            ("postgresql://a:x@h:2/d", Some("port")),
            ("postgresql://a:x@h:1/e", Some("database")),
        ] {
            assert_eq!(one.differs_from(&Dsn::parse(text).expect(text)), part, "{text}");
        }
    }
}
