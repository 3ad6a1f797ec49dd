//! Probing a server's abilities once before the crowd starts, in a session that no history names.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use anyhow::{anyhow, ensure};

use super::limits::{CONNECT_LIMIT, REQUEST_LIMIT};
use super::opening::open_session;
use crate::api::{self, Created};
use crate::client::{Connection, Lost, Target};
use crate::history::{Action, Completion, Invoke, Outcome};

/// The fewest seats that a server of this API opens a session with.
const SEATS: usize = 16;
const PRICE_CENTS: i64 = 1000;

/// The abilities of a server, and how long it holds seats.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an ability of its own")]
pub(crate) struct Abilities {
    /// It takes several seats at once.
    pub(crate) groups: bool,
    /// It implements idempotency keys.
    pub(crate) keys: bool,
    /// A hold can be cancelled.
    pub(crate) cancel: bool,
    /// A hold can be extended.
    pub(crate) extend: bool,
    /// How long a hold lasts, by its answers.
    pub(crate) hold_ms: u64,
    /// Part of each user and key of a run, so that no two runs share one.
    pub(crate) tag: String,
    /// The server's name and version.
    pub(crate) server: Option<String>,
    /// The session that it was probed in.
    pub(crate) session: String,
}

/// No target could be reached.
#[derive(Debug)]
pub struct Away(String);

impl Away {
    /// The targets that were tried, each with its error.
    pub(crate) fn new(tried: String) -> Self {
        Self(tried)
    }
}

impl fmt::Display for Away {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}

impl std::error::Error for Away {}

impl Abilities {
    /// Asks the first target that can be reached; an [`Away`] if there is none.
    pub(crate) async fn probe(targets: &[Target]) -> anyhow::Result<Self> {
        let mut errors = Vec::new();
        for target in targets {
            match Connection::open(target, CONNECT_LIMIT).await {
                Ok(connection) => return Prober::new(target, connection).await?.probe().await,
                Err(error) => errors.push(format!("{}: {error}", target.url)),
            }
        }
        Err(Away::new(errors.join("; ")).into())
    }

    /// The names of the missing abilities, for people.
    pub(crate) fn missing(&self) -> impl Iterator<Item = &'static str> {
        let parts = [
            (self.groups, "several seats in one reservation (each is asked for alone)"),
            (self.keys, "idempotency keys (nothing is promised of retries, so none is judged)"),
            (self.cancel, "giving a hold back (it is left to lapse)"),
            (self.extend, "lengthening a hold"),
        ];
        parts.into_iter().filter_map(|(present, name)| (!present).then_some(name))
    }
}

struct Prober<'a> {
    target: &'a Target,
    connection: Connection,
    session: Created,
    tag: String,
}

impl<'a> Prober<'a> {
    async fn new(target: &'a Target, connection: Connection) -> anyhow::Result<Self> {
        let session = open_session(target, "Rush probe", PRICE_CENTS, SEATS).await?;
        let mut hasher = DefaultHasher::new();
        session.id.hash(&mut hasher);
        let tag = format!("{:08x}", hasher.finish() >> 32);
        Ok(Self { target, connection, session, tag })
    }

    async fn probe(mut self) -> anyhow::Result<Abilities> {
        let (outcome, first) = self.reserve(0..1, true).await?;
        let held = first.reservation.clone().filter(|_| outcome == Outcome::Ok);
        let held = held
            .ok_or_else(|| anyhow!("a free seat was refused: {} {:?}", first.status, first.code))?;
        ensure!(first.hold_ms.is_some(), "a reservation does not say when it lapses");
        let (outcome, second) = self.reserve(0..1, true).await?;
        let keys = outcome == Outcome::Ok && second.reservation.as_ref() == Some(&held);
        let extend = self.about(Action::Extend, &held).await?;
        let cancel = self.about(Action::Cancel, &held).await?;
        let (outcome, both) = self.reserve(1..3, false).await?;
        let groups = outcome == Outcome::Ok && both.seats.len() == 2;
        if let Some(both) = both.reservation.filter(|_| cancel) {
            self.about(Action::Cancel, &both).await?;
        }
        let hold_ms = first.hold_ms.unwrap_or_default();
        let (server, session) = (self.name().await, self.session.id);
        Ok(Abilities { groups, keys, cancel, extend, hold_ms, tag: self.tag, server, session })
    }

    async fn reserve(
        &mut self,
        seats: std::ops::Range<usize>,
        keyed: bool,
    ) -> anyhow::Result<(Outcome, Completion)> {
        let seats = self.session.seats[seats].to_vec();
        let key = keyed.then(|| format!("probe-{}", self.tag));
        self.ask(Invoke { seats, key, ..self.invoke(Action::Reserve) }).await
    }

    async fn about(&mut self, action: Action, reservation: &str) -> anyhow::Result<bool> {
        let reservation = Some(reservation.to_owned());
        let asked = self.ask(Invoke { reservation, ..self.invoke(action) }).await?;
        Ok(asked.0 == Outcome::Ok)
    }

    /// The name and version that the server's health shows; `None` if it shows none.
    async fn name(&mut self) -> Option<String> {
        let request = api::render_health(self.target);
        let answer = self.connection.ask(&request, REQUEST_LIMIT).await.ok()?;
        let health: serde_json::Value = serde_json::from_slice(answer.body).ok()?;
        let parts = [health["service"].as_str(), health["version"].as_str()];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }

    fn invoke(&self, action: Action) -> Invoke {
        Invoke {
            at: 0,
            op: 0,
            client: 0,
            target: 0,
            action,
            user: format!("probe-{}", self.tag),
            session: None,
            seats: Vec::new(),
            reservation: None,
            key: None,
            census: false,
        }
    }

    async fn ask(&mut self, invoke: Invoke) -> anyhow::Result<(Outcome, Completion)> {
        if !self.connection.is_usable() {
            self.connection = Connection::open(self.target, CONNECT_LIMIT).await?;
        }
        let mut request = Vec::new();
        api::render(&invoke, self.target, &mut request);
        let answer = self.connection.ask(&request, REQUEST_LIMIT).await;
        let answer = answer.map_err(Lost::into_error)?;
        Ok(api::read(invoke.action, invoke.key.is_some(), &self.session.seats, &answer))
    }
}
