//! Who calls: a token that a key of our ring signed, for us, now, and that nobody has denied.

mod denials;
mod keys;
mod scope;
mod token;

use sqlx::{PgPool, Postgres, Transaction};
use uuid::Uuid;

pub(crate) use self::{denials::Denials, keys::KeyRing, scope::Scope, token::Verifier};
use crate::queue;

/// Who calls, and on whose behalf.
#[derive(Clone, Debug)]
pub(crate) struct Principal {
    /// The tenant whose data is asked for.
    pub(crate) tenant: Uuid,
    /// The user who asks.
    pub(crate) user: Uuid,
    /// The most that the token allows.
    pub(crate) scope: Scope,
    /// The token's own id.
    pub(crate) jti: String,
}

impl Principal {
    /// Begins a transaction in this caller's context. The context is the transaction's own and ends with it: the next
    /// user of the connection finds none.
    pub(crate) async fn begin(&self, pool: &PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        let mut transaction = queue::begin(pool, Some(self.tenant)).await?;
        sqlx::query("select set_config('app.current_user_id', $1, true)")
            .bind(self.user.to_string())
            .execute(&mut *transaction)
            .await?;
        Ok(transaction)
    }
}

/// Why a caller is not let in.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Not authenticated. The word is for our log; the caller is never told.
    Unauthorized(&'static str),
    /// Authenticated, and not allowed anything.
    Forbidden,
    /// It cannot be told whether the token was denied.
    Unavailable(sqlx::Error),
}

/// The whole examination of a token.
pub(crate) struct Gate {
    verifier: Verifier,
    denials: Denials,
}

impl Gate {
    /// Believes what `verifier` believes and `denials` does not deny.
    pub(crate) fn new(verifier: Verifier, denials: Denials) -> Self {
        Self { verifier, denials }
    }

    /// Who presents this token.
    pub(crate) async fn admit(&self, token: &str) -> Result<Principal, Refusal> {
        let claims = self.verifier.verify(token).map_err(Refusal::Unauthorized)?;
        let denied = self
            .denials
            .deny(&claims.jti, claims.user, claims.issued_at)
            .await;
        if denied.map_err(Refusal::Unavailable)? {
            return Err(Refusal::Unauthorized("denied"));
        }
        Ok(Principal {
            tenant: claims.tenant,
            user: claims.user,
            scope: claims.scope.ok_or(Refusal::Forbidden)?,
            jti: claims.jti,
        })
    }

    /// Hears of denials, for ever.
    pub(crate) async fn listen(&self, ears: &PgPool) {
        self.denials.listen(ears).await;
    }
}
