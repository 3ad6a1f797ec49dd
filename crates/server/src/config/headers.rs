//! Headers for a collector, as the OpenTelemetry specification writes them in one text. Faults
//! repeat no value of theirs.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::fault::BadValue;

const HINT: &str = "Write `name=value` pairs with commas between, as in `x-api-key=SECRET`; \
                    in a value write `%2C` for a comma.";
/// Headers that describe a message's encoding; only the sender can set them.
const OURS: [HeaderName; 4] =
    [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::HOST];

/// Reads `name=value,name=value`; values are percent-encoded, spaces around each part are ignored.
///
/// Source: <https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specifying-headers-via-environment-variables>
pub(super) fn parse(text: &str) -> Result<HeaderMap, BadValue> {
    let mut headers = HeaderMap::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) =
            pair.split_once('=').ok_or_else(|| BadValue::new("a part of it has no `=`", HINT))?;
        let name: HeaderName =
            name.trim().parse().map_err(|_| BadValue::new("a header name is invalid", HINT))?;
        if OURS.contains(&name) {
            return Err(BadValue::new(format!("`{name}` is set by the program itself"), HINT));
        }
        let value: Vec<u8> = percent_encoding::percent_decode_str(value.trim()).collect();
        let value = HeaderValue::from_bytes(&value);
        let mut value =
            value.map_err(|_| BadValue::new(format!("the value of `{name}` is invalid"), HINT))?;
        value.set_sensitive(true);
        if headers.insert(&name, value).is_some() {
            return Err(BadValue::new(format!("`{name}` is in it twice"), HINT));
        }
    }
    if headers.is_empty() {
        return Err(BadValue::new("it names no header", HINT));
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_as_the_specification_writes_them() {
        let headers =
            parse("x-api-key=ca%2Cna=ry, authorization = Bearer%20canary ,x-empty=").unwrap();
        assert_eq!(headers.len(), 3);
        assert_eq!(headers["x-api-key"], "ca,na=ry");
        assert_eq!(headers["authorization"], "Bearer canary");
        assert_eq!(headers["x-empty"], "");
        assert!(!format!("{headers:?}").contains("canary"));
    }

    #[test]
    fn faults_repeat_no_value() {
        for (text, why) in [
            ("", "it names no header"),
            (" , ", "it names no header"),
            ("canary", "a part of it has no `=`"),
            ("x y=canary", "a header name is invalid"),
            ("=canary", "a header name is invalid"),
            ("x-key=canary%0a", "the value of `x-key` is invalid"),
            ("x-key=canary,X-Key=canary", "`x-key` is in it twice"),
            ("content-type=canary", "`content-type` is set by the program itself"),
        ] {
            let bad = parse(text).unwrap_err();
            assert_eq!(bad.why, why, "{text}");
            assert!(!bad.hint.contains("canary"), "{text}");
        }
    }
}
