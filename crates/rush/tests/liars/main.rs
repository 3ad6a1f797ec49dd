//! Servers that lie, each in its own way, and an honest one; the crowd comes to all of them.

mod core;
mod office;

use std::thread;
use std::time::{Duration, Instant};

use clap::Parser as _;
use poltrona_rush::args::Args;
use poltrona_rush::judge::Promise;
use poltrona_rush::report::html;
use poltrona_rush::run::{Outcome, rush};

use crate::core::{Core, Lie, Manner};
use crate::office::Office;

const HOLD: Duration = Duration::from_millis(500);
/// How soon a liar has to be convicted.
const CONVICTED_WITHIN: Duration = Duration::from_secs(10);

/// A short visit at a rate that leaves the machine to other tests.
fn visit(manner: Manner, lie: Lie, scenario: &str) -> Outcome {
    let office = Office::open(move || Core::new(manner, lie, HOLD));
    let command = format!(
        "rush --quiet --target {} --scenario {scenario} --clients 16 --seconds 2 --rate 1600 --seed 7",
        office.url
    );
    rush(&Args::parse_from(command.split(' '))).expect("the office is open")
}

/// Sees every promise kept that the crowd puts to the test. How much it could do in its time is the
/// machine's affair.
fn acquit(manner: Manner, scenario: &str) -> Outcome {
    let outcome = visit(manner, Lie::None, scenario);
    let verdict = &outcome.verdict;
    assert!(verdict.is_clean(), "{scenario}: {verdict}");
    assert!(outcome.report.stats.all.counts.ok > 0, "{scenario}: {}", outcome.report.summary());
    let mut tested = vec![Promise::C1, Promise::C2, Promise::C3, Promise::C4, Promise::C8];
    if manner == Manner::Full {
        tested.extend(scenario.contains("families").then_some(Promise::G));
        tested.extend(scenario.contains("retry").then_some(Promise::C6));
    }
    for promise in tested {
        let check = verdict.checks.iter().find(|check| check.promise == promise);
        assert!(check.is_some_and(|check| check.checked > 0), "{scenario}, {promise}: {verdict}");
    }
    assert!(outcome.census.unsold + outcome.census.sold > 0, "{scenario}: no census");
    outcome
}

/// Convicts a liar of any of these, with requests that show it.
fn convict(lie: Lie, scenario: &str, of: &[Promise]) {
    let began = Instant::now();
    let outcome = visit(Manner::Full, lie, scenario);
    let verdict = &outcome.verdict;
    let told = verdict.violations.iter().find(|violation| of.contains(&violation.promise));
    let told = told.unwrap_or_else(|| panic!("{lie:?} got away with it: {verdict}"));
    assert!(!told.evidence.is_empty(), "{lie:?} is convicted without evidence: {told}");
    assert!(began.elapsed() < CONVICTED_WITHIN, "{lie:?} took {:?}", began.elapsed());
    assert!(outcome.report.is_violated() && !outcome.report.summary().contains("; 0 violations"));
}

#[test]
fn an_honest_server_is_acquitted_by_every_crowd() {
    let mix = "spread=2,families,duel,abandon,retry,browse";
    let scenarios = ["browse", "spread", "on-sale", "duel", "families", "abandon", "retry", mix];
    thread::scope(|scope| {
        for scenario in scenarios {
            scope.spawn(move || acquit(Manner::Full, scenario));
        }
    });
}

#[test]
fn a_server_that_knows_one_seat_at_a_time_is_acquitted_too() {
    let outcome = acquit(Manner::Plain, "families,retry,abandon");
    for missing in ["several seats", "idempotency keys", "giving a hold back", "lengthening"] {
        assert!(
            outcome.report.notes.iter().any(|note| note.contains(missing)),
            "{:?}",
            outcome.report.notes
        );
    }
}

#[test]
fn selling_a_sold_seat_again_is_found() {
    convict(Lie::SellsAgain, "on-sale", &[Promise::C1]);
}

#[test]
fn holding_a_seat_for_two_is_found() {
    convict(Lie::HoldsTwice, "duel", &[Promise::C3]);
}

#[test]
fn forgetting_a_sale_is_found() {
    convict(Lie::ForgetsSale, "on-sale", &[Promise::C2]);
}

#[test]
fn a_sale_under_another_name_is_found() {
    convict(Lie::WrongName, "on-sale", &[Promise::C2]);
}

#[test]
fn a_hold_cut_short_is_found() {
    convict(Lie::CutsHold, "abandon", &[Promise::C3]);
}

#[test]
fn a_seat_that_never_frees_is_found() {
    convict(Lie::NeverFrees, "abandon", &[Promise::C4, Promise::C5]);
}

#[test]
fn half_a_group_granted_is_found() {
    convict(Lie::GrantsHalf, "families", &[Promise::G]);
}

#[test]
fn half_a_group_held_in_spite_of_a_refusal_is_found() {
    convict(Lie::HoldsHalf, "families", &[Promise::C5, Promise::G]);
}

#[test]
fn an_effect_repeated_for_one_key_is_found() {
    convict(Lie::RepeatsKey, "retry", &[Promise::C6]);
}

#[test]
fn an_unjust_refusal_is_found() {
    convict(Lie::RefusesFree, "on-sale", &[Promise::C5]);
}

/// The example that `docs/rush.md` shows: `cargo test -p poltrona-rush --test liars -- --ignored example`.
#[test]
#[ignore = "writes docs/examples/rush-report-broken.html"]
fn the_example_of_a_broken_server_is_written_anew() {
    let outcome = visit(Manner::Full, Lie::SellsAgain, "on-sale=3,retry=1");
    assert!(outcome.report.is_violated());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/examples/rush-report-broken.html");
    let page = std::fs::File::create(path).expect("the example can be written");
    html::write(&outcome.report, page).expect("the example is written");
}
