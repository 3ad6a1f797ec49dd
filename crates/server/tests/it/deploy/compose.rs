//! `compose.yaml` and the balancer: what they name is there, and what they say agrees with the
//! program.

use std::collections::BTreeSet;

use poltrona::config::{Config, Environment, Flags, Inputs, KEYS, Kind, resolve};
use poltrona::http::body::BODY_MAX_BYTES;
use poltrona_testkit::files::{read, repository};
use serde_json::{Map, Value};

use super::files::{directives, duration, is_a_command, texts, yaml};

/// The engines that instances share.
const ENGINES: &[&str] = &["DATABASE_URL", "REDIS_URL", "RABBITMQ_URL"];

/// The file as Compose reads it when nothing is set: defaults put in, anchors resolved.
fn compose() -> Value {
    yaml(&interpolate(&read("compose.yaml")))
}

/// Puts in the defaults. A variable without one would make `docker compose up` ask for it.
#[track_caller]
fn interpolate(text: &str) -> String {
    let text = text.replace("$$", "\u{1}");
    let mut parts = text.split("${");
    let mut filled = parts.next().expect("a first part").to_owned();
    for part in parts {
        let (variable, rest) = part.split_once('}').expect("a closing brace");
        let (_, default) = variable.split_once(":-").unwrap_or_else(|| panic!("{variable}"));
        filled.push_str(default);
        filled.push_str(rest);
    }
    filled.replace('\u{1}', "$")
}

fn services(compose: &Value) -> &Map<String, Value> {
    compose["services"].as_object().expect("services")
}

/// The services that run the program, by their names.
fn instances(compose: &Value) -> Vec<(&str, &Value)> {
    let ours = services(compose).iter().filter(|(_, service)| service.get("build").is_some());
    ours.map(|(name, service)| (name.as_str(), service)).collect()
}

/// The variables of a service, as texts.
fn environment(service: &Value) -> Vec<(String, String)> {
    let variables = service["environment"].as_object().expect("variables");
    // Nothing after the colon: the default of a variable that is not set.
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        value => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
    };
    variables.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

/// The names that a list or a mapping declares.
fn names(value: &Value) -> BTreeSet<&str> {
    let keys = value.as_object().into_iter().flat_map(Map::keys).map(String::as_str);
    keys.chain(texts(value)).collect()
}

/// The settings that an instance reads from its variables.
fn settings(service: &Value) -> Config {
    let environment: Environment = environment(service).into_iter().collect();
    let inputs = Inputs { flags: Flags::new(), environment, read: &|_| Ok(String::new()) };
    resolve(&inputs).unwrap_or_else(|error| panic!("{error}")).config
}

#[test]
fn there_are_three_instances_that_differ_in_nothing_but_their_names() {
    let compose = compose();
    let instances = instances(&compose);
    let names: Vec<_> = instances.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["poltrona-1", "poltrona-2", "poltrona-3"]);
    assert!(instances.iter().all(|(_, service)| *service == instances[0].1));
}

#[test]
fn what_a_service_leans_on_is_there_and_says_when_it_is_healthy() {
    let compose = compose();
    for (name, service) in services(&compose) {
        for needed in names(&service["depends_on"]) {
            let link = &service["depends_on"][needed];
            // The balancer passes over an instance that does not answer yet.
            let is_passed_over = name == "balancer" && needed.starts_with("poltrona-");
            let condition = if is_passed_over { "service_started" } else { "service_healthy" };
            assert_eq!(link["condition"], condition, "{name} on {needed}");
            // What sales go on without keeps nobody from starting.
            let is_optional = ["redis", "rabbitmq"].contains(&needed);
            assert_eq!(link["required"] == false, is_optional, "{name} on {needed}");
            let other = services(&compose).get(needed);
            let other = other.unwrap_or_else(|| panic!("{name} leans on {needed}"));
            assert!(other["healthcheck"]["test"].is_array(), "{needed}, for {name}");
        }
    }
}

#[test]
fn networks_and_volumes_are_declared_and_used() {
    let compose = compose();
    let mut used = (BTreeSet::new(), BTreeSet::new());
    for (name, service) in services(&compose) {
        assert!(!texts(&service["networks"]).is_empty(), "{name} is in the default network");
        used.0.extend(texts(&service["networks"]));
        for volume in texts(&service["volumes"]) {
            let (source, target) = volume.split_once(':').expect("a source and a target");
            match source.strip_prefix("./") {
                Some(file) => {
                    assert!(repository(file).exists(), "{name} mounts {file}");
                    assert!(target.ends_with(":ro"), "{name} may write {file}");
                }
                None if source.starts_with('/') => assert_eq!(source, "/var/run/docker.sock"),
                None => drop(used.1.insert(source)),
            }
        }
    }
    assert_eq!(used.0, names(&compose["networks"]));
    assert_eq!(used.1, names(&compose["volumes"]));
}

#[test]
fn a_published_port_is_on_the_loopback_address_and_can_be_reached() {
    let compose = compose();
    let is_internal = |network: &&str| compose["networks"][network]["internal"] == true;
    let mut published = BTreeSet::new();
    for (name, service) in services(&compose) {
        for port in texts(&service["ports"]) {
            let port = port.strip_prefix("127.0.0.1:");
            let (outside, _) = port.and_then(|port| port.split_once(':')).expect(name);
            assert!(published.insert(outside.to_owned()), "{name} publishes {outside} again");
            // Docker publishes nothing of a service that is in internal networks alone.
            assert!(!texts(&service["networks"]).iter().all(is_internal), "{name}");
        }
    }
    // As the reference has them: the console of RabbitMQ, the database browser, Portainer.
    for port in ["15672", "5555", "9000"] {
        assert!(published.contains(port), "{port} in {published:?}");
    }
}

#[test]
fn every_service_is_looked_after() {
    for (name, service) in services(&compose()) {
        assert!(service["healthcheck"]["test"].is_array(), "{name} has no health check");
        assert_eq!(service["restart"], "unless-stopped", "{name}");
        assert!(service["stop_grace_period"].is_string(), "{name} has no grace");
        assert!(service["logging"]["options"]["max-size"].is_string(), "{name} fills the disk");
        let image = service["image"].as_str().expect(name);
        let tag = image.rsplit_once(':').map(|(_, tag)| tag);
        assert!(tag.is_some_and(|tag| tag != "latest"), "{name} runs any {image}");
    }
}

#[test]
fn instances_get_only_settings_that_the_program_knows() {
    let known: BTreeSet<String> = KEYS
        .iter()
        .flat_map(|key| {
            let files = (key.kind == Kind::Secret).then(|| key.variables());
            let files = files.into_iter().flatten().map(|name| format!("{name}_FILE"));
            key.variables().into_iter().chain(files)
        })
        .collect();
    for (name, service) in instances(&compose()) {
        for (variable, _) in environment(service) {
            assert!(known.contains(&variable), "{name}: {variable}");
        }
        for variable in ENGINES {
            assert!(service["environment"][variable].is_string(), "{name} lacks {variable}");
        }
        assert!(settings(service).insecure, "{name} would not start on {}", settings(service).host);
    }
}

#[test]
fn an_instance_has_longer_to_stop_than_its_requests_have_to_finish() {
    let compose = compose();
    for (name, service) in instances(&compose) {
        let grace = duration(service["stop_grace_period"].as_str().expect("a duration"));
        assert!(grace > settings(service).shutdown_grace, "{name}: {grace:?}");
        let balancer = &compose["services"]["balancer"]["stop_grace_period"];
        assert!(
            duration(balancer.as_str().expect("a duration")) > settings(service).request_timeout
        );
    }
}

#[test]
fn an_instance_is_asked_for_its_health_by_a_command_that_it_has() {
    for (name, service) in instances(&compose()) {
        let test = texts(&service["healthcheck"]["test"]);
        let ["CMD", "/usr/local/bin/poltrona", arguments @ ..] = &*test else {
            panic!("{name}: {test:?}");
        };
        assert!(is_a_command(arguments), "{name}: {arguments:?}");
    }
}

#[test]
fn the_balancer_and_prometheus_know_every_instance_by_its_name() {
    let compose = compose();
    let expected: BTreeSet<String> = instances(&compose)
        .iter()
        .map(|(name, service)| format!("{name}:{}", settings(service).port))
        .collect();
    let upstream = read("deploy/nginx/compose/upstream.conf");
    let servers = directives(&upstream, "server");
    let balanced = servers.iter().filter_map(|server| server.split(' ').next());
    assert_eq!(balanced.map(str::to_owned).collect::<BTreeSet<_>>(), expected);
    let prometheus = yaml(&read("deploy/prometheus.yml"));
    let job = &prometheus["scrape_configs"][0];
    assert_eq!(job["job_name"], "poltrona");
    let watched = texts(&job["static_configs"][0]["targets"]);
    assert_eq!(watched.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), expected);
    // Names are found only within a network.
    for (name, service) in instances(&compose) {
        for other in ["balancer", "prometheus"] {
            let networks = texts(&compose["services"][other]["networks"]);
            let shared = texts(&service["networks"]).iter().any(|it| networks.contains(it));
            assert!(shared, "{other} cannot reach {name}");
        }
    }
}

#[test]
fn the_balancer_is_patient_as_the_program_is_and_lets_it_speak_first() {
    let config = Config::default();
    let balancer = read("deploy/nginx.conf");
    let times =
        |name: &str| -> Vec<_> { directives(&balancer, name).into_iter().map(duration).collect() };
    assert_eq!(times("client_header_timeout"), [config.header_timeout]);
    assert_eq!(times("client_body_timeout"), [config.body_timeout]);
    assert_eq!(times("keepalive_timeout"), [config.idle_timeout]);
    assert!(times("proxy_read_timeout").iter().all(|limit| *limit > config.request_timeout));
    let upstream = read("deploy/nginx/compose/upstream.conf");
    let kept = directives(&upstream, "keepalive_timeout");
    assert!(kept.into_iter().map(duration).all(|kept| kept < config.idle_timeout));
    let bodies = directives(&balancer, "client_max_body_size");
    let most: usize = bodies
        .first()
        .and_then(|most| most.strip_suffix('k'))
        .expect("kilobytes")
        .parse()
        .expect("a number");
    assert!((BODY_MAX_BYTES + 1..=2 * BODY_MAX_BYTES).contains(&(most * 1024)), "{most} KB");
    let again = directives(&balancer, "proxy_next_upstream");
    assert_eq!(again.into_iter().collect::<Vec<_>>(), ["error timeout"]);
}
