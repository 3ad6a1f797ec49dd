//! The greeting of a broker, which has its version; the client library does not expose it.

use futures_util::future::BoxFuture;
use lapin::protocol::connection::parse_start;
use lapin::types::{AMQPValue, FieldTable};
use lapin::uri::{AMQPScheme, AMQPUri};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::tls::Tls;

/// The protocol header of AMQP 0-9-1, which a client sends first.
const HELLO: &[u8] = b"AMQP\x00\x00\x09\x01";
/// The class and the method of the greeting, `connection.start`.
const START: &[u8] = &[0, 10, 0, 10];
/// A greeting is a few hundred bytes.
const GREETING_MAX: usize = 64 << 10;

/// The version of the broker at `uri`, such as `3.10.8`; `None` when it cannot be read. Has no time limit;
/// the caller sets one.
pub fn version<'a>(uri: &'a AMQPUri, tls: &'a Tls) -> BoxFuture<'a, Option<String>> {
    Box::pin(async move { of_greeting(&greeting(uri, tls).await?) })
}

async fn greeting(uri: &AMQPUri, tls: &Tls) -> Option<Vec<u8>> {
    let (host, port) = (&uri.authority.host, uri.authority.port);
    let mut stream = tls.connect(host, port, uri.scheme == AMQPScheme::AMQPS).await.ok()?;
    stream.write_all(HELLO).await.ok()?;
    // A frame: type, channel, length of the payload, payload.
    let (_, _) = (stream.read_u8().await.ok()?, stream.read_u16().await.ok()?);
    let length = usize::try_from(stream.read_u32().await.ok()?).ok()?;
    let mut greeting = vec![0; length.min(GREETING_MAX)];
    stream.read_exact(&mut greeting).await.ok()?;
    Some(greeting)
}

fn of_greeting(greeting: &[u8]) -> Option<String> {
    let (_, start) = parse_start(greeting.strip_prefix(START)?).ok()?;
    let properties: &FieldTable = &start.server_properties;
    match properties.inner().get("version")? {
        AMQPValue::LongString(version) => Some(version.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field's name and its text, as a table has them.
    fn field(name: &str, text: &str) -> Vec<u8> {
        let name_size = u8::try_from(name.len()).unwrap();
        let text_size = u32::try_from(text.len()).unwrap();
        [&[name_size][..], name.as_bytes(), b"S", &text_size.to_be_bytes(), text.as_bytes()]
            .concat()
    }

    /// A greeting whose properties are these: version 0-9 of the protocol, table, mechanisms, locales.
    fn with(properties: &[u8]) -> Vec<u8> {
        let size = u32::try_from(properties.len()).unwrap().to_be_bytes();
        let lists = [&[0, 0, 0, 5][..], b"PLAIN", &[0, 0, 0, 5], b"en_US"].concat();
        [START, &[0, 9], &size, properties, &lists].concat()
    }

    #[test]
    fn the_version_is_among_the_properties_of_the_greeting() {
        let properties = [field("product", "RabbitMQ"), field("version", "3.10.8")].concat();
        assert_eq!(of_greeting(&with(&properties)).as_deref(), Some("3.10.8"));
        assert_eq!(of_greeting(&with(&field("product", "RabbitMQ"))), None);
        assert_eq!(of_greeting(b"HTTP/1.1 400 Bad Request"), None);
        assert_eq!(of_greeting(&with(&properties)[..20]), None);
    }
}
