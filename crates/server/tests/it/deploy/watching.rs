//! Alerts, the dashboard and the runbooks: what they name exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use poltrona::config::{Config, Secret};
use poltrona_testkit::app::TestApp;
use poltrona_testkit::engines;
use poltrona_testkit::files::{code, pages, read, repository};
use poltrona_testkit::wait::wait_for;
use serde_json::Value;

use super::files::{is_a_command, yaml};

/// Metrics of RabbitMQ's queues; each has to be watched by an alert or a panel.
const OF_THE_BROKER: [&str; 5] = [
    "poltrona_consumed_total",
    "poltrona_dead_letters",
    "poltrona_published_total",
    "poltrona_refused_total",
    "poltrona_returned_total",
];

const SECTIONS: [&str; 5] = ["Meaning", "Impact", "Diagnosis", "Mending", "Prevention"];

fn alerts() -> Vec<Value> {
    let file = yaml(&read("deploy/alerts.yml"));
    let groups = file["groups"].as_array().expect("groups").iter();
    groups.flat_map(|group| group["rules"].as_array().expect("rules").clone()).collect()
}

fn names_of_alerts() -> BTreeSet<String> {
    alerts().iter().map(|alert| alert["alert"].as_str().expect("a name").to_owned()).collect()
}

fn dashboard() -> Value {
    serde_json::from_str(&read("deploy/grafana/dashboards/poltrona.json")).expect("JSON")
}

fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    panels.filter(|panel| panel["type"] != "row")
}

/// The metrics of ours that a text names, as they stand in the page.
fn metrics(text: &str) -> BTreeSet<String> {
    let word = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    text.split(word).filter(|name| name.starts_with("poltrona_")).map(str::to_owned).collect()
}

/// Every expression of the dashboard and of the alerts.
fn expressions() -> Vec<String> {
    let dashboard = dashboard();
    let targets =
        panels(&dashboard).flat_map(|panel| panel["targets"].as_array().expect("targets"));
    let alerts = alerts();
    let all = targets.chain(&alerts).map(|it| it["expr"].as_str().expect("an expression"));
    let variables = &dashboard["templating"]["list"];
    let lists = variables.as_array().expect("variables").iter();
    let lists = lists.map(|list| list["definition"].as_str().expect("a query"));
    all.chain(lists).map(str::to_owned).collect()
}

/// The names in the page of an instance that uses every engine and has seen everything once.
async fn page_of_metrics() -> BTreeSet<String> {
    let (vhost, redis) = (engines::vhost().await, engines::redis_url().await);
    let app = TestApp::in_real_time(|config| {
        config.rabbitmq_url = Some(Secret::new(vhost.url()));
        config.redis_url = Some(Secret::new(redis.url()));
        config.hold_ttl = Duration::from_millis(100);
    })
    .await;
    let session = app.session().await;
    app.reserve(session.seat("A1"), "ana").await.expect(201);
    // What the page says of a request, its own among them, is there when it was answered.
    let lapsed = "poltrona_expiry_lateness_seconds_count 1";
    wait_for("the lapse is in the page", async || {
        app.get("/metrics").await.expect(200).lossy().contains(lapsed).then_some(())
    })
    .await;
    metrics(&app.get("/metrics").await.expect(200).lossy())
}

#[tokio::test]
async fn every_metric_that_is_watched_is_one_that_the_program_has() {
    let page = page_of_metrics().await;
    let watched: BTreeSet<_> = expressions().iter().flat_map(|text| metrics(text)).collect();
    assert!(watched.len() > 20, "{watched:?}");
    let unknown: Vec<_> = watched.difference(&page).collect();
    assert!(unknown.is_empty(), "{unknown:?} are in no page");
    for name in OF_THE_BROKER {
        assert!(watched.contains(name), "nobody watches {name}");
    }
}

#[test]
fn every_alert_says_what_it_means_and_has_its_runbook() {
    for alert in alerts() {
        let name = alert["alert"].as_str().expect("a name");
        let severity = alert["labels"]["severity"].as_str().expect(name);
        assert!(["critical", "warning"].contains(&severity), "{name}: {severity}");
        for said in ["summary", "description"] {
            assert!(alert["annotations"][said].is_string(), "{name} has no {said}");
        }
        let runbook = format!("docs/runbooks/{name}.md");
        assert_eq!(alert["annotations"]["runbook_url"], runbook);
        assert!(read(&runbook).starts_with(&format!("# {name}\n")), "{runbook}");
    }
}

#[test]
fn every_runbook_has_its_alert_and_every_alert_a_story() {
    let folder = fs::read_dir(repository("docs/runbooks")).expect("a folder");
    let files = folder.map(|entry| entry.expect("an entry").file_name().into_string().unwrap());
    let names: BTreeSet<_> =
        files.filter(|name| name != "README.md").map(|name| name.replace(".md", "")).collect();
    assert_eq!(names, names_of_alerts());
    let stories = yaml(&read("deploy/alerts_test.yml"));
    for name in names {
        let cases = stories["tests"].as_array().expect("tests").iter();
        let cases: Vec<_> = cases
            .flat_map(|test| test["alert_rule_test"].as_array().expect("cases"))
            .filter(|case| case["alertname"] == name.as_str())
            .map(|case| case["exp_alerts"].as_array().expect("alerts").is_empty())
            .collect();
        assert!(cases.contains(&true) && cases.contains(&false), "{name}: {cases:?}");
    }
}

#[test]
fn a_runbook_answers_the_same_questions_with_commands_that_are_there() {
    let mut ours = 0;
    for name in names_of_alerts() {
        let page = read(&format!("docs/runbooks/{name}.md"));
        let sections: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(sections, SECTIONS, "{name}");
        for command in page.lines().filter_map(|line| line.strip_prefix("$ ")) {
            let inside = command.split_once("exec poltrona-1 ").map_or(command, |(_, rest)| rest);
            if let Some(arguments) = inside.strip_prefix("poltrona ") {
                let arguments: Vec<_> = arguments.split_whitespace().collect();
                assert!(is_a_command(&arguments), "{name}: {command}");
                ours += 1;
            }
        }
        for metric in metrics(&page) {
            let watched = expressions().iter().any(|text| metrics(text).contains(&metric));
            assert!(watched, "{name} looks at {metric}, which nothing else does");
        }
    }
    assert!(ours > 2, "{ours} commands of the program");
}

#[test]
fn what_a_runbook_looks_for_in_our_logs_is_what_we_log() {
    let (code, mut looked) = (code(), 0);
    for name in names_of_alerts() {
        let page = read(&format!("docs/runbooks/{name}.md"));
        let ours =
            page.lines().filter(|line| line.starts_with("$ ") && line.contains(" poltrona-"));
        for line in ours.filter(|line| line.contains("logs ")) {
            let Some((logs, words)) = line.split_once(" | grep '") else { continue };
            assert!(logs.ends_with("poltrona-1 poltrona-2 poltrona-3"), "{name}: whose logs?");
            let words = words.strip_suffix('\'').expect("a quote");
            let known = match words.strip_prefix("\"level\":") {
                Some(level) => ["\"ERROR\"", "\"WARN\""].contains(&level),
                None => {
                    code.contains(&words.replace("\":", "\": ").replace("\"target\": ", "target: "))
                }
            };
            assert!(known, "{name}: nothing says {words}");
            looked += 1;
        }
    }
    assert!(looked > 4, "{looked} looked for");
}

/// The name by which a link finds a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || ['-', '_'].contains(c)).collect()
}

#[test]
fn links_of_every_page_lead_to_a_file_and_a_heading() {
    let mut links = 0;
    for page in [".", "docs", "docs/adr", "docs/runbooks"].into_iter().flat_map(pages) {
        let text = fs::read_to_string(&page).expect("a page");
        for part in text.split("](").skip(1) {
            let (link, _) = part.split_once(')').expect("a closing parenthesis");
            if link.starts_with("http") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.with_file_name(file) };
            assert!(target.exists(), "{} links to {link}", page.display());
            if !heading.is_empty() {
                let text = fs::read_to_string(&target).expect("a page");
                let mut headings = text.lines().filter_map(|line| line.split_once("# "));
                let found = headings.any(|(_, it)| anchor(it) == heading);
                assert!(found, "{} links to {link}", page.display());
            }
            links += 1;
        }
    }
    assert!(links > 150, "{links} links");
}

#[test]
fn thresholds_follow_the_defaults_that_they_speak_of() {
    let Config { queue_depth, max_connections, .. } = Config::default();
    for (alert, metric, limit) in [
        ("PoltronaQueueNearlyFull", "poltrona_queue_depth", queue_depth),
        ("PoltronaConnectionsNearlyFull", "poltrona_connections", max_connections),
    ] {
        let alerts = alerts();
        let rule = alerts.iter().find(|rule| rule["alert"] == alert).expect(alert);
        assert_eq!(rule["expr"], format!("{metric} > {}", limit * 4 / 5));
    }
}

#[test]
fn every_panel_says_what_it_shows_and_in_which_unit() {
    let dashboard = dashboard();
    let sources = yaml(&read("deploy/grafana/provisioning/datasources/prometheus.yml"));
    let mut ids = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for panel in panels(&dashboard) {
        let title = panel["title"].as_str().expect("a title");
        assert!(panel["description"].as_str().is_some_and(|it| it.len() > 20), "{title}");
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title} has no unit");
        assert_eq!(panel["datasource"]["uid"], sources["datasources"][0]["uid"], "{title}");
        assert!(ids.insert(panel["id"].as_u64()), "{title} has another's id");
        let at = |side: &str| panel["gridPos"][side].as_u64().expect("a number");
        assert!(at("x") + at("w") <= 24, "{title} is too wide");
        for cell in (at("x")..at("x") + at("w"))
            .flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y)))
        {
            assert!(taken.insert(cell), "{title} covers another panel");
        }
    }
    let provider = yaml(&read("deploy/grafana/provisioning/dashboards/poltrona.yml"));
    let folder = provider["providers"][0]["options"]["path"].as_str().expect("a folder");
    let mount = format!("./deploy/grafana/dashboards:{folder}:ro");
    assert!(read("compose.yaml").contains(&mount), "{}", Path::new(folder).display());
}
