//! What a schema consists of, to compare it with another one or with a list.

use crate::{database::Backend, sql::Sql};

/// Everything that the steps of a schema make, the rows included that they fill in; one line each, in order.
pub async fn dump(backend: Backend, rows: &Sql) -> Vec<String> {
    let made = match backend {
        Backend::Sqlite => {
            "SELECT type || ' ' || name || ' on ' || tbl_name || ': ' || coalesce(sql, '') FROM sqlite_schema \
             WHERE name NOT LIKE 'sqlite_stat%' ORDER BY 1"
        }
        Backend::Postgres => {
            "SELECT * FROM (\
             SELECT concat_ws(' ', 'column', table_name, column_name, data_type, collation_name, is_nullable, \
             column_default) AS line FROM information_schema.columns WHERE table_schema = 'public' \
             UNION ALL SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid)) \
             FROM pg_constraint WHERE connamespace = 'public'::regnamespace \
             UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' \
             UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal \
             UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace\
             ) AS made ORDER BY line"
        }
    };
    let mut lines: Vec<String> = rows.all(made, []).await;
    if lines.iter().any(|line| line.contains("calendar_days")) {
        lines.extend(rows.all::<String>("SELECT kind || ' ' || name FROM calendar_days ORDER BY 1", []).await);
    }
    lines
}

/// The columns of all tables, as `table.column`, in order.
pub async fn columns(backend: Backend, rows: &Sql) -> Vec<String> {
    let all = match backend {
        Backend::Sqlite => {
            "SELECT m.name || '.' || c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'"
        }
        Backend::Postgres => {
            "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public'"
        }
    };
    let mut columns: Vec<String> = rows.all(all, []).await;
    columns.sort();
    columns
}
