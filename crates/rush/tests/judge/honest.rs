//! Honest histories that look bad: none of them may be convicted.

use poltrona_rush::judge::{Promise, Verdict};

use crate::story::{HOLD_MS, Story};

fn doubts(verdict: &Verdict, promise: Promise) -> u64 {
    verdict.checks.iter().find(|check| check.promise == promise).unwrap().doubted
}

fn checked(verdict: &Verdict, promise: Promise) -> u64 {
    verdict.checks.iter().find(|check| check.promise == promise).unwrap().checked
}

#[test]
fn a_quiet_purchase_is_checked_by_everything() {
    let mut story = Story::new();
    story.map(0, 5, "AAAA");
    story.sell("ana", 1, "r1", 10);
    story.reserve("bia", &[1], 2_000).refused(2_010, 409);
    story.reserve("bia", &[2, 3], 2_020).key("k").granted(2_030, "r2");
    story.reserve("bia", &[2, 3], 2_040).key("k").granted(2_050, "r2");
    story.sales("ana", 3_000, 3_010, &[("s-r1", "r1", &[1])]);
    story.map(4_000, 4_010, "SRRA");
    story.reserve("x", &[2], 40_000).census().granted(40_010, "c2");
    story.reserve("x", &[1], 40_000).census().refused(40_010, 409);
    let verdict = story.is_honest();
    for promise in Promise::ALL {
        assert!(checked(&verdict, promise) > 0, "{promise} was not checked\n{verdict}");
        assert_eq!(doubts(&verdict, promise), 0, "{verdict}");
    }
    assert_eq!((verdict.operations, verdict.unknown, verdict.seats), (10, 0, 4));
}

#[test]
fn an_unknown_reserve_that_happened_excuses_a_refusal() {
    let mut story = Story::new();
    story.reserve("eva", &[4], 0).granted(10, "r0");
    story.reserve("ana", &[1], 0).lost(500);
    story.reserve("bia", &[1], 20_000).refused(20_010, 409);
    story.map(21_000, 21_010, "RAAR");
    let verdict = story.is_honest();
    assert_eq!((doubts(&verdict, Promise::C5), doubts(&verdict, Promise::C4)), (1, 1));
}

#[test]
fn an_unknown_reserve_that_did_not_happen_takes_nothing() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).lost(500);
    story.map(600, 610, "AAAA");
    story.reserve("bia", &[1], 1_000).granted(1_010, "r1");
    story.is_honest();
}

#[test]
fn an_unanswered_reserve_excuses_to_the_end() {
    let mut story = Story::new();
    story.reserve("eva", &[4], 0).granted(10, "r0");
    story.reserve("ana", &[1], 0).unanswered();
    story.reserve("x", &[1], 400_000).census().refused(400_010, 409);
    let verdict = story.is_honest();
    assert_eq!(verdict.unknown, 1);
}

#[test]
fn an_unknown_confirm_that_happened_is_a_sale() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.confirm("r1", 1_000).lost(2_000);
    story.reserve("bia", &[1], 50_000).refused(50_010, 409);
    story.map(51_000, 51_010, "SAAA");
    story.sales("ana", 52_000, 52_010, &[("s1", "r1", &[1])]);
    story.look("r1", 53_000, 53_010, "CONFIRMED");
    let verdict = story.is_honest();
    assert_eq!(doubts(&verdict, Promise::C5), 1, "{verdict}");
}

#[test]
fn an_unknown_confirm_that_did_not_happen_is_none() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.confirm("r1", 1_000).lost(2_000);
    story.map(40_000, 40_010, "AAAA");
    story.look("r1", 40_000, 40_010, "EXPIRED");
    story.sales("ana", 40_000, 40_010, &[]);
    story.reserve("bia", &[1], 41_000).granted(41_010, "r2");
    story.is_honest();
}

#[test]
fn answers_may_come_out_of_order() {
    let mut story = Story::new();
    // Bia's refusal is written before the grant that was its reason is even answered.
    story.reserve("bia", &[1], 5).refused(20, 409);
    story.reserve("ana", &[1], 0).granted(900, "r1");
    // A map that was asked for before the sale, and read after it.
    story.map(950, 3_000, "RAAA");
    story.confirm("r1", 1_000).paid(1_010, "s1");
    story.sales("ana", 1_005, 3_000, &[]);
    story.is_honest();
}

#[test]
fn a_retry_with_its_key_elsewhere_is_the_same_hold() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).key("k").lost(1_000);
    // The first request made the hold, and its time runs from there.
    story.reserve("ana", &[1], 29_000).key("k").granted(29_010, "r1");
    story.reserve("bia", &[1], 30_100).granted(30_110, "r2");
    story.confirm("r1", 30_050).refused(30_060, 410);
    story.is_honest();
}

#[test]
fn a_retry_of_a_confirm_is_the_same_sale() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.confirm("r1", 1_000).key("k").lost(1_500);
    story.confirm("r1", 40_000).key("k").paid(40_010, "s1");
    story.confirm("r1", 41_000).key("other").refused(41_010, 409);
    story.is_honest();
}

#[test]
fn a_lapsed_hold_is_taken_over_at_once() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 100).granted(150, "r1");
    story.reserve("bia", &[1], 30_060).granted(30_110, "r2");
    story.map(30_105, 30_120, "RAAA");
    story.is_honest();
}

#[test]
fn a_confirm_just_in_time_and_one_just_late() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(100, "r1");
    story.reserve("bia", &[2], 0).granted(100, "r2");
    story.confirm("r1", 29_990).paid(30_200, "s1");
    story.confirm("r2", 29_990).refused(30_005, 410);
    story.look("r2", 29_995, 30_006, "EXPIRED");
    story.is_honest();
}

#[test]
fn a_lapse_may_be_noticed_two_seconds_late() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(100, "r1");
    story.map(31_900, 31_910, "RAAA");
    story.reserve("bia", &[1], 31_900).refused(31_910, 409);
    story.is_honest();
}

#[test]
fn two_families_may_be_in_each_others_way() {
    let mut story = Story::new();
    story.reserve("ana", &[1, 2], 0).refused(20, 409);
    story.reserve("bia", &[2, 1], 5).refused(25, 409);
    story.is_honest();
}

#[test]
fn one_taken_seat_refuses_a_group() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.reserve("bia", &[1, 2, 3], 1_000).refused(1_010, 409);
    story.map(2_000, 2_010, "RAAA");
    story.reserve("caio", &[2, 3], 3_000).granted(3_010, "r2");
    story.is_honest();
}

#[test]
fn a_cancelled_hold_frees_its_seat_at_once() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.cancel("r1", 1_000).ok(1_010, 204, |_| {});
    story.reserve("bia", &[1], 1_005).granted(1_008, "r2");
    story.confirm("r1", 2_000).refused(2_010, 410);
    story.is_honest();
}

#[test]
fn an_unknown_cancel_may_have_freed_it() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.cancel("r1", 1_000).lost(1_500);
    story.confirm("r1", 2_000).refused(2_010, 410);
    story.reserve("bia", &[1], 3_000).granted(3_010, "r2");
    let verdict = story.is_honest();
    assert_eq!(doubts(&verdict, Promise::C3), 1, "{verdict}");
}

#[test]
fn an_extended_hold_excuses_for_longer() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.extend("r1", 20_000).ok(20_010, 200, |done| done.hold_ms = Some(HOLD_MS + 20_000));
    story.reserve("bia", &[1], 45_000).refused(45_010, 409);
    story.confirm("r1", 49_000).paid(49_010, "s1");
    story.is_honest();
}

#[test]
fn an_unknown_extension_excuses_as_well() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.extend("r1", 20_000).lost(20_500);
    story.reserve("bia", &[1], 45_000).refused(45_010, 409);
    story.confirm("r1", 49_000).paid(49_010, "s1");
    story.is_honest();
}

#[test]
fn what_a_run_finds_it_did_not_do() {
    let mut story = Story::new();
    story.map(0, 10, "SRAA");
    story.reserve("ana", &[1], 1_000).refused(1_010, 409);
    story.reserve("ana", &[2], 1_000).refused(1_010, 409);
    story.map(2_000, 2_010, "SRAA");
    let verdict = story.is_honest();
    assert_eq!(doubts(&verdict, Promise::C2), 2, "{verdict}");
}

#[test]
fn a_busy_server_refuses_without_a_reason() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).refused(10, 429);
    story.reserve("ana", &[1], 20).refused(30, 503);
    story.reserve("ana", &[1], 40).granted(50, "r1");
    story.confirm("r1", 60).refused(70, 503);
    story.confirm("r1", 80).paid(90, "s1");
    story.is_honest();
}

#[test]
fn a_seat_that_was_not_watched_from_its_beginning_is_not_judged_by_its_end() {
    // More seats than are watched, so that the last one's sale is not noted.
    let last = 20_001;
    let mut story = Story::in_a_room_of(last);
    for seat in 1..last {
        story.reserve(&format!("u{seat}"), &[seat], 0).granted(10, &format!("r{seat}"));
    }
    story.sell("ana", last, "r-last", 20);
    // One of those watched has so long a history that it is given up.
    for attempt in 0..13 {
        let at = 2_000 + 20 * attempt;
        story.reserve("bia", &[1], at).refused(at + 10, 409);
    }
    story.reserve("x", &[last], 40_000).census().refused(40_010, 409);
    story.is_honest();
}
