//! Every way of lying that the judge knows, each in the smallest history that shows it.

use poltrona_rush::{
    history::{Line, SaleSeen},
    judge::Promise,
};

use crate::story::{HOLD_MS, PRICE, Story, seat};

#[test]
fn a_sold_seat_granted_again() {
    let mut story = Story::new();
    story.sell("ana", 1, "r1", 0);
    story.reserve("bia", &[1], 40_000).granted(40_010, "r2");
    let verdict = story.breaks(Promise::C1);
    let violation = &verdict.violations[0];
    assert_eq!(violation.seat, Some(seat(1)));
    assert_eq!(violation.evidence.iter().map(|e| e.op).collect::<Vec<_>>(), [2, 3]);
    assert!(verdict.to_string().contains("C1 broken: Seat no. 1 was sold"), "{verdict}");
}

#[test]
fn seats_are_named_as_people_name_them() {
    let mut story = Story::with_named_seats();
    story.sell("ana", 2, "r1", 0);
    story.reserve("bia", &[2], 40_000).granted(40_010, "r2");
    let verdict = story.breaks(Promise::C1).to_string();
    assert!(verdict.contains("C1 broken: Seat A2 was sold"), "{verdict}");
}

#[test]
fn a_seat_sold_twice() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.reserve("bia", &[1], 31_000).granted(31_010, "r2");
    story.confirm("r1", 31_100).paid(31_110, "s1");
    story.confirm("r2", 35_000).paid(35_010, "s2");
    let verdict = story.judged();
    let broken: Vec<_> = verdict.violations.iter().map(|v| v.promise).collect();
    assert_eq!(broken, [Promise::C3, Promise::C1], "{verdict}");
}

#[test]
fn one_reservation_sold_twice() {
    let mut story = Story::new();
    story.sell("ana", 1, "r1", 0);
    story.confirm("r1", 2_000).paid(2_010, "another");
    story.breaks(Promise::C1);
}

#[test]
fn a_seat_in_two_lists_of_sales() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.confirm("r1", 20).lost(500);
    story.reserve("bia", &[1], 40_000).granted(40_010, "r2");
    story.confirm("r2", 40_020).lost(41_000);
    story.sales("ana", 50_000, 50_010, &[("s1", "r1", &[1])]);
    story.sales("bia", 50_000, 50_020, &[("s2", "r2", &[1])]);
    story.breaks(Promise::C1);
}

#[test]
fn a_sale_gone_from_the_map() {
    let mut story = Story::new();
    story.sell("ana", 1, "r1", 0);
    story.map(2_000, 2_010, "AAAA");
    story.breaks(Promise::C2);
}

#[test]
fn a_sale_gone_from_the_list() {
    let mut story = Story::new();
    story.sell("ana", 1, "r1", 0);
    story.sales("ana", 2_000, 2_010, &[]);
    story.breaks(Promise::C2);
}

#[test]
fn a_sale_that_a_read_showed_is_gone() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.confirm("r1", 20).lost(500);
    story.map(1_000, 1_010, "SAAA");
    story.map(40_000, 40_010, "AAAA");
    story.breaks(Promise::C2);
}

#[test]
fn a_paid_reservation_shown_as_expired() {
    let mut story = Story::new();
    story.sell("ana", 1, "r1", 0);
    story.look("r1", 40_000, 40_010, "EXPIRED");
    story.breaks(Promise::C2);
}

#[test]
fn a_sale_under_anothers_name() {
    let mut story = Story::new();
    story.sell("ana", 1, "r1", 0);
    story.sales("bia", 2_000, 2_010, &[("s-r1", "r1", &[1])]);
    story.breaks(Promise::C2);
}

#[test]
fn a_sale_of_other_seats() {
    let mut story = Story::new();
    story.sell("ana", 1, "r1", 0);
    story.sales("ana", 2_000, 2_010, &[("s-r1", "r1", &[2])]);
    story.breaks(Promise::C2);
}

#[test]
fn a_sale_from_nowhere_in_a_list() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.sales("ana", 1_000, 1_010, &[("s1", "r1", &[1])]);
    story.breaks(Promise::C2);
}

#[test]
fn a_sale_from_nowhere_on_the_map() {
    let mut story = Story::new();
    story.map(0, 10, "AAAA");
    story.map(1_000, 1_010, "ASAA");
    story.breaks(Promise::C2);
}

#[test]
fn a_sale_on_the_map_whose_only_confirm_is_refused() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.confirm("r1", 31_000).refused(31_900, 410);
    story.map(31_100, 31_200, "SAAA");
    story.breaks(Promise::C2);
}

#[test]
fn a_sale_from_nowhere_by_its_reservation() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.look("r1", 1_000, 1_010, "CONFIRMED");
    story.breaks(Promise::C2);
}

#[test]
fn a_refused_confirm_that_sold_all_the_same() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.confirm("r1", 35_000).refused(35_010, 410);
    story.sales("ana", 36_000, 36_010, &[("s1", "r1", &[1])]);
    story.breaks(Promise::C2);
}

#[test]
fn two_live_holds() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.reserve("bia", &[1], 1_000).granted(1_010, "r2");
    let verdict = story.breaks(Promise::C3);
    assert_eq!(verdict.violations.len(), 1, "{verdict}");
    assert_eq!(verdict.violations[0].evidence.len(), 2, "{verdict}");
}

#[test]
fn two_live_holds_that_were_asked_for_at_once() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(20, "r1");
    story.reserve("bia", &[1], 5).granted(25, "r2");
    story.breaks(Promise::C3);
}

#[test]
fn an_extended_hold_taken_over() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.extend("r1", 20_000).ok(20_010, 200, |done| done.hold_ms = Some(HOLD_MS + 20_000));
    story.reserve("bia", &[1], 35_000).granted(35_010, "r2");
    story.breaks(Promise::C3);
}

#[test]
fn a_hold_cut_short() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.confirm("r1", 20_000).refused(20_010, 410);
    story.breaks(Promise::C3);
}

#[test]
fn a_hold_that_is_shown_as_free() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.map(1_000, 1_010, "AAAA");
    story.breaks(Promise::C3);
}

#[test]
fn a_hold_shown_as_expired() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.look("r1", 20_000, 20_010, "EXPIRED");
    story.breaks(Promise::C3);
}

#[test]
fn a_lapsed_hold_paid() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.confirm("r1", 35_000).paid(35_010, "s1");
    story.breaks(Promise::C3);
}

#[test]
fn a_cancelled_hold_paid() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.cancel("r1", 1_000).ok(1_010, 204, |_| {});
    story.confirm("r1", 1_020).paid(1_030, "s1");
    story.breaks(Promise::C3);
}

#[test]
fn a_seat_that_never_frees() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.reserve("x", &[1], 40_000).census().refused(40_010, 409);
    story.breaks(Promise::C4);
}

#[test]
fn a_seat_that_is_shown_held_for_ever() {
    let mut story = Story::new();
    story.map(0, 5, "AAAA");
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.map(40_000, 40_010, "RAAA");
    story.breaks(Promise::C4);
}

#[test]
fn a_map_that_lacks_a_seat() {
    let mut story = Story::new();
    story.map(0, 10, "AAA");
    story.breaks(Promise::C4);
}

#[test]
fn an_unjust_refusal() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.reserve("bia", &[2], 1_000).refused(1_010, 409);
    let verdict = story.breaks(Promise::C5);
    assert_eq!(verdict.violations[0].seat, Some(seat(2)));
}

#[test]
fn a_refusal_long_after_the_lapse() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.reserve("bia", &[1], 33_000).refused(33_010, 409);
    story.breaks(Promise::C5);
}

#[test]
fn a_refusal_that_names_a_free_seat() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.reserve("bia", &[1, 2], 1_000).refused(1_010, 409);
    let Some(Line::Fail(done)) = story.lines.last_mut() else { panic!("a refusal") };
    done.taken = vec![seat(1), seat(2)];
    story.breaks(Promise::C5);
}

#[test]
fn an_effect_done_twice_for_one_key() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).key("k").granted(10, "r1");
    story.reserve("ana", &[1], 40_000).key("k").granted(40_010, "r2");
    story.breaks(Promise::C6);
}

#[test]
fn a_sale_made_twice_for_one_key() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.confirm("r1", 1_000).key("k").paid(1_010, "s1");
    story.confirm("r1", 2_000).key("k").paid(2_010, "s2");
    story.breaks(Promise::C6);
}

#[test]
fn an_effect_done_twice_that_only_a_read_shows() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.confirm("r1", 1_000).key("k").lost(1_500);
    story.confirm("r1", 2_000).key("k").paid(2_010, "s2");
    story.sales("ana", 3_000, 3_010, &[("s1", "r1", &[1]), ("s2", "r1", &[1])]);
    story.breaks(Promise::C6);
}

#[test]
fn another_body_for_one_key() {
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).key("k").granted(10, "r1");
    story.reserve("ana", &[1], 1_000).key("k").granted(1_010, "r1");
    for (line, hash) in story.lines.iter_mut().zip(0..) {
        if let Line::Ok(done) = line {
            done.hash = Some(hash);
        }
    }
    story.breaks(Promise::C6);
}

#[test]
fn wrong_totals() {
    let mut story = Story::new();
    story.reserve("ana", &[1, 2], 0).ok(10, 201, |done| {
        done.reservation = Some("r1".into());
        done.total_cents = Some(PRICE);
    });
    story.breaks(Promise::C7);
}

#[test]
fn a_listed_total_that_is_not_what_was_paid() {
    let mut story = Story::new();
    story.sell("ana", 1, "r1", 0);
    story.sales("ana", 2_000, 2_010, &[]);
    let Some(Line::Ok(done)) = story.lines.last_mut() else { panic!("an answer") };
    done.sales = Some(vec![SaleSeen {
        id: "s-r1".into(),
        reservation: "r1".into(),
        seats: vec![seat(1)],
        total_cents: Some(PRICE + 1),
    }]);
    story.breaks(Promise::C7);
}

#[test]
fn a_group_half_granted() {
    let mut story = Story::new();
    story.reserve("ana", &[1, 2], 0).ok(10, 201, |done| {
        done.reservation = Some("r1".into());
        done.seats = vec![seat(1)];
    });
    story.breaks(Promise::G);
}

#[test]
fn a_group_refused_that_leaves_a_hold_behind() {
    let mut story = Story::new();
    story.map(0, 5, "AAAA");
    story.reserve("ana", &[1], 10).granted(20, "r1");
    story.reserve("bia", &[1, 2], 1_000).refused(1_010, 409);
    story.map(2_000, 2_010, "RRAA");
    story.reserve("caio", &[2], 3_000).refused(3_010, 409);
    let verdict = story.breaks(Promise::G);
    assert_eq!(verdict.violations.len(), 2, "{verdict}");
}

#[test]
fn answers_that_fit_into_no_order() {
    // Each answer alone may be true: a confirm of unknown outcome excuses the refusal, but then the
    // seat cannot be free for the next.
    let mut story = Story::new();
    story.reserve("ana", &[1], 0).granted(10, "r1");
    story.confirm("r1", 29_000).lost(29_500);
    story.reserve("bia", &[1], 33_000).refused(33_010, 409);
    story.reserve("caio", &[1], 34_000).granted(34_010, "r2");
    story.breaks(Promise::C8);
}
