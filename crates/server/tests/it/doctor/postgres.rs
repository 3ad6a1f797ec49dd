//! A server that was set up wrong, or whose schema was tampered with.

use poltrona::app::migrate;
use poltrona::config::Config;
use poltrona::doctor::{Status, Verdict, examine};
use poltrona_testkit::engines::Postgres;
use poltrona_testkit::wait::wait_for;

use super::findings::{assert_all_ok, failures, fix, of, over, run};

/// A server of the story's own, with our tables.
async fn server() -> (Postgres, Config, String) {
    let postgres = Postgres::start().await;
    let config = over(&postgres.url());
    migrate::up(&config).await.expect("our tables");
    let port = port(&postgres);
    (postgres, config, port)
}

fn port(postgres: &Postgres) -> String {
    let url = postgres.url();
    let (_, port) = url.rsplit_once(':').expect("a port");
    port.split('/').next().expect("a port").to_owned()
}

#[track_caller]
fn tamper(port: &str, sql: &str) {
    run(&format!("psql -q -v ON_ERROR_STOP=1 -d postgres -c \"{sql}\""), port);
}

#[tokio::test]
async fn a_server_as_it_should_be_has_nothing_to_fix() {
    let (_postgres, config, port) = server().await;
    let as_owner = examine(&config).await;
    assert!(failures(&as_owner).is_empty(), "{as_owner}");
    let owner = of(&as_owner, "owner");
    assert_eq!(owner.status, Status::Warning, "it could drop the tables");
    fix(owner, &port);
    let url = config.postgres().unwrap().replace("postgres@", "poltrona_serve@");
    let report = examine(&over(&url)).await;
    assert_all_ok(&report);
    assert_eq!(report.verdict(), Verdict::Well);
}

#[tokio::test]
async fn a_setting_that_loses_sales_is_named_with_the_command_that_mends_it() {
    let (_postgres, config, port) = server().await;
    tamper(&port, "ALTER SYSTEM SET fsync = off");
    tamper(&port, "SELECT pg_reload_conf()");
    // A server reloads its settings a little later.
    let found = wait_for("it is seen", async || {
        let report = examine(&config).await;
        let found = of(&report, "durability").clone();
        (found.status == Status::Failure).then_some(found)
    })
    .await;
    assert!(found.detail.starts_with("fsync = off"), "{found:?}");
    assert!(found.fix.as_deref().unwrap().contains("ALTER SYSTEM SET fsync = on"), "{found:?}");
    fix(&found, &port);
    wait_for("it is mended", async || failures(&examine(&config).await).is_empty().then_some(()))
        .await;
}

#[tokio::test]
async fn a_role_without_rights_is_found_and_the_printed_fix_helps() {
    let (_postgres, config, port) = server().await;
    tamper(&port, "CREATE ROLE usher LOGIN");
    let as_usher = over(&config.postgres().unwrap().replace("postgres@", "usher@"));
    let report = examine(&as_usher).await;
    let rights = of(&report, "rights");
    assert_eq!(failures(&report), [rights]);
    for lacking in ["INSERT seats", "UPDATE seats", "SELECT schema_migrations", "DELETE outbox"] {
        assert!(rights.detail.contains(lacking), "{lacking}: {rights:?}");
    }
    fix(rights, &port);
    assert_all_ok(&examine(&as_usher).await);
    // The role may make no tables, and needs not where none is missing.
    let outcome = migrate::up(&as_usher).await.expect("there is nothing to do");
    assert!(outcome.starts_with("nothing to do"), "{outcome}");
    tamper(&port, "DELETE FROM schema_migrations WHERE version = 1");
    let outcome = migrate::up(&as_usher).await.expect_err("a step is missing");
    assert!(
        format!("{outcome:#}").contains("no record of migration 1 (box_office)"),
        "{outcome:#}"
    );
}

#[tokio::test]
async fn each_guard_that_somebody_removed_comes_back_by_the_command_that_is_named() {
    let (_postgres, config, port) = server().await;
    tamper(&port, "DROP INDEX one_sale_per_seat");
    tamper(&port, "ALTER TABLE sales DROP CONSTRAINT sales_reservation_id_key");
    tamper(&port, "ALTER TABLE seats DROP CONSTRAINT seats_check1");
    tamper(
        &port,
        "CREATE OR REPLACE FUNCTION expect_rows(what text, changed bigint, expected bigint)
         RETURNS void LANGUAGE sql AS 'SELECT'",
    );
    let report = examine(&config).await;
    assert_eq!(report.verdict(), Verdict::Unwell);
    let found = failures(&report);
    let details: Vec<_> = found.iter().map(|it| it.detail.as_str()).collect();
    assert_eq!(found.len(), 4, "{details:?}");
    assert_eq!(details[0], "nothing keeps (session_id, seat_no) unique in sale_seats");
    let sql = "CREATE UNIQUE INDEX one_sale_per_seat ON sale_seats (session_id, seat_no)";
    assert!(found[0].fix.as_deref().unwrap().contains(sql), "{:?}", found[0]);
    assert_eq!(details[1], "nothing keeps (reservation_id) unique in sales");
    assert!(details[2].starts_with("seats_check1 is missing"), "{details:?}");
    assert!(details[3].starts_with("expect_rows is missing or changed"), "{details:?}");
    for finding in found {
        fix(finding, &port);
    }
    let report = examine(&config).await;
    assert_eq!(of(&report, "guards").status, Status::Ok, "{report}");
}

/// The doctor's list of guards is the server's own: none that a migration brings is left out.
#[tokio::test]
async fn no_guard_of_the_schema_is_unknown_to_the_doctor() {
    let database = poltrona_testkit::engines::database().await;
    let config = over(database.url());
    migrate::up(&config).await.expect("our tables");
    let report = examine(&config).await;
    let count = async |sql: &str| database.sql(sql).await.remove(0);
    let ours = "(SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace
                 AND relkind = 'r' AND relname <> 'schema_migrations')";
    let keys = format!("SELECT count(*) FROM pg_index WHERE indisunique AND indrelid IN {ours}");
    let checks =
        format!("SELECT count(*) FROM pg_constraint WHERE contype = 'c' AND conrelid IN {ours}");
    // Trigger functions guard no write.
    let functions = "SELECT count(*) FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND prorettype <> 'trigger'::regtype";
    let expected = format!(
        "all are there: {} unique keys, {} checks and {} functions",
        count(&keys).await,
        count(&checks).await,
        count(functions).await
    );
    assert_eq!(of(&report, "guards").detail, expected);
}

#[tokio::test]
async fn a_database_that_is_missing_is_made_and_a_server_that_is_gone_is_away() {
    let mut postgres = Postgres::start().await;
    let url = postgres.url();
    let (server, _) = url.rsplit_once('/').unwrap();
    let missing = over(&format!("{server}/nowhere"));
    let report = examine(&missing).await;
    assert_eq!(report.verdict(), Verdict::Unwell, "{report}");
    let server = format!("-h 127.0.0.1 -p {}", port(&postgres));
    let create = format!("createdb {server} --encoding UTF8 --template template0 nowhere");
    assert_eq!(of(&report, "database").fix, Some(create));
    fix(of(&report, "database"), &port(&postgres));
    assert_eq!(of(&examine(&missing).await, "schema").status, Status::Failure);
    postgres.stop().await;
    assert_eq!(examine(&missing).await.verdict(), Verdict::Away);
}
