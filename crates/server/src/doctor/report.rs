//! Findings, and the report of them: as text for people, as JSON for programs.

use std::fmt::{self, Display, Write as _};

use serde::Serialize;

/// The part that a finding is about.
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

/// The command that makes this program trust the authority of an engine's certificate.
const TRUST: &str = "poltrona doctor --ca-file AUTHORITY.pem";

impl Engine {
    /// The command that starts it as a service of this machine, or shows why it cannot be reached.
    const fn restart(self) -> &'static str {
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

/// Its severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nothing is wrong.
    Ok,
    /// Sales work, but slower than they could, or with less to spare.
    Warning,
    /// Sales are blocked, or could be lost.
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

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The part that was checked.
    pub engine: Engine,
    /// The name of the check, in a word or two.
    pub check: String,
    /// The result.
    pub status: Status,
    /// The value or error that the check found. Never a password.
    pub detail: String,
    /// The command that fixes it, of every warning and failure. `mend` in JSON.
    #[serde(rename = "mend", skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    #[serde(skip)]
    away: bool,
}

/// The findings about one engine so far.
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
        fix: impl Into<String>,
    ) {
        self.add(check, Status::Warning, detail.into(), Some(fix.into()));
    }

    pub(super) fn failure(
        &mut self,
        check: &str,
        detail: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.add(check, Status::Failure, detail.into(), Some(fix.into()));
    }

    /// The engine cannot be reached: it does not run, or its certificate is not trusted.
    pub(super) fn away(&mut self, detail: impl Into<String>) {
        let detail = detail.into();
        let is_untrusted = detail.contains("certificate");
        let fix = if is_untrusted { TRUST } else { self.engine.restart() };
        self.add("reach", Status::Failure, detail, Some(fix.to_owned()));
        if let Some(last) = self.list.last_mut() {
            last.away = true;
        }
    }

    /// Adds host and port to every command of PostgreSQL's clients.
    pub(super) fn aim(&mut self, host: &str, port: &str) {
        for fix in self.list.iter_mut().filter_map(|it| it.fix.as_mut()) {
            for client in ["psql", "createdb"] {
                let aimed = format!("{client} -h {host} -p {port} -");
                *fix = fix.replace(&format!("{client} -"), &aimed);
            }
        }
    }

    fn add(&mut self, check: &str, status: Status, detail: String, fix: Option<String>) {
        let (engine, check) = (self.engine, check.to_owned());
        self.list.push(Finding { engine, check, status, detail, fix, away: false });
    }
}

/// The result of all checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing failed.
    Well,
    /// An engine cannot be reached, and nothing else failed.
    Away,
    /// Something would lose or block sales.
    Unwell,
}

/// All findings, engine by engine.
#[derive(Debug, Serialize)]
pub struct Report {
    /// In the order of the checks.
    pub findings: Vec<Finding>,
    summary: Summary,
}

/// The number of findings of each status.
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

    /// The result of all checks. What failed on an engine that answers counts for more than one that is
    /// away: the second may come back by itself.
    pub fn verdict(&self) -> Verdict {
        let mut failures = self.findings.iter().filter(|it| it.status == Status::Failure);
        match (self.summary.failures, failures.all(|it| it.away)) {
            (0, _) => Verdict::Well,
            (_, true) => Verdict::Away,
            (_, false) => Verdict::Unwell,
        }
    }

    /// One JSON object, with `findings` and a `summary`.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }

    /// The number of findings of each status, in words.
    pub fn summary(&self) -> String {
        let Summary { ok, warnings, failures } = self.summary;
        let words = |count, one| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
        format!("{ok} ok, {}, {}", words(warnings, "warning"), words(failures, "failure"))
    }
}

/// Aligned lines, grouped by engine, without colours.
impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.findings.iter().map(|it| it.check.chars().count()).max().unwrap_or(0);
        let mut engine = None;
        for finding in &self.findings {
            if engine.replace(finding.engine) != Some(finding.engine) {
                writeln!(f, "{}", finding.engine)?;
            }
            let Finding { check, status, detail, fix, .. } = finding;
            writeln!(f, "  {:<8} {check:<width$}  {}", status.word(), one_line(detail))?;
            // Not wrapped, so that it can be copied.
            for line in fix.iter().flat_map(|fix| fix.lines()) {
                // Advice is a sentence, and a command none.
                let mark = if line.starts_with(char::is_uppercase) { "" } else { "$ " };
                writeln!(f, "  {:<8} {:<width$}  {mark}{line}", "", "")?;
            }
        }
        f.write_char('\n')?;
        f.write_str(&self.summary())
    }
}

/// The text of an engine without characters that move the cursor.
fn one_line(text: &str) -> String {
    text.split(char::is_control).collect::<Vec<_>>().join(" ")
}
