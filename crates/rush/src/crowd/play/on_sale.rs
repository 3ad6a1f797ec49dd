//! The minute a session goes on sale: every seat is wanted by 50 clients, and none gets all that it
//! came for.

use std::convert::Infallible;

use super::place::Place;
use super::settle::{Odds, settle};
use crate::crowd::caller::Caller;
use crate::scenario::Scenario;

const SEATS: usize = 240;
const WANTED_BY: u32 = 50;
const ODDS: Odds = Odds { pay: 85, extend: 3, cancel: 5 };
/// A prime, which shares no factor with most crowds, so that neighbours want different seats.
const STRIDE: usize = 37;

pub(super) async fn play(caller: &mut Caller, place: &Place) -> Option<Infallible> {
    let mut round = 0;
    loop {
        let session = caller.session(Scenario::OnSale, round, SEATS).await?;
        for seat in wanted(caller, place) {
            caller.visit().await?;
            if let Ok(hold) = caller.reserve(&session, &[seat]).await? {
                settle(caller, hold, ODDS).await?;
            }
        }
        caller.read_seats(&session).await?;
        round += 1;
    }
}

/// The seats that a client wants, in its own order: those for which it is one of the 50.
fn wanted(caller: &mut Caller, place: &Place) -> Vec<usize> {
    let of = place.of as usize;
    let first = |seat: usize| seat * STRIDE % of;
    let is_wanted = |seat: &usize| {
        let distance = (place.number as usize + of - first(*seat)) % of;
        distance < WANTED_BY as usize
    };
    let mut seats: Vec<_> = (0..SEATS).filter(is_wanted).collect();
    caller.rng.shuffle(&mut seats);
    seats
}
