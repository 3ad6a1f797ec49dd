//! Ports for private servers that nobody else takes, also while the server is down.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{self as unix, UnixListener};

/// Below the ports that Linux gives to clients (32,768 and up): among those, a connection to a
/// server that is down may get the server's own port, and take it away or even reach itself.
const PORTS: Range<u16> = 20_000..32_000;

/// A port of 127.0.0.1 that is this process's while it lives.
pub struct Port {
    number: u16,
    // A name that one process at a time can have, and that the system frees with it. It leaves the
    // port itself to the server.
    _claim: UnixListener,
}

impl Port {
    /// Claims a port on which nobody listens.
    pub fn claim() -> Self {
        let count = usize::from(PORTS.end - PORTS.start);
        // Processes begin at different places, so that they seldom meet.
        let start = (std::process::id() as usize * 97) % count;
        let mut ports = PORTS.cycle().skip(start).take(count);
        ports.find_map(Self::try_claim).expect("one of thousands of ports is free")
    }

    fn try_claim(number: u16) -> Option<Self> {
        let name = unix::SocketAddr::from_abstract_name(format!("poltrona-port-{number}")).ok()?;
        let claim = UnixListener::bind_addr(&name).ok()?;
        TcpListener::bind(("127.0.0.1", number)).ok()?;
        Some(Self { number, _claim: claim })
    }

    /// The address of a server on it.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.number))
    }

    /// Its number.
    pub const fn number(&self) -> u16 {
        self.number
    }
}
