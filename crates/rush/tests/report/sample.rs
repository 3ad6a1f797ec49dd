//! Made-up runs that look like real ones.

use poltrona_rush::history::Action;
use poltrona_rush::report::{Check, Evidence, Report, Run, Verdict, Violation};
use poltrona_rush::stats::{Outcome, Recorder};

const SECOND: u64 = 1_000_000;

/// How many seats are on sale.
const SEATS: u32 = 480;

/// An on-sale in which every seat goes, with a stall in the middle.
fn recorded(seconds: u64) -> Recorder {
    let mut recorder = Recorder::new(seconds);
    recorder.opened_at(0, SEATS);
    let mut chance = 7_u64;
    for at in (0..seconds * SECOND).step_by(4_000) {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let dice = (chance >> 33) % 1_000;
        let stall = if at / SECOND == seconds / 2 { 40 } else { 1 };
        let latency = (700 + dice * 3 + if dice > 980 { dice * 9 } else { 0 }) * stall;
        let outcome = match dice {
            990.. => Outcome::Unknown,
            985.. => Outcome::Fault,
            300.. => Outcome::Refused,
            _ => Outcome::Ok,
        };
        let action = if dice.is_multiple_of(4) { Action::Seats } else { Action::Reserve };
        recorder.record(action, outcome, at, latency);
    }
    for seat in 0..SEATS * 3 / 2 {
        let at = u64::from(seat) * seconds * SECOND / u64::from(SEATS * 2);
        let until = at + 5 * SECOND;
        recorder.held(at, until, 1);
        if !seat.is_multiple_of(3) {
            recorder.record(Action::Confirm, Outcome::Ok, at + 2 * SECOND, 2_400);
            recorder.sold(at + 2 * SECOND, until, 1);
        }
    }
    recorder
}

fn checks() -> Vec<Check> {
    let questions = [
        ("C1", "Is each seat sold at most once?"),
        ("C3", "Does a hold exclude others for its whole time?"),
        ("C5", "Did something stand in the way of everyone who was refused?"),
        ("C6", "Does one key have one effect and one answer?"),
    ];
    let check = |(promise, question): (&str, &str)| Check {
        promise: promise.to_owned(),
        question: question.to_owned(),
        checked: if promise == "C6" { 0 } else { 9_120 },
        doubted: 3,
        violations: 0,
    };
    questions.map(check).to_vec()
}

/// A run of so many seconds whose promises were kept.
pub(crate) fn kept(seconds: u32) -> Report {
    let run = Run {
        scenario: "on-sale".to_owned(),
        seed: 42,
        clients: 500,
        targets: vec!["http://127.0.0.1:3000".to_owned(), "http://127.0.0.1:3001".to_owned()],
        seconds: seconds.into(),
        rate: None,
        started: "2026-11-24T13:00:00Z".to_owned(),
        version: "0.1.0".to_owned(),
        server: Some("poltrona/0.1.0".to_owned()),
    };
    let verdict = Verdict {
        operations: 31_204,
        unknown: 75,
        sessions: 1,
        seats: SEATS.into(),
        checks: checks(),
        violations: Vec::new(),
        untold: 0,
    };
    Report::new(run, &recorded(seconds.into()), Some(verdict))
}

/// The same run against a server that sold a seat twice.
pub(crate) fn broken(seconds: u32) -> Report {
    let mut report = kept(seconds);
    report.notes.push("the server does not know groups".to_owned());
    let verdict = report.verdict.as_mut().expect("a run that was judged");
    verdict.checks[0].violations = 12;
    verdict.checks[1].violations = 1;
    verdict.untold = 11;
    verdict.violations = vec![
        Violation {
            promise: "C1".to_owned(),
            what: "one seat was sold to two reservations".to_owned(),
            seat: Some("01935f2e-7c00-7abc-9def-012345670004".to_owned()),
            seat_name: Some("R5".to_owned()),
            session: Some("01935f2e-7c00-7abc-9def-012345670000".to_owned()),
            evidence: vec![evidence(20_311, 17, 201), evidence(20_340, 8, 201)],
        },
        Violation {
            promise: "C3".to_owned(),
            what: "a hold was granted while <another> & its owner lived".to_owned(),
            evidence: vec![Evidence { answered_at: None, status: 0, ..evidence(90, 1, 0) }],
            ..Violation::default()
        },
    ];
    report
}

fn evidence(op: u64, client: u32, status: u16) -> Evidence {
    Evidence {
        op,
        client,
        target: "http://127.0.0.1:3000".to_owned(),
        action: Action::Confirm,
        invoked_at: 4_000_000 + op,
        answered_at: Some(4_002_113 + op),
        outcome: if status == 0 { "in flight" } else { "ok" }.to_owned(),
        status,
        says: format!("reservation 01935f2e-7c00-7abc-9def-0123{op:08}, user \"u{client}\""),
    }
}
