//! What was found, as people and as programs read it.

use std::fmt::{self, Display, Write as _};

use serde::Serialize;

/// What was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// The settings.
    Configuration,
    /// The embedded database.
    Sqlite,
    /// The database server.
    #[serde(rename = "postgresql")]
    Postgres,
    /// The seat lock.
    Redis,
    /// The broker.
    RabbitMq,
}

/// Has this program trust the authority of an engine's certificate.
const TRUST: &str = "SSL_CERT_FILE=AUTHORITY.pem poltrona doctor";

impl Engine {
    /// What brings it back where it runs as a service of the machine, or tells why it is gone.
    const fn back(self) -> &'static str {
        match self {
            Self::Configuration => "poltrona config check",
            Self::Sqlite => "dmesg --level err | tail",
            Self::Postgres => "systemctl start postgresql",
            Self::Redis => "systemctl start redis-server",
            Self::RabbitMq => "systemctl start rabbitmq-server",
        }
    }
}

impl Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Configuration => "Configuration",
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::Redis => "Redis",
            Self::RabbitMq => "RabbitMQ",
        })
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Ok,
    /// It sells, but slower than it could, or with less to spare.
    Warning,
    /// It does not sell, or could lose what it sold.
    Failure,
}

impl Status {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failure => "FAILURE",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Of what.
    pub engine: Engine,
    /// Which thing, in a word or two.
    pub check: String,
    /// How bad it is.
    pub status: Status,
    /// What was seen. Never a password.
    pub detail: String,
    /// The command that mends it; of every warning and failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
    #[serde(skip)]
    away: bool,
}

/// What was found of one engine so far.
pub(super) struct Findings {
    engine: Engine,
    list: Vec<Finding>,
}

impl Findings {
    pub(super) const fn of(engine: Engine) -> Self {
        Self { engine, list: Vec::new() }
    }

    pub(super) fn ok(&mut self, check: &str, detail: impl Into<String>) {
        self.add(check, Status::Ok, detail.into(), None);
    }

    pub(super) fn warning(
        &mut self,
        check: &str,
        detail: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.add(check, Status::Warning, detail.into(), Some(mend.into()));
    }

    pub(super) fn failure(
        &mut self,
        check: &str,
        detail: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.add(check, Status::Failure, detail.into(), Some(mend.into()));
    }

    /// The engine cannot be reached, or not any more: it does not run, or is not known to be itself.
    pub(super) fn away(&mut self, detail: impl Into<String>) {
        let detail = detail.into();
        let is_doubted = detail.contains("certificate");
        let mend = if is_doubted { TRUST } else { self.engine.back() };
        self.add("reach", Status::Failure, detail, Some(mend.to_owned()));
        if let Some(last) = self.list.last_mut() {
            last.away = true;
        }
    }

    /// Has every command of PostgreSQL's clients find this server.
    pub(super) fn aim(&mut self, host: &str, port: &str) {
        for mend in self.list.iter_mut().filter_map(|it| it.mend.as_mut()) {
            for client in ["psql", "createdb"] {
                let aimed = format!("{client} -h {host} -p {port} -");
                *mend = mend.replace(&format!("{client} -"), &aimed);
            }
        }
    }

    fn add(&mut self, check: &str, status: Status, detail: String, mend: Option<String>) {
        let (engine, check) = (self.engine, check.to_owned());
        self.list.push(Finding { engine, check, status, detail, mend, away: false });
    }
}

/// How it stands in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing failed.
    Well,
    /// An engine cannot be reached, and nothing else failed.
    Away,
    /// Something would lose or block sales.
    Unwell,
}

/// Everything that was found, engine by engine.
#[derive(Debug, Serialize)]
pub struct Report {
    /// In the order in which they were looked at.
    pub findings: Vec<Finding>,
    summary: Summary,
}

/// How many there are of each.
#[derive(Debug, Serialize)]
struct Summary {
    ok: usize,
    warnings: usize,
    failures: usize,
}

impl Report {
    pub(super) fn of(engines: Vec<Findings>) -> Self {
        let findings: Vec<_> = engines.into_iter().flat_map(|it| it.list).collect();
        let count = |status| findings.iter().filter(|it: &&Finding| it.status == status).count();
        let (ok, warnings, failures) =
            (count(Status::Ok), count(Status::Warning), count(Status::Failure));
        Self { findings, summary: Summary { ok, warnings, failures } }
    }

    /// How it stands in all. What failed on an engine that answers counts for more than one that is
    /// away: the second may come back by itself.
    pub fn verdict(&self) -> Verdict {
        let mut failures = self.findings.iter().filter(|it| it.status == Status::Failure);
        match (self.summary.failures, failures.all(|it| it.away)) {
            (0, _) => Verdict::Well,
            (_, true) => Verdict::Away,
            (_, false) => Verdict::Unwell,
        }
    }

    /// As one JSON object, with `findings` and a `summary`.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }

    /// How many there are of each, in words.
    pub fn summary(&self) -> String {
        let Summary { ok, warnings, failures } = self.summary;
        let words = |count, one| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
        format!("{ok} ok, {}, {}", words(warnings, "warning"), words(failures, "failure"))
    }
}

/// Aligned lines, grouped by engine, with nothing that needs a colour to be understood.
impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.findings.iter().map(|it| it.check.chars().count()).max().unwrap_or(0);
        let mut engine = None;
        for finding in &self.findings {
            if engine.replace(finding.engine) != Some(finding.engine) {
                writeln!(f, "{}", finding.engine)?;
            }
            let Finding { check, status, detail, mend, .. } = finding;
            writeln!(f, "  {:<8} {check:<width$}  {}", status.word(), one_line(detail))?;
            // As long as it may be, so that it can be copied.
            for line in mend.iter().flat_map(|mend| mend.lines()) {
                writeln!(f, "  {:<8} {:<width$}  $ {line}", "", "")?;
            }
        }
        f.write_char('\n')?;
        f.write_str(&self.summary())
    }
}

/// What an engine said, with nothing in it that moves the cursor.
fn one_line(text: &str) -> String {
    text.split(char::is_control).collect::<Vec<_>>().join(" ")
}
