//! Parses the text of each setting.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use poltrona_engine::bus::rabbitmq::SingleEvents;
use poltrona_engine::store::postgres::Target;
use redis::IntoConnectionInfo as _;

use super::broker;
use super::database;
use super::fault::{BadValue, printable};
use super::headers;
use super::value::{Cors, Currency, Locale, LogFormat, Secret, show_duration};

type Parsed<T> = Result<T, BadValue>;

const MILLIS_PER_UNIT: [(&str, u64); 4] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];

pub(super) fn switch(text: &str) -> Parsed<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(BadValue::new("it is neither true nor false", "Write `true` or `false`.")),
    }
}

pub(super) fn single_events(text: &str) -> Parsed<SingleEvents> {
    if text.eq_ignore_ascii_case("always") {
        return Ok(SingleEvents::Always);
    }
    match switch(text) {
        Ok(true) => Ok(SingleEvents::WhileBound),
        Ok(false) => Ok(SingleEvents::Off),
        Err(_) => Err(BadValue::new(
            "it is neither true nor false nor `always`",
            "Write `true`, `false` or `always`.",
        )),
    }
}

pub(super) fn host(text: &str) -> Parsed<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().map_err(|_| {
        BadValue::new(
            "it is not an IP address",
            "Write `127.0.0.1` for this machine only, or `0.0.0.0` for every address.",
        )
    })
}

pub(super) fn port(text: &str) -> Parsed<u16> {
    text.parse().map_err(|_| {
        if text.starts_with("tcp://") {
            // Kubernetes puts `NAME_PORT=tcp://…` in every pod beside a service of that name.
            return BadValue::new(
                "it is the address of a Kubernetes service, not a port",
                "Set `enableServiceLinks: false` in the pod, or set POLTRONA_PORT there.",
            );
        }
        BadValue::new("it is not a whole number from 0 to 65535", "Write a port such as `3000`.")
    })
}

pub(super) fn count(text: &str, least: usize, most: usize) -> Parsed<usize> {
    match text.parse() {
        Ok(count) if (least..=most).contains(&count) => Ok(count),
        _ => Err(BadValue::new(
            format!("it is not a whole number from {least} to {most}"),
            "Write digits only, without a unit.",
        )),
    }
}

pub(super) fn percent(text: &str) -> Parsed<u8> {
    let percent = count(text, 0, 100)?;
    Ok(u8::try_from(percent).unwrap_or(100))
}

/// The base URL of a collector.
pub(super) fn otlp_endpoint(text: &str) -> Parsed<Option<String>> {
    let bad = |why: &str| {
        BadValue::new(why, "Write scheme, host and port, as in `http://127.0.0.1:4318`.")
    };
    let uri: http::Uri = text.parse().map_err(|_| bad("it is not a URL"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(bad("it is not an `http://` or `https://` URL"));
    }
    // Settings of this kind are shown to anybody who may see the configuration.
    if uri.authority().is_none_or(|authority| authority.as_str().contains('@')) {
        return Err(bad("it names a user, and this is no place for a secret"));
    }
    if uri.query().is_some() {
        return Err(bad("it has a query"));
    }
    Ok(Some(text.to_owned()))
}

pub(super) fn folder(text: &str) -> Parsed<PathBuf> {
    if text.trim().is_empty() || text.contains('\0') {
        return Err(BadValue::new("it is not a path", "Write a folder such as `./poltrona-data`."));
    }
    Ok(PathBuf::from(text))
}

pub(super) fn file(text: &str) -> Parsed<PathBuf> {
    if text.trim().is_empty() || text.contains('\0') {
        return Err(BadValue::new("it is not a path", "Write a file such as `/etc/ssl/ca.pem`."));
    }
    Ok(PathBuf::from(text))
}

pub(super) fn duration(text: &str, least: Duration, most: Duration) -> Parsed<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let scale = MILLIS_PER_UNIT.iter().find(|(name, _)| *name == unit).map(|(_, millis)| millis);
    let Some(scale) = scale.filter(|_| digits > 0) else {
        return Err(BadValue::new(
            "it is not a whole number with a unit",
            "Write it as `500ms`, `3s`, `2m` or `1h`.",
        ));
    };
    // A number too large for a u64 is also too long, so both have the same fault.
    let millis = number.parse::<u64>().ok().and_then(|number| number.checked_mul(*scale));
    millis
        .map(Duration::from_millis)
        .filter(|duration| (least..=most).contains(duration))
        .ok_or_else(|| {
            let (least, most) = (show_duration(least), show_duration(most));
            BadValue::new(
                format!("it is outside {least} to {most}"),
                format!("Write a duration from `{least}` to `{most}`."),
            )
        })
}

pub(super) fn cors(text: &str) -> Parsed<Cors> {
    let origins: Vec<&str> = text.split(',').map(str::trim).filter(|o| !o.is_empty()).collect();
    match origins.as_slice() {
        [] => Err(BadValue::new(
            "it names no origin",
            "Write `*` for any, or origins such as `https://cinema.example`.",
        )),
        ["*"] => Ok(Cors::Any),
        list if list.contains(&"*") => Err(BadValue::new(
            "`*` already allows every origin that stands beside it",
            "Write `*` alone, or leave it out.",
        )),
        list => list.iter().map(|text| origin(text)).collect::<Parsed<_>>().map(Cors::List),
    }
}

/// Browsers compare origins byte for byte, so only the form that they send can ever match.
fn origin(text: &str) -> Parsed<String> {
    let Some(normal) = normal_origin(text) else {
        return Err(BadValue::new(
            format!("`{}` is not a web origin", printable(text)),
            "Write scheme, host and, if need be, port, as in `https://cinema.example`.",
        ));
    };
    if normal != text {
        return Err(BadValue::new(
            format!("a browser never sends `{}`", printable(text)),
            format!("Write `{normal}`."),
        ));
    }
    Ok(normal)
}

fn normal_origin(text: &str) -> Option<String> {
    let uri: http::Uri = text.parse().ok()?;
    let scheme = uri.scheme_str()?;
    let default_port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
    let host = authority.host().to_ascii_lowercase();
    match authority.port_u16() {
        Some(port) if port != default_port => Some(format!("{scheme}://{host}:{port}")),
        _ => Some(format!("{scheme}://{host}")),
    }
}

pub(super) fn currency(text: &str) -> Parsed<Currency> {
    Currency::parse(text).ok_or_else(|| {
        BadValue::new("it is not a currency with hundredths", "Write its code in ISO 4217: `BRL`.")
    })
}

pub(super) fn locale(text: &str) -> Parsed<Locale> {
    [Locale::PtBr, Locale::En]
        .into_iter()
        .find(|locale| locale.as_str().eq_ignore_ascii_case(text))
        .ok_or_else(|| {
            BadValue::new("messages exist in no such language", "Write `pt-BR` or `en`.")
        })
}

pub(super) fn log_format(text: &str) -> Parsed<LogFormat> {
    [LogFormat::Auto, LogFormat::Pretty, LogFormat::Json]
        .into_iter()
        .find(|format| format.as_str() == text)
        .ok_or_else(|| {
            BadValue::new("there is no such format", "Write `auto`, `pretty` or `json`.")
        })
}

fn secret(text: &str) -> Parsed<Option<Secret>> {
    if text.trim().is_empty() {
        return Err(BadValue::new("it is empty", "Give it a value, or do not set it at all."));
    }
    Ok(Some(Secret::new(text)))
}

/// A database URL, of a folder or a server.
pub(super) fn database_url(text: &str) -> Parsed<Option<Secret>> {
    let url = secret(text)?;
    if database::folder(text)?.is_none() {
        // The parser that also connects, so that both accept the same URLs.
        Target::parse(text).map_err(|error| {
            BadValue::new(
                error.to_string(),
                "Write `postgres://USER:PASSWORD@HOST:PORT/DATABASE`; in a password write `%40` for \
                 `@`, `%2F` for `/`, `%3F` for `?`.",
            )
        })?;
    }
    Ok(url)
}

/// Headers for a collector. Faults repeat no value of theirs.
pub(super) fn otlp_headers(text: &str) -> Parsed<Option<Secret>> {
    let secret = secret(text)?;
    headers::parse(text).map(|_| secret)
}

/// A URL of RabbitMQ.
pub(super) fn rabbitmq_url(text: &str) -> Parsed<Option<Secret>> {
    let url = secret(text)?;
    broker::parse(text).map(|_| url)
}

/// A URL of Redis. Faults repeat nothing of the URL.
pub(super) fn redis_url(text: &str) -> Parsed<Option<Secret>> {
    const HINT: &str = "Write `redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]`, `rediss://` for TLS; \
                        in a password write `%40` for `@`, `%2F` for `/`, `%3F` for `?`.";
    let url = secret(text)?;
    let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    if !matches!(scheme.as_deref(), Some("redis" | "rediss")) {
        return Err(BadValue::new("it is not a `redis://` or `rediss://` URL", HINT));
    }
    if text.contains(['?', '#']) {
        return Err(BadValue::new("it has options after `?` or `#`, and none are known", HINT));
    }
    match text.into_connection_info() {
        Ok(info) if info.redis_settings().db() >= 0 => Ok(url),
        _ => Err(BadValue::new("host, port or database cannot be read", HINT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn hold(text: &str) -> Parsed<Duration> {
        duration(text, Duration::from_millis(100), DAY)
    }

    #[test]
    fn a_collector_is_a_url_without_secrets() {
        for url in ["http://127.0.0.1:4318", "https://otel.example/tenant/"] {
            assert_eq!(otlp_endpoint(url), Ok(Some(url.to_owned())));
        }
        for text in
            ["", "127.0.0.1:4318", "grpc://a:4317", "http://", "http://u:p@a", "http://a/?b", " "]
        {
            assert!(otlp_endpoint(text).is_err(), "{text:?} passed");
        }
    }

    #[test]
    fn durations_carry_a_unit() {
        assert_eq!(hold("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(hold("3s"), Ok(Duration::from_secs(3)));
        assert_eq!(hold("2m"), Ok(Duration::from_mins(2)));
        assert_eq!(hold("24h"), Ok(DAY));
        for text in ["", "30", "s", "1.5s", "-3s", " 3s", "3 s", "3S", "3d", "٣s", "+3s"] {
            assert!(hold(text).is_err(), "{text:?} passed");
        }
    }

    #[test]
    fn durations_stay_within_their_bounds() {
        for text in
            ["0s", "99ms", "25h", "86400001ms", "18446744073709551615h", "9999999999999999999999s"]
        {
            assert_eq!(hold(text).unwrap_err().why, "it is outside 100ms to 24h", "{text}");
        }
    }

    #[test]
    fn origins_are_written_as_browsers_send_them() {
        let list = |origins: &[&str]| Cors::List(origins.iter().map(|&o| o.to_owned()).collect());
        assert_eq!(cors("*"), Ok(Cors::Any));
        assert_eq!(
            cors("https://a.example, http://localhost:5173,"),
            Ok(list(&["https://a.example", "http://localhost:5173"]))
        );
        for (text, meant) in [
            ("https://a.example/", "Write `https://a.example`."),
            ("https://A.example", "Write `https://a.example`."),
            ("https://a.example:443", "Write `https://a.example`."),
            ("http://a.example:8080/path?x=1", "Write `http://a.example:8080`."),
        ] {
            assert_eq!(cors(text).unwrap_err().hint, meant, "{text}");
        }
        for text in
            ["", " , ", "null", "a.example", "*,https://a.example", "ftp://a", "https://u@a"]
        {
            assert!(cors(text).is_err(), "{text:?} passed");
        }
    }

    #[test]
    fn switches_hosts_ports_and_counts() {
        assert_eq!(switch("TRUE"), Ok(true));
        assert_eq!(switch("off"), Ok(false));
        assert!(switch("maybe").is_err());
        assert_eq!(host("[::1]").map(|ip| ip.to_string()).as_deref(), Ok("::1"));
        assert!(host("localhost").unwrap_err().hint.contains("127.0.0.1"));
        assert_eq!(port("0"), Ok(0));
        assert!(port("65536").is_err());
        assert!(port("tcp://10.0.0.1:3000").unwrap_err().why.contains("Kubernetes"));
        assert_eq!(count("64", 1, 64), Ok(64));
        assert!(count("65", 1, 64).is_err());
        assert!(folder(" ").is_err());
        for (text, which) in [
            ("on", SingleEvents::WhileBound),
            ("False", SingleEvents::Off),
            ("Always", SingleEvents::Always),
        ] {
            assert_eq!(single_events(text), Ok(which), "{text}");
        }
        assert!(single_events("never").is_err());
        assert_eq!(locale("PT-br"), Ok(Locale::PtBr));
        assert_eq!(currency("EUR").map(|it| it.to_string()), Ok("EUR".to_owned()));
        for text in ["", "R$", "brl", "EURO", "€", "B1L", "XXX", "JPY", "KWD", "EUR USD", " "] {
            assert!(currency(text).is_err(), "{text}");
        }
        assert!(locale("fr").is_err());
        assert!(log_format("xml").is_err());
    }
}
