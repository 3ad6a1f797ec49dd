//! Few seats, and clients who do not pay: holds lapse, and the seats are taken again, by those who
//! had them or by others who waited.

use std::convert::Infallible;
use std::time::Duration;

use super::place::Place;
use super::settle::buy;
use crate::crowd::caller::Caller;
use crate::crowd::request::Hold;
use crate::scenario::Scenario;

const SEATS: usize = 48;
/// Refusals in a row after which a client looks for another seat.
const PATIENCE: u32 = 24;
/// Seats that a client gives up before it goes to the next session.
const SEATS_PER_SESSION: u32 = 6;

pub(super) async fn play(caller: &mut Caller, place: &Place) -> Option<Infallible> {
    let hot = (place.of as usize / 4).clamp(4, SEATS);
    let mut tried = 0;
    loop {
        let session = caller.session(Scenario::Abandon, tried / SEATS_PER_SESSION, SEATS).await?;
        let seat = caller.rng.usize(0..hot);
        let mut refusals = 0;
        while refusals < PATIENCE {
            caller.visit().await?;
            if let Ok(hold) = caller.reserve(&session, &[seat]).await? {
                refusals = 0;
                if hesitate(caller, hold).await? {
                    break;
                }
            } else {
                refusals += 1;
                wait(caller).await?;
            }
        }
        tried += 1;
    }
}

/// Waits while holding seats; returns whether they were, or may have been, paid in the end.
async fn hesitate(caller: &mut Caller, hold: Hold) -> Option<bool> {
    let lasting = caller.world.hold();
    let (dice, jitter) = (caller.rng.u32(0..100), caller.rng.u32(0..100));
    match dice {
        // Shortly before it lapses, or shortly after: the answer says which it was.
        0..25 => {
            let late = lasting.mul_f64(0.95 + f64::from(jitter) / 1_000.0);
            caller.pause(late).await?;
            buy(caller, &hold).await?;
            Some(true)
        }
        25..35 => {
            buy(caller, &hold).await?;
            Some(true)
        }
        35..55 => {
            caller.pause(lasting / 2).await?;
            caller.read_reservation(&hold).await?;
            caller.pause(lasting / 2).await?;
            caller.read_reservation(&hold).await?;
            Some(false)
        }
        _ => {
            caller.pause(lasting + Duration::from_millis(u64::from(jitter))).await?;
            Some(false)
        }
    }
}

/// Waits for another client's hold to lapse, in small steps.
async fn wait(caller: &mut Caller) -> Option<()> {
    let step = caller.world.hold().mul_f64(0.05 + caller.rng.f64() * 0.1);
    caller.pause(step.max(Duration::from_millis(5))).await
}
