//! The address of RabbitMQ, from its URL. Faults repeat nothing of the URL.

use lapin::uri::AMQPUri;

use super::fault::BadValue;

const HINT: &str = "Write `amqp://USER:PASSWORD@HOST:PORT/VHOST`, or `amqps:` for TLS.";

/// Reads `amqp:` and `amqps:` URLs.
///
/// A URL without a vhost, or with an empty one, means RabbitMQ's default, `/`. By the standard it
/// names a vhost whose name is empty, which nobody intends.
pub(super) fn parse(url: &str) -> Result<AMQPUri, BadValue> {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    if !matches!(scheme.to_ascii_lowercase().as_str(), "amqp" | "amqps") {
        return Err(BadValue::new("it is not the URL of a RabbitMQ", HINT));
    }
    let mut uri: AMQPUri = url.parse().map_err(|_| BadValue::new("it is not a sound URL", HINT))?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if host.is_empty() || host.starts_with(':') {
        return Err(BadValue::new("it names no host", HINT));
    }
    // The client's parser turns an IPv6 address into `localhost`.
    if let Some((address, _)) = host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        address.clone_into(&mut uri.authority.host);
    }
    if uri.vhost.is_empty() {
        "/".clone_into(&mut uri.vhost);
    }
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_gives_host_port_and_vhost() {
        for (url, host, port, vhost) in [
            ("amqp://127.0.0.1", "127.0.0.1", 5672, "/"),
            ("amqps://u:p@mq.example/", "mq.example", 5671, "/"),
            ("amqp://mq:5673/cinema", "mq", 5673, "cinema"),
            ("amqp://u:p%40@mq/%2fcinema?heartbeat=9", "mq", 5672, "/cinema"),
            ("amqp://u:p@[::1]:5673/x", "::1", 5673, "x"),
        ] {
            let uri = parse(url).unwrap();
            let authority = uri.authority;
            let found = (authority.host.as_str(), authority.port, uri.vhost.as_str());
            assert_eq!(found, (host, port, vhost), "{url}");
        }
    }

    #[test]
    fn faults_do_not_show_the_password() {
        for url in [
            "canary",
            "http://u:canary@mq",
            "amqp:u:canary@mq",
            "amqp://u:canary@",
            "amqp://u:canary@:5672/x",
            "amqp://u:canary@mq:99999",
            "amqp://u:canary@mq/?heartbeat=soon",
        ] {
            let bad = parse(url).unwrap_err();
            assert!(!format!("{bad:?}").contains("canary"), "{url}");
        }
    }
}
