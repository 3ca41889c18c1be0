//! A token: RS256 by a key of the ring, for this audience, by this issuer, now. Nothing is forgiven: no other algorithm,
//! no second of leeway, no missing claim.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    keys::KeyRing,
    scope::{Scope, Words},
};

/// The longest id of a token.
const LONGEST_ID: usize = 200;

/// What must be in a token, besides its issuer and audience. Times are whole seconds since 1970.
#[derive(Deserialize)]
struct Written {
    exp: i64,
    iat: i64,
    nbf: Option<i64>,
    jti: String,
    tenant_id: Uuid,
    user_id: Option<Uuid>,
    sub: Option<Uuid>,
    scopes: Option<Words>,
    role: Option<Words>,
    roles: Option<Words>,
}

/// What is believed of a token.
pub(super) struct Claims {
    pub(super) tenant: Uuid,
    pub(super) user: Uuid,
    pub(super) jti: String,
    pub(super) issued_at: i64,
    /// None: it allows nothing that we know of.
    pub(super) scope: Option<Scope>,
}

/// Tells genuine tokens from all others.
pub(crate) struct Verifier {
    ring: KeyRing,
    rules: Validation,
}

impl Verifier {
    /// Believes the keys of `ring`, for tokens of `issuer` that are meant for `audience`.
    pub(crate) fn new(ring: KeyRing, issuer: &str, audience: &str) -> Self {
        let mut rules = Validation::new(Algorithm::RS256);
        rules.leeway = 0;
        rules.validate_nbf = true;
        rules.set_issuer(&[issuer]);
        rules.set_audience(&[audience]);
        rules.set_required_spec_claims(&["exp", "iss", "aud"]);
        Self { ring, rules }
    }

    /// What a genuine token claims. Why another is not genuine is for our log only.
    pub(super) fn verify(&self, token: &str) -> Result<Claims, &'static str> {
        let header = decode_header(token).map_err(|_| "no token")?;
        // A header that says "you must understand this" is not understood here.
        if header.crit.is_some() {
            return Err("critical header");
        }
        let kid = header.kid.as_deref().ok_or("no key id")?;
        let key = self.ring.find(kid).ok_or("unknown key id")?;
        let claims = decode::<Written>(token, key, &self.rules)
            .map_err(|_| "not genuine")?
            .claims;
        in_time(&claims, now())?;
        if !(1..=LONGEST_ID).contains(&claims.jti.len()) {
            return Err("unusable id");
        }
        let user = match (claims.user_id, claims.sub) {
            (Some(user), Some(subject)) if user != subject => return Err("two users"),
            (Some(user), _) | (None, Some(user)) => user,
            (None, None) => return Err("no user"),
        };
        // What `scopes` says counts, also when it says nothing; only without it the role does.
        let words = claims.scopes.or(claims.role).or(claims.roles);
        Ok(Claims {
            tenant: claims.tenant_id,
            user,
            issued_at: claims.iat,
            scope: words.as_ref().and_then(Words::greatest),
            jti: claims.jti,
        })
    }
}

/// A token ends *at* its last second, and one from the future would outlive a cutoff that is set now.
fn in_time(claims: &Written, now: i64) -> Result<(), &'static str> {
    if claims.exp <= now {
        Err("expired")
    } else if claims.nbf.is_some_and(|first| first > now) || claims.iat > now {
        Err("not yet valid")
    } else {
        Ok(())
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_from_its_first_second_to_the_one_before_its_last() {
        let written = |iat: i64, nbf: Option<i64>, exp: i64| Written {
            exp,
            iat,
            nbf,
            jti: String::new(),
            tenant_id: Uuid::nil(),
            user_id: None,
            sub: None,
            scopes: None,
            role: None,
            roles: None,
        };
        assert_eq!(in_time(&written(100, Some(100), 101), 100), Ok(()));
        assert_eq!(in_time(&written(100, None, 101), 101), Err("expired"));
        assert_eq!(in_time(&written(100, Some(101), 200), 100), Err("not yet valid"));
        assert_eq!(in_time(&written(101, None, 200), 100), Err("not yet valid"));
    }
}
