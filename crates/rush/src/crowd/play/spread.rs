//! A weekday evening: many sessions, seats at random.

use std::convert::Infallible;

use super::settle::{Odds, settle};
use crate::crowd::caller::Caller;
use crate::scenario::Scenario;

const SESSIONS: u32 = 24;
const SEATS: usize = 240;
/// Refusals in a row after which a client leaves the sessions as sold out.
const REFUSALS_MAX: u32 = 10;
const ODDS: Odds = Odds { pay: 75, extend: 5, cancel: 10 };

pub(super) async fn play(caller: &mut Caller) -> Option<Infallible> {
    let (mut wave, mut refusals) = (0, 0);
    loop {
        caller.visit().await?;
        let index = wave * SESSIONS + caller.rng.u32(0..SESSIONS);
        let session = caller.session(Scenario::Spread, index, SEATS).await?;
        let place = caller.rng.usize(0..SEATS);
        if let Ok(hold) = caller.reserve(&session, &[place]).await? {
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
