//! The plays: each scenario is a play that one client repeats until the run is over.
//!
//! A play chooses by its client's own generator and by its own answers, never by what others do:
//! the same seed and the same answers make the same requests.

mod place;
mod settle;
mod browse;
mod spread;
mod on_sale;
mod duel;
mod families;
mod abandon;
mod retry;

use std::convert::Infallible;

pub(crate) use self::place::{Place, Rounds};
use super::caller::Caller;
use crate::scenario::Scenario;

/// Plays until the run is over.
pub(crate) async fn play(scenario: Scenario, caller: &mut Caller, place: &Place) {
    // A play never ends by itself.
    let _: Option<Infallible> = match scenario {
        Scenario::Browse => browse::play(caller).await,
        Scenario::Spread => spread::play(caller).await,
        Scenario::OnSale => on_sale::play(caller, place).await,
        Scenario::Duel => duel::play(caller, place).await,
        Scenario::Families => families::play(caller).await,
        Scenario::Abandon => abandon::play(caller, place).await,
        Scenario::Retry => retry::play(caller).await,
    };
}
