//! The rules for a body that opens a session.

use poltrona_testkit::app::{TestApp, session_body, session_with};
use serde_json::{Value, json};

/// Opening a session with this body fails for these reasons, in this order.
async fn breaks(app: &TestApp, body: &Value, rules: &[&str]) {
    app.post("/sessions", body).english().await.breaks(rules);
}

#[tokio::test]
async fn every_broken_rule_is_listed_at_once_in_the_order_of_the_fields() {
    let app = TestApp::open().await;
    let body = json!({
        "totalSeats": 15,
        "ticketPrice": -1,
        "startsAt": "2026-02-30",
        "room": "   ",
        "movie": 7,
        "color": "blue",
    });
    let rules = [
        "movie must be a string",
        "room must not be blank",
        "startsAt must be an existing ISO 8601 date or date-time",
        "ticketPrice must be between 0 and 99999999.99",
        "totalSeats must be between 16 and 10000",
        "color is not a known field",
    ];
    breaks(&app, &body, &rules).await;
    assert_eq!(app.count("sessions"), 0);
}

#[tokio::test]
async fn every_field_is_required() {
    let app = TestApp::open().await;
    let rules = [
        "movie is required",
        "room is required",
        "startsAt is required",
        "ticketPrice is required",
        "totalSeats is required",
    ];
    breaks(&app, &json!({}), &rules).await;
    for (i, field) in ["movie", "room", "startsAt", "ticketPrice", "totalSeats"].iter().enumerate()
    {
        let mut body = session_body();
        body.as_object_mut().unwrap().remove(*field);
        breaks(&app, &body, &rules[i..=i]).await;
    }
}

#[tokio::test]
async fn a_name_has_something_in_it_and_at_most_200_characters() {
    let app = TestApp::open().await;
    for field in ["movie", "room"] {
        let rule = |rule: &str| format!("{field} {rule}");
        for blank in ["", " ", "\t\n", "\u{a0}\u{2003}"] {
            let body = session_with(field, blank);
            breaks(&app, &body, &[&rule("must not be blank")]).await;
        }
        let body = session_with(field, "ã".repeat(201));
        breaks(&app, &body, &[&rule("must have at most 200 characters")]).await;
        for hidden in ["\0", "\u{200b}", "\u{ad}\u{2060}", "\u{3164}", "\u{2800}", "\u{fe0f}"] {
            let body = session_with(field, hidden);
            breaks(&app, &body, &[&rule("must not be blank")]).await;
        }
        for acting in ["a\0b", "a\nb", "a\u{1b}[2Jb", "a\u{202e}b"] {
            let body = session_with(field, acting);
            breaks(&app, &body, &[&rule("must not contain control characters")]).await;
        }
        let body = session_with(field, format!("a\0{}", " ".repeat(200)));
        let rules =
            ["must not contain control characters", "must have at most 200 characters"].map(rule);
        breaks(&app, &body, &rules.each_ref().map(String::as_str)).await;
        for other in [Value::Null, json!(1), json!(true), json!([]), json!({}), json!(["x"])] {
            breaks(&app, &session_with(field, other), &[&rule("must be a string")]).await;
        }
        app.post("/sessions", &session_with(field, "🎬".repeat(200))).await.expect(201);
        let crew = app.post("/sessions", &session_with(field, "👩\u{200d}🚀 (✈\u{fe0f})")).await;
        assert_eq!(crew.expect(201).body[field], "👩\u{200d}🚀 (✈\u{fe0f})");
    }
}

#[tokio::test]
async fn a_text_has_one_spelling_whatever_it_came_in() {
    let app = TestApp::open().await;
    let decomposed = "Corac\u{327}a\u{303}o";
    let session = app.session().movie(decomposed).await;
    assert_eq!(session.answer.body["movie"], "Coração");
    let held = app.reserve(session.seat("A1"), decomposed).await.expect(201);
    assert_eq!(held.body["userId"], "Coração");
    for user in ["Coração", decomposed] {
        let user = percent_encoded(user);
        let listed = app.get(&format!("/reservations/user/{user}")).await.expect(200);
        assert_eq!(listed.ids(), [held.id()]);
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat()
}

#[tokio::test]
async fn a_start_is_a_day_that_exists() {
    let app = TestApp::open().await;
    let date = "startsAt must be an existing ISO 8601 date or date-time";
    for start in [
        json!("2026-02-30"),
        json!("2027-02-29"),
        json!("2026-13-01"),
        json!("2026-00-10"),
        json!("2026-12-01T24:01:00Z"),
        json!("2026-12-01T19:60:00Z"),
        json!("2026-12-01T19:00:60Z"),
        json!("2026-12-31T23:59:60.5+00:00"),
        json!("2026-W49-2"),
        json!("2026-335"),
        json!("20261201"),
        json!("01/12/2026"),
        json!("amanhã"),
        json!(""),
        json!(" 2026-12-01"),
        json!("2026-12-01T19:00:00Z\0"),
        json!("-002026-12-01"),
        json!("2026-12-01T19:00:00+24:00"),
        json!("2026-12-01T19:00:00-25:59"),
        json!(1_795_514_400_000_i64),
        json!(null),
        json!(["2026-12-01"]),
    ] {
        breaks(&app, &session_with("startsAt", start), &[date]).await;
    }
}

#[tokio::test]
async fn a_start_lies_in_the_years_2000_to_2100() {
    let app = TestApp::open().await;
    for start in
        ["1999-12-31T23:59:59.999Z", "2101-01-01", "0001-01-01", "9999-01-01", "1970-01-01"]
    {
        let body = session_with("startsAt", start);
        breaks(&app, &body, &["startsAt must be between 2000 and 2100"]).await;
    }
    let body = session_with("startsAt", "2000-01-01T00:00:00+00:01");
    breaks(&app, &body, &["startsAt must be between 2000 and 2100"]).await;
}

#[tokio::test]
async fn a_price_is_whole_cents_from_nothing_to_99_999_999_99() {
    let app = TestApp::open().await;
    let range = "ticketPrice must be between 0 and 99999999.99";
    for price in [json!(-0.01), json!(-1), json!(1e9), json!(100_000_000), json!(1e300)] {
        breaks(&app, &session_with("ticketPrice", price), &[range]).await;
    }
    for price in [json!(25.999), json!(0.001), json!(0.1 + 0.2), json!(1e-300)] {
        let rule = "ticketPrice must have at most two decimals";
        breaks(&app, &session_with("ticketPrice", price), &[rule]).await;
    }
    for (price, rule) in [
        ("25.50000000000000000001", "ticketPrice must have at most two decimals"),
        ("1E-400", "ticketPrice must have at most two decimals"),
        ("100000000.00", range),
    ] {
        let body = session_body()
            .to_string()
            .replace("\"ticketPrice\":25.5", &format!("\"ticketPrice\":{price}"));
        app.request("POST", "/sessions").english().raw(body).await.breaks(&[rule]);
    }
    for price in [json!("25.5"), json!("NaN"), json!(null), json!(true), json!([25.5]), json!({})] {
        breaks(&app, &session_with("ticketPrice", price), &["ticketPrice must be a number"]).await;
    }
}

#[tokio::test]
async fn a_room_has_16_to_10_000_seats() {
    let app = TestApp::open().await;
    let range = "totalSeats must be between 16 and 10000";
    for seats in [json!(15), json!(10_001), json!(0), json!(-16), json!(65_552), json!(1e300)] {
        breaks(&app, &session_with("totalSeats", seats), &[range]).await;
    }
    for seats in [json!(16.5), json!(0.1)] {
        breaks(&app, &session_with("totalSeats", seats), &["totalSeats must be an integer"]).await;
    }
    for seats in [json!("16"), json!(null), json!([16])] {
        breaks(&app, &session_with("totalSeats", seats), &["totalSeats must be a number"]).await;
    }
    app.post("/sessions", &session_with("totalSeats", 16)).await.expect(201);
    app.post("/sessions", &session_with("totalSeats", 16.0)).await.expect(201);
}

#[tokio::test]
async fn a_field_that_nobody_knows_is_refused_and_named() {
    let app = TestApp::open().await;
    for field in ["Movie", "id", "createdAt", "seats", "", "__proto__", "ação"] {
        let rule = if field.is_empty() { "body" } else { field };
        let rule = format!("{rule} is not a known field");
        breaks(&app, &session_with(field, 1), &[&rule]).await;
    }
}

#[tokio::test]
async fn a_field_given_twice_is_refused_even_with_equal_values() {
    let app = TestApp::open().await;
    let body = session_body().to_string();
    for (again, field) in [
        (r#""movie":"Interestelar""#, "movie"),
        (r#""ticketPrice":25.5"#, "ticketPrice"),
        (r#""totalSeats":17"#, "totalSeats"),
    ] {
        let twice = body.replacen('{', &format!("{{{again},"), 1);
        let answer = app.request("POST", "/sessions").english().raw(twice).await;
        answer.breaks(&[&format!("{field} was given twice")]);
    }
}
