//! Dead letters on the command line.

use std::fmt::Write as _;

use super::options;
use crate::config::Config;
use crate::failure::Failure;
use poltrona_engine::bus::rabbitmq::{self, DeadLetter, DeadLetterQueue, Queue};
use poltrona_engine::text;

/// The queues that can have dead letters.
pub const QUEUES: [&str; 3] = [Queue::ALL[0].name(), Queue::ALL[1].name(), Queue::ALL[2].name()];

/// Lists the dead letters of one queue, or of all: how many there are, and the first `limit`.
pub async fn list(
    config: &Config,
    queue: Option<&str>,
    limit: usize,
    json: bool,
) -> anyhow::Result<String> {
    let (uri, tls) = (broker(config)?, options::tls(config)?);
    let queue_founds = rabbitmq::list(&uri, &tls, &queues(queue), limit).await;
    let queue_founds = queue_founds.map_err(|why| away(&uri, &why))?;
    if json {
        return Ok(serde_json::to_string_pretty(&queue_founds)?);
    }
    Ok(queue_founds.iter().map(describe).collect::<Vec<_>>().join("\n"))
}

/// Sends the dead letters of one queue, or of all, back to be tried again; returns their number.
pub async fn replay(config: &Config, queue: Option<&str>, limit: usize) -> anyhow::Result<String> {
    let (uri, tls) = (broker(config)?, options::tls(config)?);
    let replayed = rabbitmq::replay(&uri, &tls, &queues(queue), limit).await;
    let replayed = replayed.map_err(|why| away(&uri, &why))?;
    let line = |(queue, count): &(Queue, u32)| format!("{}: {count} sent back", queue.name());
    Ok(replayed.iter().map(line).collect::<Vec<_>>().join("\n"))
}

fn broker(config: &Config) -> Result<lapin::uri::AMQPUri, Failure> {
    let none = "rabbitmq-url is not set: without RabbitMQ there are no dead letters";
    config.rabbitmq().ok_or_else(|| Failure::Usage(none.to_owned()))
}

fn queues(only: Option<&str>) -> Vec<Queue> {
    let wanted = |queue: &Queue| only.is_none_or(|only| only == queue.name());
    Queue::ALL.into_iter().filter(wanted).collect()
}

fn away(uri: &lapin::uri::AMQPUri, why: &anyhow::Error) -> Failure {
    let lapin::uri::AMQPAuthority { host, port, .. } = &uri.authority;
    Failure::Away(format!("RabbitMQ at {host}:{port}: {why:#}"))
}

fn describe(queue_found: &DeadLetterQueue) -> String {
    let queue = queue_found.queue;
    let Some(count) = queue_found.count else {
        return format!(
            "{queue}: there is no queue for dead letters; an instance declares it when it connects"
        );
    };
    let letters = if count == 1 { "dead letter" } else { "dead letters" };
    let mut shown = format!("{queue}: {count} {letters}");
    for letter in &queue_found.letters {
        let DeadLetter { id, at, why, failures, events } = letter;
        let [id, why] = [id.as_deref().unwrap_or("without an id"), why].map(text::printable);
        let at = at.map_or("at an unknown time".to_owned(), |at| at.to_string());
        let events = if events.is_empty() { "unreadable".to_owned() } else { events.join(" ") };
        let events = text::printable(&events);
        // Writing to a string cannot fail.
        let _ = write!(shown, "\n  {id}  {at}  failed {failures} times: {why}\n    {events}");
    }
    shown
}
