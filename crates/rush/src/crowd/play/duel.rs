//! One seat at a time, and all clients ask for it at the same moment.

use std::convert::Infallible;

use super::place::Place;
use super::settle::{Odds, settle};
use crate::crowd::caller::Caller;
use crate::scenario::Scenario;

const SEATS: u32 = 96;
const ODDS: Odds = Odds { pay: 80, extend: 4, cancel: 8 };

pub(super) async fn play(caller: &mut Caller, place: &Place) -> Option<Infallible> {
    let mut round = 0;
    loop {
        let session = caller.session(Scenario::Duel, round / SEATS, SEATS as usize).await?;
        let seat = (round % SEATS) as usize;
        caller.visit().await?;
        place.rounds.next(caller.world.end()).await?;
        if let Ok(hold) = caller.reserve(&session, &[seat]).await? {
            settle(caller, hold, ODDS).await?;
        } else if caller.percent(5) {
            // A seat of an earlier round: most probably sold, and it must stay sold.
            let earlier = caller.rng.usize(0..=seat);
            if let Ok(hold) = caller.reserve(&session, &[earlier]).await? {
                settle(caller, hold, ODDS).await?;
            }
        }
        round += 1;
    }
}
