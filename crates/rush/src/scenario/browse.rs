//! Looking: seat maps, reservations and past sales. One visit in twenty buys, so that there is
//! something to see.

use std::convert::Infallible;

use super::Scenario;
use super::settle::buy;
use crate::crowd::caller::Caller;

const HALLS: u32 = 8;
const SEATS: usize = 96;
/// Purchases of one client after which it looks at other sessions: by then most seats are sold.
const PURCHASES_PER_WAVE: u32 = 12;

pub(super) async fn play(caller: &mut Caller) -> Option<Infallible> {
    let (mut wave, mut tried) = (0, 0);
    let mut last = None;
    loop {
        caller.visit().await?;
        let index = wave * HALLS + caller.chance.u32(0..HALLS);
        let hall = caller.hall(Scenario::Browse, index, SEATS).await?;
        match (caller.chance.u32(0..100), &last) {
            (0..5, _) => {
                let place = caller.chance.usize(0..SEATS);
                if let Ok(hold) = caller.reserve(&hall, &[place]).await? {
                    buy(caller, &hold).await?;
                    last = Some(hold);
                }
                tried += 1;
                if tried % PURCHASES_PER_WAVE == 0 {
                    wave += 1;
                }
            }
            (5..12, _) => drop(caller.sales().await?),
            (12..20, Some(hold)) => drop(caller.look_at(hold).await?),
            _ => drop(caller.map(&hall).await?),
        }
    }
}
