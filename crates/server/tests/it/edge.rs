//! Rules for every request, on any route.

use poltrona::config::{Cors, Locale};
use poltrona_testkit::app::{HOLD, NOBODY, Request, TestApp, fields, is_time};
use serde_json::json;

/// Every path that reads, with something to read at it.
async fn readable(app: &TestApp) -> Vec<String> {
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201);
    app.pay(&held.id()).await.expect(201);
    vec![
        "/health".to_owned(),
        "/sessions".to_owned(),
        session.path(),
        format!("/seats/{}", session.id),
        format!("/reservations/{}", held.id()),
        "/reservations/user/ana".to_owned(),
        "/sales/history/ana".to_owned(),
        "/api/docs-json".to_owned(),
        "/api/docs-yaml".to_owned(),
        "/api/errors".to_owned(),
    ]
}

#[tokio::test]
async fn unknown_paths_are_not_found() {
    let app = TestApp::open().await;
    for path in [
        "/",
        "/nothing",
        "/sessions/a/b",
        "/sales",
        "/sales/history",
        "/reservations",
        "/api",
        "/SESSIONS",
    ] {
        let method = if path == "/reservations" { continue } else { "GET" };
        app.request(method, path).await.refused(404, "route_not_found");
    }
    app.post("/nothing?a=b", &json!({})).await.refused(404, "route_not_found");
}

#[tokio::test]
async fn a_method_that_a_path_does_not_have_is_answered_with_those_that_it_has() {
    let app = TestApp::open().await;
    let id = NOBODY;
    for (method, path, allowed) in [
        ("DELETE", "/sessions".to_owned(), ["GET", "HEAD", "POST"].as_slice()),
        ("PUT", format!("/sessions/{id}"), &["DELETE", "GET", "HEAD", "PATCH"]),
        ("POST", format!("/seats/{id}"), &["GET", "HEAD"]),
        ("GET", "/reservations".to_owned(), &["POST"]),
        ("HEAD", "/reservations".to_owned(), &["POST"]),
        ("PATCH", format!("/reservations/{id}"), &["DELETE", "GET", "HEAD"]),
        ("GET", format!("/reservations/{id}/extend"), &["POST"]),
        ("GET", format!("/payments/confirm/{id}"), &["POST"]),
        ("POST", "/sales/history/ana".to_owned(), &["GET", "HEAD"]),
        ("POST", "/health".to_owned(), &["GET", "HEAD"]),
        ("TRACE", "/health/".to_owned(), &["GET", "HEAD"]),
        ("BREW", "/health".to_owned(), &["GET", "HEAD"]),
    ] {
        let answer = app.request(method, &path).await;
        let answer = match method {
            "HEAD" => answer.expect(405),
            _ => answer.refused(405, "method_not_allowed"),
        };
        let mut allow: Vec<_> = answer.header("allow").unwrap().split(',').map(str::trim).collect();
        allow.sort_unstable();
        assert_eq!(allow, allowed, "{method} {path}");
    }
}

#[tokio::test]
async fn head_answers_as_get_does_without_the_body() {
    let app = TestApp::open().await;
    let mut paths = readable(&app).await;
    paths.extend(["/livez", "/readyz", "/nothing"].map(str::to_owned));
    for path in paths {
        let got = app.get(&path).header("x-request-id", "one").await;
        let head = app.request("HEAD", &path).header("x-request-id", "one").await;
        assert_eq!(head.status, got.status, "{path}");
        assert!(head.bytes.is_empty(), "{path}");
        assert_eq!(head.header("content-length"), Some(&*got.bytes.len().to_string()), "{path}");
        for name in ["content-type", "etag", "vary", "link"] {
            assert_eq!(head.all_of(name), got.all_of(name), "{name} of {path}");
        }
    }
}

#[tokio::test]
async fn a_trailing_slash_is_answered_and_not_redirected() {
    let app = TestApp::open().await;
    for path in readable(&app).await {
        let plain = app.get(&path).header("x-request-id", "one").await.expect(200);
        let slashed = app.get(&format!("{path}/")).header("x-request-id", "one").await.expect(200);
        assert_eq!(slashed.bytes, plain.bytes, "{path}");
        app.get(&format!("{path}/?x=y")).await.expect(200);
    }
    app.get("/nothing/").await.refused(404, "route_not_found");
    let refused = app.post("/reservations/", &json!({})).await;
    refused.refused(400, "validation_failed");
}

#[tokio::test]
async fn a_client_that_has_the_answer_is_not_sent_it_again() {
    let app = TestApp::open().await;
    for path in readable(&app).await {
        let got = app.get(&path).await.expect(200);
        let tag = got.header("etag").unwrap_or_else(|| panic!("{path} has no tag")).to_owned();
        let is_versioned = path.starts_with("/sessions/");
        assert_eq!(tag.starts_with("W/\""), !is_versioned, "{tag}");
        for known in [tag.clone(), format!("\"x\", {tag}"), tag.replace("W/", ""), "*".to_owned()] {
            let same = app.get(&path).header("if-none-match", &known).await.expect(304);
            assert!(same.bytes.is_empty());
            assert_eq!(same.header("etag"), Some(&*tag));
            assert_eq!(same.all_of("vary"), got.all_of("vary"));
            let head = app.request("HEAD", &path).header("if-none-match", &known).await;
            head.expect(304);
        }
        let two = app.get(&path).header("if-none-match", "\"x\"").header("if-none-match", &tag);
        two.await.expect(304);
        let other = app.get(&path).header("if-none-match", "W/\"0\"").await.expect(200);
        assert_eq!(other.bytes, got.bytes);
    }
}

#[tokio::test]
async fn an_answer_that_is_known_keeps_its_other_headers() {
    let app = TestApp::open().await;
    app.session().await;
    let page = app.get("/sessions?limit=1").await.expect(200);
    assert!(page.header("link").is_some());
    let same = app.get("/sessions?limit=1").header("if-none-match", "*").await.expect(304);
    assert_eq!(same.header("link"), page.header("link"));
}

#[tokio::test]
async fn a_changed_answer_has_another_tag() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let path = format!("/seats/{}", session.id);
    let tag = async || app.get(&path).await.expect(200).header("etag").unwrap().to_owned();
    let free = tag().await;
    app.reserve(session.seat("A1"), "ana").await.expect(201);
    let held = tag().await;
    assert_ne!(held, free);
    assert_eq!(tag().await, held);
    // A lapse changes it, though nothing has been written.
    let stall = app.stall().await;
    app.advance(HOLD);
    app.get(&path).header("if-none-match", &held).await.expect(200);
    assert_eq!(tag().await, free);
    stall.end();
}

#[tokio::test]
async fn errors_and_writes_carry_no_tag() {
    let app = TestApp::open().await;
    let session = app.session().await;
    assert_eq!(session.answer.header("etag"), None);
    let missing = app.get("/nothing").header("if-none-match", "*").await;
    assert_eq!(missing.refused(404, "route_not_found").header("etag"), None);
    for path in ["/livez", "/readyz", "/metrics", "/livez/"] {
        let answer = app.get(path).header("if-none-match", "*").await.expect(200);
        assert_eq!(answer.header("etag"), None, "{path}");
    }
}

#[tokio::test]
async fn every_answer_says_who_may_keep_it() {
    let app = TestApp::open().await;
    for path in readable(&app).await {
        let answer = app.get(&path).await.expect(200);
        let is_personal = path.starts_with("/reservations") || path.starts_with("/sales");
        let expected = if is_personal { "private, no-store" } else { "no-cache" };
        assert_eq!(answer.header("cache-control"), Some(expected), "{path}");
        let same = app.get(&path).header("if-none-match", "*").await.expect(304);
        assert_eq!(same.header("cache-control"), Some(expected), "{path}");
    }
    for path in ["/livez", "/readyz", "/metrics", "/nothing", "/sessions?limit=0"] {
        assert_eq!(app.get(path).await.header("cache-control"), Some("no-store"), "{path}");
    }
    let session = app.session().await;
    assert_eq!(session.answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn a_request_names_one_host() {
    let app = TestApp::open().await;
    let ask = |host: &str| app.get("/health").english().header("host", host);
    for host in ["cinema.example", "cinema.example:3000", "[::1]:3000", "127.0.0.1", ""] {
        ask(host).await.expect(200);
    }
    for host in ["a b/c", "a/b", "user@a", "a:b:c", "[", "a:x", "a:99999"] {
        ask(host).await.breaks(&["Host must be given once, as host or host:port"]);
    }
    let twice = ask("a").header("host", "b").await;
    twice.breaks(&["Host must be given once, as host or host:port"]);
}

#[tokio::test]
async fn every_answer_says_what_it_varies_with() {
    let app = TestApp::open().await;
    let mut paths = readable(&app).await;
    paths.push("/nothing".to_owned());
    for path in paths {
        let vary = app.get(&path).await.all_of("vary");
        let vary: Vec<_> = vary.split(',').map(str::trim).collect();
        for header in ["accept", "accept-encoding", "accept-language"] {
            assert!(vary.contains(&header), "{path}: {vary:?}");
        }
    }
}

#[tokio::test]
async fn a_sane_request_id_is_kept_and_any_other_replaced() {
    let app = TestApp::open().await;
    let long = "x".repeat(128);
    for id in ["abc-123", "a", "A.b_c:9", &long] {
        let answer = app.get("/health").header("x-request-id", id).await.expect(200);
        assert_eq!(answer.header("x-request-id"), Some(id));
        let refused = app.get("/nothing").header("x-request-id", id).await;
        assert_eq!(refused.refused(404, "route_not_found").body["requestId"], id);
    }
    let longer = "x".repeat(129);
    for id in ["", "a b", "<script>", "a\"b", "ação", "a,b", &longer] {
        let answer = app.get("/health").header("x-request-id", id).await.expect(200);
        let fresh = answer.header("x-request-id").unwrap();
        assert_ne!(fresh, id);
        assert_eq!(fresh.len(), 36, "{fresh}");
    }
    let ids = [app.get("/health").await, app.get("/health").await];
    assert_ne!(ids[0].header("x-request-id"), ids[1].header("x-request-id"));
}

#[tokio::test]
async fn errors_are_in_portuguese_or_in_english() {
    let app = TestApp::open().await;
    let message =
        async |request: Request| request.await.refused(404, "session_not_found").text("message");
    let ask = || app.get(&format!("/sessions/{NOBODY}"));
    assert_eq!(message(ask()).await, "Sessão não encontrada");
    for accept in ["en", "en-US,en;q=0.9,pt;q=0.8", "fr, en;q=0.1", "EN"] {
        let english = ask().header("accept-language", accept);
        assert_eq!(message(english).await, "Session not found", "{accept}");
    }
    for accept in ["pt-BR", "pt", "fr", "*", "pt;q=0.9, en;q=0.8", "en;q=0"] {
        let portuguese = ask().header("accept-language", accept);
        assert_eq!(message(portuguese).await, "Sessão não encontrada", "{accept}");
    }
    let english = TestApp::with(|config| config.locale = Locale::En).await;
    let answer = english.get(&format!("/sessions/{NOBODY}")).await;
    assert_eq!(answer.text("message"), "Session not found");
}

#[tokio::test]
async fn a_client_that_asks_for_problem_json_gets_it() {
    let app = TestApp::open().await;
    let ask = |accept: &str| {
        app.post("/sessions?a=b", &json!({ "movie": "", "x": 1 }))
            .english()
            .header("accept", accept)
    };
    let problem = ask("application/problem+json").await.expect(400);
    assert_eq!(problem.header("content-type"), Some("application/problem+json"));
    let body = &problem.body;
    assert_eq!(
        fields(body),
        [
            "code",
            "detail",
            "errors",
            "instance",
            "requestId",
            "status",
            "timestamp",
            "title",
            "type"
        ]
    );
    assert_eq!(body["type"], "/api/errors#validation_failed");
    assert_eq!(body["status"], 400);
    assert_eq!(body["code"], "validation_failed");
    assert_eq!(body["instance"], "/sessions?a=b");
    assert_eq!(body["requestId"].as_str(), problem.header("x-request-id"));
    assert!(is_time(&body["timestamp"]));
    assert_eq!(
        body["errors"],
        json!([
            { "field": "movie", "message": "movie must not be blank" },
            { "field": "room", "message": "room is required" },
            { "field": "startsAt", "message": "startsAt is required" },
            { "field": "ticketPrice", "message": "ticketPrice is required" },
            { "field": "totalSeats", "message": "totalSeats is required" },
            { "field": "x", "message": "x is not a known field" },
        ])
    );
    for accept in
        ["application/problem+json;q=0.5, text/html", "application/json, APPLICATION/PROBLEM+JSON"]
    {
        let answer = ask(accept).await.expect(400);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{accept}");
    }
    for accept in [
        "*/*",
        "application/json",
        "application/problem+json;q=0",
        "application/problem+json;Q=0",
        "application/json, application/problem+json;q=0.1",
        "",
    ] {
        ask(accept).await.refused(400, "validation_failed");
    }
    let session = app.session().await;
    app.reserve(session.seat("A1"), "ana").await.expect(201);
    let held =
        app.reserve(session.seat("A1"), "bia").header("accept", "application/problem+json").await;
    assert_eq!(held.expect(409).body["seats"][0]["seatNumber"], "A1");
}

#[tokio::test]
async fn pages_of_any_site_may_call_by_default_and_never_with_credentials() {
    let app = TestApp::open().await;
    for path in ["/sessions", "/nothing"] {
        let answer = app.get(path).header("origin", "https://a.example").await;
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        let exposed = answer.all_of("access-control-expose-headers");
        for name in
            ["x-request-id", "etag", "link", "location", "retry-after", "idempotency-replayed"]
        {
            assert!(exposed.contains(name), "{name} in {exposed}");
        }
    }
    let preflight = app
        .request("OPTIONS", "/reservations")
        .header("origin", "https://a.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,idempotency-key")
        .await;
    assert_eq!(preflight.status, 200);
    assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
    assert_eq!(preflight.header("access-control-allow-methods"), Some("*"));
    assert_eq!(preflight.header("access-control-allow-headers"), Some("*"));
    assert_eq!(preflight.header("access-control-allow-credentials"), None);
}

#[tokio::test]
async fn only_pages_of_listed_sites_may_call_when_there_is_a_list() {
    let listed = "https://cinema.example";
    let app =
        TestApp::with(|config| config.cors_origins = Cors::List(vec![listed.to_owned()])).await;
    let origin = async |method: &str, origin: &str| {
        let answer = app
            .request(method, "/sessions")
            .header("origin", origin)
            .header("access-control-request-method", "GET")
            .await;
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        assert!(answer.all_of("vary").contains("origin"), "{}", answer.all_of("vary"));
        answer.header("access-control-allow-origin").map(str::to_owned)
    };
    for method in ["GET", "OPTIONS"] {
        assert_eq!(origin(method, listed).await.as_deref(), Some(listed));
        for other in
            ["https://evil.example", "http://cinema.example", "https://cinema.example:444", "null"]
        {
            assert_eq!(origin(method, other).await, None, "{other}");
        }
    }
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_is_not_guessed_at() {
    let app = TestApp::open().await;
    let preflight = app
        .request("OPTIONS", "/sessions")
        .header("origin", "https://a.example")
        .header("access-control-request-method", "POST")
        .await;
    let session = app.session().await;
    let cancelled = app.delete(&session.path()).await.expect(204);
    for answer in [&preflight, &cancelled, &session.answer, &app.get("/nothing").await] {
        assert!(answer.header("x-request-id").is_some());
    }
    for answer in [cancelled, session.answer, app.get("/nothing").await] {
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}
