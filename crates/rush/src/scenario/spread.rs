//! A weekday evening: many sessions, seats at random.

use std::convert::Infallible;

use super::Scenario;
use super::settle::{Odds, settle};
use crate::crowd::caller::Caller;

const HALLS: u32 = 24;
const SEATS: usize = 240;
/// Refusals in a row after which a client takes the sessions for sold out.
const REFUSALS_MAX: u32 = 10;
const ODDS: Odds = Odds { pay: 75, extend: 5, cancel: 10 };

pub(super) async fn play(caller: &mut Caller) -> Option<Infallible> {
    let (mut wave, mut refusals) = (0, 0);
    loop {
        caller.visit().await?;
        let index = wave * HALLS + caller.chance.u32(0..HALLS);
        let hall = caller.hall(Scenario::Spread, index, SEATS).await?;
        let place = caller.chance.usize(0..SEATS);
        if let Ok(hold) = caller.reserve(&hall, &[place]).await? {
            refusals = 0;
            settle(caller, hold, ODDS).await?;
        } else {
            refusals += 1;
        }
        if refusals == REFUSALS_MAX {
            (wave, refusals) = (wave + 1, 0);
        }
    }
}
