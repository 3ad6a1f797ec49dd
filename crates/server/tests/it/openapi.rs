//! The OpenAPI document and the server's behaviour agree.

mod schema;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use poltrona::http::code::Code;
use poltrona_testkit::app::{HOLD, NOBODY, TestApp};
use serde_json::Value;

use schema::Document;

async fn document(app: &TestApp) -> Document {
    Document(app.get("/api/docs-json").await.expect(200).body)
}

#[tokio::test]
async fn the_document_is_served_as_json_and_as_yaml_and_printed_by_the_program() {
    let app = TestApp::open().await;
    let json = app.get("/api/docs-json").await.expect(200);
    assert_eq!(json.header("content-type"), Some("application/json; charset=utf-8"));
    assert!(json.text("openapi").starts_with("3."));
    assert_eq!(json.body["info"]["title"], "Poltrona");
    let yaml = app.get("/api/docs-yaml").await.expect(200);
    assert_eq!(yaml.header("content-type"), Some("application/yaml"));
    let read: Value = yaml_serde::from_slice(&yaml.bytes).expect("YAML");
    assert_eq!(read, json.body);
    assert_eq!(poltrona::http::openapi::json(), json.lossy());
    assert_eq!(poltrona::http::openapi::yaml(), yaml.lossy());
}

#[tokio::test]
async fn every_call_of_the_contract_is_described() {
    let app = TestApp::open().await;
    let described: BTreeSet<_> = document(&app).await.operations().map(|it| it.name()).collect();
    let contract = [
        "DELETE /reservations/{id}",
        "DELETE /sessions/{id}",
        "GET /health",
        "GET /livez",
        "GET /metrics",
        "GET /readyz",
        "GET /reservations/user/{userId}",
        "GET /reservations/{id}",
        "GET /sales/history/{userId}",
        "GET /seats/{sessionId}",
        "GET /sessions",
        "GET /sessions/{id}",
        "PATCH /sessions/{id}",
        "POST /payments/confirm/{reservationId}",
        "POST /reservations",
        "POST /reservations/{id}/extend",
        "POST /sessions",
    ];
    assert_eq!(described.iter().map(String::as_str).collect::<Vec<_>>(), contract);
}

#[tokio::test]
async fn every_described_operation_is_served_and_no_other() {
    let app = TestApp::open().await;
    let document = document(&app).await;
    for path in document.paths() {
        // A method that no path has: the answer lists those that this one has.
        let refused = app.request("BREW", &path.replace(['{', '}'], "")).await;
        let refused = refused.refused(405, "method_not_allowed");
        let allow = refused.header("allow").unwrap().to_owned();
        let served: BTreeSet<_> = allow.split(',').map(|method| method.trim().to_owned()).collect();
        let mut described: BTreeSet<_> = document
            .operations()
            .filter(|it| it.path == path)
            .map(|it| it.method.clone())
            .collect();
        if described.contains("GET") {
            described.insert("HEAD".to_owned());
        }
        assert_eq!(served, described, "{path}");
    }
}

/// Every source file below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let entries = entries.map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// The router cannot be asked for its paths, but there are only two ways to add one.
#[test]
fn no_path_is_added_without_being_described() {
    let http = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http");
    let mut added = Vec::new();
    for file in sources(&http) {
        let source = std::fs::read_to_string(file).unwrap();
        for way in
            [".route(\"", ".nest(\"", ".route_service(\"", ".nest_service(\"", "SwaggerUi::new(\""]
        {
            let paths = source.split(way).skip(1);
            added.extend(paths.map(|rest| rest.split('"').next().unwrap().to_owned()));
        }
    }
    added.sort();
    // The pages about the API are not part of it. Everything else is a row of the table.
    assert_eq!(added, ["/api/docs", "/api/docs-json", "/api/docs-yaml", "/api/errors"]);
}

#[tokio::test]
async fn successes_look_as_they_are_described() {
    let app = TestApp::open().await;
    let document = document(&app).await;
    let conforms =
        |name: &str, status: u16, body: &Value| document.assert_success(name, status, body);
    let session = app.session().await;
    conforms("POST /sessions", 201, &session.answer.body);
    conforms("GET /sessions/{id}", 200, &app.get(&session.path()).await.expect(200).body);
    conforms("GET /sessions", 200, &app.get("/sessions").await.expect(200).body);
    let change = serde_json::json!({ "room": "Sala 2" });
    let changed = app.patch(&session.path(), &change).await.expect(200);
    conforms("PATCH /sessions/{id}", 200, &changed.body);
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201);
    conforms("POST /reservations", 201, &held.body);
    let map = app.get(&format!("/seats/{}", session.id)).await.expect(200);
    conforms("GET /seats/{sessionId}", 200, &map.body);
    let extended = app.extend(&held.id()).await.expect(200);
    conforms("POST /reservations/{id}/extend", 200, &extended.body);
    let paid = app.pay(&held.id()).await.expect(201);
    conforms("POST /payments/confirm/{reservationId}", 201, &paid.body);
    app.reserve(session.seat("A2"), "ana").await.expect(201);
    app.advance(HOLD);
    let list = app.get("/reservations/user/ana").await.expect(200);
    assert_eq!(list.each("status"), ["EXPIRED", "CONFIRMED"]);
    conforms("GET /reservations/user/{userId}", 200, &list.body);
    let shown = app.get(&format!("/reservations/{}", held.id())).await.expect(200);
    conforms("GET /reservations/{id}", 200, &shown.body);
    let history = app.get("/sales/history/ana").await.expect(200);
    conforms("GET /sales/history/{userId}", 200, &history.body);
    conforms("GET /health", 200, &app.get("/health").await.expect(200).body);
    conforms("GET /readyz", 200, &app.get("/readyz?verbose").await.expect(200).body);
}

#[tokio::test]
async fn errors_look_as_they_are_described() {
    let app = TestApp::open().await;
    let document = document(&app).await;
    let session = app.session().await;
    let seats = session.seats(["A1", "A2"]);
    app.reserve_all(&seats, "ana").await.expect(201);
    for request in [
        app.reserve_all(&seats, "bia"),
        app.get(&format!("/sessions/{NOBODY}")),
        app.post("/sessions", &serde_json::json!({})),
        app.get("/nothing"),
        app.delete("/sessions"),
        app.delete(&session.path()),
        app.pay("x"),
    ] {
        let plain = request.clone().await;
        assert!(plain.status >= 400);
        document.assert_conforms("#/components/schemas/Error", &plain.body);
        let problem = request.header("accept", "application/problem+json").await;
        assert_eq!(problem.status, plain.status);
        document.assert_conforms("#/components/schemas/Problem", &problem.body);
    }
}

#[tokio::test]
async fn every_example_of_an_error_is_valid() {
    let app = TestApp::open().await;
    let document = document(&app).await;
    let mut shown = BTreeSet::new();
    for operation in document.operations() {
        for (status, kind, name, example) in operation.error_examples() {
            let what = format!("{} {status} {name}", operation.name());
            let code = Code::ALL.iter().find(|code| code.as_str() == name);
            let code = code.unwrap_or_else(|| panic!("{what} is no code"));
            assert_eq!(example["code"], name, "{what}");
            assert_eq!(code.status().as_str(), status, "{what}");
            let schema = match kind.as_str() {
                "application/json" => "#/components/schemas/Error",
                "application/problem+json" => "#/components/schemas/Problem",
                other => panic!("{what}: {other}"),
            };
            document.assert_conforms(schema, &example);
            shown.insert(name);
        }
    }
    // Any request can get these; they belong to no operation.
    let anywhere = ["route_not_found", "method_not_allowed"];
    let expected: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str().to_owned()).collect();
    shown.extend(anywhere.map(str::to_owned));
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn the_examples_of_bodies_do_what_they_show() {
    let app = TestApp::open().await;
    let document = document(&app).await;
    let mut open = document.body_example("POST /sessions");
    let opened = app.post("/sessions", &open).await.expect(201);
    let path = format!("/sessions/{}", opened.id());
    let update = document.body_example("PATCH /sessions/{id}");
    app.patch(&path, &update).await.expect(200);
    open["totalSeats"] = 1.into();
    app.post("/sessions", &open).await.refused(400, "validation_failed");
    // The seat of the example is in nobody's session, but its id is one.
    let reserve = document.body_example("POST /reservations");
    app.post("/reservations", &reserve).await.refused(404, "seat_not_found");
}
