//! The OpenAPI document: generated from the handlers, then completed with every error.
//!
//! The table of routes names the codes that each can answer with; what each looks like, in both forms, is
//! rendered here by the same code that answers requests, so the examples cannot lie.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;

use utoipa_axum::router::OpenApiRouter;

use super::code::Code;
use super::negotiation::Form;
use super::route::Route;
use super::{represent, routes};

/// The document before any route is added.
fn info() -> Document {
    #[derive(OpenApi)]
    #[openapi(
        info(
            title = "Poltrona",
            description = "Sells cinema seats fast, and never one twice.\n\n\
                Errors come as this API's own JSON, or as RFC 9457 problems with \
                `Accept: application/problem+json`; tell them apart by `code`, never by `message`. \
                Text is Portuguese, or English with `Accept-Language: en`. Every `GET` carries a \
                weak `ETag`; every answer carries `X-Request-Id`."
        ),
        tags(
            (name = "health", description = "Whether it runs"),
            (name = "sessions", description = "Showings of films"),
            (name = "seats", description = "What is free now"),
            (name = "reservations", description = "Seats held for someone"),
            (name = "payments", description = "A reservation becomes a sale"),
            (name = "sales", description = "What someone bought"),
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
    tags: Value,
    paths: Value,
    components: Value,
}

impl Ordered {
    fn new() -> Self {
        let mut document = document();
        let mut take = |part| document.get_mut(part).map(Value::take).unwrap_or_default();
        Self {
            openapi: take("openapi"),
            info: take("info"),
            tags: take("tags"),
            paths: take("paths"),
            components: take("components"),
        }
    }
}

/// The whole document.
pub fn document() -> Value {
    let mut document =
        serde_json::to_value(routes::describe(OpenApiRouter::with_openapi(info())).into_openapi())
            .unwrap_or_default();
    if let Some(schemas) =
        document.pointer_mut("/components/schemas").and_then(Value::as_object_mut)
    {
        schemas.insert("Error".to_owned(), error_schema());
        schemas.insert("Problem".to_owned(), problem_schema());
    }
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            if let Some(operation) = operation.as_object_mut()
                && let Some(route) = routes::find(method, path)
            {
                tighten(path, operation);
                complete(route, operation);
            }
        }
    }
    document
}

/// Says what the derived schemas cannot: that bodies have no other fields, what an idempotency key
/// is made of, that seats are named in one way or the other.
fn tighten(path: &str, operation: &mut Map<String, Value>) {
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        if parameter["name"] == "Idempotency-Key" {
            parameter["schema"] = json!({
                "type": "string", "minLength": 1, "maxLength": 255,
                "pattern": "^[!-~]([ -~]*[!-~])?$",
            });
        }
    }
    let body = operation.get_mut("requestBody");
    let schema = body.and_then(|body| body.pointer_mut("/content/application~1json/schema"));
    let Some(schema) = schema.and_then(Value::as_object_mut) else { return };
    schema.insert("additionalProperties".to_owned(), false.into());
    if path == "/reservations" {
        let one = json!([{ "required": ["seatId"] }, { "required": ["seatIds"] }]);
        schema.insert("oneOf".to_owned(), one);
    }
    if !schema.contains_key("required") {
        schema.insert("minProperties".to_owned(), 1.into());
    }
}

/// Adds the errors of an operation, grouped by status.
fn complete(route: &Route, operation: &mut Map<String, Value>) {
    let mut by_status = BTreeMap::<u16, Vec<Code>>::new();
    for code in route.codes() {
        by_status.entry(code.status().as_u16()).or_default().push(code);
    }
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else {
        return;
    };
    for (status, codes) in by_status {
        // `readyz` describes its own 503.
        let response = || error_response(route.path, &codes);
        responses.entry(status.to_string()).or_insert_with(response);
    }
}

fn error_response(path: &str, codes: &[Code]) -> Value {
    let names: Vec<_> = codes.iter().map(|code| format!("`{}`", code.as_str())).collect();
    let examples = |form| -> Map<String, Value> {
        codes
            .iter()
            .map(|code| {
                let value = represent::example(*code, path, form);
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
            "required": ["seatId", "seatNumber", "status"],
            "properties": {
                "seatId": { "type": "string", "format": "uuid" },
                "seatNumber": { "type": "string" },
                "status": { "type": "string", "enum": ["RESERVED", "SOLD", "NOT_FOUND"] },
                "retryAt": { "type": "string", "format": "date-time",
                             "description": "The end of the hold." },
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
