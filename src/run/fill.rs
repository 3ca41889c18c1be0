//! What fills the `${…}` of the compose file: minted for this run, for one set of addresses. Neither the shell's
//! environment nor a `.env` file takes part.

use std::{collections::BTreeMap, sync::Arc};

use uuid::Uuid;

use crate::{
    cel::World,
    doing::{DatabasePlace, Keys, Mint, Places, Register},
    gate::model::Suite,
    topology::Addresses,
};

/// Everything that is minted is a function of these; neither seed nor keys reach paper.
#[derive(Clone)]
pub(super) struct Seed {
    run: Uuid,
    bytes: [u8; 32],
    keys: Keys,
    register: Register,
}

impl Seed {
    /// A seed drawn for one run, whose suite declares key pairs of so many bits.
    pub(super) fn draw(run: Uuid, keys: &BTreeMap<String, u32>, register: Register) -> Self {
        let mut seed = [0; 32];
        seed[..16].copy_from_slice(Uuid::new_v4().as_bytes());
        seed[16..].copy_from_slice(Uuid::new_v4().as_bytes());
        Self {
            run,
            bytes: seed,
            keys: Keys::new(keys.clone()),
            register,
        }
    }

    /// The mint of this run for one set of addresses: the same secrets, other places.
    pub(super) fn mint(&self, places: Places) -> Arc<Mint> {
        let mint = Mint::new(
            self.run,
            self.bytes,
            self.keys.clone(),
            Arc::clone(&self.register),
        );
        mint.tell(places);
        Arc::new(mint)
    }
}

/// A doing world: pure functions, those that act for one pass, and the suite's own.
pub(super) fn world(suite: &Suite, mint: &Arc<Mint>, pass: &str) -> World {
    let mut world = World::pure();
    mint.teach(&mut world, pass);
    for (name, function) in &suite.functions {
        world.define(name, &function.of, &function.is);
    }
    world
}

/// Where services and databases are, as services see them.
pub(super) fn places(suite: &Suite, addresses: &Addresses) -> Places {
    let inside = |service: &str| addresses.inside(service, suite.services.get(service)?.port?);
    let services = suite
        .services
        .keys()
        .filter_map(|name| Some((name.clone(), inside(name)?)))
        .collect();
    let database = |name: &String, db: &crate::gate::model::Database| {
        let (host, port) = inside(&db.service)?
            .rsplit_once(':')
            .map(|(h, p)| (h.to_owned(), p.to_owned()))?;
        let place = DatabasePlace {
            service: db.service.clone(),
            host,
            port: port.parse().ok()?,
            database: db.database.clone(),
            user: db.user.clone(),
        };
        Some((name.clone(), place))
    };
    let databases = suite
        .databases
        .iter()
        .filter_map(|(name, db)| database(name, db))
        .collect();
    Places { databases, services }
}

/// The variables of the compose file: the suite's, over those of an `--env-file`.
pub(super) fn variables(
    suite: &Suite,
    world: &World,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, String> {
    let mut variables = given.clone();
    let scope = world.scope();
    for (name, text) in &suite.env {
        let value = scope
            .text(text)
            .map_err(|error| format!("suite.toml: env `{name}`: {error}"))?;
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        variables.insert(name.clone(), value);
    }
    Ok(variables)
}
