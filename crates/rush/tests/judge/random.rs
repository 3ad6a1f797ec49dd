//! Random crowds at random servers: the honest ones are never convicted, the lying ones nearly
//! always. Answers are lost, requests arrive after they were given up, lines stand out of order.

use std::{cmp::Reverse, collections::BinaryHeap};

use poltrona_rush::{
    history::{Action, Completion, Invoke, Line, Micros, Run, Session},
    judge::{Promise, Verdict, judge},
};

use crate::{
    chance::Chance,
    story::{PRICE, SESSION, seat},
    theatre::{HOLD_MS, Lie, SEATS, Theatre},
};

const CLIENTS: usize = 8;

/// What happens next, in the order of time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A client thinks of something.
    Act(usize),
    /// A request reaches the server.
    Decide(usize),
    /// A client hears the answer, or gives up.
    Hear(usize),
}

struct Request {
    client: usize,
    invoke: Invoke,
    answer: Option<Completion>,
    lost: bool,
}

struct Client {
    user: String,
    holds: Vec<(String, Vec<String>)>,
    /// What was asked with a key and not answered.
    again: Option<Invoke>,
}

/// One run.
struct Evening {
    chance: Chance,
    theatre: Theatre,
    events: BinaryHeap<Reverse<(Micros, usize, Event)>>,
    requests: Vec<Request>,
    /// The reserves in flight.
    asking: Vec<usize>,
    clients: Vec<Client>,
    lines: Vec<(Micros, Line)>,
    keys: u32,
    end: Micros,
    /// How many requests of a hundred are lost.
    lost: u64,
}

impl Evening {
    fn new(seed: u64, lie: Lie) -> Self {
        let client = |number| Client {
            user: format!("user {}", number % 6),
            holds: Vec::new(),
            again: None,
        };
        Self {
            chance: Chance(seed),
            theatre: Theatre::new(!seed, lie),
            events: BinaryHeap::new(),
            requests: Vec::new(),
            asking: Vec::new(),
            clients: (0..CLIENTS).map(client).collect(),
            lines: Vec::new(),
            keys: 0,
            end: [3_000_000, 10_000_000, 40_000_000][usize::try_from(seed % 3).unwrap()],
            lost: if lie == Lie::Honest { 8 } else { 1 },
        }
    }

    fn at(&mut self, at: Micros, event: Event) {
        let number = self.requests.len() + self.events.len();
        self.events.push(Reverse((at, number, event)));
    }

    fn play(&mut self) {
        for client in 0..CLIENTS {
            let at = self.chance.below(1_000_000);
            self.at(at, Event::Act(client));
        }
        self.run();
        // Every hold has lapsed by now, but for those of requests that still linger somewhere.
        let mut at = self.end + 20_000_000 + HOLD_MS * 1_000 + 2_000_000;
        self.census(Action::Seats, "", None, at);
        for number in 1..=SEATS {
            at += 10_000;
            self.census(Action::Reserve, "census", Some(number), at);
        }
        for user in 0..6 {
            self.census(Action::Sales, &format!("user {user}"), None, at + 10_000);
        }
        self.run();
    }

    fn census(&mut self, action: Action, user: &str, number: Option<u32>, at: Micros) {
        let mut invoke = self.invoke(0, action, at);
        invoke.census = true;
        invoke.user = user.into();
        invoke.seats = number.map(seat).into_iter().collect();
        self.send(0, invoke, false);
    }

    fn run(&mut self) {
        while let Some(Reverse((at, _, event))) = self.events.pop() {
            match event {
                Event::Act(client) => self.act(client, at),
                Event::Decide(request) => self.decide(request, at),
                Event::Hear(request) => self.hear(request, at),
            }
        }
    }

    fn invoke(&self, client: usize, action: Action, at: Micros) -> Invoke {
        Invoke {
            at,
            op: self.requests.len() as u64,
            client: u32::try_from(client).unwrap(),
            target: 0,
            action,
            user: self.clients[client].user.clone(),
            session: Some(SESSION.into()),
            seats: Vec::new(),
            reservation: None,
            key: None,
            census: false,
        }
    }

    fn act(&mut self, client: usize, at: Micros) {
        if at > self.end {
            return;
        }
        if let Some(mut again) = self.clients[client].again.take() {
            (again.at, again.op) = (at, self.requests.len() as u64);
            return self.send(client, again, true);
        }
        let dice = self.chance.below(100);
        let place = usize::try_from(self.chance.below(8)).unwrap();
        let hold = self.clients[client].holds.iter().rev().nth(place / 3).cloned();
        let action = match dice {
            0..12 => Action::Seats,
            12..18 => Action::Sales,
            18..50 if hold.is_some() => match dice {
                18..36 => Action::Confirm,
                36..40 => Action::Cancel,
                40..45 => Action::Extend,
                _ => Action::Reservation,
            },
            _ => Action::Reserve,
        };
        let mut invoke = self.invoke(client, action, at);
        match action {
            Action::Reserve => {
                let first = self.chance.below(u64::from(SEATS));
                let count = if self.chance.percent(30) { 1 + self.chance.below(3) } else { 1 };
                let mut seats: Vec<_> = (first..first + count)
                    .map(|n| seat(1 + u32::try_from(n).unwrap() % SEATS))
                    .collect();
                if self.chance.percent(50) {
                    seats.reverse();
                }
                invoke.seats = seats;
            }
            Action::Seats | Action::Sales => {}
            _ => {
                let (id, seats) = hold.unwrap();
                (invoke.reservation, invoke.seats) = (Some(id), seats);
            }
        }
        let changes = !matches!(action, Action::Seats | Action::Sales | Action::Reservation);
        if changes && self.chance.percent(40) {
            self.keys += 1;
            invoke.key = Some(format!("key {}", self.keys));
        }
        self.send(client, invoke, true);
    }

    fn send(&mut self, client: usize, invoke: Invoke, lossy: bool) {
        let number = self.requests.len();
        let at = invoke.at;
        let lost = lossy && self.chance.percent(self.lost);
        let there = at + self.delay();
        let back = there + self.delay();
        // What is lost may never arrive, or long after it was given up.
        let (there, back) = match (lost, self.chance.below(3)) {
            (true, 0) => (None, back),
            (true, 1) => (Some(at + 1_000_000 + self.chance.below(20_000_000)), at + 1_000_000),
            _ => (Some(there), back),
        };
        if let Some(there) = there {
            self.at(there, Event::Decide(number));
        }
        // Some are never said to be over, and their client is not seen again.
        let unheard = lost && self.chance.percent(10);
        if !unheard {
            self.at(back, Event::Hear(number));
        }
        if invoke.action == Action::Reserve {
            self.asking.push(number);
        }
        let early = self.chance.below(4_000);
        self.lines.push((at + early, Line::Invoke(invoke.clone())));
        self.requests.push(Request { client, invoke, answer: None, lost });
    }

    fn delay(&mut self) -> Micros {
        let slow = self.chance.percent(5);
        1 + self.chance.below(if slow { 1_500_000 } else { 40_000 })
    }

    fn decide(&mut self, number: usize, at: Micros) {
        let asked = self.requests[number].invoke.clone();
        let contended = self.asking.iter().any(|&other| {
            let theirs = &self.requests[other].invoke.seats;
            other != number && theirs.iter().any(|seat| asked.seats.contains(seat))
        });
        let busy = asked.action != Action::Seats && !asked.census && self.chance.percent(2);
        let answer = if busy {
            Completion { status: 429, ..Completion::default() }
        } else {
            self.theatre.decide(&asked, at, contended)
        };
        self.requests[number].answer = Some(answer);
    }

    fn hear(&mut self, number: usize, at: Micros) {
        self.asking.retain(|&asking| asking != number);
        let request = &self.requests[number];
        let (client, op) = (request.client, request.invoke.op);
        let answer = request.answer.clone().filter(|_| !request.lost).unwrap_or_default();
        let asked = request.invoke.clone();
        let done = Completion { at, op, ..answer };
        let me = &mut self.clients[client];
        let line = match done.status {
            0 => {
                me.again = asked.key.is_some().then_some(asked);
                Line::Info(done)
            }
            200..300 => {
                if asked.action == Action::Reserve && !asked.census {
                    me.holds.push((done.reservation.clone().unwrap(), asked.seats.clone()));
                }
                me.again = (asked.key.is_some() && self.chance.percent(20)).then_some(asked);
                Line::Ok(done)
            }
            _ => Line::Fail(done),
        };
        let late = 4_000 + self.chance.below(4_000);
        self.lines.push((at + late, line));
        let think = self.chance.below(400_000);
        self.at(at + think, Event::Act(client));
    }

    fn verdict(mut self) -> (Verdict, usize) {
        self.play();
        self.lines.sort_by_key(|(written, _)| *written);
        let seats = (1..=SEATS).map(seat).collect();
        let session = Session { id: SESSION.into(), seats, names: Vec::new(), price_cents: PRICE };
        let before = [Line::Run(Run::default()), Line::Session(session)];
        let lines = before.into_iter().chain(self.lines.into_iter().map(|(_, line)| line));
        (judge(lines.map(Ok)).unwrap(), self.theatre.lies())
    }
}

#[test]
fn no_honest_server_is_ever_convicted() {
    for seed in 0..200 {
        let (verdict, _) = Evening::new(seed, Lie::Honest).verdict();
        assert!(verdict.is_clean(), "seed {seed}\n{verdict}");
        assert!(verdict.operations > 50, "seed {seed}\n{verdict}");
    }
}

#[test]
fn a_server_that_lies_is_convicted() {
    let lies = [
        (Lie::SoldAgain, Promise::C1),
        (Lie::TwoHolds, Promise::C3),
        (Lie::ForgottenSale, Promise::C2),
        (Lie::AnothersName, Promise::C2),
        (Lie::CutShort, Promise::C3),
        (Lie::NeverFrees, Promise::C4),
        (Lie::HalfGroup, Promise::G),
        (Lie::DoneTwice, Promise::C6),
        (Lie::Unjust, Promise::C5),
        (Lie::WrongTotal, Promise::C7),
        (Lie::FromNowhere, Promise::C2),
    ];
    for (lie, promise) in lies {
        let (mut told, mut convicted, mut named) = (0, 0, 0);
        for seed in 0..40 {
            let (verdict, lies) = Evening::new(seed, lie).verdict();
            if lies > 0 {
                told += 1;
                convicted += u32::from(!verdict.is_clean());
                named += u32::from(verdict.violations.iter().any(|v| v.promise == promise));
            }
        }
        let counts =
            format!("{lie:?}: told in {told}, convicted in {convicted}, {promise} in {named}");
        assert!(told >= 15 && convicted * 100 >= told * 85 && named * 2 >= told, "{counts}");
    }
}
