//! The end of a visit that got seats: the hold is paid, extended, cancelled or left to lapse.

use crate::crowd::caller::Caller;
use crate::crowd::request::Hold;

/// How many of a hundred holds end in which way; the others are left to lapse.
#[derive(Clone, Copy, Debug)]
pub(super) struct Odds {
    /// Paid at once.
    pub(super) pay: u32,
    /// Extended, and then paid.
    pub(super) extend: u32,
    /// Cancelled.
    pub(super) cancel: u32,
}

/// Pays, extends, cancels or abandons a hold, and sometimes reads the outcome.
pub(super) async fn settle(caller: &mut Caller, mut hold: Hold, odds: Odds) -> Option<()> {
    let dice = caller.rng.u32(0..100);
    if dice < odds.pay {
        buy(caller, &hold).await
    } else if dice < odds.pay + odds.extend {
        caller.extend(&mut hold).await?;
        buy(caller, &hold).await
    } else if dice < odds.pay + odds.extend + odds.cancel {
        caller.cancel(&hold).await?;
        look(caller, &hold).await
    } else {
        look(caller, &hold).await
    }
}

/// Pays, sometimes twice, and sometimes reads the outcome.
pub(super) async fn buy(caller: &mut Caller, hold: &Hold) -> Option<()> {
    caller.pay(hold).await?;
    if caller.percent(3) {
        caller.pay(hold).await?;
    }
    look(caller, hold).await
}

async fn look(caller: &mut Caller, hold: &Hold) -> Option<()> {
    match caller.rng.u32(0..100) {
        0..8 => caller.read_sales().await.map(drop),
        8..12 => caller.read_reservation(hold).await.map(drop),
        12..16 => caller.read_seats(&hold.session).await.map(drop),
        _ => Some(()),
    }
}
