//! A running server that is measured beside ours, of which only its address is known.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::str::FromStr;

use anyhow::{Context as _, ensure};

/// A running server with this API.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    /// Its name in tables.
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    /// Its processes, if they are known, to read the CPU time that they use.
    pub(crate) pids: Vec<u32>,
}

/// A process of a running server.
#[derive(Clone, Debug)]
pub(crate) struct RemotePid {
    name: Option<String>,
    pid: u32,
}

impl Remote {
    /// Adds the processes that were named for it; those without a name are of the only server.
    pub(crate) fn with(mut self, pids: &[RemotePid]) -> Self {
        let is_its = |pid: &&RemotePid| pid.name.as_ref().is_none_or(|name| *name == self.name);
        self.pids = pids.iter().filter(is_its).map(|pid| pid.pid).collect();
        self
    }
}

/// `NAME=http://HOST:PORT`; the name may be left out.
impl FromStr for Remote {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (name, url) = match text.split_once('=') {
            Some((name, url)) => (name, url),
            None => (text, text),
        };
        let address = url.strip_prefix("http://").context("a URL begins with http://")?;
        let address = address.trim_end_matches('/');
        ensure!(!address.contains('/'), "a URL has no path: http://HOST:PORT");
        let with_port =
            if address.contains(':') { address.to_owned() } else { format!("{address}:80") };
        let mut addresses = with_port.to_socket_addrs().with_context(|| with_port.clone())?;
        let address = addresses.next().context("the host has no address")?;
        Ok(Self { name: name.to_owned(), address, pids: Vec::new() })
    }
}

/// `NAME=PID`; the name may be left out.
impl FromStr for RemotePid {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (name, pid) = match text.split_once('=') {
            Some((name, pid)) => (Some(name.to_owned()), pid),
            None => (None, text),
        };
        Ok(Self { name, pid: pid.parse()? })
    }
}
