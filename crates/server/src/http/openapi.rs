//! The OpenAPI document: generated from the handlers, then completed with every error.
//!
//! The table of routes names the codes that each can answer with; what each looks like, in both forms, is
//! rendered here by the same code that answers requests, so the examples cannot lie.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;

use utoipa_axum::router::OpenApiRouter;

use super::code::Code;
use super::negotiation::Form;
use super::route::Route;
use super::{examples, pattern, routes};

/// The document before any route is added.
fn info() -> Document {
    #[derive(OpenApi)]
    #[openapi(
        info(
            title = "Poltrona",
            description = "Sells cinema seats fast, and never one twice.\n\n\
                Errors come as this API's own JSON, or as RFC 9457 problems with \
                `Accept: application/problem+json`; tell them apart by `code`, never by `message`. \
                Text is Portuguese, or English with `Accept-Language: en`. Every `GET` of something \
                that is kept carries an `ETag`; every answer carries `X-Request-Id`. A path without the \
                method that is asked for answers 405 with `Allow`, an unknown path 404."
        ),
        tags(
            (name = "sessions", description = "Showings of films"),
            (name = "seats", description = "Free, held and sold seats"),
            (name = "reservations", description = "Seats held for someone"),
            (name = "payments", description = "A reservation becomes a sale"),
            (name = "sales", description = "A user's purchases"),
            (name = "health", description = "Whether it runs"),
        )
    )]
    struct Info;
    Info::openapi()
}

/// The document as JSON.
pub fn json() -> String {
    serde_json::to_string(&Ordered::new()).unwrap_or_default()
}

/// The document as YAML.
pub fn yaml() -> String {
    yaml_serde::to_string(&Ordered::new()).unwrap_or_default()
}

/// The document as people read it: what it is first, then the paths, then what they refer to.
#[derive(Serialize)]
struct Ordered {
    openapi: Value,
    info: Value,
    servers: Value,
    tags: Value,
    paths: Paths,
    components: Value,
}

/// The paths in the order of the table: sessions first, health last.
struct Paths(Map<String, Value>);

impl Serialize for Paths {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seen = BTreeSet::new();
        let places = routes::ROUTES.iter().map(|route| route.path);
        let places = places.filter(|path| seen.insert(*path));
        serializer.collect_map(places.filter_map(|path| Some((path, self.0.get(path)?))))
    }
}

impl Ordered {
    fn new() -> Self {
        let mut document = document();
        let mut take = |part| document.get_mut(part).map(Value::take).unwrap_or_default();
        Self {
            openapi: take("openapi"),
            info: take("info"),
            servers: take("servers"),
            tags: take("tags"),
            paths: Paths(serde_json::from_value(take("paths")).unwrap_or_default()),
            components: take("components"),
        }
    }
}

/// The whole document.
pub fn document() -> Value {
    let mut document =
        serde_json::to_value(routes::describe(OpenApiRouter::with_openapi(info())).into_openapi())
            .unwrap_or_default();
    document["servers"] = json!([{ "url": "/", "description": "The server that serves this." }]);
    if let Some(schemas) =
        document.pointer_mut("/components/schemas").and_then(Value::as_object_mut)
    {
        for name in BODIES {
            schemas.entry(name).and_modify(|schema| tighten(name, schema));
        }
        schemas.insert("Error".to_owned(), error_schema());
        schemas.insert("Problem".to_owned(), problem_schema());
    }
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            if let Some(operation) = operation.as_object_mut()
                && let Some(route) = routes::find(method, path)
            {
                parameters(route, operation);
                complete(route, operation);
            }
        }
    }
    document
}

/// The schemas of bodies.
const BODIES: [&str; 4] = ["OpenSession", "UpdateSession", "ReserveSeat", "ReserveSeats"];

/// Says what the derived schemas cannot: that a body has no other fields, what may be in a text, which
/// dates exist, that a price has whole cents.
fn tighten(name: &str, schema: &mut Value) {
    schema["additionalProperties"] = false.into();
    if name == "UpdateSession" {
        schema["minProperties"] = 1.into();
    }
    for (field, property) in schema["properties"].as_object_mut().into_iter().flatten() {
        match field.as_str() {
            "movie" | "room" | "userId" => property["pattern"] = pattern::text().into(),
            "startsAt" => property["pattern"] = pattern::start().into(),
            "ticketPrice" => property["multipleOf"] = json!(0.01),
            "seatIds" => property["uniqueItems"] = true.into(),
            _ => {}
        }
    }
}

fn is_of_session(route: &Route) -> bool {
    ["/sessions", "/seats"].iter().any(|it| route.path.starts_with(it))
}

/// Completes the parameters of an operation, and adds those that many have.
fn parameters(route: &Route, operation: &mut Map<String, Value>) {
    let list = operation.entry("parameters").or_insert_with(|| json!([]));
    let Some(list) = list.as_array_mut() else { return };
    for parameter in &mut *list {
        if parameter["in"] == "query" {
            // An empty one counts as absent.
            parameter["allowEmptyValue"] = true.into();
        }
        match parameter["name"].as_str().unwrap_or_default() {
            "Idempotency-Key" => {
                parameter["schema"] = json!({
                    "type": "string", "minLength": 1, "maxLength": 255,
                    "pattern": "^[!-~]([ -~]*[!-~])?$",
                });
            }
            "from" | "to" => {
                let pattern = pattern::any_time();
                parameter["schema"] = json!({ "type": "string", "pattern": pattern });
            }
            "movie" | "room" | "verbose" => {
                parameter["schema"] = json!({ "type": "string", "pattern": "^[^\\u0000]*$" });
            }
            "userId" => {
                parameter["schema"] = json!({ "type": "string", "pattern": "^[^\\u0000]+$" });
                parameter["example"] = "ana".into();
            }
            "id" | "sessionId" if is_of_session(route) => {
                parameter["example"] = "01900000-0000-7000-8000-000000100000".into();
            }
            "id" | "reservationId" => {
                parameter["example"] = "0193f0c2-5b1e-7c4a-9a55-6f0d2c1b7e10".into();
            }
            _ => {}
        }
    }
    if route.caching.is_tagged() {
        list.push(json!({
            "name": "If-None-Match", "in": "header", "schema": { "type": "string" },
            "description": "The `ETag` of an answer that the client has: 304 if nothing changed.",
        }));
    }
    if route.refusals.contains(&Code::PreconditionFailed) {
        list.push(json!({
            "name": "If-Match", "in": "header", "schema": { "type": "string" },
            "description": "The `ETag` of the session as read; 412 if it was changed since.",
        }));
        list.push(json!({
            "name": "If-Unmodified-Since", "in": "header", "schema": { "type": "string" },
            "description": "An HTTP date; 412 if the session was changed after it.",
        }));
    }
    for parameter in &mut *list {
        let name = parameter["name"].as_str().unwrap_or_default();
        // In the schema: pages that let people try a call fill in an example of the parameter itself.
        if let Some(example) = examples::of_parameter(name) {
            parameter["schema"]["examples"] = json!([example]);
        }
    }
    list.push(json!({
        "name": "Accept-Language", "in": "header", "schema": { "type": "string" },
        "description": "`pt-BR` or `en`: the language of messages.", "example": "en",
    }));
}

/// Adds the answers of an operation that its handler does not make: 304, and errors by status.
fn complete(route: &Route, operation: &mut Map<String, Value>) {
    let mut by_status = BTreeMap::<u16, Vec<Code>>::new();
    for code in route.codes() {
        by_status.entry(code.status().as_u16()).or_default().push(code);
    }
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else {
        return;
    };
    if route.caching.is_tagged() {
        let same = json!({ "description": "Nothing changed since the answer that `If-None-Match` names; no body." });
        responses.insert("304".to_owned(), same);
    }
    for (status, codes) in by_status {
        // `readyz` describes its own 503.
        let response = || error_response(route, &codes);
        responses.entry(status.to_string()).or_insert_with(response);
    }
}

fn error_response(route: &Route, codes: &[Code]) -> Value {
    let names: Vec<_> = codes.iter().map(|code| format!("`{}`", code.as_str())).collect();
    let examples = |form| -> Map<String, Value> {
        codes
            .iter()
            .map(|code| {
                let value = examples::example(*code, route, form);
                (code.as_str().to_owned(), json!({ "value": value }))
            })
            .collect()
    };
    json!({
        "description": names.join(", "),
        "content": {
            "application/json": {
                "schema": { "$ref": "#/components/schemas/Error" },
                "examples": examples(Form::Plain),
            },
            "application/problem+json": {
                "schema": { "$ref": "#/components/schemas/Problem" },
                "examples": examples(Form::Problem),
            },
        },
    })
}

fn codes() -> Value {
    Code::ALL.iter().map(|code| code.as_str()).collect()
}

fn taken_seats() -> Value {
    json!({
        "type": "array",
        "description": "The seats that stood in the way, or that do not exist.",
        "items": {
            "type": "object",
            "required": ["seatId", "status"],
            "properties": {
                "seatId": { "type": "string", "format": "uuid" },
                "seatNumber": { "type": "string",
                                "description": "Absent for an id that no seat could have." },
                "status": { "type": "string", "enum": ["RESERVED", "SOLD", "NOT_FOUND"] },
                "retryAt": { "type": "string", "format": "date-time",
                             "description": "The end of the hold." },
                "reservationId": { "type": "string", "format": "uuid",
                                   "description": "The reservation that holds it, when it is the \
                                                   user's own." },
            },
        },
    })
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "required": ["statusCode", "timestamp", "path", "message", "code", "requestId"],
        "properties": {
            "statusCode": { "type": "integer" },
            "timestamp": { "type": "string", "format": "date-time" },
            "path": { "type": "string" },
            "message": {
                "description": "For people. A list, one entry a broken rule, when the request breaks rules.",
                "oneOf": [
                    { "type": "string" },
                    { "type": "array", "items": { "type": "string" } },
                ],
            },
            "code": { "type": "string", "enum": codes(),
                      "description": "For programs; see `/api/errors`." },
            "requestId": { "type": "string" },
            "seats": taken_seats(),
        },
    })
}

fn problem_schema() -> Value {
    json!({
        "type": "object",
        "description": "RFC 9457.",
        "required": ["type", "title", "status", "detail", "instance", "code", "timestamp", "requestId"],
        "properties": {
            "type": { "type": "string", "format": "uri-reference" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "instance": { "type": "string", "format": "uri-reference" },
            "code": { "type": "string", "enum": codes() },
            "timestamp": { "type": "string", "format": "date-time" },
            "requestId": { "type": "string" },
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["field", "message"],
                    "properties": {
                        "field": { "type": "string" },
                        "message": { "type": "string" },
                    },
                },
            },
            "seats": taken_seats(),
        },
    })
}
