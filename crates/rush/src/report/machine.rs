//! The machine that a crowd ran on, and the date: a figure means little without them.

use std::{env, fs, thread};

use serde::{Deserialize, Serialize};

use super::figures::count;

/// The machine that the crowd ran on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// How many cores the crowd could use.
    pub cores: usize,
    /// The name of its processor, where the system has one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub processor: String,
    /// The operating system and its version, where the system has one.
    pub system: String,
    /// The kind of processor it was built for.
    pub architecture: String,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        Self {
            cores: thread::available_parallelism().map_or(1, Into::into),
            processor: model(&processors).unwrap_or_default().to_owned(),
            system: format!("{} {}", env::consts::OS, release.trim()).trim().to_owned(),
            architecture: env::consts::ARCH.to_owned(),
        }
    }

    /// All of it in a line.
    pub(crate) fn line(&self) -> String {
        let cores = count(self.cores as u64, "core");
        let parts = [&cores, &self.processor, &self.system, &self.architecture];
        let known: Vec<_> =
            parts.into_iter().filter(|part| !part.is_empty()).map(String::as_str).collect();
        known.join(", ")
    }
}

fn model(processors: &str) -> Option<&str> {
    let line = processors.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, model)| model.trim())
}

/// This moment in RFC 3339, to the second: when a report's run began, for people.
#[expect(clippy::disallowed_methods, reason = "a date on a page; nothing is decided by it")]
pub fn started() -> String {
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_named_where_it_has_a_name() {
        let text = "processor\t: 0\nmodel name\t: Some CPU @ 2.00GHz\n\nmodel name\t: Other\n";
        assert_eq!(model(text), Some("Some CPU @ 2.00GHz"));
        assert_eq!(model("processor : 0"), None);
    }

    #[test]
    fn what_is_unknown_is_left_out() {
        let machine = Machine {
            cores: 2,
            system: "linux 6.1".to_owned(),
            architecture: "x86_64".to_owned(),
            ..Machine::default()
        };
        assert_eq!(machine.line(), "2 cores, linux 6.1, x86_64");
        assert!(Machine::here().cores > 0);
    }

    #[test]
    fn the_date_has_no_fraction() {
        let started = started();
        assert!(started.ends_with('Z') && !started.contains('.'), "{started}");
    }
}
