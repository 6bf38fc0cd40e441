//! Answers kept for requests that may be sent again.
//!
//! The key is written first and the answer last, in the transaction of the change itself: either all of it
//! exists or nothing. A second request with the same key waits for the first one to end.

use chrono::Duration;
use domain::{access::ResourceKind, id::UserId};
use sea_orm::{
    ConnectionTrait, FromQueryResult, Statement,
    sea_query::{Expr, ExprTrait as _, Query},
};

use crate::{
    error::{Error, Result},
    rows::{Sealer, word},
    tx::Tx,
    vault::Class,
};

/// How long an answer is kept.
const KEPT: Duration = Duration::hours(48);

/// The use of a key: whose, for which operation on which path, and for what content.
#[derive(Debug, Clone)]
pub struct KeyUse {
    /// Whose key.
    pub user_id: UserId,
    /// Method and path.
    pub operation: String,
    /// The key.
    pub key: String,
    /// Keyed digest of the request's content.
    pub digest: Vec<u8>,
}

/// An answer as it was given.
#[derive(Debug, Clone)]
pub struct StoredAnswer {
    /// HTTP status.
    pub status: u16,
    /// Headers, as JSON of names and values.
    pub headers: serde_json::Value,
    /// The body.
    pub body: String,
    /// What it shows: before it is given again, the caller must still see that.
    pub subject: Option<(ResourceKind, String)>,
    /// Whether the caller saw the thing when the answer was made.
    pub in_sight: bool,
}

/// What became of a key.
#[derive(Debug)]
pub enum Begun {
    /// It is new; the answer must be kept with [`Tx::keep_answer`].
    Fresh,
    /// It was used for the same request: this was the answer.
    Replay(StoredAnswer),
    /// It was used for another request.
    Reused,
}

#[derive(FromQueryResult)]
struct Row {
    request_digest: Vec<u8>,
    status: Option<i32>,
    headers: Option<serde_json::Value>,
    body_sealed: Option<String>,
    subject_type: Option<String>,
    subject_id: Option<String>,
    in_sight: Option<bool>,
}

impl KeyUse {
    fn row_id(&self) -> String {
        format!("{}/{}/{}", self.user_id, self.operation, self.key)
    }
}

impl Tx {
    /// Begins to use a key.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn begin_key(&self, key: &KeyUse) -> Result<Begun> {
        let now = self.now();
        let backend = self.conn.get_database_backend();
        // a key that has run out is as good as new
        let insert = Statement::from_sql_and_values(
            backend,
            "INSERT INTO idempotency_keys (user_id, operation, idempotency_key, request_digest, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (user_id, operation, idempotency_key) DO UPDATE SET request_digest = excluded.request_digest, \
             created_at = excluded.created_at, expires_at = excluded.expires_at, status = NULL \
             WHERE idempotency_keys.expires_at <= $5",
            [
                key.user_id.0.into(),
                key.operation.clone().into(),
                key.key.clone().into(),
                key.digest.clone().into(),
                now.into(),
                (now + KEPT).into(),
            ],
        );
        if self.conn.execute_raw(insert).await?.rows_affected() == 1 {
            return Ok(Begun::Fresh);
        }
        let select = Statement::from_sql_and_values(
            backend,
            "SELECT request_digest, status, headers, body_sealed, subject_type, subject_id, in_sight \
             FROM idempotency_keys WHERE user_id = $1 AND operation = $2 AND idempotency_key = $3",
            [key.user_id.0.into(), key.operation.clone().into(), key.key.clone().into()],
        );
        let row = Row::find_by_statement(select).one(&self.conn).await?.ok_or(Error::Stale)?;
        if row.request_digest != key.digest {
            return Ok(Begun::Reused);
        }
        let id = key.row_id();
        let sealer = Sealer { vault: self.vault(), table: "idempotency_keys", row: &id };
        let body = sealer.open(Class::Personal, "body", row.body_sealed.as_deref())?;
        let kind = row
            .subject_type
            .map(|name| word(ResourceKind::from_name(&name), "idempotency_keys", "subject_type", &name))
            .transpose()?;
        let status = row.status.and_then(|status| u16::try_from(status).ok());
        Ok(Begun::Replay(StoredAnswer {
            status: word(status, "idempotency_keys", "status", &id)?,
            headers: row.headers.unwrap_or_default(),
            body: body.unwrap_or_default(),
            subject: kind.zip(row.subject_id),
            in_sight: row.in_sight.unwrap_or(true),
        }))
    }

    /// Keeps the answer of a fresh key. It is written when the transaction ends.
    ///
    /// # Errors
    /// If it cannot be sealed.
    pub fn keep_answer(&self, key: &KeyUse, answer: &StoredAnswer) -> Result<()> {
        let id = key.row_id();
        let sealer = Sealer { vault: self.vault(), table: "idempotency_keys", row: &id };
        let body = sealer.seal(Class::Personal, "body", Some(&answer.body))?;
        let (subject_type, subject_id) =
            answer.subject.as_ref().map(|(kind, id)| (kind.name().to_owned(), id.clone())).unzip();
        let update = Query::update()
            .table("idempotency_keys")
            .values([
                ("status", i32::from(answer.status).into()),
                ("headers", answer.headers.clone().into()),
                ("body_sealed", body.into()),
                ("subject_type", subject_type.into()),
                ("subject_id", subject_id.into()),
                ("in_sight", answer.in_sight.into()),
            ])
            .and_where(Expr::col("user_id").eq(key.user_id.0))
            .and_where(Expr::col("operation").eq(key.operation.clone()))
            .and_where(Expr::col("idempotency_key").eq(key.key.clone()))
            .to_owned();
        self.pending().answers.push(update);
        Ok(())
    }

    /// Removes keys that have run out; how many.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn purge_keys(&self) -> Result<u64> {
        let delete = Statement::from_sql_and_values(
            self.conn.get_database_backend(),
            "DELETE FROM idempotency_keys WHERE expires_at <= $1",
            [self.now().into()],
        );
        Ok(self.conn.execute_raw(delete).await?.rows_affected())
    }
}
