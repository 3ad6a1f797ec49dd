//! Checks the rights of the role that the program connects as: enough, and not more.

use tokio_postgres::Error;

use super::connection::{Connection, TABLES, identifier};
use super::guards::FUNCTIONS;
use crate::doctor::report::Findings;

/// The role that a fix creates where the program connects as the owner of its tables.
const LESSER: &str = "poltrona_serve";

/// Whether the role has every right that the program needs. Missing tables are not reported here.
pub(super) async fn examine(connection: &Connection, found: &mut Findings) -> Result<bool, Error> {
    let role = identifier(&connection.role);
    let Some(schema) = &connection.schema else {
        let detail = format!("{} may use no schema of its search path", connection.role);
        let grant = format!("GRANT USAGE ON SCHEMA public TO {role}");
        found.failure("rights", detail, connection.psql(&[&grant]));
        return Ok(false);
    };
    let lacking = lacking(connection).await?;
    if lacking.is_empty() {
        // Without tables there are no rights to report.
        if tables_of(connection).await? == 0 {
            return Ok(true);
        }
        found.ok("rights", format!("{} may read and write every table", connection.role));
        return Ok(true);
    }
    let detail = format!("{} may not {}", connection.role, lacking.join(", "));
    let grants = grants(&role, schema);
    let grants: Vec<_> = grants.iter().map(String::as_str).collect();
    found.failure("rights", detail, connection.psql(&grants));
    Ok(false)
}

async fn tables_of(connection: &Connection) -> Result<i64, Error> {
    let sql = "SELECT count(to_regclass(name)) FROM unnest($1::text[]) AS t(name)";
    connection.client.query_one(sql, &[&TABLES.as_slice()]).await?.try_get(0)
}

/// The rights that it lacks, as `INSERT seats`.
async fn lacking(connection: &Connection) -> Result<Vec<String>, Error> {
    let mut lacking = Vec::new();
    let asked: Vec<(&str, &str)> = TABLES
        .iter()
        .flat_map(|table| ["SELECT", "INSERT", "UPDATE", "DELETE"].map(|right| (*table, right)))
        .chain([("schema_migrations", "SELECT")])
        .collect();
    let (tables, rights): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
    let sql = "SELECT a.may || ' ' || a.name FROM unnest($1::text[], $2::text[]) AS a(name, may)
               WHERE NOT has_table_privilege(to_regclass(a.name), a.may)";
    for row in connection.client.query(sql, &[&tables, &rights]).await? {
        lacking.push(row.try_get(0)?);
    }
    let sql = "SELECT 'EXECUTE ' || p.oid::regprocedure FROM pg_proc p
               WHERE p.proname = ANY($1) AND p.pronamespace = current_schema()::regnamespace
                     AND NOT has_function_privilege(p.oid, 'EXECUTE')";
    for row in connection.client.query(sql, &[&FUNCTIONS.as_slice()]).await? {
        lacking.push(row.try_get(0)?);
    }
    Ok(lacking)
}

/// The statements that grant a role what serving needs.
fn grants(role: &str, schema: &str) -> [String; 3] {
    let schema = identifier(schema);
    [
        format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO {role}", TABLES.join(", ")),
        format!("GRANT SELECT ON schema_migrations TO {role}"),
        format!("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {role}"),
    ]
}

/// Warns of a role that could drop the tables, which serving does not need.
pub(super) async fn of_the_owner(
    connection: &Connection,
    found: &mut Findings,
) -> Result<(), Error> {
    let sql = "SELECT bool_or(pg_has_role(relowner, 'USAGE')), current_setting('is_superuser') = 'on'
               FROM pg_class WHERE oid IN (SELECT to_regclass(name) FROM unnest($1::text[]) AS t(name))";
    let row = connection.client.query_one(sql, &[&TABLES.as_slice()]).await?;
    let (owns, rules): (Option<bool>, bool) = (row.try_get(0)?, row.try_get(1)?);
    let what = match (rules, owns.unwrap_or_default()) {
        (true, _) => "is a superuser",
        (false, true) => "owns the tables",
        (false, false) => {
            found.ok("owner", format!("{} could not drop the tables", connection.role));
            return Ok(());
        }
    };
    let detail = format!(
        "{} {what} and could drop them; migrate as it, and serve as a role that cannot, \
         such as {LESSER}",
        connection.role
    );
    let create = format!("CREATE ROLE {LESSER} LOGIN");
    let grants = grants(LESSER, connection.schema.as_deref().unwrap_or("public"));
    let statements: Vec<_> =
        std::iter::once(create.as_str()).chain(grants.iter().map(String::as_str)).collect();
    found.warning("owner", detail, connection.psql(&statements));
    Ok(())
}
