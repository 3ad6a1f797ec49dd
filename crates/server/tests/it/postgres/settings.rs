//! Servers that would lose what was acknowledged.

use poltrona::app::Running;
use poltrona::config::{Config, Secret};
use poltrona_engine::Env;
use poltrona_testkit::app::{MILLI, TestApp};
use poltrona_testkit::engines::Postgres;

/// The error for a server that the program refuses.
async fn refused(config: Config) -> String {
    let refused = Running::start(config, Env::system()).await.err().expect("it is refused");
    format!("{refused:#}")
}

#[tokio::test]
async fn a_server_that_does_not_keep_what_it_commits_is_refused() {
    for setting in ["fsync", "full_page_writes"] {
        let server = Postgres::start_with(&[&format!("{setting}=off")]).await;
        let config = Config {
            database_url: Some(Secret::new(server.url())),
            run_migrations: true,
            ..Config::default()
        };
        let message = refused(config).await;
        assert!(message.contains(&format!("{setting} = off")), "{message}");
        assert!(message.contains(&format!("postgres -c {setting}=on")), "{message}");
    }
}

#[tokio::test]
async fn a_database_that_answers_before_it_has_written_is_refused_until_the_printed_fix_is_applied()
{
    let app = TestApp::on_a_server().await;
    let name: String = app.sql("SELECT current_database()");
    let stopped = app.stop().await;
    stopped.tamper(&format!("ALTER DATABASE {name} SET synchronous_commit = off"));
    let message = refused(stopped.config().clone()).await;
    assert!(message.contains("synchronous_commit = off"), "{message}");
    let (_, fix) = message.split_once("psql -c '").expect("a fix");
    let (fix, _) = fix.split_once('\'').expect("its end");
    stopped.tamper(fix);
    stopped.open_after(MILLI).await.session().await;
}
