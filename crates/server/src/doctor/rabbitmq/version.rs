//! The broker's version, which it says in its greeting and the client keeps to itself.

use lapin::protocol::connection::AMQPMethod;
use lapin::protocol::{AMQPClass, parse_class};
use lapin::types::{AMQPValue, FieldTable};
use lapin::uri::{AMQPScheme, AMQPUri};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::doctor::report::Findings;

/// The oldest that has all that our queues ask for, and its name.
const OLDEST: (u32, u32) = (3, 10);
/// What a client says first: AMQP 0-9-1.
const HELLO: &[u8] = b"AMQP\x00\x00\x09\x01";
/// A greeting is a few hundred bytes.
const GREETING_MAX: usize = 64 << 10;

/// Asks for the version. Over TLS it is not asked: everything else tells whether the broker will do.
pub(super) async fn examine(url: &str, found: &mut Findings) {
    let Ok(uri) = url.parse::<AMQPUri>() else { return };
    if uri.scheme != AMQPScheme::AMQP {
        return;
    }
    let Some(version) = ask(&uri.authority.host, uri.authority.port).await else { return };
    let mut numbers = version.split('.').map_while(|part| part.parse().ok());
    if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < OLDEST {
        let detail = format!("{version}: it must be {}.{} or newer", OLDEST.0, OLDEST.1);
        found.failure("version", detail, "apt-get install rabbitmq-server");
    } else {
        found.ok("version", version);
    }
}

async fn ask(host: &str, port: u16) -> Option<String> {
    let mut stream = TcpStream::connect((host, port)).await.ok()?;
    stream.write_all(HELLO).await.ok()?;
    // A frame: its type, its channel, the length of what it carries; and that.
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
