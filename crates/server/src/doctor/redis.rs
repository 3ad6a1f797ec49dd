//! Checks Redis, the seat lock: that it answers in time, and permits what the scripts do.

use std::time::{Duration, Instant};

use redis::{ErrorKind, RedisError, ServerErrorKind, Value, cmd};

use super::report::Findings;
use crate::config::show_duration;
use poltrona_engine::redis::{Connection, Server};
use poltrona_engine::seat_lock::probe::{RIGHTS, rehearse};
use poltrona_engine::tls::Tls;

/// The server, and the names by which commands call it.
struct Target {
    connection: Connection,
    /// `redis-cli -h HOST -p PORT`.
    cli: String,
    /// The user that the program logs in as.
    user: String,
}

/// Checks the server at `url`; `limit` is how long an answer may take while the program serves.
pub(super) async fn examine(url: &str, tls: Tls, limit: Duration, found: &mut Findings) {
    let server = match Server::parse(url, tls) {
        Ok(server) => server,
        Err(error) => {
            let fix = "export REDIS_URL=redis://USER:PASSWORD@HOST:6379";
            return found.failure("url", error.to_string(), fix);
        }
    };
    let info = server.info();
    let address = info.addr().to_string();
    let (host, port) = address.rsplit_once(':').unwrap_or((&address, "6379"));
    let cli = format!("redis-cli -h {host} -p {port}");
    let user = info.redis_settings().username().unwrap_or("default").to_owned();
    // The doctor limits the whole of this instead.
    match server.connect().await {
        Ok(connection) => look(Target { connection, cli, user }, &address, limit, found).await,
        Err(error) => not_let_in(&error, &address, &cli, &user, found),
    }
}

fn not_let_in(error: &RedisError, address: &str, cli: &str, user: &str, found: &mut Findings) {
    let detail = format!("{address}: {error}");
    let is_login = error.kind() == ErrorKind::AuthenticationFailed
        || matches!(error.code(), Some("NOAUTH" | "WRONGPASS"));
    if is_login {
        let detail = format!("{detail}; REDIS_URL must have the password of {user}");
        found.failure(
            "login",
            detail,
            format!("{cli} --askpass ACL SETUSER {user} on '>PASSWORD'"),
        );
    } else {
        found.away(detail);
    }
}

async fn look(mut target: Target, address: &str, limit: Duration, found: &mut Findings) {
    if let Err(error) = rehearse(&mut target.connection.commands).await {
        return cannot_lock(&error, address, &target, found);
    }
    found.ok("reach", address);
    found.ok("scripts", format!("{} may run them all", target.user));
    speed(&mut target, limit, found).await;
    // A user with few rights may not run these, and the program does not need them.
    if let Ok(info) = cmd("INFO").query_async::<String>(&mut target.connection.commands).await {
        server(&info, &target.cli, found);
    }
    role(&mut target, found).await;
}

fn cannot_lock(error: &RedisError, address: &str, target: &Target, found: &mut Findings) {
    let Target { cli, user, .. } = target;
    let detail = format!("{address}: {error}");
    match (error.kind(), error.code()) {
        (ErrorKind::Server(ServerErrorKind::NoPerm), _) | (_, Some("NOPERM")) => {
            let rights: Vec<_> = RIGHTS.split(' ').map(|right| format!("'{right}'")).collect();
            let fix = format!("{cli} ACL SETUSER {user} {}", rights.join(" "));
            found.failure("scripts", detail, fix);
        }
        (ErrorKind::AuthenticationFailed, _) | (_, Some("NOAUTH" | "WRONGPASS")) => {
            not_let_in(error, address, cli, user, found);
        }
        (ErrorKind::Server(ServerErrorKind::ReadOnly), _) => {
            let detail = format!("{detail}; REDIS_URL must name the primary");
            found.failure("role", detail, format!("{cli} ROLE"));
        }
        (_, Some("OOM")) => {
            let fix = format!("{cli} CONFIG SET maxmemory-policy allkeys-lru");
            found.failure("memory", detail, fix);
        }
        (ErrorKind::Server(_), _) => found.failure("scripts", detail, format!("{cli} INFO server")),
        _ => found.away(detail),
    }
}

/// Measures one answer on an idle connection.
async fn speed(target: &mut Target, limit: Duration, found: &mut Findings) {
    let began = Instant::now();
    // A refusal is an answer too.
    let _ = cmd("PING").query_async::<Value>(&mut target.connection.commands).await;
    let took = began.elapsed();
    let detail = format!("{:.1} ms, of {}", took.as_secs_f64() * 1e3, show_duration(limit));
    if took > limit {
        let fix = format!("export POLTRONA_REDIS_TIMEOUT={}ms", took.as_millis() * 2);
        found.warning("answers", format!("{detail}: it would seldom be waited for"), fix);
    } else {
        found.ok("answers", detail);
    }
}

fn server(info: &str, cli: &str, found: &mut Findings) {
    let value = |name: &str| {
        let mut lines = info.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| *key == name).map(|(_, value)| value.trim())
    };
    if let Some(version) = value("redis_version") {
        found.ok("version", version);
    }
    let bounded = value("maxmemory").is_some_and(|most| most != "0");
    match value("maxmemory_policy") {
        Some("noeviction") if bounded => {
            let fix = format!("{cli} CONFIG SET maxmemory-policy allkeys-lru");
            found.warning("memory", "when memory is full, Redis takes no marks (noeviction)", fix);
        }
        Some(policy) => {
            found.ok("memory", format!("{policy}; an evicted mark costs speed only"));
        }
        None => {}
    }
    if value("cluster_enabled") == Some("1") {
        let detail = "a node of a cluster: sessions on other nodes have no lock";
        found.warning("cluster", detail, "export REDIS_URL=redis://A-SERVER-OF-ITS-OWN:6379");
    }
}

async fn role(target: &mut Target, found: &mut Findings) {
    let role = cmd("ROLE").query_async::<Vec<Value>>(&mut target.connection.commands).await;
    let Ok(role) = role else { return };
    let word = |at: usize| {
        role.get(at).and_then(|value| redis::from_redis_value_ref::<String>(value).ok())
    };
    match (word(0).as_deref(), word(1), word(2)) {
        (Some("slave"), Some(host), Some(port)) => {
            let fix = format!("export REDIS_URL=redis://{host}:{port}");
            found.failure("role", "a replica, which takes no marks: name the primary", fix);
        }
        (Some("master"), ..) => found.ok("role", "the primary"),
        _ => {}
    }
}
