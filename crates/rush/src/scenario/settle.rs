//! How a visit ends for somebody who got seats.

use crate::crowd::caller::{Caller, Hold};

/// What becomes of a hundred holds; those that are left are abandoned, and lapse.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Odds {
    /// Paid at once.
    pub(crate) pay: u32,
    /// Lengthened, and then paid.
    pub(crate) extend: u32,
    /// Given back.
    pub(crate) cancel: u32,
}

/// Pays, lengthens, gives back or abandons a hold, and now and then looks at what came of it.
pub(crate) async fn settle(caller: &mut Caller, mut hold: Hold, odds: Odds) -> Option<()> {
    let dice = caller.chance.u32(0..100);
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

/// Pays; some pay twice, and some look whether it was done.
pub(crate) async fn buy(caller: &mut Caller, hold: &Hold) -> Option<()> {
    caller.pay(hold).await?;
    if caller.percent(3) {
        caller.pay(hold).await?;
    }
    look(caller, hold).await
}

async fn look(caller: &mut Caller, hold: &Hold) -> Option<()> {
    match caller.chance.u32(0..100) {
        0..8 => caller.sales().await.map(drop),
        8..12 => caller.look_at(hold).await.map(drop),
        12..16 => caller.map(&hold.hall).await.map(drop),
        _ => Some(()),
    }
}
