//! Bad lines and impatient people: every reservation and payment has an idempotency key, many
//! answers never arrive, and the same request is sent again, at another target or at both at once.
//!
//! Where the server knows no keys, the same happens without them, and a retry is a second request.

use std::convert::Infallible;

use super::Scenario;

use crate::crowd::caller::{Caller, Fate, Hold, Told, Wish};
use crate::history::{Action, Outcome};

const HALLS: u32 = 8;
const SEATS: usize = 240;
const REFUSALS_MAX: u32 = 10;

pub(super) async fn play(caller: &mut Caller) -> Option<Infallible> {
    let mut twin = caller.twin();
    let (mut wave, mut refusals) = (0, 0);
    loop {
        caller.visit().await?;
        twin.user.clone_from(&caller.user);
        let index = wave * HALLS + caller.chance.u32(0..HALLS);
        let hall = caller.hall(Scenario::Retry, index, SEATS).await?;
        let place = caller.chance.usize(0..SEATS - 1);
        let places = [place, place + 1];
        let size = if caller.percent(20) { 2 } else { 1 };
        let wish = caller.wish_for(&hall, &places[..size]);
        let wish = Wish { key: caller.key(), ..wish };
        let told = insist(caller, &mut twin, Action::Reserve, &wish).await?;
        if let Ok(hold) = caller.held(wish, told) {
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
    let wish = Caller::wish_to_pay(hold, caller.key());
    let told = insist(caller, twin, Action::Confirm, &wish).await?;
    caller.paid(hold, &told);
    if caller.percent(20) {
        caller.sales().await?;
    }
    Some(())
}

/// Sends a request as people on bad lines do, until one answer is heard.
async fn insist(
    caller: &mut Caller,
    twin: &mut Caller,
    action: Action,
    wish: &Wish,
) -> Option<Told> {
    let elsewhere = caller.number as usize + 1;
    match caller.chance.u32(0..6) {
        // Heard at once.
        0 => caller.ask(action, wish.clone()).await,
        // Heard, and sent again all the same.
        1 => {
            let first = caller.ask(action, wish.clone()).await?;
            let again = Wish { target: Some(elsewhere), ..wish.clone() };
            let second = caller.ask(action, again).await?;
            Some(if first.outcome == Outcome::Ok { first } else { second })
        }
        // Sent twice at the same time, to two targets.
        2 | 3 => {
            let other = Wish { target: Some(elsewhere), ..wish.clone() };
            let both = tokio::join!(caller.ask(action, wish.clone()), twin.ask(action, other));
            let (first, second) = (both.0?, both.1?);
            Some(if first.outcome == Outcome::Ok { first } else { second })
        }
        // Not heard, and sent again elsewhere.
        dice => {
            let fate = if dice == 4 { Fate::Unheard } else { Fate::HungUp };
            caller.ask(action, Wish { fate, ..wish.clone() }).await?;
            let again = Wish { target: Some(elsewhere), ..wish.clone() };
            caller.ask(action, again).await
        }
    }
}
