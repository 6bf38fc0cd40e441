//! Answers kept for requests that may be sent again.
//!
//! Key and answer are written together, at the end of the transaction of the change itself: either all of it exists or
//! nothing. Of two requests with one key that come at the same time the second waits there for the first one to end; it is
//! undone then, and answered like the first.

use chrono::Duration;
use domain::{access::ResourceKind, id::UserId, time::Instant};
use sea_orm::{
    ConnectionTrait, FromQueryResult, Statement, Value,
    sea_query::{Expr, InsertStatement, OnConflict, Query},
};

use crate::{
    error::Result,
    notes::Notes,
    rows::{Rows, Sealer, word},
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

/// What is known of a key.
#[derive(Debug)]
pub enum KeyStanding {
    /// Nothing; the answer must be kept with [`Notes::keep_answer`].
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

const TABLE: &str = "idempotency_keys";
const KEY: [&str; 3] = ["user_id", "operation", "idempotency_key"];
/// What is kept under a key.
const KEPT_COLUMNS: [&str; 9] = [
    "request_digest",
    "status",
    "headers",
    "body_sealed",
    "subject_type",
    "subject_id",
    "in_sight",
    "created_at",
    "expires_at",
];

impl KeyUse {
    fn row_id(&self) -> String {
        format!("{}/{}/{}", self.user_id, self.operation, self.key)
    }
}

impl<C: ConnectionTrait> Rows<'_, C> {
    /// What is known of a key. One that has run out is as good as new.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn key_standing(self, key: &KeyUse, now: Instant) -> Result<KeyStanding> {
        let select = Statement::from_sql_and_values(
            self.conn.get_database_backend(),
            "SELECT request_digest, status, headers, body_sealed, subject_type, subject_id, in_sight \
             FROM idempotency_keys WHERE user_id = $1 AND operation = $2 AND idempotency_key = $3 AND expires_at > $4",
            [key.user_id.0.into(), key.operation.clone().into(), key.key.clone().into(), now.into()],
        );
        let Some(row) = Row::find_by_statement(select).one(self.conn).await? else { return Ok(KeyStanding::Fresh) };
        if row.request_digest != key.digest {
            return Ok(KeyStanding::Reused);
        }
        let id = key.row_id();
        let sealer = Sealer { vault: self.vault, table: TABLE, row: &id };
        let body = sealer.open(Class::Personal, "body", row.body_sealed.as_deref())?;
        let kind = row
            .subject_type
            .map(|name| word(ResourceKind::from_name(&name), TABLE, "subject_type", &name))
            .transpose()?;
        let status = row.status.and_then(|status| u16::try_from(status).ok());
        Ok(KeyStanding::Replay(StoredAnswer {
            status: word(status, TABLE, "status", &id)?,
            headers: row.headers.unwrap_or_default(),
            body: body.unwrap_or_default(),
            subject: kind.zip(row.subject_id),
            in_sight: row.in_sight.unwrap_or(true),
        }))
    }
}

/// An answer as it is written.
#[derive(Clone)]
pub(crate) struct KeptAnswer {
    /// Its key, as one text.
    pub key: String,
    /// The key, and what is kept under it.
    values: [Value; KEY.len() + KEPT_COLUMNS.len()],
}

impl Notes {
    /// Notes the answer of a fresh key. To write it fails with [`Error::Stale`](crate::Error::Stale) if somebody else used the
    /// key meanwhile.
    ///
    /// # Errors
    /// If it cannot be sealed.
    pub fn keep_answer(&self, key: &KeyUse, answer: &StoredAnswer) -> Result<()> {
        let now = self.stamp().now;
        let id = key.row_id();
        let sealer = Sealer { vault: self.vault(), table: TABLE, row: &id };
        let body = sealer.seal(Class::Personal, "body", Some(&answer.body))?;
        let (subject_type, subject_id) =
            answer.subject.as_ref().map(|(kind, id)| (kind.name().to_owned(), id.clone())).unzip();
        let values = [
            key.user_id.0.into(),
            key.operation.clone().into(),
            key.key.clone().into(),
            key.digest.clone().into(),
            i32::from(answer.status).into(),
            answer.headers.clone().into(),
            body.into(),
            subject_type.into(),
            subject_id.into(),
            answer.in_sight.into(),
            now.into(),
            (now + KEPT).into(),
        ];
        self.pending().answers.push(KeptAnswer { key: id, values });
        Ok(())
    }
}

/// Writes answers under keys that are fresh or have run out; it writes fewer where others used some of them.
pub(crate) fn insert(answers: Vec<KeptAnswer>) -> Option<InsertStatement> {
    if answers.is_empty() {
        return None;
    }
    let mut insert = Query::insert();
    insert.into_table(TABLE).columns(KEY.into_iter().chain(KEPT_COLUMNS));
    for answer in answers {
        insert.values_panic(answer.values.map(Expr::val));
    }
    let mut has_run_out = OnConflict::columns(KEY);
    has_run_out
        .update_columns(KEPT_COLUMNS)
        .action_and_where(Expr::cust("idempotency_keys.expires_at <= excluded.created_at"));
    Some(insert.on_conflict(has_run_out).to_owned())
}

impl Tx {
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
