//! Bad connections and impatient clients: every reservation and payment has an idempotency key,
//! many answers are never read, and the same request is sent again, at another target or at both at
//! once.
//!
//! For a server without idempotency keys requests carry none, and a retry is a second request.

use std::convert::Infallible;

use crate::crowd::caller::Caller;
use crate::crowd::request::{Hold, OnAnswer, Reply, Request};
use crate::history::{Action, Outcome};
use crate::scenario::Scenario;

const SESSIONS: u32 = 8;
const SEATS: usize = 240;
const REFUSALS_MAX: u32 = 10;

pub(super) async fn play(caller: &mut Caller) -> Option<Infallible> {
    let mut twin = caller.twin();
    let (mut wave, mut refusals) = (0, 0);
    loop {
        caller.visit().await?;
        twin.user.clone_from(&caller.user);
        let index = wave * SESSIONS + caller.rng.u32(0..SESSIONS);
        let session = caller.session(Scenario::Retry, index, SEATS).await?;
        let place = caller.rng.usize(0..SEATS - 1);
        let places = [place, place + 1];
        let size = if caller.percent(20) { 2 } else { 1 };
        let request = caller.request_seats(&session, &places[..size]);
        let request = Request { key: caller.key(), ..request };
        let reply = insist(caller, &mut twin, Action::Reserve, &request).await?;
        if let Ok(hold) = caller.granted(request, reply) {
            refusals = 0;
            pay(caller, &mut twin, &hold).await?;
        } else {
            refusals += 1;
        }
        if refusals == REFUSALS_MAX {
            (wave, refusals) = (wave + 1, 0);
        }
    }
}

async fn pay(caller: &mut Caller, twin: &mut Caller, hold: &Hold) -> Option<()> {
    if caller.percent(10) {
        return Some(());
    }
    let request = Request { key: caller.key(), ..hold.request() };
    let reply = insist(caller, twin, Action::Confirm, &request).await?;
    caller.paid(hold, &reply);
    if caller.percent(20) {
        caller.read_sales().await?;
    }
    Some(())
}

/// Sends a request as clients on bad connections do, until one answer is read.
async fn insist(
    caller: &mut Caller,
    twin: &mut Caller,
    action: Action,
    request: &Request,
) -> Option<Reply> {
    let elsewhere = caller.number as usize + 1;
    match caller.rng.u32(0..6) {
        // Read at once.
        0 => caller.ask(action, request.clone()).await,
        // Read, and sent again all the same.
        1 => {
            let first = caller.ask(action, request.clone()).await?;
            let again = Request { target: Some(elsewhere), ..request.clone() };
            let second = caller.ask(action, again).await?;
            Some(if first.outcome == Outcome::Ok { first } else { second })
        }
        // Sent twice at the same time, to two targets.
        2 | 3 => {
            let other = Request { target: Some(elsewhere), ..request.clone() };
            let both = tokio::join!(caller.ask(action, request.clone()), twin.ask(action, other));
            let (first, second) = (both.0?, both.1?);
            Some(if first.outcome == Outcome::Ok { first } else { second })
        }
        // Not read, and sent again elsewhere.
        dice => {
            let on_answer = if dice == 4 { OnAnswer::Discard } else { OnAnswer::HangUp };
            caller.ask(action, Request { on_answer, ..request.clone() }).await?;
            let again = Request { target: Some(elsewhere), ..request.clone() };
            caller.ask(action, again).await
        }
    }
}
