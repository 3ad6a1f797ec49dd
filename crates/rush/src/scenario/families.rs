//! Families that want to sit together: groups of two to six neighbouring seats that overlap those
//! of others, named in different orders.

use std::convert::Infallible;

use super::Scenario;
use super::settle::{Odds, settle};
use crate::crowd::caller::Caller;

const SEATS: usize = 96;
/// Refusals in a row after which a family takes the session for full.
const REFUSALS_MAX: u32 = 8;
const ODDS: Odds = Odds { pay: 55, extend: 10, cancel: 20 };

pub(super) async fn play(caller: &mut Caller) -> Option<Infallible> {
    let (mut round, mut refusals) = (0, 0);
    loop {
        caller.visit().await?;
        let hall = caller.hall(Scenario::Families, round, SEATS).await?;
        let size = caller.chance.usize(2..=6);
        let first = caller.chance.usize(0..=SEATS - size);
        let mut places: Vec<_> = (first..first + size).collect();
        match caller.chance.u32(0..3) {
            0 => {}
            1 => places.reverse(),
            _ => caller.chance.shuffle(&mut places),
        }
        if let Ok(hold) = caller.reserve(&hall, &places).await? {
            refusals = 0;
            settle(caller, hold, ODDS).await?;
        } else {
            refusals += 1;
        }
        if refusals == REFUSALS_MAX {
            (round, refusals) = (round + 1, 0);
        }
    }
}
