//! One look of one kind: who makes it.

use super::{Around, Seen, Walk, span};
use crate::{
    cel::Scope,
    gate::model::{LookAt, Probe, Tree},
    probe::look,
    run::looks::{self, Made},
};

impl Walk<'_> {
    /// One look of one kind, written down with how and when it was made.
    pub(super) async fn look(&self, probe: &Probe, around: &Around, path: &str, tries: u32) -> Seen {
        let LookAt::Kind { kind, params } = &probe.look else {
            return Seen::blind("a group is no look");
        };
        let mut scope = self.world.scope();
        self.bind(&mut scope, around);
        match kind.as_str() {
            "load" => span::load(self, probe, params, &scope, path, &[]).await,
            "change" => span::change(self, probe, params, &scope, path, &[]).await,
            "conserve" => self.conserve(params, &scope, path, tries).await,
            "contract" => self.contract(params, &scope, path).await,
            "pack" => self.rehearsal(params, &scope, path),
            _ => {
                let site = self.site.asked_by(format!("{}/{path}", self.label));
                let taken = look(kind, params, &scope, &site).await;
                let made = Made {
                    seen: taken.seen.map_err(|blind| blind.to_string()),
                    params: taken.params,
                };
                self.made(made, kind, path, taken.begin_ms, tries)
            }
        }
    }

    async fn conserve(&self, params: &Tree, scope: &Scope<'_>, path: &str, tries: u32) -> Seen {
        let begin_ms = self.site.clock.ms();
        let drives = self.drives.borrow().clone();
        let (made, files) = looks::conserve(params, scope, self.site, &drives, &self.subfolder).await;
        match self.write(files) {
            Ok(()) => self.made(made, "conserve", path, begin_ms, tries),
            Err(reason) => Seen::blind(reason),
        }
    }

    async fn contract(&self, params: &Tree, scope: &Scope<'_>, path: &str) -> Seen {
        let begin_ms = self.site.clock.ms();
        let seen = self.found.borrow().seen.clone();
        let made = looks::contract(params, scope, &seen, self.label, self.record).await;
        self.made(made, "contract", path, begin_ms, 1)
    }

    fn rehearsal(&self, params: &Tree, scope: &Scope<'_>, path: &str) -> Seen {
        let begin_ms = self.site.clock.ms();
        let made = looks::rehearsal(params, scope, self.record);
        self.made(made, "pack", path, begin_ms, 1)
    }
}
