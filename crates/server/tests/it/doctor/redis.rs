//! A Redis that does not let the lock work.

use poltrona::config::{Config, Secret};
use poltrona::doctor::{Status, Verdict, examine};
use poltrona_testkit::engines::Redis;

use super::findings::{failures, fix, of};

/// The settings of an instance that locks seats there. Its database is not used.
fn locking(url: &str) -> (tempfile::TempDir, Config) {
    let folder = tempfile::tempdir().expect("a folder");
    let config = Config::default_for_tests(folder.path());
    (folder, Config { redis_url: Some(Secret::new(url)), ..config })
}

#[tokio::test]
async fn a_redis_that_answers_is_as_it_should_be_and_keeps_nothing_of_the_trial() {
    let redis = Redis::start().await;
    let (_folder, config) = locking(&redis.url());
    let report = examine(&config).await;
    for check in ["reach", "scripts", "version", "memory", "role"] {
        assert_eq!(of(&report, check).status, Status::Ok, "{report}");
    }
    assert_eq!(report.verdict(), Verdict::Well);
    assert_eq!(redis.ask::<u64>(&["DBSIZE"]), 0);
}

#[tokio::test]
async fn a_wrong_password_is_reported_and_not_printed() {
    let redis = Redis::start_with_password("right").await;
    let (_folder, config) = locking(&redis.url().replace("right", "canary"));
    let report = examine(&config).await;
    assert_eq!(of(&report, "login").status, Status::Failure);
    assert_eq!(report.verdict(), Verdict::Unwell);
    assert!(!report.to_string().contains("canary"), "{report}");
    assert!(!report.json().unwrap().contains("canary"));
}

#[tokio::test]
async fn a_user_who_may_not_run_scripts_may_after_the_printed_fix() {
    let redis = Redis::start().await;
    redis.ask::<()>(&["ACL", "SETUSER", "box", "on", ">pass", "-@all", "+ping"]);
    let (_folder, config) = locking(&redis.url_for("box:pass@", ""));
    let report = examine(&config).await;
    let found = of(&report, "scripts");
    assert_eq!(found.status, Status::Failure, "{report}");
    fix(found, "");
    let report = examine(&config).await;
    assert!(failures(&report).is_empty(), "{report}");
}

#[tokio::test]
async fn a_replica_is_found_by_a_mark_that_it_refuses() {
    let (primary, replica) = (Redis::start().await, Redis::start().await);
    let url = primary.url();
    let (host, port) = url.trim_start_matches("redis://").split_once(':').expect("a port");
    replica.ask::<()>(&["REPLICAOF", host, port]);
    let (_folder, config) = locking(&replica.url());
    let report = examine(&config).await;
    assert_eq!(of(&report, "role").status, Status::Failure, "{report}");
    assert_eq!(report.verdict(), Verdict::Unwell);
}

#[tokio::test]
async fn a_redis_that_is_gone_or_hangs_is_away() {
    let mut redis = Redis::start().await;
    let (_folder, config) = locking(&redis.url());
    redis.pause();
    let report = examine(&config).await;
    assert_eq!(of(&report, "reach").detail, "no answer in time");
    assert_eq!(report.verdict(), Verdict::Away);
    redis.resume();
    redis.kill();
    assert_eq!(examine(&config).await.verdict(), Verdict::Away);
}
