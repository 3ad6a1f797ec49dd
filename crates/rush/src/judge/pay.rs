//! Checks of answered confirms, cancels and extends: a seat sold twice, a hold cut short, one that is
//! paid after its end.

use uuid::Uuid;

use super::{
    case::{About, Case, Ended},
    claim::{Claim, LINGER, SLACK, Sold, Tries, margin},
    fact::Fact,
    seat::SoldSeat,
    verdict::Promise,
};
use crate::history::{Action, Invoke, Micros, Outcome, seconds};

/// The tries of one kind.
fn tries(claim: &mut Claim, action: Action) -> &mut Tries {
    match action {
        Action::Cancel => &mut claim.cancels,
        Action::Extend => &mut claim.extends,
        _ => &mut claim.confirms,
    }
}

impl Case {
    /// Notes a request about a reservation, and completes its seats.
    pub(super) fn about_claim_invoked(&mut self, invoke: &Invoke, seats: &mut Vec<u32>) {
        let Some(id) = invoke.reservation.as_deref().map(|id| self.names.id(id)) else { return };
        let session = seats.first().map_or(0, |&seat| self.seats[seat as usize].session);
        let claim =
            self.claims.entry(id).or_insert_with(|| Claim::stub(&invoke.user, session, seats));
        seats.clear();
        seats.extend_from_slice(&claim.seats);
        tries(claim, invoke.action).open += 1;
        if invoke.action == Action::Confirm {
            self.blind_confirm |= seats.is_empty();
            for &seat in &*seats {
                self.seats[seat as usize].paying += 1;
            }
        }
    }

    /// Notes an answer about a reservation.
    fn about_claim_ended(&mut self, ended: &Ended) -> Option<Uuid> {
        let id = self.names.id(ended.invoke.reservation.as_deref()?);
        if ended.invoke.action == Action::Confirm {
            for &seat in &ended.seats {
                self.seats[seat as usize].paying -= 1;
            }
        }
        let claim = self.claims.get_mut(&id)?;
        let tries = tries(claim, ended.invoke.action);
        tries.open -= 1;
        tries.unknown |= ended.fact.outcome == Outcome::Info;
        Some(id)
    }

    fn answered(&mut self, ended: &Ended, id: Uuid) {
        let Some(claim) = self.claims.get_mut(&id) else { return };
        tries(claim, ended.invoke.action).last_end = Some(ended.fact.done);
        if claim.is_idle_stub() {
            self.claims.remove(&id);
        }
    }

    pub(super) fn confirm_ended(&mut self, ended: &Ended) {
        let Some(id) = self.about_claim_ended(ended) else { return };
        match ended.fact.outcome {
            Outcome::Ok => self.paid(ended, id),
            Outcome::Fail => {
                self.cut_short(ended, id);
                self.shown_sold_meanwhile(ended);
            }
            Outcome::Info => {
                let known = self.claims.get(&id).map(|claim| claim.known);
                for &seat in &ended.seats {
                    let seat = &mut self.seats[seat as usize];
                    seat.unknown_sale = seat.unknown_sale.max(known);
                }
            }
        }
        self.answered(ended, id);
    }

    fn paid(&mut self, ended: &Ended, id: Uuid) {
        self.whole_group(ended, &ended.seats);
        self.total_adds_up(ended, &ended.seats);
        let sale = ended.done.sale.as_deref().map(|sale| self.names.id(sale));
        let Some(claim) = self.claims.get(&id) else { return };
        if let Some(user) = ended.done.user.as_deref()
            && user != &*claim.user
        {
            let what = format!("{} paid, and the sale is in the name of {user}.", claim.user);
            let says = format!("reservation {} sold to {user}", self.names.text(id));
            let about = ended.seats.first().map_or(About::Nothing, |&seat| About::Seat(seat));
            self.convict(Promise::C2, about, what, &[(ended.fact, says)]);
        }
        if self.sold_before(ended, id, sale) {
            return;
        }
        self.paid_in_time(ended, id);
        for &seat in &ended.seats {
            self.beside_other(ended, seat, id, "sold");
        }
        let total = ended.done.total_cents;
        self.sell(id, Sold { at: ended.fact.done, sale, total, fact: ended.fact });
    }

    /// Whether the reservation's sale is known already; C1 if it is another one.
    fn sold_before(&mut self, ended: &Ended, id: Uuid, sale: Option<Uuid>) -> bool {
        let known = self.claims.get(&id).and_then(|claim| claim.sale.as_ref());
        let Some(known) = known else { return false };
        let (fact, first) = (known.fact, known.sale);
        // Under one key it is the key's matter.
        if let (Some(first), Some(second)) = (first, sale)
            && first != second
            && !ended.repeats
        {
            let what = format!(
                "Reservation {} was sold twice: sales {} and {}.",
                self.names.text(id),
                self.names.text(first),
                self.names.text(second)
            );
            let about = ended.seats.first().map_or(About::Nothing, |&seat| About::Seat(seat));
            let says = |sale| format!("sale {}", self.names.text(sale));
            let evidence = [(fact, says(first)), (ended.fact, says(second))];
            self.convict(Promise::C1, about, what, &evidence);
        }
        true
    }

    /// Makes a sale known, by an answer or by a read. C1: its seats were not another's.
    pub(super) fn sell(&mut self, id: Uuid, sold: Sold) {
        let Some(claim) = self.claims.get_mut(&id) else { return };
        let (seats, user) = (claim.seats.clone(), claim.user.clone());
        let Sold { at, fact, .. } = sold;
        claim.sale = Some(sold);
        self.bought.entry(user).or_default().push(id);
        for seat in seats {
            self.findings.checked(Promise::C1);
            let known = &mut self.seats[seat as usize].sold;
            match known {
                None => *known = Some(SoldSeat { at, to: Some(id), fact, before: false }),
                Some(other) if other.to.is_none() && !other.before => other.to = Some(id),
                Some(other) if other.to != Some(id) => {
                    let other = *other;
                    self.convict_second_sale(seat, id, fact, other);
                }
                Some(_) => {}
            }
        }
    }

    fn convict_second_sale(&mut self, seat: u32, id: Uuid, fact: Fact, other: SoldSeat) {
        let name = self.seat_name(seat);
        let what = format!("{name} was sold twice.");
        let first = other.to.map_or_else(
            || format!("{name} was sold when the map was first read"),
            |to| format!("{name} sold to reservation {}", self.names.text(to)),
        );
        let second = format!("{name} sold to reservation {}", self.names.text(id));
        self.convict(Promise::C1, About::Seat(seat), what, &[(other.fact, first), (fact, second)]);
    }

    /// C3: what lapsed or was cancelled is not paid afterwards.
    fn paid_in_time(&mut self, ended: &Ended, id: Uuid) {
        let Some(claim) = self.claims.get(&id) else { return };
        let Some(grant) = claim.grant else { return };
        self.findings.checked(Promise::C3);
        let lapsed = claim.possible_until.saturating_add(SLACK) < ended.first;
        let cancelled = claim.cancelled.is_some_and(|at| at < ended.first);
        if claim.extends.possible() || !(lapsed || cancelled) {
            return;
        }
        let end = claim.cancelled.unwrap_or(claim.possible_until);
        let what = format!(
            "Reservation {} ended by {} s, and was paid by a request of {} s.",
            self.names.text(id),
            seconds(end),
            seconds(ended.first)
        );
        let about = ended.seats.first().map_or(About::Nothing, |&seat| About::Seat(seat));
        let granted = format!("reservation {}", self.names.text(id));
        let paid = format!("paid by {}", ended.invoke.user);
        self.convict(Promise::C3, about, what, &[(grant, granted), (ended.fact, paid)]);
    }

    /// C3: what is sold or extended is not surely held by another at that time.
    fn beside_other(&mut self, ended: &Ended, seat: u32, id: Uuid, done: &str) {
        self.findings.checked(Promise::C3);
        let other = self.other_holder(seat, id, ended.first, ended.fact.done);
        let Some((other, claim)) = other else { return };
        let Some(grant) = claim.grant else { return };
        let what = format!(
            "{} was {done} for one reservation while another surely held it.",
            self.seat_name(seat)
        );
        let held = self.hold_says(seat, other, claim);
        let says = format!("{done} for reservation {}", self.names.text(id));
        self.convict(Promise::C3, About::Seat(seat), what, &[(grant, held), (ended.fact, says)]);
    }

    /// C3: what is surely held is not refused as ended, unknown or another's.
    fn cut_short(&mut self, ended: &Ended, id: Uuid) {
        let fact = ended.fact;
        let Some(claim) = self.claims.get(&id) else { return };
        let Some(grant) = claim.grant else { return };
        if !matches!(fact.status, 404 | 409 | 410) || *ended.invoke.user != *claim.user {
            return;
        }
        // A paid hold is over as well, and an extension may be one too many.
        let fair = claim.maybe_sold()
            || claim.confirms.last_end >= Some(fact.invoked)
            || fact.status == 409 && ended.invoke.action == Action::Extend;
        self.findings.checked(Promise::C3);
        let held = claim.known < fact.invoked && fact.done < claim.sure_until;
        if fair || !held {
            return;
        }
        if claim.maybe_cancelled() || claim.cancels.last_end >= Some(fact.invoked) {
            if claim.cancelled.is_none() {
                self.findings.doubted(Promise::C3);
            }
            return;
        }
        let what = format!(
            "Reservation {} surely lasted until {} s, and was refused as over by {} s.",
            self.names.text(id),
            seconds(claim.sure_until),
            seconds(fact.done)
        );
        let first = ended.seats.first().copied();
        let held = first.map_or_else(String::new, |seat| self.hold_says(seat, id, claim));
        let code = ended.done.code.as_deref().unwrap_or("no code");
        let refused = format!("reservation {}: {code}", self.names.text(id));
        let about = first.map_or(About::Nothing, About::Seat);
        self.convict(Promise::C3, about, what, &[(grant, held), (fact, refused)]);
    }

    /// C2: a map that showed a seat sold while this was its only confirm was wrong, for nothing was
    /// done.
    fn shown_sold_meanwhile(&mut self, ended: &Ended) {
        for &seat in &ended.seats {
            let known = &self.seats[seat as usize];
            let Some(sold) = known.sold.filter(|sold| sold.to.is_none() && !sold.before) else {
                continue;
            };
            let meanwhile = ended.fact.invoked <= sold.at;
            if !meanwhile || known.paying > 0 || known.maybe_sold() || self.blind_confirm {
                continue;
            }
            let name = self.seat_name(seat);
            let what = format!("{name} was shown sold, and the only confirm of it was refused.");
            let shown = (sold.fact, format!("{name} is sold"));
            let refused = (ended.fact, format!("confirm of {name} refused"));
            self.convict(Promise::C2, About::Seat(seat), what, &[shown, refused]);
        }
    }

    pub(super) fn cancel_ended(&mut self, ended: &Ended) {
        let Some(id) = self.about_claim_ended(ended) else { return };
        match ended.fact.outcome {
            Outcome::Ok => {
                let Some(claim) = self.claims.get_mut(&id) else { return };
                claim.cancelled.get_or_insert(ended.fact.done);
                for &seat in &claim.seats {
                    self.seats[seat as usize].in_the_way = 0;
                }
                self.watch_end(id, ended.fact.done + SLACK);
            }
            Outcome::Fail => self.cut_short(ended, id),
            Outcome::Info => {}
        }
        self.answered(ended, id);
    }

    pub(super) fn extend_ended(&mut self, ended: &Ended) {
        let Some(id) = self.about_claim_ended(ended) else { return };
        match ended.fact.outcome {
            Outcome::Ok => {
                for &seat in &ended.seats {
                    self.beside_other(ended, seat, id, "extended");
                }
                self.extend(ended, id);
            }
            Outcome::Fail => self.cut_short(ended, id),
            Outcome::Info => {
                let longest = self.longest_hold;
                if let Some(claim) = self.claims.get_mut(&id) {
                    let end = longest.map_or(Micros::MAX, |hold| ended.fact.done + LINGER + hold);
                    claim.possible_until = claim.possible_until.max(end);
                }
            }
        }
        self.answered(ended, id);
    }

    fn extend(&mut self, ended: &Ended, id: Uuid) {
        let hold = ended.done.hold_ms.map(|hold| hold * 1_000);
        let longest = self.longest_hold.max(hold);
        let Some(claim) = self.claims.get_mut(&id) else { return };
        let Some(grant) = claim.grant else { return };
        if let Some(hold) = hold {
            let sure = (claim.first + hold).saturating_sub(margin(hold));
            claim.sure_until = claim.sure_until.max(sure);
            claim.possible_until = claim.possible_until.max(grant.done + hold);
        } else {
            let end = longest.map_or(Micros::MAX, |hold| ended.fact.done + hold);
            claim.possible_until = claim.possible_until.max(end);
        }
        let end = claim.in_the_way_until().min(ended.fact.done + LINGER);
        for &seat in &claim.seats {
            self.seats[seat as usize].hold(id, claim);
        }
        self.watch_end(id, end);
    }
}
