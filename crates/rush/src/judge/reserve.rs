//! Checks of answered reserves: a seat granted that was another's, a refusal without a reason, a
//! group granted in part, a wrong total.

use uuid::Uuid;

use super::{
    case::{About, Case, Ended, Excuse},
    claim::{Claim, LINGER, SLACK, margin},
    fact::Fact,
    verdict::Promise,
};
use crate::history::{Micros, Outcome, seconds};

impl Case {
    pub(super) fn reserve_ended(&mut self, ended: &Ended) {
        match ended.fact.outcome {
            Outcome::Ok => self.granted(ended),
            Outcome::Fail if ended.fact.status == 409 => self.refused(ended),
            Outcome::Fail => {}
            // Under a key there is one effect, so that once it is known no second can come.
            Outcome::Info if ended.key.is_some_and(|key| self.keys.is_answered(key)) => {}
            Outcome::Info => {
                for &seat in &ended.seats {
                    self.seats[seat as usize].lose(ended.key, ended.fact.done);
                }
            }
        }
        for &seat in &ended.seats {
            let seat = &mut self.seats[seat as usize];
            seat.asking -= 1;
            seat.asked_until = Some(ended.fact.done);
        }
    }

    fn granted(&mut self, ended: &Ended) {
        let fact = ended.fact;
        if ended.invoke.census {
            self.findings.checked(Promise::C4);
        }
        self.whole_group(ended, &ended.seats);
        let Some(id) = ended.done.reservation.as_deref().map(|id| self.names.id(id)) else {
            // A grant without an id: the seats are held, and no later answer can say by whom.
            for &seat in &ended.seats {
                self.seats[seat as usize].lose(None, fact.done);
            }
            return;
        };
        if ended.repeats || self.claims.get(&id).is_some_and(|claim| claim.grant.is_some()) {
            return;
        }
        let hold = ended.done.hold_ms.map(|hold| hold * 1_000);
        self.longest_hold = self.longest_hold.max(hold);
        let sure_until = hold.map_or(0, |hold| (ended.first + hold).saturating_sub(margin(hold)));
        let longest = hold.or(self.longest_hold);
        let possible_until = longest.map_or(Micros::MAX, |hold| fact.done + hold);
        for &seat in &ended.seats {
            self.grant_after_sale(ended, seat, id);
            self.grant_beside_hold(ended, seat, id, sure_until);
        }
        let session = ended.seats.first().map_or(0, |&seat| self.seats[seat as usize].session);
        self.total_adds_up(ended, &ended.seats);
        let mut claim = self
            .claims
            .remove(&id)
            .unwrap_or_else(|| Claim::stub(&ended.invoke.user, session, &ended.seats));
        claim.total = ended.done.total_cents;
        claim.grant = Some(fact);
        claim.first = ended.first;
        claim.known = fact.done;
        claim.sure_until = sure_until;
        claim.possible_until = possible_until;
        let end = claim.in_the_way_until().min(fact.done + LINGER);
        self.watch_end(id, end);
        for &seat in &ended.seats {
            let seat = &mut self.seats[seat as usize];
            seat.hold(id, &claim);
            if let Some(key) = ended.key {
                seat.resolve(key);
            }
        }
        self.claims.insert(id, claim);
    }

    /// C1: a request sent after a seat was sold is not granted it.
    fn grant_after_sale(&mut self, ended: &Ended, seat: u32, id: Uuid) {
        self.findings.checked(Promise::C1);
        let Some(sold) = self.seats[seat as usize].sold else { return };
        if sold.at >= ended.first || sold.to == Some(id) {
            return;
        }
        let what = format!(
            "{} was sold at {} s at the latest, and granted again to a request of {} s.",
            self.seat_name(seat),
            seconds(sold.at),
            seconds(ended.first)
        );
        let sale = sold.to.map_or_else(
            || format!("the map shows {} sold", self.seat_name(seat)),
            |to| format!("{} sold to reservation {}", self.seat_name(seat), self.names.text(to)),
        );
        let grant = self.grant_says(ended, seat, id);
        self.convict(
            Promise::C1,
            About::Seat(seat),
            what,
            &[(sold.fact, sale), (ended.fact, grant)],
        );
    }

    /// C3: a seat that one reservation surely holds is not granted to another.
    fn grant_beside_hold(&mut self, ended: &Ended, seat: u32, id: Uuid, sure_until: Micros) {
        self.findings.checked(Promise::C3);
        let (from, to) = (ended.first, ended.fact.done);
        let holds = &self.seats[seat as usize].holds;
        let other = holds.iter().filter(|&&other| other != id).find_map(|other| {
            let claim = self.claims.get(other)?;
            // Both hold it now, or the other held it all the time that this one can have been made.
            let both = to < claim.sure_until && to < sure_until && !claim.maybe_cancelled();
            (both || claim.surely_throughout(from, to)).then_some((*other, claim))
        });
        let Some((other, claim)) = other else { return };
        let Some(grant) = claim.grant else { return };
        let what = format!(
            "{} was surely held until {} s, and granted to another by {} s.",
            self.seat_name(seat),
            seconds(claim.sure_until),
            seconds(to)
        );
        let first = self.hold_says(seat, other, claim);
        let second = self.grant_says(ended, seat, id);
        self.convict(Promise::C3, About::Seat(seat), what, &[(grant, first), (ended.fact, second)]);
    }

    /// C5, and C4 in the census: a refusal has a reason.
    fn refused(&mut self, ended: &Ended) {
        let fact = ended.fact;
        if ended.seats.len() > 1 {
            self.findings.checked(Promise::G);
        }
        if ended.refuses_seats() && !ended.seats.is_empty() {
            let promise = if ended.invoke.census { Promise::C4 } else { Promise::C5 };
            self.findings.checked(promise);
            // Of seats that the refusal names, each must have been taken; else any of those asked.
            let named = self.seats_named(&ended.done.taken);
            let excuse = |seat: u32| {
                let own = u32::from(ended.seats.contains(&seat));
                (self.excuse(seat, fact.invoked, own), seat)
            };
            let worst = if named.is_empty() {
                ended.seats.iter().map(|&seat| excuse(seat)).max()
            } else {
                named.iter().map(|&seat| excuse(seat)).min()
            };
            match worst {
                Some((Excuse::None, seat)) => self.convict_refusal(ended, seat, promise),
                Some((Excuse::Doubt, _)) => self.findings.doubted(promise),
                _ => {}
            }
        }
        if ended.seats.len() > 1 {
            for &seat in &ended.seats {
                self.seats[seat as usize].refused_group = Some(fact);
            }
        }
    }

    fn convict_refusal(&mut self, ended: &Ended, seat: u32, promise: Promise) {
        let name = self.seat_name(seat);
        let refused = (ended.fact, format!("{} asked for {name}, refused", ended.invoke.user));
        if let Some(group) = self.group_half_granted(seat, ended.fact.invoked) {
            let what = format!("{name} is held though only a group that was refused asked for it.");
            let group = (group, format!("a group with {name}, refused"));
            self.convict(Promise::G, About::Seat(seat), what, &[group, refused]);
            return;
        }
        let what = if ended.invoke.census {
            format!("{name} was never sold and every hold has lapsed, yet it cannot be had.")
        } else {
            format!("{name} was refused while nobody had it or was asking for it.")
        };
        self.convict(promise, About::Seat(seat), what, &[refused]);
    }

    /// A refused group that may have left a hold of `seat` behind, still there at `at`.
    pub(super) fn group_half_granted(&self, seat: u32, at: Micros) -> Option<Fact> {
        let hold = self.longest_hold.unwrap_or(LINGER);
        let group = self.seats[seat as usize].refused_group;
        group.filter(|group| group.done + hold + SLACK >= at)
    }

    /// G: an answer names the seats that were asked for, all of them and no other.
    pub(super) fn whole_group(&mut self, ended: &Ended, asked: &[u32]) {
        if ended.done.seats.is_empty() || asked.is_empty() {
            return;
        }
        self.findings.checked(Promise::G);
        let mut granted = self.seats_named(&ended.done.seats);
        let mut asked = asked.to_vec();
        let known = granted.len() == ended.done.seats.len();
        granted.sort_unstable();
        asked.sort_unstable();
        if known && granted == asked {
            return;
        }
        let missing: Vec<_> =
            asked.iter().copied().filter(|seat| !granted.contains(seat)).collect();
        let about = missing.first().or(asked.first()).map_or(About::Nothing, |&s| About::Seat(s));
        let what = format!(
            "{} were asked for, and {} granted.",
            self.seat_names(&asked),
            self.seat_names(&granted)
        );
        let says = format!("{} for {}", self.seat_names(&granted), ended.invoke.user);
        self.convict(Promise::G, about, what, &[(ended.fact, says)]);
    }

    /// C7: a total is the price times the seats.
    pub(super) fn total_adds_up(&mut self, ended: &Ended, seats: &[u32]) {
        let (Some(total), Some(&seat)) = (ended.done.total_cents, seats.first()) else { return };
        self.findings.checked(Promise::C7);
        let show = self.seats[seat as usize].session;
        let price = self.shows[show as usize].price;
        let tickets = i64::try_from(seats.len()).unwrap_or(i64::MAX);
        if price.checked_mul(tickets) == Some(total) {
            return;
        }
        let what = format!("{tickets} tickets at {price} cents came to {total} cents.");
        let says = format!("{} for {total} cents", self.seat_names(seats));
        self.convict(Promise::C7, About::Session(show), what, &[(ended.fact, says)]);
    }

    fn grant_says(&self, ended: &Ended, seat: u32, id: Uuid) -> String {
        let user = &ended.invoke.user;
        format!("{} granted to {user}, reservation {}", self.seat_name(seat), self.names.text(id))
    }

    /// A hold as evidence.
    pub(super) fn hold_says(&self, seat: u32, id: Uuid, claim: &Claim) -> String {
        format!(
            "{} held by {}, reservation {}, surely until {} s",
            self.seat_name(seat),
            claim.user,
            self.names.text(id),
            seconds(claim.sure_until)
        )
    }
}
