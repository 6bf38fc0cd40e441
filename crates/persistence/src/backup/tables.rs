//! What tables there are, and how their rows become text and text becomes rows.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult, Statement};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Tables that a backup leaves out: the schema is made by its steps, and leases belong to running replicas.
const LEFT_OUT: [&str; 2] = ["seaql_migrations", "leases"];

/// Filled by a trigger as events are loaded, so it is loaded last.
const FILLED_BY_TRIGGER: &str = "event_queue";

/// A row as text: values in the order of the columns, `None` where there is none. Numbers are decimal, times RFC 3339
/// in UTC, bytes and ids hexadecimal, flags `true` or `false`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Row(Vec<Option<String>>);

/// A table and its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    columns: Vec<Column>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    name: String,
    kind: Kind,
    /// Its place in the primary key, from 1 on.
    key: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Flag,
    Day,
    Time,
    Json,
    Bytes,
    Id,
}

impl Kind {
    fn of(declared: &str) -> Option<Self> {
        Some(match declared {
            "TEXT" | "text" => Self::Text,
            "INTEGER" | "BIGINT" | "integer" | "bigint" => Self::Number,
            "BOOLEAN" | "boolean" => Self::Flag,
            "BLOB" | "bytea" => Self::Bytes,
            "date" => Self::Day,
            "timestamp with time zone" => Self::Time,
            "jsonb" => Self::Json,
            "uuid" => Self::Id,
            _ => return None,
        })
    }

    /// The text of a column.
    fn read(self, backend: DbBackend, column: &str) -> String {
        let is_postgres = backend == DbBackend::Postgres;
        match self {
            Self::Text => column.to_owned(),
            Self::Flag if !is_postgres => {
                format!("CASE WHEN {column} THEN 'true' WHEN NOT {column} THEN 'false' END")
            }
            // the form in which SQLite keeps it, with a fraction where there is one
            Self::Time => {
                let text = format!(r#"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"+00:00"')"#);
                format!("replace({text}, '.000+', '+')")
            }
            Self::Bytes if is_postgres => format!("encode({column}, 'hex')"),
            Self::Bytes => format!("CASE WHEN {column} IS NOT NULL THEN lower(hex({column})) END"),
            Self::Id => format!("replace(CAST({column} AS text), '-', '')"),
            Self::Number | Self::Flag | Self::Day | Self::Json => format!("CAST({column} AS text)"),
        }
    }

    /// The value of a text.
    fn write(self, backend: DbBackend, text: &str) -> String {
        let is_postgres = backend == DbBackend::Postgres;
        match self {
            Self::Text => text.to_owned(),
            Self::Number if is_postgres => format!("CAST({text} AS bigint)"),
            Self::Number => format!("CAST({text} AS INTEGER)"),
            Self::Flag if is_postgres => format!("CAST({text} AS boolean)"),
            Self::Flag => format!("CASE {text} WHEN 'true' THEN 1 WHEN 'false' THEN 0 END"),
            Self::Bytes if is_postgres => format!("decode({text}, 'hex')"),
            Self::Bytes => format!("unhex({text})"),
            Self::Day => format!("CAST({text} AS date)"),
            Self::Time => format!("CAST({text} AS timestamptz)"),
            Self::Json => format!("CAST({text} AS jsonb)"),
            Self::Id => format!("CAST({text} AS uuid)"),
        }
    }
}

impl Table {
    /// All tables that a backup holds, in the order in which they are loaded.
    pub(super) async fn all(conn: &impl ConnectionTrait) -> Result<Vec<Self>> {
        #[derive(FromQueryResult)]
        struct Found {
            table_name: String,
            column_name: String,
            declared: String,
            key: Option<i64>,
        }
        let sql = if conn.get_database_backend() == DbBackend::Postgres {
            "SELECT CAST(c.table_name AS text) AS table_name, CAST(c.column_name AS text) AS column_name, \
             CAST(c.data_type AS text) AS declared, CAST(k.ordinal_position AS bigint) AS key \
             FROM information_schema.columns c \
             JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name \
             LEFT JOIN information_schema.table_constraints p ON p.table_schema = c.table_schema \
             AND p.table_name = c.table_name AND p.constraint_type = 'PRIMARY KEY' \
             LEFT JOIN information_schema.key_column_usage k ON k.constraint_schema = p.constraint_schema \
             AND k.constraint_name = p.constraint_name AND k.column_name = c.column_name \
             WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' \
             ORDER BY c.table_name, c.ordinal_position"
        } else {
            "SELECT t.name AS table_name, c.name AS column_name, c.type AS declared, nullif(c.pk, 0) AS key \
             FROM sqlite_schema t, pragma_table_info(t.name) c \
             WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY t.name, c.cid"
        };
        let statement = Statement::from_string(conn.get_database_backend(), sql);
        let mut tables: Vec<Self> = Vec::new();
        for Found { table_name, column_name, declared, key } in Found::find_by_statement(statement).all(conn).await? {
            if LEFT_OUT.contains(&table_name.as_str()) {
                continue;
            }
            let kind = Kind::of(&declared).ok_or_else(|| Error::Schema(format!("{table_name}.{column_name}")))?;
            let column = Column { name: column_name, kind, key };
            match tables.last_mut().filter(|table| table.name == table_name) {
                Some(table) => table.columns.push(column),
                None => tables.push(Self { name: table_name, columns: vec![column] }),
            }
        }
        tables.sort_by_key(|table| table.name == FILLED_BY_TRIGGER);
        Ok(tables)
    }

    /// The names of its columns.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// The same table with its columns in this order; `None` where they are not the same.
    #[must_use]
    pub fn with_columns(&self, names: &[String]) -> Option<Self> {
        let find = |name: &String| self.columns.iter().find(|column| column.name == *name).cloned();
        let columns: Vec<Column> = names.iter().map(find).collect::<Option<_>>()?;
        (columns.len() == self.columns.len()).then(|| Self { name: self.name.clone(), columns })
    }

    /// A row without what the two databases write differently: blanks and order within JSON.
    #[must_use]
    pub fn plain(&self, row: Row) -> Row {
        let plain = |(column, value): (&Column, Option<String>)| match value {
            Some(text) if column.kind == Kind::Json => Some(sorted(&text).unwrap_or(text)),
            value => value,
        };
        Row(self.columns.iter().zip(row.0).map(plain).collect())
    }

    /// Reads all rows, each as an array of texts in JSON, in the order of the primary key.
    pub(super) fn select(&self, backend: DbBackend) -> Statement {
        let cells: Vec<String> =
            self.columns.iter().map(|column| column.kind.read(backend, &quoted(&column.name))).collect();
        let array = if backend == DbBackend::Postgres { "json_build_array" } else { "json_array" };
        let mut key: Vec<&Column> = self.columns.iter().filter(|column| column.key.is_some()).collect();
        key.sort_by_key(|column| column.key);
        let key: Vec<String> = key.iter().map(|column| quoted(&column.name)).collect();
        let sql = format!(
            "SELECT CAST({array}({}) AS text) FROM {} ORDER BY {}",
            cells.join(", "),
            quoted(&self.name),
            key.join(", ")
        );
        Statement::from_string(backend, sql)
    }

    /// Writes rows, which come as one array of such arrays.
    pub(super) fn insert(&self, backend: DbBackend, rows: &[Row]) -> Result<Statement> {
        let rows = serde_json::to_string(rows).map_err(not_json)?;
        let names: Vec<String> = self.columns().map(quoted).collect();
        let cell = |(place, column): (usize, &Column)| column.kind.write(backend, &format!("(r.value ->> {place})"));
        let cells: Vec<String> = self.columns.iter().enumerate().map(cell).collect();
        let each = if backend == DbBackend::Postgres {
            "jsonb_array_elements(CAST($1 AS jsonb)) AS r (value)"
        } else {
            "json_each($1) AS r"
        };
        let (table, names, cells) = (quoted(&self.name), names.join(", "), cells.join(", "));
        let sql = format!("INSERT INTO {table} ({names}) SELECT {cells} FROM {each}");
        Ok(Statement::from_sql_and_values(backend, sql, [rows.into()]))
    }

    /// Removes all rows.
    pub(super) fn delete(&self, backend: DbBackend) -> Statement {
        Statement::from_string(backend, format!("DELETE FROM {}", quoted(&self.name)))
    }
}

/// What the database and this program say to each other is not JSON.
pub(super) fn not_json(error: serde_json::Error) -> Error {
    Error::Database(DbErr::Json(error.to_string()))
}

/// Names come from the schema, which is ours; some are words of SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// JSON without blanks, members in order.
fn sorted(text: &str) -> Option<String> {
    let mut value: serde_json::Value = serde_json::from_str(text).ok()?;
    value.sort_all_objects();
    Some(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(kinds: &[Kind]) -> Table {
        let column = |(number, kind): (usize, &Kind)| Column { name: format!("c{number}"), kind: *kind, key: None };
        Table { name: "t".to_owned(), columns: kinds.iter().enumerate().map(column).collect() }
    }

    #[test]
    fn json_is_compared_by_what_it_says() {
        let table = table(&[Kind::Json, Kind::Text]);
        let row = |json: &str| table.plain(Row(vec![Some(json.to_owned()), Some("{ }".to_owned())]));
        assert_eq!(row(r#"{"b": 1, "a": [2]}"#), row(r#"{"a":[2],"b":1}"#));
        assert_ne!(row(r#"{"b": 1}"#), row(r#"{"b": 2}"#));
        assert_eq!(row("{ }").0.last(), Some(&Some("{ }".to_owned())));
    }

    #[test]
    fn columns_may_stand_in_another_order_but_not_be_others() {
        let table = table(&[Kind::Id, Kind::Text]);
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let turned =
            table.with_columns(&names(&["c1", "c0"])).map(|table| table.columns().collect::<Vec<_>>().join(" "));
        assert_eq!(turned.as_deref(), Some("c1 c0"));
        assert_eq!(table.with_columns(&names(&["c0"])), None);
        assert_eq!(table.with_columns(&names(&["c0", "c2"])), None);
    }
}
