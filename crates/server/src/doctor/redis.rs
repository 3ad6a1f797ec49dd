//! The seat lock: reached in time, and allowed what its scripts do.

use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, ServerErrorKind, Value, cmd};

use super::report::Findings;
use crate::config::show_duration;
use poltrona_engine::seat_lock::probe::{RIGHTS, rehearse};

/// Who is asked, and how commands reach it.
struct Patient {
    connection: MultiplexedConnection,
    /// `redis-cli -h HOST -p PORT`.
    cli: String,
    /// Who the program is there.
    user: String,
}

/// Looks at the server that a URL names; an answer may take as long as `limit` while it serves.
pub(super) async fn examine(url: &str, limit: Duration, found: &mut Findings) {
    let client = match Client::open(url) {
        Ok(client) => client,
        Err(error) => {
            let mend = "export REDIS_URL=redis://USER:PASSWORD@HOST:6379";
            return found.failure("url", error.to_string(), mend);
        }
    };
    let info = client.get_connection_info();
    let address = info.addr().to_string();
    let (host, port) = address.rsplit_once(':').unwrap_or((&address, "6379"));
    let cli = format!("redis-cli -h {host} -p {port}");
    let user = info.redis_settings().username().unwrap_or("default").to_owned();
    // The doctor's own limit stands around all of this.
    let unlimited =
        AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    match client.get_multiplexed_async_connection_with_config(&unlimited).await {
        Ok(connection) => look(Patient { connection, cli, user }, &address, limit, found).await,
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

async fn look(mut patient: Patient, address: &str, limit: Duration, found: &mut Findings) {
    if let Err(error) = rehearse(&mut patient.connection).await {
        return cannot_lock(&error, address, &patient, found);
    }
    found.ok("reach", address);
    found.ok("scripts", format!("{} may run them all", patient.user));
    speed(&mut patient, limit, found).await;
    // A user of few rights may not ask these, and need not.
    if let Ok(info) = cmd("INFO").query_async::<String>(&mut patient.connection).await {
        server(&info, &patient.cli, found);
    }
    role(&mut patient, found).await;
}

fn cannot_lock(error: &RedisError, address: &str, patient: &Patient, found: &mut Findings) {
    let Patient { cli, user, .. } = patient;
    let detail = format!("{address}: {error}");
    match (error.kind(), error.code()) {
        (ErrorKind::Server(ServerErrorKind::NoPerm), _) | (_, Some("NOPERM")) => {
            let rights: Vec<_> = RIGHTS.split(' ').map(|right| format!("'{right}'")).collect();
            let mend = format!("{cli} ACL SETUSER {user} {}", rights.join(" "));
            found.failure("scripts", detail, mend);
        }
        (ErrorKind::AuthenticationFailed, _) | (_, Some("NOAUTH" | "WRONGPASS")) => {
            not_let_in(error, address, cli, user, found);
        }
        (ErrorKind::Server(ServerErrorKind::ReadOnly), _) => {
            let detail = format!("{detail}; REDIS_URL must name the primary");
            found.failure("role", detail, format!("{cli} ROLE"));
        }
        (_, Some("OOM")) => {
            let mend = format!("{cli} CONFIG SET maxmemory-policy allkeys-lru");
            found.failure("memory", detail, mend);
        }
        (ErrorKind::Server(_), _) => found.failure("scripts", detail, format!("{cli} INFO server")),
        _ => found.away(detail),
    }
}

/// How long it takes to answer, when nothing else is asked of this connection.
async fn speed(patient: &mut Patient, limit: Duration, found: &mut Findings) {
    let began = Instant::now();
    // Also what may not be asked is answered.
    let _ = cmd("PING").query_async::<Value>(&mut patient.connection).await;
    let took = began.elapsed();
    let detail = format!("{:.1} ms, of {}", took.as_secs_f64() * 1e3, show_duration(limit));
    if took > limit {
        let mend = format!("export POLTRONA_REDIS_TIMEOUT={}ms", took.as_millis() * 2);
        found.warning("answers", format!("{detail}: it would seldom be waited for"), mend);
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
            let mend = format!("{cli} CONFIG SET maxmemory-policy allkeys-lru");
            found.warning("memory", "when it is full it takes no marks (noeviction)", mend);
        }
        Some(policy) => {
            found.ok("memory", format!("{policy}; a mark that is evicted harms nobody"));
        }
        None => {}
    }
    if value("cluster_enabled") == Some("1") {
        let detail = "a node of a cluster: sessions of other nodes go without the lock";
        found.warning("cluster", detail, "export REDIS_URL=redis://A-SERVER-OF-ITS-OWN:6379");
    }
}

async fn role(patient: &mut Patient, found: &mut Findings) {
    let role = cmd("ROLE").query_async::<Vec<Value>>(&mut patient.connection).await;
    let Ok(role) = role else { return };
    let word = |at: usize| {
        role.get(at).and_then(|value| redis::from_redis_value_ref::<String>(value).ok())
    };
    match (word(0).as_deref(), word(1), word(2)) {
        (Some("slave"), Some(host), Some(port)) => {
            let mend = format!("export REDIS_URL=redis://{host}:{port}");
            found.failure("role", "a replica: what is marked here is seen by nobody else", mend);
        }
        (Some("master"), ..) => found.ok("role", "the primary"),
        _ => {}
    }
}
