//! Reading seat maps, reservations and past sales. One visit in twenty buys, so that there is
//! something to read.

use std::convert::Infallible;

use super::settle::buy;
use crate::crowd::caller::Caller;
use crate::scenario::Scenario;

const SESSIONS: u32 = 8;
const SEATS: usize = 96;
/// Purchases of one client after which it looks at other sessions: by then most seats are sold.
const PURCHASES_PER_WAVE: u32 = 12;

pub(super) async fn play(caller: &mut Caller) -> Option<Infallible> {
    let (mut wave, mut tried) = (0, 0);
    let mut last = None;
    loop {
        caller.visit().await?;
        let index = wave * SESSIONS + caller.rng.u32(0..SESSIONS);
        let session = caller.session(Scenario::Browse, index, SEATS).await?;
        match (caller.rng.u32(0..100), &last) {
            (0..5, _) => {
                let place = caller.rng.usize(0..SEATS);
                if let Ok(hold) = caller.reserve(&session, &[place]).await? {
                    buy(caller, &hold).await?;
                    last = Some(hold);
                }
                tried += 1;
                if tried % PURCHASES_PER_WAVE == 0 {
                    wave += 1;
                }
            }
            (5..12, _) => drop(caller.read_sales().await?),
            (12..20, Some(hold)) => drop(caller.read_reservation(hold).await?),
            _ => drop(caller.read_seats(&session).await?),
        }
    }
}
