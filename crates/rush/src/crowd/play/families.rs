//! Families that want to sit together: groups of two to six neighbouring seats that overlap those
//! of others, named in different orders.

use std::convert::Infallible;

use super::settle::{Odds, settle};
use crate::crowd::caller::Caller;
use crate::scenario::Scenario;

const SEATS: usize = 96;
/// Refusals in a row after which a family leaves the session as full.
const REFUSALS_MAX: u32 = 8;
const ODDS: Odds = Odds { pay: 55, extend: 10, cancel: 20 };

pub(super) async fn play(caller: &mut Caller) -> Option<Infallible> {
    let (mut round, mut refusals) = (0, 0);
    loop {
        caller.visit().await?;
        let session = caller.session(Scenario::Families, round, SEATS).await?;
        let size = caller.rng.usize(2..=6);
        let first = caller.rng.usize(0..=SEATS - size);
        let mut places: Vec<_> = (first..first + size).collect();
        match caller.rng.u32(0..3) {
            0 => {}
            1 => places.reverse(),
            _ => caller.rng.shuffle(&mut places),
        }
        if let Ok(hold) = caller.reserve(&session, &places).await? {
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
