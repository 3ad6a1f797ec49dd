//! A private RabbitMQ, and vhosts on one that may be shared.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::net::TcpStream;

use super::certificate::Certificate;
use super::owned::{finally, fresh_name};
use super::port::Port;
use super::server::Server;

/// A RabbitMQ that a test may harm: one node, whose user is `guest`.
pub struct RabbitMq {
    server: Server,
    port: Port,
    api_port: Port,
    // Where `rabbitmqctl` connects, and other nodes would.
    cluster_port: Port,
    tls: Option<(Port, Certificate)>,
}

impl RabbitMq {
    /// One with the settings of a fresh installation.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// One whose data are below this folder.
    pub async fn start_in(folder: &Path) -> Self {
        Self::launch(Server::below(folder, "rabbitmq"), &[], None).await
    }

    /// One with settings of `rabbitmq.conf`, such as `disk_free_limit.absolute=1GB`.
    pub async fn start_with(settings: &[&str]) -> Self {
        Self::launch(Server::new("rabbitmq"), settings, None).await
    }

    /// One that speaks TLS on the port of its URL.
    pub async fn start_with_tls() -> Self {
        let server = Server::new("rabbitmq");
        let certificate = Certificate::make(server.folder());
        Self::launch(server, &[], Some((Port::claim(), certificate))).await
    }

    async fn launch(
        mut server: Server,
        settings: &[&str],
        tls: Option<(Port, Certificate)>,
    ) -> Self {
        let [port, api_port, cluster_port] = [Port::claim(), Port::claim(), Port::claim()];
        let ports = [&port, &api_port, &cluster_port];
        let mut arguments: Vec<_> = ports.iter().map(|port| port.number().to_string()).collect();
        arguments.extend(settings.iter().map(|setting| (*setting).to_owned()));
        if let Some((port, certificate)) = &tls {
            let (authority, key) = (certificate.authority(), certificate.key());
            arguments.extend([
                format!("listeners.ssl.1=127.0.0.1:{}", port.number()),
                format!("ssl_options.cacertfile={}", authority.display()),
                format!("ssl_options.certfile={}", certificate.certificate().display()),
                format!("ssl_options.keyfile={}", key.display()),
            ]);
        }
        server.start(arguments);
        let rabbitmq = Self { server, port, api_port, cluster_port, tls };
        rabbitmq.answers().await;
        rabbitmq
    }

    /// The port of its URL is the last to open.
    async fn answers(&self) {
        let port = self.tls.as_ref().map_or(&self.port, |(port, _)| port).number();
        self.server.answers(async |_| TcpStream::connect(("127.0.0.1", port)).await.is_ok()).await;
    }

    /// Where clients connect, to the vhost `/`.
    pub fn url(&self) -> String {
        match &self.tls {
            Some((port, _)) => format!("amqps://guest:guest@127.0.0.1:{}", port.number()),
            None => format!("amqp://guest:guest@127.0.0.1:{}", self.port.number()),
        }
    }

    /// The certificate, in PEM, of the authority that vouches for it.
    pub fn authority(&self) -> PathBuf {
        self.tls.as_ref().expect("it was started with TLS").1.authority()
    }

    /// Where its management API is.
    pub fn api(&self) -> String {
        format!("http://guest:guest@127.0.0.1:{}", self.api_port.number())
    }

    /// A fresh, empty vhost of this broker, which must outlive it.
    pub async fn vhost(&self) -> Vhost {
        Vhost::create(&self.url(), &self.api(), None).await
    }

    /// Ends it as a power cut would.
    ///
    /// A quorum queue declared in its last second does not come back: RabbitMQ records it late, and
    /// then never elects it a leader. An older one does.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Ends it in good order, which takes RabbitMQ several seconds.
    pub async fn stop(&mut self) {
        self.server.stop("TERM").await;
    }

    /// Starts it again, on the same ports and data.
    pub async fn start_again(&mut self) {
        self.server.start_again();
        self.answers().await;
    }

    /// Pauses it: connections stay open, but get no answer.
    pub fn pause(&self) {
        self.server.pause();
    }

    /// Lets it go on after [`Self::pause`].
    pub fn resume(&self) {
        self.server.resume();
    }

    /// Runs `rabbitmqctl` with these arguments.
    pub fn control(&self, arguments: &[&str]) {
        let ports = [&self.port, &self.cluster_port].map(|port| port.number().to_string());
        self.server
            .run("rabbitmqctl", ports.iter().map(String::as_str).chain(arguments.iter().copied()));
    }

    /// Its processes, to read how much CPU time they use.
    pub fn processes(&self) -> Vec<u32> {
        self.server.processes()
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        self.server.log()
    }
}

/// A vhost of one test, deleted with it.
pub struct Vhost {
    url: String,
    name: String,
    api: Api,
    _server: Option<Arc<RabbitMq>>,
}

impl Vhost {
    /// Creates it; its creator may do everything in it.
    pub(super) async fn create(url: &str, api: &str, server: Option<Arc<RabbitMq>>) -> Self {
        let name = fresh_name();
        let host = url.find("://").expect("a URL") + "://".len();
        let end = url[host..].find('/').map_or(url.len(), |path| host + path);
        let url = format!("{}/{name}", &url[..end]);
        let vhost = Self { url, name, api: Api::new(api), _server: server };
        let created = vhost.call(Method::PUT, "vhosts").await;
        assert_eq!(created.expect("the API answers").0, StatusCode::CREATED);
        vhost
    }

    /// Where clients connect to it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its queues as the management API gives them: `name`, `type`, `arguments`, `messages`, …
    ///
    /// Names and arguments are exact. Counts come a tenth of a second late, and are to be waited for.
    pub async fn queues(&self) -> Vec<Value> {
        // The queues' own totals; the API's statistics are seconds behind.
        let path = format!("/api/queues/{}?disable_stats=true&enable_queue_totals=true", self.name);
        let answer = self.api.call(Method::GET, &path).await;
        let (status, body) = answer.expect("the API answers");
        assert_eq!(status, StatusCode::OK);
        serde_json::from_slice(&body).expect("an array")
    }

    /// Deletes it while in use: connections to it are closed.
    pub async fn delete(&self) {
        let deleted = self.call(Method::DELETE, "vhosts").await;
        assert_eq!(deleted.expect("the API answers").0, StatusCode::NO_CONTENT);
    }

    async fn call(&self, method: Method, what: &str) -> Option<(StatusCode, Bytes)> {
        self.api.call(method, &format!("/api/{what}/{}", self.name)).await
    }
}

impl Drop for Vhost {
    fn drop(&mut self) {
        let (api, path) = (self.api.clone(), format!("/api/vhosts/{}", self.name));
        finally(async move {
            // The test may have deleted it, or have ended its broker.
            let deleted = api.call(Method::DELETE, &path).await;
            let known = [StatusCode::NO_CONTENT, StatusCode::NOT_FOUND];
            assert!(deleted.is_none_or(|(status, _)| known.contains(&status)));
        });
    }
}

/// A client of the management API.
#[derive(Clone)]
struct Api {
    url: String,
    authorization: String,
}

impl Api {
    /// By a URL with a user and a password.
    fn new(url: &str) -> Self {
        let (scheme, rest) = url.split_once("://").expect("a URL");
        let (user, host) = rest.split_once('@').expect("a URL with a user and a password");
        let url = format!("{scheme}://{}", host.trim_end_matches('/'));
        Self { url, authorization: format!("Basic {}", BASE64_STANDARD.encode(user)) }
    }

    /// Its answer; `None` when nobody answers.
    async fn call(&self, method: Method, path: &str) -> Option<(StatusCode, Bytes)> {
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        let request = request.header(header::AUTHORIZATION, &self.authorization);
        let answer =
            client.request(request.body(Full::default()).expect("a request")).await.ok()?;
        let status = answer.status();
        Some((status, answer.into_body().collect().await.ok()?.to_bytes()))
    }
}
