//! The mint: every id and every secret of a run, derived from its label.

use std::sync::{Arc, OnceLock};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{DatabasePlace, Keys, Places, sign, unknown};

/// Called with the label and the value of every secret, before anybody else sees the value.
pub type Register = Arc<dyn Fn(&str, &str) + Send + Sync>;

/// Derives ids from the run's id, and secrets from a seed that only this process knows.
pub struct Mint {
    run: Uuid,
    seed: [u8; 32],
    keys: Keys,
    register: Register,
    places: OnceLock<Places>,
}

impl Mint {
    /// A mint for one run. The seed is random, per run, and is never written anywhere; nor are the keys.
    pub fn new(run: Uuid, seed: [u8; 32], keys: Keys, register: Register) -> Self {
        Self {
            run,
            seed,
            keys,
            register,
            places: OnceLock::new(),
        }
    }

    /// Tell where services and databases are. Told once; a second telling is ignored, because values that were
    /// already handed out cannot be taken back.
    pub fn tell(&self, places: Places) {
        let _ = self.places.set(places);
    }

    /// A UUID of this run that is the same in all passes.
    pub fn uuid(&self, label: &str) -> String {
        self.id(&["uuid", label])
    }

    /// A UUID that belongs to one pass: `EG8.5/pass` and `EG8.5/lost_row/red` get different ones.
    pub fn fresh(&self, pass: &str, label: &str) -> String {
        self.id(&["fresh", pass, label])
    }

    /// Which of `length` elements the run draws for a label; none of an empty list.
    pub fn draw(&self, label: &str, length: usize) -> Option<usize> {
        let drawn = Sha256::digest(self.name(&["pick", label]));
        let number = drawn
            .iter()
            .take(8)
            .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let length = u64::try_from(length).ok().filter(|length| *length > 0)?;
        usize::try_from(number % length).ok()
    }

    /// A secret value of this run: 43 URL-safe characters, known to the redactor under `label`.
    pub fn secret(&self, purpose: &str, label: &str) -> String {
        let mac = sign::hmac(&self.seed, &self.name(&[purpose, label]));
        let value = URL_SAFE_NO_PAD.encode(mac);
        (self.register)(label, &value);
        value
    }

    /// What a verifier of this run's tokens is told: the public halves, by their ids.
    pub fn public_ring(&self, key: &str) -> Result<String, String> {
        self.keys.public_ring(key)
    }

    /// A token signed with a key of this run, known to the redactor; with a header of one's own if there is one.
    pub fn token(&self, header: Option<&Value>, claims: &Value, key: &str) -> Result<String, String> {
        let token = match header {
            Some(header) => self.keys.token_with(header, claims, key),
            None => self.keys.token(claims, key),
        }?;
        (self.register)(&format!("token/{key}"), &token);
        Ok(token)
    }

    /// The password of the role behind a database of the suite. Two databases with one role share it.
    pub fn password(&self, db: &str) -> Result<String, String> {
        let place = self.database(db)?;
        Ok(self.secret(
            "dsn_password",
            &format!("password/{}/{}", place.service, place.user),
        ))
    }

    /// The connection string of a database, as a service of the run uses it.
    pub fn dsn(&self, db: &str) -> Result<String, String> {
        Ok(self.database(db)?.dsn(&self.password(db)?))
    }

    /// The base URL of a service, as another service of the run uses it.
    pub fn url(&self, service: &str) -> Result<String, String> {
        let told = self.told()?;
        let address = told.services.get(service);
        address
            .map(|address| format!("http://{address}"))
            .ok_or_else(|| unknown("service", service, told.services.keys()))
    }

    fn database(&self, db: &str) -> Result<&DatabasePlace, String> {
        let told = self.told()?;
        told.databases
            .get(db)
            .ok_or_else(|| unknown("database", db, told.databases.keys()))
    }

    fn told(&self) -> Result<&Places, String> {
        self.places
            .get()
            .ok_or_else(|| "the addresses of this run are not known yet".to_owned())
    }

    fn id(&self, parts: &[&str]) -> String {
        Uuid::new_v5(&self.run, &self.name(parts)).to_string()
    }

    /// Parts are length-prefixed: `("a", "b/c")` and `("a/b", "c")` are different names.
    fn name(&self, parts: &[&str]) -> Vec<u8> {
        let mut name = self.run.as_bytes().to_vec();
        for part in parts {
            name.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            name.extend_from_slice(part.as_bytes());
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use uuid::Uuid;

    use super::{super::DatabasePlace, Keys, Mint, Places};

    type Known = Arc<Mutex<Vec<(String, String)>>>;

    fn mint(seed: u8) -> (Mint, Known) {
        let known = Arc::new(Mutex::new(Vec::new()));
        let sink = known.clone();
        let register = Arc::new(move |label: &str, value: &str| {
            sink.lock()
                .expect("not poisoned")
                .push((label.to_owned(), value.to_owned()));
        });
        (
            Mint::new(Uuid::from_u128(7), [seed; 32], Keys::default(), register),
            known,
        )
    }

    #[test]
    fn ids_depend_on_run_pass_and_label_only() {
        let (one, _) = mint(1);
        let (two, _) = mint(2);
        assert_eq!(one.uuid("a"), two.uuid("a"), "the seed has no part in ids");
        assert_ne!(one.uuid("a"), one.uuid("b"));
        assert_eq!(one.fresh("G/pass", "a"), one.fresh("G/pass", "a"));
        assert_ne!(one.fresh("G/pass", "a"), one.fresh("G/c/red", "a"));
        assert_ne!(one.fresh("a/b", "c"), one.fresh("a", "b/c"));
    }

    #[test]
    fn secrets_depend_on_the_seed_and_are_known_to_the_redactor() {
        let (one, known) = mint(1);
        let (two, _) = mint(2);
        let value = one.secret("mint", "hook/a/stripe");
        assert_eq!(value.len(), 43);
        assert!(
            value
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        );
        assert_eq!(value, one.secret("mint", "hook/a/stripe"));
        assert_ne!(value, one.secret("canary", "hook/a/stripe"));
        assert_ne!(value, two.secret("mint", "hook/a/stripe"));
        assert_eq!(
            known.lock().expect("not poisoned")[0],
            ("hook/a/stripe".into(), value)
        );
    }

    #[test]
    fn a_draw_stays_in_bounds_and_reaches_every_element() {
        let (mint, _) = mint(1);
        assert_eq!(mint.draw("x", 0), None);
        let drawn: std::collections::BTreeSet<_> =
            (0..200).filter_map(|i| mint.draw(&i.to_string(), 5)).collect();
        assert_eq!(drawn, (0..5).collect());
    }

    #[test]
    fn connection_strings_need_the_addresses_and_name_what_is_unknown() {
        let (mint, _) = mint(1);
        assert!(
            mint.dsn("app")
                .expect_err("not told yet")
                .contains("not known yet")
        );
        let place = |user: &str| DatabasePlace {
            service: "postgres".into(),
            host: "127.0.0.1".into(),
            port: 5433,
            database: "shop".into(),
            user: user.into(),
        };
        let mut places = Places::default();
        places.databases.insert("app".into(), place("app_user"));
        places.databases.insert("again".into(), place("app_user"));
        places.databases.insert("owner".into(), place("owner"));
        places.services.insert("api".into(), "127.0.0.1:8000".into());
        mint.tell(places);
        let password = mint.password("app").expect("known");
        assert_eq!(
            mint.dsn("app").expect("known"),
            format!("postgres://app_user:{password}@127.0.0.1:5433/shop")
        );
        assert_eq!(mint.password("again").expect("known"), password);
        assert_ne!(mint.password("owner").expect("known"), password);
        assert_eq!(mint.url("api").expect("known"), "http://127.0.0.1:8000");
        assert!(
            mint.dsn("ownr")
                .expect_err("unknown")
                .contains("there is `again`, `app`, `owner`")
        );
    }
}
