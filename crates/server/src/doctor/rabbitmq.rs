//! Checks RabbitMQ: that it can be reached, takes messages, has our queues, and lets the user use them.

use std::time::Duration;

use lapin::options::{
    BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
    QueueDeleteOptions,
};
use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::types::FieldTable;
use lapin::uri::AMQPUri;
use lapin::{BasicProperties, Connection, ConnectionProperties, Error, ErrorKind};
use tokio::time::timeout;

use super::report::Findings;
use poltrona_engine::bus::rabbitmq::{self, Inspected, Queue, connect};
use poltrona_engine::env::ids::Ids;
use poltrona_engine::tls::Tls;

/// How long the broker may take to confirm a message; while it is short of memory or disk it confirms none.
const CONFIRM: Duration = Duration::from_secs(2);

/// The oldest version with the queue features that the program uses: major, minor.
const OLDEST: (u32, u32) = (3, 10);

/// Checks the broker at `uri`.
pub(super) async fn examine(uri: AMQPUri, tls: &Tls, found: &mut Findings) {
    let connection = match connect(uri.clone(), tls, ConnectionProperties::default()).await {
        Ok(connection) => connection,
        Err(error) => return not_let_in(&error, &uri, found),
    };
    let status = connection.status();
    let (user, vhost) = (status.username(), status.vhost().to_string());
    found.ok("reach", format!("as {user}, in the vhost {vhost}"));
    if let Some(version) = rabbitmq::version(&uri, tls).await {
        check_version(&version, found);
    }
    let looked = async {
        // Messages last: short of memory or disk, the broker stops reading from a connection that published.
        queues(&connection, &vhost, found).await?;
        message(&connection, &user, &vhost, found).await
    };
    if let Err(error) = looked.await {
        found.away(error.to_string());
    }
    // Our trial queue is exclusive: it goes with the connection even if this close fails.
    let _ = connection.close(200, "seen".into()).await;
}

fn not_let_in(error: &Error, uri: &AMQPUri, found: &mut Findings) {
    let (user, vhost) = (&uri.authority.userinfo.username, &uri.vhost);
    let detail = error.to_string();
    match error.kind() {
        ErrorKind::ProtocolError(error) => match error.kind() {
            AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => {
                found.failure("login", detail, format!("rabbitmqctl change_password '{user}'"));
            }
            AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => {
                let fix = format!(
                    "rabbitmqctl add_vhost '{vhost}' && \
                     rabbitmqctl set_permissions -p '{vhost}' '{user}' '.*' '.*' '.*'"
                );
                found.failure("vhost", detail, fix);
            }
            _ => found.failure("login", detail, "rabbitmqctl status"),
        },
        _ => found.away(detail),
    }
}

fn check_version(version: &str, found: &mut Findings) {
    let mut numbers = version.split('.').map_while(|part| part.parse().ok());
    if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < OLDEST {
        let detail = format!("{version}: it must be {}.{} or newer", OLDEST.0, OLDEST.1);
        found.failure("version", detail, "apt-get install rabbitmq-server");
    } else {
        found.ok("version", version);
    }
}

/// Publishes a message to a queue of its own and gets it back: checks the rights to configure, write
/// and read, and whether the broker takes messages at all.
async fn message(
    connection: &Connection,
    user: &str,
    vhost: &str,
    found: &mut Findings,
) -> Result<(), Error> {
    let channel = connection.create_channel().await?;
    // Exclusive, so that it goes with the connection; deleted below, so that it goes at once.
    let trial = format!("poltrona.doctor.{}", Ids::Random.fresh());
    let own = QueueDeclareOptions {
        exclusive: true,
        auto_delete: true,
        ..QueueDeclareOptions::default()
    };
    let tried = async {
        channel.queue_declare(trial.as_str().into(), own, FieldTable::default()).await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let properties = BasicProperties::default();
        let sent =
            channel.basic_publish("".into(), trial.as_str().into(), options, b"seen", properties);
        let Ok(confirmed) = timeout(CONFIRM, async { sent.await?.await }).await else {
            return Ok(None);
        };
        confirmed?;
        let look = BasicGetOptions { no_ack: true };
        channel.basic_get(trial.as_str().into(), look).await?;
        channel.queue_delete(trial.as_str().into(), QueueDeleteOptions::default()).await.map(Some)
    };
    match tried.await {
        Ok(Some(_)) => {
            found.ok("rights", format!("{user} may configure, write and read"));
            found.ok("alarms", "it takes messages");
        }
        Ok(None) => {
            let detail = "it takes no messages: short of memory or of room on its disk";
            found.failure("alarms", detail, "rabbitmq-diagnostics alarms");
        }
        Err(error) if rabbitmq::is_closed_by(&error, &AMQPSoftError::ACCESSREFUSED) => {
            let fix = format!("rabbitmqctl set_permissions -p '{vhost}' '{user}' '.*' '.*' '.*'");
            found.failure("rights", error.to_string(), fix);
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Checks the exchange and every queue.
async fn queues(connection: &Connection, vhost: &str, found: &mut Findings) -> Result<(), Error> {
    let inspected = rabbitmq::inspect(connection).await?;
    let count = |name: &str| inspected.iter().find(|it| it.item.name() == name)?.messages;
    let of_all = |name: &dyn Fn(Queue) -> String| {
        Queue::ALL.map(|queue| (queue.name(), count(&name(queue)).unwrap_or(0)))
    };
    different(&inspected, vhost, found);
    let waiting = of_all(&|queue| queue.name().to_owned());
    let waiting = waiting.map(|(name, count)| format!("{name} {count}"));
    missing(&inspected, &waiting, vhost, found);
    let dead = of_all(&Queue::dead_letters).into_iter().filter(|(_, count)| *count > 0);
    let dead: Vec<_> = dead.map(|(name, count)| format!("{count} of {name}")).collect();
    if dead.is_empty() {
        found.ok("dead letters", "none");
    } else {
        found.warning("dead letters", dead.join(", "), "poltrona dlq list");
    }
    Ok(())
}

/// Names each queue or exchange that has a name of ours and other arguments: no instance can use it.
fn different(inspected: &[Inspected], vhost: &str, found: &mut Findings) {
    for Inspected { item, messages, difference } in inspected {
        let Some(difference) = difference else { continue };
        let lost = match messages {
            Some(count @ 1..) => {
                format!("; its messages, {count} or more, go with it: move them first")
            }
            _ => String::new(),
        };
        let detail = format!("{item} is not as this program declares it: {difference}{lost}");
        found.failure("arguments", detail, item.deletion(vhost));
    }
}

/// Names what does not exist.
fn missing(inspected: &[Inspected], waiting: &[String; 3], vhost: &str, found: &mut Findings) {
    let missing = inspected.iter().filter(|it| it.messages.is_none()).map(|it| it.item.name());
    let missing = missing.collect::<Vec<_>>().join(", ");
    let in_the_way = inspected.iter().find(|it| it.difference.is_some()).map(|it| &it.item);
    match in_the_way {
        _ if missing.is_empty() => {
            found.ok("queues", format!("all are there; waiting: {}", waiting.join(", ")));
        }
        None => {
            let detail = format!("missing: {missing}; an instance declares them when it connects");
            found.failure("queues", detail, "systemctl restart poltrona");
        }
        // Instances declare one after the other, and try again every few seconds.
        Some(item) => {
            let detail = format!("missing: {missing}; instances declare them once {item} is gone");
            found.failure("queues", detail, item.deletion(vhost));
        }
    }
}
