//! Bodies that the program cannot parse.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
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
async fn a_malformed_body_is_invalid_json() {
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
async fn a_compressed_body_is_inflated_within_the_limit() {
    let app = TestApp::open().await;
    let body = session_body().to_string();
    let post = |body: Vec<u8>, encoding: &str| {
        app.request("POST", "/sessions").raw(body).header("content-encoding", encoding).english()
    };
    for encoding in ["gzip", "GZIP", "x-gzip", "identity, gzip"] {
        post(gzip(body.as_bytes()), encoding).await.expect(201);
    }
    for encoding in ["", "identity"] {
        post(body.clone().into(), encoding).await.expect(201);
    }
    let refused = post(body.clone().into(), "gzip").await.refused(400, "invalid_json");
    assert!(refused.text("message").contains("it is not gzip"), "{}", refused.lossy());
    for encoding in ["br", "deflate", "zstd", "gzip, gzip", "nonsense"] {
        let refused = post(gzip(body.as_bytes()), encoding).await;
        refused.refused(415, "unsupported_encoding");
    }
    let two = [gzip(body.as_bytes()), gzip(b"x")].concat();
    post(two, "gzip").await.refused(400, "invalid_json");
    // A small body that would fill the memory.
    let bomb = gzip(&vec![b' '; 20 << 20]);
    assert!(bomb.len() < 100 * 1024);
    post(bomb, "gzip").await.refused(413, "body_too_large");
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).expect("memory");
    encoder.finish().expect("memory")
}

#[tokio::test]
async fn a_byte_order_mark_is_skipped() {
    let app = TestApp::open().await;
    let marked = format!("\u{feff}{}", session_body());
    app.request("POST", "/sessions").raw(marked).await.expect(201);
}

#[tokio::test]
async fn a_call_that_takes_nothing_is_given_nothing_or_an_empty_object() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    let calls = [
        ("POST", format!("/payments/confirm/{held}")),
        ("POST", format!("/reservations/{held}/extend")),
        ("DELETE", format!("/reservations/{held}")),
        ("DELETE", session.path()),
    ];
    for (method, path) in &calls {
        let call = || app.request(method, path).english();
        call().json(&json!({ "amount": 1 })).await.breaks(&["amount is not a known field"]);
        call().json(&json!([])).await.refused(400, "invalid_json");
        call().untyped("{}").await.refused(400, "unsupported_media_type");
    }
    app.request("POST", &calls[1].1).raw("").await.expect(200);
    app.request("POST", &calls[0].1).json(&json!({})).await.expect(201);
}

#[tokio::test]
async fn texts_come_back_as_they_were_sent() {
    let app = TestApp::open().await;
    for text in
        ["\"\\/ \u{a0}", "\u{feff}ﬁlme\u{200f}", "𝄞 é", "<script>&amp;", "'; DROP TABLE seats; --"]
    {
        let session = app.session().movie(text).await;
        let shown = app.get(&session.path()).await.expect(200);
        assert_eq!(shown.text("movie"), text);
        let held = app.reserve(session.seat("A1"), text).await.expect(201);
        assert_eq!(held.text("userId"), text);
    }
}
