//! Bodies that cannot be read at all.

use poltrona_testkit::app::{Request, TestApp, session_body, session_with};
use serde_json::{Value, json};

/// Each call that takes a body.
fn calls(app: &TestApp, session: &str) -> [Request; 3] {
    [
        app.request("POST", "/sessions"),
        app.request("PATCH", &format!("/sessions/{session}")),
        app.request("POST", "/reservations"),
    ]
}

#[tokio::test]
async fn what_is_not_json_is_invalid_json() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let deep = format!("{{\"movie\":{}1{}}}", "[".repeat(500), "]".repeat(500));
    for body in [
        &b"{"[..],
        b"{\"movie\":}",
        b"{\"movie\":\"x\",}",
        b"{'movie':'x'}",
        b"{} {}",
        b"nonsense",
        b"{\"movie\":\"\xff\"}",
        b"{\"movie\":\"\\ud800\"}",
        b"{\"movie\":\"\\udc00\\ud800\"}",
        b"{\"\\ud800\":1}",
        b"{\"ticketPrice\":NaN}",
        b"{\"ticketPrice\":1e999}",
        b"{\"ticketPrice\":01}",
        b"\xef\xbb\xbf{}",
        deep.as_bytes(),
    ] {
        for call in calls(&app, &session.id) {
            call.raw(body.to_vec()).await.refused(400, "invalid_json");
        }
    }
}

#[tokio::test]
async fn a_body_is_an_object_and_nothing_else() {
    let app = TestApp::open().await;
    let session = app.session().await;
    for body in [json!([]), json!(1), json!("x"), Value::Null, json!(true), json!([session_body()])]
    {
        for call in calls(&app, &session.id) {
            call.json(&body).await.refused(400, "invalid_json");
        }
    }
}

#[tokio::test]
async fn an_empty_body_is_invalid_json() {
    let app = TestApp::open().await;
    let session = app.session().await;
    for call in calls(&app, &session.id) {
        call.clone().raw("").await.refused(400, "invalid_json");
        call.clone().raw(" \n").await.refused(400, "invalid_json");
        call.await.refused(400, "unsupported_media_type");
    }
}

#[tokio::test]
async fn a_body_nests_no_deeper_than_anyone_needs() {
    let app = TestApp::open().await;
    let nested = |depth: usize| {
        let value = (0..depth).fold(json!("Sala 1"), |value, _| json!([value]));
        app.post("/sessions", &session_with("room", value)).english()
    };
    nested(15).await.breaks(&["room must be a string"]);
    nested(16).await.refused(400, "invalid_json");
    nested(100).await.refused(400, "invalid_json");
}

#[tokio::test]
async fn a_body_says_that_it_is_json() {
    let app = TestApp::open().await;
    let body = session_body().to_string();
    let typed = |kind: &str| {
        app.request("POST", "/sessions").untyped(body.clone()).header("content-type", kind)
    };
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json", ""]
    {
        typed(kind).await.refused(400, "unsupported_media_type");
    }
    app.request("POST", "/sessions")
        .untyped(body.clone())
        .await
        .refused(400, "unsupported_media_type");
    for kind in ["application/json", "Application/JSON; charset=utf-8", "application/vnd.api+json"]
    {
        typed(kind).await.expect(201);
    }
}

#[tokio::test]
async fn a_body_of_100_kilobytes_is_read_and_one_byte_more_is_not() {
    const LIMIT: usize = 100 * 1024;
    let app = TestApp::open().await;
    let session = app.session().await;
    let mut body = session_body().to_string();
    body.push_str(&" ".repeat(LIMIT - body.len()));
    app.request("POST", "/sessions").raw(body.clone()).await.expect(201);
    body.push(' ');
    for call in calls(&app, &session.id) {
        call.raw(body.clone()).await.refused(413, "body_too_large");
    }
}

#[tokio::test]
async fn texts_come_back_as_they_were_sent() {
    let app = TestApp::open().await;
    for text in [
        "\"\\/\u{8}\u{c}\n\r\t",
        "\u{7f}\u{2028}\u{feff}",
        "𝄞 e\u{301}",
        "<script>&amp;",
        "'; DROP TABLE seats; --",
    ] {
        let session = app.session().movie(text).await;
        let shown = app.get(&session.path()).await.expect(200);
        assert_eq!(shown.text("movie"), text);
        let held = app.reserve(session.seat("A1"), text).await.expect(201);
        assert_eq!(held.text("userId"), text);
    }
}
