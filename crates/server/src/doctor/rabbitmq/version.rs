//! Checks the broker's version, which is in its greeting; the client library does not expose it.

use lapin::protocol::connection::AMQPMethod;
use lapin::protocol::{AMQPClass, parse_class};
use lapin::types::{AMQPValue, FieldTable};
use lapin::uri::{AMQPScheme, AMQPUri};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::doctor::report::Findings;
use poltrona_engine::tls::Tls;

/// The oldest version with the queue features that the program uses: major, minor.
const OLDEST: (u32, u32) = (3, 10);
/// The protocol header of AMQP 0-9-1, which a client sends first.
const HELLO: &[u8] = b"AMQP\x00\x00\x09\x01";
/// A greeting is a few hundred bytes.
const GREETING_MAX: usize = 64 << 10;

/// Checks the version.
pub(super) async fn examine(uri: &AMQPUri, tls: &Tls, found: &mut Findings) {
    let Some(version) = ask(uri, tls).await else { return };
    let mut numbers = version.split('.').map_while(|part| part.parse().ok());
    if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < OLDEST {
        let detail = format!("{version}: it must be {}.{} or newer", OLDEST.0, OLDEST.1);
        found.failure("version", detail, "apt-get install rabbitmq-server");
    } else {
        found.ok("version", version);
    }
}

async fn ask(uri: &AMQPUri, tls: &Tls) -> Option<String> {
    let (host, port) = (&uri.authority.host, uri.authority.port);
    let mut stream = tls.connect(host, port, uri.scheme == AMQPScheme::AMQPS).await.ok()?;
    stream.write_all(HELLO).await.ok()?;
    // A frame: type, channel, length of the payload, payload.
    let (_, _) = (stream.read_u8().await.ok()?, stream.read_u16().await.ok()?);
    let length = usize::try_from(stream.read_u32().await.ok()?).ok()?;
    let mut greeting = vec![0; length.min(GREETING_MAX)];
    stream.read_exact(&mut greeting).await.ok()?;
    version(&greeting)
}

fn version(greeting: &[u8]) -> Option<String> {
    let Ok((_, AMQPClass::Connection(AMQPMethod::Start(start)))) = parse_class(greeting) else {
        return None;
    };
    let properties: &FieldTable = &start.server_properties;
    match properties.inner().get("version")? {
        AMQPValue::LongString(version) => Some(version.to_string()),
        _ => None,
    }
}
