//! An answer of a box office in this process, and checks of it.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub bytes: Bytes,
    /// The body as JSON; null when it is none.
    pub body: Value,
    asked: String,
}

impl Answer {
    pub(super) fn new(
        (method, path): (&Method, &str),
        status: StatusCode,
        headers: HeaderMap,
        bytes: Bytes,
    ) -> Self {
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        let asked = format!("{method} {path}");
        Self { status: status.as_u16(), headers, bytes, body, asked }
    }

    /// Fails unless it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.asked, self.lossy());
        self
    }

    /// Fails unless it is this error, whole and in the API's own form.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        let (asked, body) = (&answer.asked, &answer.body);
        assert_eq!(body["code"], code, "{asked}: {body}");
        assert_eq!(body["statusCode"], status, "{asked}: {body}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{asked}");
        let path = asked.split_once(' ').map(|(_, path)| path);
        assert_eq!(body["path"].as_str(), path, "{asked}: {body}");
        assert_eq!(body["requestId"].as_str(), answer.header("x-request-id"), "{asked}: {body}");
        assert!(is_time(&body["timestamp"]), "{asked}: {body}");
        let message = &body["message"];
        let is_list = code == "validation_failed";
        assert!(if is_list { message.is_array() } else { message.is_string() }, "{asked}: {body}");
        answer
    }

    /// Fails unless it says, in this order and in English, that these rules were broken.
    #[track_caller]
    pub fn breaks(self, rules: &[&str]) -> Self {
        let answer = self.refused(400, "validation_failed");
        let messages: Vec<_> = answer.body["message"].as_array().into_iter().flatten().collect();
        assert_eq!(messages, rules, "{}", answer.asked);
        answer
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a header of ASCII"))
    }

    /// Every value of a header, joined and in lower case.
    pub fn all_of(&self, name: &str) -> String {
        let values = self.headers.get_all(name).iter();
        let values = values.map(|value| value.to_str().expect("a header of ASCII"));
        values.collect::<Vec<_>>().join(", ").to_ascii_lowercase()
    }

    /// A field that is a text.
    #[track_caller]
    pub fn text(&self, field: &str) -> String {
        let text = self.body[field].as_str();
        text.unwrap_or_else(|| panic!("{}: no text {field} in {}", self.asked, self.body))
            .to_owned()
    }

    /// The field `id`.
    #[track_caller]
    pub fn id(&self) -> String {
        self.text("id")
    }

    /// The body as text.
    pub fn lossy(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The `id` of each entry of a list.
    #[track_caller]
    pub fn ids(&self) -> Vec<String> {
        self.each("id")
    }

    /// A text field of each entry of a list.
    #[track_caller]
    pub fn each(&self, field: &str) -> Vec<String> {
        let list = self.body.as_array().unwrap_or_else(|| panic!("{}: a list", self.asked));
        let text = |entry: &Value| entry[field].as_str().expect("a text").to_owned();
        list.iter().map(text).collect()
    }
}

/// How many of the answers have this status.
pub fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

/// Whether this is a time as the API writes it: RFC 3339, UTC, milliseconds.
pub fn is_time(value: &Value) -> bool {
    let shape = "dddd-dd-ddTdd:dd:dd.dddZ";
    value.as_str().is_some_and(|text| {
        text.len() == shape.len()
            && text.bytes().zip(shape.bytes()).all(|(byte, shape)| match shape {
                b'd' => byte.is_ascii_digit(),
                other => byte == other,
            })
    })
}

/// The names of an object's fields, in their order.
#[track_caller]
pub fn fields(value: &Value) -> Vec<&str> {
    let mut fields: Vec<_> =
        value.as_object().expect("an object").keys().map(String::as_str).collect();
    fields.sort_unstable();
    fields
}
