//! Everything known of one seat: its sale, its holds, and the requests for it in flight.

use uuid::Uuid;

use super::{
    claim::{Claim, SLACK},
    fact::Fact,
};
use crate::history::Micros;

/// How many lost reserves a seat remembers by their keys.
const UNKNOWN_KEYS_MAX: usize = 32;

/// The sale of a seat, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct SoldSeat {
    /// The time from which the seat is sold.
    pub(super) at: Micros,
    /// The reservation that was paid; `None` when only a map shows the sale.
    pub(super) to: Option<Uuid>,
    /// The operation that shows it.
    pub(super) fact: Fact,
    /// Whether it was sold before the history's first request for it.
    pub(super) before: bool,
}

/// One seat.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) id: Uuid,
    pub(super) session: u32,
    /// Its place in its session, from 0.
    pub(super) place: u32,
    pub(super) sold: Option<SoldSeat>,
    /// Reservations that may hold it now.
    pub(super) holds: Vec<Uuid>,
    /// Until when one of `holds` is surely in the way; 0 after a cancel, as no more is known.
    pub(super) in_the_way: Micros,
    /// After this none of `holds` is surely there.
    pub(super) surely_until: Micros,
    /// Until when a hold that is no longer in `holds` was in the way.
    pub(super) held_until: Option<Micros>,
    /// How many reserves of it are in flight.
    pub(super) asking: u32,
    /// When the last reserve of it was answered.
    pub(super) asked_until: Option<Micros>,
    /// When the last reserve of it with an unknown outcome was given up.
    pub(super) unknown_reserve: Option<Micros>,
    /// Reserves whose outcome another request with their key may still show, with that time.
    unknown_keys: Vec<(u128, Micros)>,
    /// How many confirms of it are in flight.
    pub(super) paying: u32,
    /// Of the reservations for which a confirm's outcome is unknown, when the last was made.
    pub(super) unknown_sale: Option<Micros>,
    /// The latest request for it that was granted.
    pub(super) granted: Option<Micros>,
    /// The last refused request for a group that has it.
    pub(super) refused_group: Option<Fact>,
}

impl Seat {
    pub(super) fn new(id: Uuid, session: u32, place: u32) -> Self {
        Self {
            id,
            session,
            place,
            sold: None,
            holds: Vec::new(),
            in_the_way: 0,
            surely_until: 0,
            held_until: None,
            asking: 0,
            asked_until: None,
            unknown_reserve: None,
            unknown_keys: Vec::new(),
            paying: 0,
            unknown_sale: None,
            granted: None,
            refused_group: None,
        }
    }

    /// Whether it may be sold though no answer says so.
    ///
    /// A reservation can never be paid once its seat was granted to a request that was sent after
    /// the reservation was known: it had ended by then.
    pub(super) fn maybe_sold(&self) -> bool {
        self.paying > 0 || self.unknown_sale.is_some_and(|known| self.granted <= Some(known))
    }

    /// Notes a reserve with an unknown outcome.
    pub(super) fn lose(&mut self, key: Option<u128>, given_up: Micros) {
        match key {
            Some(key) if self.unknown_keys.len() < UNKNOWN_KEYS_MAX => {
                self.unknown_keys.push((key, given_up));
            }
            _ => self.unknown_reserve = self.unknown_reserve.max(Some(given_up)),
        }
    }

    /// Notes that the outcome of the reserves with this key is known.
    pub(super) fn resolve(&mut self, key: u128) {
        self.unknown_keys.retain(|(unknown, _)| *unknown != key);
    }

    /// When the last reserve was given up that may still take effect.
    pub(super) fn lost(&self) -> Option<Micros> {
        self.unknown_keys.iter().map(|(_, at)| *at).max().max(self.unknown_reserve)
    }

    /// Notes that a hold of it was granted, or extended.
    pub(super) fn hold(&mut self, id: Uuid, claim: &Claim) {
        if !self.holds.contains(&id) {
            self.holds.push(id);
        }
        self.granted = self.granted.max(Some(claim.first));
        if claim.cancelled.is_none() {
            self.in_the_way = self.in_the_way.max(claim.possible_until.saturating_add(SLACK));
        }
        self.surely_until = self.surely_until.max(claim.sure_until);
    }
}
