//! Single events, for other programs: each goes to the exchange by its kind, while a queue is bound
//! for that kind.

use std::collections::BTreeSet;
use std::sync::Arc;

use lapin::types::{AMQPValue, FieldTable};
use tokio::time::Instant;

use super::bindings::{Bindings, Verdict};
use super::confirms::{Confirms, Target, properties};
use super::state::SingleEvents;
use super::topology::EXCHANGE;
use crate::event::{EventBatch, EventIn};

const SINGLE: &str = "application/cloudevents+json";

/// Publishes the events of `messages`, in order, and waits for the confirmations of all that was sent;
/// gives the number of events that nobody listened to.
///
/// The first event of a kind of which nothing is known asks for its kind: the others of that kind
/// follow at the end, if it did not come back.
pub(super) async fn publish<'a>(
    confirms: &mut Confirms<'a>,
    bindings: &mut Bindings,
    which: SingleEvents,
    messages: &'a [Arc<EventBatch>],
) -> anyhow::Result<u64> {
    let (now, mandatory) = (Instant::now(), which == SingleEvents::WhileBound);
    let (mut published, mut unsure, mut left_out) = (BTreeSet::new(), Vec::new(), 0);
    for (event, json) in messages.iter().flat_map(|message| message.each()) {
        let kind = event.kind.name();
        let verdict = match which {
            SingleEvents::Off => return Ok(0),
            SingleEvents::WhileBound => bindings.verdict(kind, now),
            SingleEvents::Always => Verdict::Publish,
        };
        match verdict {
            Verdict::LeaveOut => left_out += 1,
            Verdict::Ask if !published.insert(kind) => unsure.push((event, json)),
            Verdict::Ask | Verdict::Publish => {
                published.insert(kind);
                send(confirms, event, json, mandatory).await?;
            }
        }
    }
    confirms.settle().await?;
    for (event, json) in unsure {
        if confirms.sent.unrouted.contains(event.kind.name()) {
            left_out += 1;
        } else {
            send(confirms, event, json, mandatory).await?;
        }
    }
    confirms.settle().await?;
    if mandatory {
        bindings.learn(&published, &confirms.sent.unrouted, now);
    }
    Ok(left_out)
}

async fn send<'a>(
    confirms: &mut Confirms<'a>,
    event: &EventIn,
    json: &'a str,
    mandatory: bool,
) -> anyhow::Result<()> {
    let mut properties = properties(&event.id.to_string(), SINGLE);
    if let Some(trace) = &event.traceparent {
        let mut headers = FieldTable::default();
        headers.insert("traceparent".into(), AMQPValue::LongString(trace.as_str().into()));
        properties = properties.with_headers(headers);
    }
    let target = Target::Events { key: event.kind.name(), mandatory };
    confirms.publish(target, EXCHANGE, json.as_bytes().into(), properties).await
}
