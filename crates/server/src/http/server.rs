//! Accepting connections within limits, and closing them gracefully.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use futures_util::{FutureExt as _, TryFutureExt as _};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::config::Config;
use crate::failure::Failure;
use crate::http::connections::{Connections, Place, Rarely};
use crate::http::head_timeout::{HeadTimeout, Limits};
use crate::http::router::Router;
use crate::http::state::SharedApp;
use poltrona_engine::env::clock::pause;

/// The most bytes of headers, and the read buffer that holds them.
const HEADERS_MAX_BYTES: usize = 16 * 1024;
/// The most headers.
const HEADERS_MAX: usize = 100;
/// How long a connection that came just before the stop may take to begin its first request.
const FIRST_REQUEST_GRACE: Duration = Duration::from_millis(250);
/// How often the log of requests counts the lines that it left out.
const LOG_WINDOW: Duration = Duration::from_secs(1);
/// How many connections the system keeps ready while none is accepted: while every connection is taken, and in the first
/// moment of a rush. One beyond is not answered, and its client tries again a second later. The system may allow fewer.
const BACKLOG: u32 = 4_096;
/// How long accepting pauses when the system has no more file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A listening port.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Binds the configured address. To be called within a runtime.
    pub fn bind(config: &Config) -> anyhow::Result<Self> {
        let wanted = SocketAddr::new(config.host, config.port);
        let listener = listen(wanted).map_err(|error| {
            let hint = match error.kind() {
                io::ErrorKind::AddrInUse => {
                    "another program listens there: stop it, or choose another with --port"
                }
                io::ErrorKind::PermissionDenied => {
                    "ports below 1024 need a privilege: choose another with --port"
                }
                _ => "choose another with --host and --port",
            };
            Failure::Usage(format!("cannot listen on {wanted}: {error}; {hint}"))
        })?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// The address at which it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL at which this machine reaches it.
    pub fn base_url(&self) -> String {
        let ip = if self.address.ip().is_unspecified() {
            "127.0.0.1".to_owned()
        } else if self.address.is_ipv6() {
            format!("[{}]", self.address.ip())
        } else {
            self.address.ip().to_string()
        };
        format!("http://{ip}:{}", self.address.port())
    }

    /// Serves until `app.stop` is cancelled and every accepted request is answered, or the grace is
    /// over.
    pub async fn run(self, router: Router, app: &SharedApp) {
        let connections = TaskTracker::new();
        connections.spawn(count_left_out(Arc::clone(app)));
        let places = Connections::new(app.config.max_connections, app.stop.clone());
        let (limits, failures) = (Limits::of(&app.config), Rarely::default());
        while let Some(accepted) = self.accept(&app.stop).await {
            match accepted {
                Ok(stream) => {
                    // At the cap the wait has no bound, so it ends when the program stops.
                    let place = app.stop.run_until_cancelled(places.place()).await;
                    let Some(place) = place.flatten().or_else(|| places.try_place()) else { break };
                    app.meters.connected();
                    let meters = Arc::clone(&app.meters);
                    let serving = serve(stream, place, router.clone(), limits, app.stop.clone());
                    connections.spawn(async move {
                        serving.await;
                        meters.disconnected();
                    });
                }
                Err(error) => {
                    if let Some(times) = failures.again(Instant::now()) {
                        warn!(target: "server", %error, times, "cannot accept a connection");
                    }
                    // The system may be out of file handles.
                    places.make_room(Instant::now());
                    pause(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(self.listener);
        connections.close();
        if tokio::time::timeout(app.config.shutdown_grace, connections.wait()).await.is_err() {
            warn!(target: "server", left = connections.len(), "the grace is over; closing");
        }
        app.request_log.close(true);
    }
}

/// Listens on an address, even while connections of an earlier program there are still closing.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Logs once a second how many lines of a storm were left out.
async fn count_left_out(app: SharedApp) {
    while app.stop.run_until_cancelled(pause(LOG_WINDOW)).await.is_some() {
        app.request_log.close(false);
    }
}

impl Server {
    /// The next connection. After `stop` only one that is there already: a client that connected
    /// before the port closes is served too.
    async fn accept(&self, stop: &CancellationToken) -> Option<io::Result<TcpStream>> {
        let next = || self.listener.accept().map_ok(|(stream, _)| stream);
        match stop.run_until_cancelled(next()).await {
            Some(accepted) => Some(accepted),
            None => next().now_or_never(),
        }
    }
}

/// Serves one connection until it ends. After `stop`, or when it has to make room, it ends with its
/// current request.
async fn serve(
    stream: TcpStream,
    place: Place,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    // Answers are written whole; waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    let phase = place.phase.clone();
    let io = TokioIo::new(HeadTimeout::new(stream, phase.clone(), limits));
    let answering = phase.clone();
    let service = service_fn(move |request: http::Request<Incoming>| {
        answering.begin();
        let (phase, router) = (answering.clone(), router.clone());
        async move {
            let response = router.answer(request.map(body)).await;
            phase.end();
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        // The wrapper has the limits, and needs no timer for each request.
        .header_read_timeout(None)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEADERS_MAX_BYTES)
        .serve_connection(io, service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = place.leave.cancelled() => {
            // The library closes a connection that nothing was read from yet, and its first request
            // may already be on the way.
            let grace = if stop.is_cancelled() { FIRST_REQUEST_GRACE } else { Duration::ZERO };
            let first = tokio::time::timeout(grace, phase.begun());
            tokio::select! {
                ended = connection.as_mut() => ended,
                _ = first => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            }
        }
    };
    if let Err(error) = ended {
        debug!(target: "server", %error, "a connection ended early");
    }
}

/// A request's body, boxed unless there is none.
fn body(incoming: Incoming) -> Body {
    if incoming.is_end_stream() { Body::empty() } else { Body::new(incoming) }
}
