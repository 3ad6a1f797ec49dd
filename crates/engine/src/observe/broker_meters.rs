//! Meters of the bus between instances; on the page only where there is one.

use std::collections::BTreeMap;

use metrics::{Counter, Gauge, counter, gauge};

/// The outcome of a consumed message: it acted, waits for another try, or is a dead letter.
const OUTCOMES: [&str; 3] = ["done", "retried", "dead"];

/// The meters of a broker's queues.
pub struct BrokerMeters {
    published: BTreeMap<&'static str, Counter>,
    consumed: BTreeMap<&'static str, [Counter; 3]>,
    dead_letters: BTreeMap<&'static str, Gauge>,
    returned: Counter,
    refused: Counter,
    left_out: Counter,
    came_back: Counter,
    peers: Gauge,
    announced: Counter,
    received: Counter,
    missed: Counter,
}

impl BrokerMeters {
    /// Registers the meters: what is published to each of `targets`, and what is consumed from, or
    /// died in, each of `queues`.
    pub(super) fn new(targets: &[&'static str], queues: &[&'static str]) -> Self {
        describe();
        let published = |queue: &&'static str| {
            (*queue, counter!("poltrona_published_total", "queue" => *queue))
        };
        let consumed = |queue: &&'static str| {
            let counter = |outcome| counter!("poltrona_consumed_total", "queue" => *queue, "outcome" => outcome);
            (*queue, OUTCOMES.map(counter))
        };
        let unheard =
            |outcome: &'static str| counter!("poltrona_events_unheard_total", "outcome" => outcome);
        let dead =
            |queue: &&'static str| (*queue, gauge!("poltrona_dead_letters", "queue" => *queue));
        Self {
            published: targets.iter().map(published).collect(),
            consumed: queues.iter().map(consumed).collect(),
            dead_letters: queues.iter().map(dead).collect(),
            returned: counter!("poltrona_returned_total"),
            refused: counter!("poltrona_refused_total"),
            left_out: unheard("left_out"),
            came_back: unheard("returned"),
            peers: gauge!("poltrona_peers"),
            announced: counter!("poltrona_peers_announced_total"),
            received: counter!("poltrona_peers_received_total", "outcome" => "batch"),
            missed: counter!("poltrona_peers_received_total", "outcome" => "missed"),
        }
    }

    /// The broker has confirmed messages for a queue.
    pub fn published(&self, queue: &str, count: u64) {
        if let Some(counter) = self.published.get(queue) {
            counter.increment(count);
        }
    }

    /// Messages came back, for their queue does not exist.
    pub fn returned(&self, count: u64) {
        self.returned.increment(count);
    }

    /// Messages were refused: a queue is full, or has lost its leader.
    pub fn refused(&self, count: u64) {
        self.refused.increment(count);
    }

    /// No queue was bound to the exchange for the kind of these single events: they were left out, or
    /// came back.
    pub fn unheard(&self, left_out: u64, came_back: u64) {
        self.left_out.increment(left_out);
        self.came_back.increment(came_back);
    }

    /// How many other instances follow what this one commits.
    pub fn peers(&self, count: usize) {
        self.peers.set(u32::try_from(count).unwrap_or(u32::MAX));
    }

    /// A committed batch was sent to the other instances.
    pub fn announced(&self) {
        self.announced.increment(1);
    }

    /// A batch of another instance arrived, or some may have been missed.
    pub fn received(&self, is_batch: bool) {
        let counter = if is_batch { &self.received } else { &self.missed };
        counter.increment(1);
    }

    /// Messages acted.
    pub fn done(&self, queue: &str, count: u64) {
        self.consumed(queue, 0, count);
    }

    /// A message waits for another try.
    pub fn retried(&self, queue: &str) {
        self.consumed(queue, 1, 1);
    }

    /// A message became a dead letter.
    pub fn dead(&self, queue: &str) {
        self.consumed(queue, 2, 1);
    }

    fn consumed(&self, queue: &str, outcome: usize, count: u64) {
        if let Some(counter) = self.consumed.get(queue).and_then(|row| row.get(outcome)) {
            counter.increment(count);
        }
    }

    /// How many dead letters a queue has.
    pub fn dead_letters(&self, queue: &str, count: u32) {
        if let Some(gauge) = self.dead_letters.get(queue) {
            gauge.set(count);
        }
    }
}

fn describe() {
    use metrics::{describe_counter as counter, describe_gauge as gauge};
    counter!("poltrona_published_total", "Messages that RabbitMQ has confirmed, by queue.");
    counter!("poltrona_returned_total", "Messages that found no queue, and were sent again.");
    counter!("poltrona_refused_total", "Messages that RabbitMQ refused, and that were sent again.");
    counter!(
        "poltrona_events_unheard_total",
        "Single events that no other program's queue is bound for: not sent, or returned."
    );
    gauge!("poltrona_peers", "Other instances that follow what this one commits.");
    counter!("poltrona_peers_announced_total", "Committed batches sent to the other instances.");
    counter!(
        "poltrona_peers_received_total",
        "Batches that other instances sent, and how often some may have been missed."
    );
    counter!("poltrona_consumed_total", "Messages taken from a queue, by what became of them.");
    gauge!("poltrona_dead_letters", "Messages given up, waiting for `poltrona dlq`.");
}
