//! Checks of retries (C6): the answers under one idempotency key are about one effect.

use uuid::Uuid;

use super::{
    case::{About, Case, Ended},
    keys::Answer,
    verdict::Promise,
};

impl Case {
    /// C6: compares an answer with the earlier success under its key, and returns whether both are
    /// about the same reservation.
    pub(super) fn second_answer(&mut self, ended: &Ended) -> bool {
        let mut id = |text: &Option<String>| text.as_deref().map(|text| self.names.id(text));
        let answer = Answer {
            fact: ended.fact,
            reservation: id(&ended.done.reservation),
            sale: id(&ended.done.sale),
            hash: ended.done.hash,
        };
        let Some(earlier) = self.keys.ended(ended.key, answer.clone()) else { return false };
        self.findings.checked(Promise::C6);
        let difference = if differ(earlier.reservation, answer.reservation) {
            "two reservations"
        } else if differ(earlier.sale, answer.sale) {
            "two sales"
        } else if differ(earlier.hash, answer.hash) {
            "two different answers"
        } else {
            return true;
        };
        let agrees = !differ(earlier.reservation, answer.reservation);
        let key = ended.invoke.key.as_deref().unwrap_or_default();
        let what = format!("The key {key} of user {} had {difference}.", ended.invoke.user);
        let about = ended.seats.first().map_or(About::Nothing, |&seat| About::Seat(seat));
        let says = |answer: &Answer| {
            let part = |name: &str, id: Option<Uuid>| {
                id.map_or_else(String::new, |id| format!(" {name} {}", self.names.text(id)))
            };
            let reservation = part("reservation", answer.reservation);
            let sale = part("sale", answer.sale);
            let hash = answer.hash.map_or_else(String::new, |hash| format!(" body {hash:016x}"));
            format!("key {key}:{reservation}{sale}{hash}")
        };
        let evidence = [(earlier.fact, says(&earlier)), (answer.fact, says(&answer))];
        self.convict(Promise::C6, about, what, &evidence);
        agrees
    }
}

fn differ<T: Copy + PartialEq>(one: Option<T>, other: Option<T>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one != other)
}
