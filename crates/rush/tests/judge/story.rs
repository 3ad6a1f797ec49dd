//! Histories made by hand: one session of four seats, unless said otherwise, at 25.00, held for 30
//! seconds. Times are in milliseconds, seats are numbered from 1.

use poltrona_rush::{
    history::{Action, Completion, Invoke, Line, Run, SaleSeen, Session},
    judge::{Promise, Verdict, judge},
};

pub(crate) const SESSION: &str = "01a80000-0000-7000-8000-000000000000";
pub(crate) const PRICE: i64 = 2_500;
pub(crate) const HOLD_MS: u64 = 30_000;

/// The id of a seat.
pub(crate) fn seat(number: u32) -> String {
    format!("01a80000-0000-7000-8000-{number:012x}")
}

/// A history being written.
pub(crate) struct Story {
    pub(crate) lines: Vec<Line>,
    ops: u64,
    /// The seats and user of each reservation, as the crowd remembers them.
    held: Vec<(String, String, Vec<u32>)>,
}

/// An operation that was sent and waits for its answer.
pub(crate) struct Ask<'a> {
    story: &'a mut Story,
    invoke: Invoke,
    seats: Vec<u32>,
}

impl Story {
    pub(crate) fn new() -> Self {
        Self::in_a_room_of(4)
    }

    pub(crate) fn in_a_room_of(seats: u32) -> Self {
        let run = Run { scenario: "story".into(), targets: vec!["a".into()], ..Run::default() };
        let seats = (1..=seats).map(seat).collect();
        let session = Session { id: SESSION.into(), seats, names: Vec::new(), price_cents: PRICE };
        Self { lines: vec![Line::Run(run), Line::Session(session)], ops: 0, held: Vec::new() }
    }

    /// The same in a room whose seats have names, as people read them.
    pub(crate) fn with_named_seats() -> Self {
        let mut story = Self::new();
        if let Line::Session(session) = &mut story.lines[1] {
            session.names = (1..=session.seats.len()).map(|no| format!("A{no}")).collect();
        }
        story
    }

    fn ask(&mut self, action: Action, user: &str, at_ms: u64) -> Ask<'_> {
        self.ops += 1;
        let invoke = Invoke {
            at: at_ms * 1_000,
            op: self.ops,
            client: u32::try_from(self.ops % 7).unwrap(),
            target: 0,
            action,
            user: user.into(),
            session: Some(SESSION.into()),
            seats: Vec::new(),
            reservation: None,
            key: None,
            census: false,
        };
        Ask { story: self, invoke, seats: Vec::new() }
    }

    pub(crate) fn reserve(&mut self, user: &str, seats: &[u32], at_ms: u64) -> Ask<'_> {
        let mut ask = self.ask(Action::Reserve, user, at_ms);
        ask.invoke.seats = seats.iter().copied().map(seat).collect();
        ask.seats = seats.to_vec();
        ask
    }

    fn about(&mut self, action: Action, reservation: &str, at_ms: u64) -> Ask<'_> {
        let held = self.held.iter().find(|(id, ..)| id == reservation).cloned();
        let (_, user, seats) = held.unwrap();
        let mut ask = self.ask(action, &user, at_ms);
        ask.invoke.seats = seats.iter().copied().map(seat).collect();
        ask.invoke.reservation = Some(reservation.into());
        ask.seats = seats;
        ask
    }

    pub(crate) fn confirm(&mut self, reservation: &str, at_ms: u64) -> Ask<'_> {
        self.about(Action::Confirm, reservation, at_ms)
    }

    pub(crate) fn cancel(&mut self, reservation: &str, at_ms: u64) -> Ask<'_> {
        self.about(Action::Cancel, reservation, at_ms)
    }

    pub(crate) fn extend(&mut self, reservation: &str, at_ms: u64) -> Ask<'_> {
        self.about(Action::Extend, reservation, at_ms)
    }

    /// A read of a reservation that shows it in `state`.
    pub(crate) fn look(&mut self, reservation: &str, at_ms: u64, done_ms: u64, state: &str) {
        let ask = self.about(Action::Reservation, reservation, at_ms);
        ask.ok(done_ms, 200, |done| done.state = Some(state.into()));
    }

    /// A read of the map.
    pub(crate) fn map(&mut self, at_ms: u64, done_ms: u64, map: &str) {
        let ask = self.ask(Action::Seats, "", at_ms);
        ask.ok(done_ms, 200, |done| done.map = Some(map.into()));
    }

    /// A read of a user's sales: sale, reservation, seats.
    pub(crate) fn sales(&mut self, user: &str, at_ms: u64, done_ms: u64, sales: &[Sale<'_>]) {
        let sales = sales.iter().map(|(id, reservation, seats)| SaleSeen {
            id: (*id).into(),
            reservation: (*reservation).into(),
            seats: seats.iter().copied().map(seat).collect(),
            total_cents: Some(PRICE * i64::try_from(seats.len()).unwrap()),
        });
        let sales = sales.collect();
        let ask = self.ask(Action::Sales, user, at_ms);
        ask.ok(done_ms, 200, |done| done.sales = Some(sales));
    }

    /// Somebody holds `seat` as `reservation` at `at_ms`, and pays 1 s later as sale `s-…`.
    pub(crate) fn sell(&mut self, user: &str, seat: u32, reservation: &str, at_ms: u64) {
        self.reserve(user, &[seat], at_ms).granted(at_ms + 10, reservation);
        let sale = format!("s-{reservation}");
        self.confirm(reservation, at_ms + 1_000).paid(at_ms + 1_010, &sale);
    }

    pub(crate) fn judged(&self) -> Verdict {
        judge(self.lines.iter().cloned().map(Ok)).unwrap()
    }

    /// Judges, and wants no violation.
    #[track_caller]
    pub(crate) fn is_honest(&self) -> Verdict {
        let verdict = self.judged();
        assert!(verdict.is_clean(), "{verdict}");
        verdict
    }

    /// Judges, and wants a violation of `promise` first, and of no other.
    #[track_caller]
    pub(crate) fn breaks(&self, promise: Promise) -> Verdict {
        let verdict = self.judged();
        let broken: Vec<_> = verdict.violations.iter().map(|v| v.promise).collect();
        assert!(!broken.is_empty(), "nothing found, wanted {promise}\n{verdict}");
        assert!(broken.iter().all(|broken| *broken == promise), "wanted {promise}\n{verdict}");
        assert!(verdict.violations.iter().all(|v| !v.evidence.is_empty()), "{verdict}");
        verdict
    }
}

/// Sale, reservation, seats.
pub(crate) type Sale<'a> = (&'a str, &'a str, &'a [u32]);

impl Ask<'_> {
    pub(crate) fn key(mut self, key: &str) -> Self {
        self.invoke.key = Some(key.into());
        self
    }

    pub(crate) fn census(mut self) -> Self {
        self.invoke.census = true;
        self
    }

    fn sent(self) -> (u64, Vec<u32>, String) {
        let sent = (self.invoke.op, self.seats, self.invoke.user.clone());
        self.story.lines.push(Line::Invoke(self.invoke));
        sent
    }

    /// Sent, and never answered.
    pub(crate) fn unanswered(self) {
        self.sent();
    }

    pub(crate) fn ok(self, done_ms: u64, status: u16, say: impl FnOnce(&mut Completion)) {
        let mut done =
            Completion { at: done_ms * 1_000, op: self.invoke.op, status, ..Completion::default() };
        say(&mut done);
        if let Some(reservation) = &done.reservation
            && self.invoke.action == Action::Reserve
        {
            let held = (reservation.clone(), self.invoke.user.clone(), self.seats.clone());
            self.story.held.push(held);
        }
        self.story.lines.push(Line::Invoke(self.invoke));
        self.story.lines.push(Line::Ok(done));
    }

    /// A reserve that was granted.
    pub(crate) fn granted(self, done_ms: u64, reservation: &str) {
        let total = PRICE * i64::try_from(self.seats.len()).unwrap();
        let seats = self.invoke.seats.clone();
        self.ok(done_ms, 201, |done| {
            done.reservation = Some(reservation.into());
            done.seats = seats;
            done.hold_ms = Some(HOLD_MS);
            done.total_cents = Some(total);
        });
    }

    /// A confirm that was accepted.
    pub(crate) fn paid(self, done_ms: u64, sale: &str) {
        let total = PRICE * i64::try_from(self.seats.len()).unwrap();
        let seats = self.invoke.seats.clone();
        self.ok(done_ms, 201, |done| {
            done.sale = Some(sale.into());
            done.seats = seats;
            done.total_cents = Some(total);
        });
    }

    pub(crate) fn refused(self, done_ms: u64, status: u16) {
        let op = self.invoke.op;
        self.story.lines.push(Line::Invoke(self.invoke));
        let done = Completion { at: done_ms * 1_000, op, status, ..Completion::default() };
        self.story.lines.push(Line::Fail(done));
    }

    /// Given up: nobody knows what became of it.
    pub(crate) fn lost(self, done_ms: u64) {
        let op = self.invoke.op;
        self.story.lines.push(Line::Invoke(self.invoke));
        let done = Completion { at: done_ms * 1_000, op, ..Completion::default() };
        self.story.lines.push(Line::Info(done));
    }
}
