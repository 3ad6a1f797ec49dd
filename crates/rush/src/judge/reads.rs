//! Checks of reads: a sale that is gone, changed or from nowhere, a hold that is not respected or
//! outlives its time.
//!
//! A read answers for some moment between its request and its answer. What was surely so all that
//! time must be in it; what was not possibly so at any moment of it must not.

use std::collections::HashSet;

use uuid::Uuid;

use super::{
    case::{About, Case, Ended, Excuse},
    claim::{Claim, Sold},
    seat::SoldSeat,
    verdict::Promise,
};
use crate::history::{Outcome, SaleSeen, seconds};

/// A list as long as this may be the first page of a longer one.
const PAGE: usize = 1_000;

impl Case {
    pub(super) fn map_read(&mut self, ended: &Ended) {
        let session = ended.invoke.session.as_deref().map(|id| self.names.id(id));
        let Some(number) = session.and_then(|id| self.show_of.get(&id)).copied() else { return };
        let Some(map) = ended.done.map.as_deref() else { return };
        let show = &mut self.shows[number as usize];
        let (first, count) = (show.first, show.count);
        let first_look = !show.begun;
        show.begun = true;
        self.findings.checked(Promise::C4);
        if map.len() != count as usize {
            let what = format!("The session has {count} seats, and its map shows {}.", map.len());
            let says = format!("map of {} seats", map.len());
            self.convict(Promise::C4, About::Session(number), what, &[(ended.fact, says)]);
            return;
        }
        for (letter, seat) in map.bytes().zip(first..) {
            let known = &self.seats[seat as usize];
            if letter == b'A' && known.sold.is_none() && known.holds.is_empty() {
                continue;
            }
            // A run did not do what its first look finds.
            if first_look && letter != b'A' {
                self.found(ended, seat, letter);
            } else {
                self.letter(ended, seat, letter);
            }
        }
    }

    fn found(&mut self, ended: &Ended, seat: u32, letter: u8) {
        self.findings.doubted(Promise::C2);
        self.samples.leave_out(seat);
        let (at, fact) = (ended.fact.done, ended.fact);
        let seat = &mut self.seats[seat as usize];
        if letter == b'S' {
            seat.sold = Some(SoldSeat { at, to: None, fact, before: true });
        } else {
            seat.lose(None, at);
        }
    }

    fn letter(&mut self, ended: &Ended, seat: u32, letter: u8) {
        let fact = ended.fact;
        let known = &self.seats[seat as usize];
        if let Some(sold) = known.sold {
            self.findings.checked(Promise::C2);
            if letter != b'S' && sold.at < fact.invoked {
                self.sale_gone_from_map(ended, seat, sold, letter);
            }
            return;
        }
        match letter {
            b'S' => {
                self.findings.checked(Promise::C2);
                if known.paying == 0 && !known.maybe_sold() {
                    if self.blind_confirm {
                        self.findings.doubted(Promise::C2);
                    } else {
                        let name = self.seat_name(seat);
                        let what = format!("{name} is shown sold, and nobody has paid for it.");
                        let says = format!("{name} is sold");
                        self.convict(Promise::C2, About::Seat(seat), what, &[(fact, says)]);
                    }
                }
                let sold = SoldSeat { at: fact.done, to: None, fact, before: false };
                self.seats[seat as usize].sold = Some(sold);
            }
            b'A' => self.shown_free(ended, seat),
            b'R' => self.shown_held(ended, seat),
            _ => {
                let name = self.seat_name(seat);
                let what = format!("The map leaves {name} out.");
                let says = format!("{name} is not there");
                self.convict(Promise::C4, About::Seat(seat), what, &[(fact, says)]);
            }
        }
    }

    fn sale_gone_from_map(&mut self, ended: &Ended, seat: u32, sold: SoldSeat, letter: u8) {
        let name = self.seat_name(seat);
        let letter = word(letter);
        let what = format!(
            "{name} was sold by {} s, and a later map shows it {letter}.",
            seconds(sold.at)
        );
        let sale = sold.to.map_or_else(
            || format!("{name} is sold"),
            |to| format!("{name} sold to reservation {}", self.names.text(to)),
        );
        let shown = format!("{name} is {letter}");
        self.convict(
            Promise::C2,
            About::Seat(seat),
            what,
            &[(sold.fact, sale), (ended.fact, shown)],
        );
    }

    fn shown_free(&mut self, ended: &Ended, seat: u32) {
        let fact = ended.fact;
        self.findings.checked(Promise::C3);
        let other = self.other_holder(seat, Uuid::nil(), fact.invoked, fact.done);
        let Some((id, claim)) = other else { return };
        let Some(grant) = claim.grant else { return };
        let name = self.seat_name(seat);
        let what = format!("{name} is shown free while somebody surely held it.");
        let held = self.hold_says(seat, id, claim);
        let shown = format!("{name} is free");
        self.convict(Promise::C3, About::Seat(seat), what, &[(grant, held), (fact, shown)]);
    }

    fn shown_held(&mut self, ended: &Ended, seat: u32) {
        let fact = ended.fact;
        self.findings.checked(Promise::C4);
        match self.excuse(seat, fact.invoked, 0) {
            Excuse::Known => return,
            Excuse::Doubt => {
                self.findings.doubted(Promise::C4);
                return;
            }
            Excuse::None => {}
        }
        let name = self.seat_name(seat);
        let shown = (fact, format!("{name} is held"));
        if let Some(group) = self.group_half_granted(seat, fact.invoked) {
            let what = format!("{name} is held though only a group that was refused asked for it.");
            let group = (group, format!("a group with {name}, refused"));
            self.convict(Promise::G, About::Seat(seat), what, &[group, shown]);
            return;
        }
        let what = format!("{name} is shown held, and every hold of it is long over.");
        self.convict(Promise::C4, About::Seat(seat), what, &[shown]);
    }

    pub(super) fn reservation_read(&mut self, ended: &Ended) {
        let fact = ended.fact;
        let Some(id) = ended.invoke.reservation.as_deref().map(|id| self.names.id(id)) else {
            return;
        };
        let state = match (fact.outcome, fact.status) {
            (Outcome::Ok, _) => ended.done.state.as_deref().unwrap_or_default(),
            (Outcome::Fail, 404) => "unknown",
            _ => return,
        };
        let claim = self.claims.get(&id);
        if state == "CONFIRMED" {
            self.findings.checked(Promise::C2);
            if !claim.is_some_and(Claim::maybe_sold) {
                let text = self.names.text(id);
                let what = format!("Reservation {text} is shown paid, and nobody has paid it.");
                let about = claim.and_then(|claim| claim.seats.first().copied());
                let about = about.map_or(About::Nothing, About::Seat);
                let says = format!("reservation {text} is CONFIRMED");
                self.convict(Promise::C2, about, what, &[(fact, says)]);
            } else if claim.is_some_and(|claim| claim.sale.is_none()) {
                self.sell(id, Sold { at: fact.done, sale: None, total: None, fact });
            }
            return;
        }
        let Some(claim) = claim else { return };
        let about = claim.seats.first().map_or(About::Nothing, |&seat| About::Seat(seat));
        let shown = (fact, format!("reservation {} is {state}", self.names.text(id)));
        if let Some(sale) = &claim.sale {
            self.findings.checked(Promise::C2);
            if sale.at < fact.invoked {
                let text = self.names.text(id);
                let what = format!("Reservation {text} was paid, and is shown as {state}.");
                let paid = (sale.fact, format!("reservation {text} paid"));
                self.convict(Promise::C2, about, what, &[paid, shown]);
            }
        } else if matches!(state, "EXPIRED" | "CANCELLED" | "unknown") {
            self.findings.checked(Promise::C3);
            if claim.surely_throughout(fact.invoked, fact.done)
                && (fact.outcome == Outcome::Ok || *ended.invoke.user == *claim.user)
                && let (Some(grant), About::Seat(seat)) = (claim.grant, about)
            {
                let text = self.names.text(id);
                let what = format!("Reservation {text} is shown as {state} while it surely lasts.");
                let held = (grant, self.hold_says(seat, id, claim));
                self.convict(Promise::C3, about, what, &[held, shown]);
            }
        }
    }

    pub(super) fn sales_read(&mut self, ended: &Ended) {
        let Some(sales) = &ended.done.sales else { return };
        let mut listed = HashSet::with_capacity(sales.len());
        for sale in sales {
            let id = self.names.id(&sale.reservation);
            if !listed.insert(id) {
                let text = self.names.text(id);
                let what = format!("Reservation {text} has two sales in one list.");
                let says = format!("two sales of reservation {text}");
                self.convict(Promise::C6, About::Nothing, what, &[(ended.fact, says)]);
                continue;
            }
            self.sale_listed(ended, id, sale);
        }
        let user = &*ended.invoke.user;
        let bought = self.bought.get(user).map_or(&[][..], Vec::as_slice);
        let mut missing = Vec::new();
        for id in bought {
            let Some(sale) = self.claims.get(id).and_then(|claim| claim.sale.as_ref()) else {
                continue;
            };
            if sale.at >= ended.fact.invoked {
                continue;
            }
            self.findings.checked(Promise::C2);
            if listed.contains(id) {
                continue;
            }
            if sales.len() >= PAGE {
                self.findings.doubted(Promise::C2);
            } else {
                missing.push((*id, sale.fact, sale.at));
            }
        }
        for (id, fact, at) in missing {
            let text = self.names.text(id);
            let what = format!(
                "Reservation {text} was paid by {} s, and is not in {user}'s later list of sales.",
                seconds(at)
            );
            let seat = self.claims.get(&id).and_then(|claim| claim.seats.first());
            let about = seat.map_or(About::Nothing, |&seat| About::Seat(seat));
            let list = format!("{} sales of {user}, without it", sales.len());
            let paid = format!("reservation {text} paid");
            self.convict(Promise::C2, about, what, &[(fact, paid), (ended.fact, list)]);
        }
    }

    fn sale_listed(&mut self, ended: &Ended, id: Uuid, sale: &SaleSeen) {
        let mut seats = self.seats_named(&sale.seats);
        if seats.is_empty() && !self.claims.contains_key(&id) {
            // It is about a session that this history knows nothing of.
            return;
        }
        self.findings.checked(Promise::C2);
        let about = seats.first().map_or(About::Nothing, |&seat| About::Seat(seat));
        let fact = ended.fact;
        let user = &*ended.invoke.user;
        let text = self.names.text(id);
        let says = format!("sale {} of reservation {text} in {user}'s list", sale.id);
        let Some(claim) = self.claims.get(&id).filter(|claim| claim.maybe_sold()) else {
            let before = |&seat: &u32| self.seats[seat as usize].sold.is_some_and(|s| s.before);
            if seats.iter().all(before) {
                self.findings.doubted(Promise::C2);
                return;
            }
            let what =
                format!("{user}'s list has a sale of reservation {text}, which nobody paid.");
            self.convict(Promise::C2, about, what, &[(fact, says)]);
            return;
        };
        let origin = claim.sale.as_ref().map(|sold| sold.fact).or(claim.grant).unwrap_or(fact);
        let origin = (origin, format!("reservation {text} of {}", claim.user));
        if *user != *claim.user {
            let what = format!("A sale to {} is in {user}'s list: reservation {text}.", claim.user);
            self.convict(Promise::C2, about, what, &[origin, (fact, says)]);
            return;
        }
        let mut bought = claim.seats.to_vec();
        bought.sort_unstable();
        seats.sort_unstable();
        if seats != bought && !bought.is_empty() {
            let what = format!(
                "Reservation {text} is listed with {}, and was for {}.",
                self.seat_names(&seats),
                self.seat_names(&bought)
            );
            self.convict(Promise::C2, about, what, &[origin, (fact, says)]);
            return;
        }
        self.same_sale(ended, id, sale, &says);
    }

    /// Whether a listed sale is the one that is known, and its total what it cost.
    fn same_sale(&mut self, ended: &Ended, id: Uuid, seen: &SaleSeen, says: &str) {
        let sale = self.names.id(&seen.id);
        let fact = ended.fact;
        let Some(claim) = self.claims.get(&id) else { return };
        let known = claim.sale.clone();
        let (first, agreed) = (claim.seats.first().copied(), claim.total);
        let about = first.map_or(About::Nothing, About::Seat);
        let price = self.shows[claim.session as usize].price;
        let worth = price.checked_mul(i64::try_from(claim.seats.len()).unwrap_or(i64::MAX));
        if let Some(total) = seen.total_cents {
            self.findings.checked(Promise::C7);
            let known = known.as_ref().and_then(|sold| sold.total);
            let expected = known.or(agreed).or(worth);
            if expected != Some(total) && first.is_some() {
                let text = self.names.text(id);
                let expected = expected.unwrap_or_default();
                let what = format!(
                    "Reservation {text} cost {expected} cents, and is listed with {total} cents."
                );
                let origin = claim.sale.as_ref().map(|s| s.fact).or(claim.grant).unwrap_or(fact);
                let paid = format!("reservation {text} for {expected} cents");
                let listed = format!("{says}, {total} cents");
                self.convict(Promise::C7, about, what, &[(origin, paid), (fact, listed)]);
            }
        }
        match known {
            Some(Sold { sale: Some(first), fact: paid, .. }) if first != sale => {
                self.findings.checked(Promise::C6);
                let text = self.names.text(id);
                let first = self.names.text(first);
                let what = format!(
                    "Reservation {text} was paid as sale {first} and is listed as {}.",
                    seen.id
                );
                let origin = format!("sale {first} of reservation {text}");
                let evidence = [(paid, origin), (fact, says.to_owned())];
                self.convict(Promise::C6, about, what, &evidence);
            }
            Some(_) => {
                if let Some(sold) = self.claims.get_mut(&id).and_then(|c| c.sale.as_mut()) {
                    sold.sale = Some(sale);
                    sold.total = sold.total.or(seen.total_cents);
                }
            }
            None => {
                let total = seen.total_cents;
                self.sell(id, Sold { at: fact.done, sale: Some(sale), total, fact });
            }
        }
    }
}

/// The meaning of a letter of a map.
const fn word(letter: u8) -> &'static str {
    match letter {
        b'A' => "free",
        b'R' => "held",
        b'S' => "sold",
        _ => "with no status",
    }
}
