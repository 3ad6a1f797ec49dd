//! Reading bodies: of bounded size, in bounded time, inflated where they are compressed.

use std::io::Read as _;
use std::time::Duration;

use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http::{HeaderMap, header};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::code::Code;
use super::error::{ApiError, Detail};
use crate::config::Config;

/// The largest body, in bytes, before and after it is inflated.
pub const BODY_MAX_BYTES: usize = 100 * 1024;
/// How long before the answer's time limit a body is given up.
const BEFORE_THE_END: Duration = Duration::from_millis(10);
/// A mark that some programs put before UTF-8, and that RFC 8259 lets a reader skip.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The encoding of a body.
enum Encoding {
    Plain,
    Gzip,
}

/// The JSON text of a request that must have one.
pub(super) async fn json(request: Request, config: &Config) -> Result<Bytes, ApiError> {
    let (parts, body) = request.into_parts();
    if !is_json(&parts.headers) {
        return Err(ApiError::new(Code::UnsupportedMediaType));
    }
    let encoding = encoding(&parts.headers)?;
    let body = read(body, limit(config)).await?;
    let body = match encoding {
        Encoding::Plain => body,
        Encoding::Gzip => inflate(&body)?,
    };
    Ok(match body.strip_prefix(BYTE_ORDER_MARK) {
        Some(rest) => body.slice_ref(rest),
        None => body,
    })
}

/// The JSON text of a request that needs none; `None` when there is no body.
pub(super) async fn json_if_any(
    request: Request,
    config: &Config,
) -> Result<Option<Bytes>, ApiError> {
    let (parts, body) = request.into_parts();
    let body = read(body, limit(config)).await?;
    if body.is_empty() {
        return Ok(None);
    }
    json(Request::from_parts(parts, body.into()), config).await.map(Some)
}

/// Whether the body says that it is JSON.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = kind.unwrap_or("").split(';').next().unwrap_or("").trim();
    essence.eq_ignore_ascii_case("application/json")
        || (essence.len() > 5 && essence.to_ascii_lowercase().ends_with("+json"))
}

/// The one encoding that the body says it has (RFC 9110, 8.4).
fn encoding(headers: &HeaderMap) -> Result<Encoding, ApiError> {
    let is_plain = |name: &str| name.is_empty() || name.eq_ignore_ascii_case("identity");
    let all = headers.get_all(header::CONTENT_ENCODING).iter();
    let named = all.flat_map(|value| value.to_str().unwrap_or("?").split(',')).map(str::trim);
    let named: Vec<_> = named.filter(|name| !is_plain(name)).collect();
    match named[..] {
        [] => Ok(Encoding::Plain),
        [name] if ["gzip", "x-gzip"].iter().any(|it| it.eq_ignore_ascii_case(name)) => {
            Ok(Encoding::Gzip)
        }
        _ => Err(ApiError::new(Code::UnsupportedEncoding)),
    }
}

/// How long a body may take. It is less than the limit of the answer: a late body gets 408, not the
/// 503 of an unknown outcome.
fn limit(config: &Config) -> Duration {
    config.body_timeout.min(config.request_timeout.saturating_sub(BEFORE_THE_END))
}

async fn read(body: axum::body::Body, limit: Duration) -> Result<Bytes, ApiError> {
    match tokio::time::timeout(limit, whole(Limited::new(body, BODY_MAX_BYTES))).await {
        Err(_) => Err(ApiError::new(Code::RequestTimeout)),
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(ApiError::new(Code::BodyTooLarge)),
        Ok(Err(error)) => Err(invalid(error.to_string())),
    }
}

/// The bytes of a body, however long. Most have them in one piece.
pub(super) async fn whole<B: Body<Data = Bytes> + Unpin>(mut body: B) -> Result<Bytes, B::Error> {
    let first = match body.frame().await.transpose()?.map(Frame::into_data) {
        Some(Ok(data)) => data,
        Some(Err(_)) | None => Bytes::new(),
    };
    if body.is_end_stream() {
        return Ok(first);
    }
    let mut all = BytesMut::from(first);
    all.extend_from_slice(&body.collect().await?.to_bytes());
    Ok(all.freeze())
}

fn inflate(body: &[u8]) -> Result<Bytes, ApiError> {
    let most = u64::try_from(BODY_MAX_BYTES).unwrap_or(u64::MAX);
    let mut plain = Vec::new();
    let read = MultiGzDecoder::new(body).take(most + 1).read_to_end(&mut plain);
    read.map_err(|error| invalid(format!("it is not gzip, as Content-Encoding says: {error}")))?;
    if plain.len() > BODY_MAX_BYTES {
        return Err(ApiError::new(Code::BodyTooLarge));
    }
    Ok(plain.into())
}

const fn invalid(reason: String) -> ApiError {
    ApiError { code: Code::InvalidJson, detail: Detail::Parser(reason) }
}
