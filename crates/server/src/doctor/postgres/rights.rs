//! What the role that the program connects as may do: enough, and not too much.

use tokio_postgres::Error;

use super::{Patient, TABLES, identifier};
use crate::doctor::report::Findings;

/// The role that is proposed where the program connects as the owner of its tables.
const LESSER: &str = "poltrona_serve";

/// Whether the role may do what the program does. Tables that are not there yet are no matter of rights.
pub(super) async fn examine(patient: &Patient, found: &mut Findings) -> Result<bool, Error> {
    let role = identifier(&patient.role);
    let Some(schema) = &patient.schema else {
        let detail = format!("{} may use no schema that it looks into", patient.role);
        let grant = format!("GRANT USAGE ON SCHEMA public TO {role}");
        found.failure("rights", detail, patient.psql(&[&grant]));
        return Ok(false);
    };
    let lacking = lacking(patient).await?;
    if lacking.is_empty() {
        // Of a database without our tables there is nothing to say.
        if tables_of(patient).await? == 0 {
            return Ok(true);
        }
        found.ok("rights", format!("{} may read and write every table", patient.role));
        return Ok(true);
    }
    let detail = format!("{} may not {}", patient.role, lacking.join(", "));
    let grants = grants(&role, schema);
    let grants: Vec<_> = grants.iter().map(String::as_str).collect();
    found.failure("rights", detail, patient.psql(&grants));
    Ok(false)
}

async fn tables_of(patient: &Patient) -> Result<i64, Error> {
    let sql = "SELECT count(to_regclass(name)) FROM unnest($1::text[]) AS t(name)";
    patient.client.query_one(sql, &[&TABLES.as_slice()]).await?.try_get(0)
}

/// What it may not do, as `INSERT into seats`.
async fn lacking(patient: &Patient) -> Result<Vec<String>, Error> {
    let mut lacking = Vec::new();
    let asked: Vec<(&str, &str)> = TABLES
        .iter()
        .flat_map(|table| ["SELECT", "INSERT", "UPDATE", "DELETE"].map(|right| (*table, right)))
        .chain([("schema_migrations", "SELECT")])
        .collect();
    let (tables, rights): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
    let sql = "SELECT a.may || ' ' || a.name FROM unnest($1::text[], $2::text[]) AS a(name, may)
               WHERE NOT has_table_privilege(to_regclass(a.name), a.may)";
    for row in patient.client.query(sql, &[&tables, &rights]).await? {
        lacking.push(row.try_get(0)?);
    }
    let sql = "SELECT 'EXECUTE ' || p.oid::regprocedure FROM pg_proc p
               WHERE p.proname = ANY($1) AND p.pronamespace = current_schema()::regnamespace
                     AND NOT has_function_privilege(p.oid, 'EXECUTE')";
    for row in patient.client.query(sql, &[&super::guards::FUNCTIONS.as_slice()]).await? {
        lacking.push(row.try_get(0)?);
    }
    Ok(lacking)
}

/// All that a role needs that serves.
fn grants(role: &str, schema: &str) -> [String; 3] {
    let schema = identifier(schema);
    [
        format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO {role}", TABLES.join(", ")),
        format!("GRANT SELECT ON schema_migrations TO {role}"),
        format!("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {role}"),
    ]
}

/// Whether the role could drop the tables: it serves as well without.
pub(super) async fn of_the_owner(patient: &Patient, found: &mut Findings) -> Result<(), Error> {
    let sql = "SELECT bool_or(pg_has_role(relowner, 'USAGE')), current_setting('is_superuser') = 'on'
               FROM pg_class WHERE oid IN (SELECT to_regclass(name) FROM unnest($1::text[]) AS t(name))";
    let row = patient.client.query_one(sql, &[&TABLES.as_slice()]).await?;
    let (owns, rules): (Option<bool>, bool) = (row.try_get(0)?, row.try_get(1)?);
    let what = match (rules, owns.unwrap_or_default()) {
        (true, _) => "is a superuser",
        (false, true) => "owns the tables",
        (false, false) => {
            found.ok("owner", format!("{} could not drop the tables", patient.role));
            return Ok(());
        }
    };
    let detail = format!(
        "{} {what} and could drop them; migrate as it, and serve as a role that cannot, \
         such as {LESSER}",
        patient.role
    );
    let create = format!("CREATE ROLE {LESSER} LOGIN");
    let grants = grants(LESSER, patient.schema.as_deref().unwrap_or("public"));
    let statements: Vec<_> =
        std::iter::once(create.as_str()).chain(grants.iter().map(String::as_str)).collect();
    found.warning("owner", detail, patient.psql(&statements));
    Ok(())
}
