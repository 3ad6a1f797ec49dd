//! The words that every form of a report shares: the run in one line, and how it was paced.

use super::figures::{self, count, thousands};
use super::json::{Report, Run};
use crate::stats::Counts;

impl Report {
    /// Whether a promise was broken.
    pub fn is_violated(&self) -> bool {
        self.verdict.as_ref().is_some_and(|verdict| verdict.violated() > 0)
    }

    /// The run in one line: counts, then `0 violations` or what was violated.
    pub fn summary(&self) -> String {
        let Counts { ok, refused, unknown, fault } = self.stats.all.counts;
        format!(
            "{} (seed {}): {} requests in {:.1} s, {} ok, {} refused, {} unknown, {} failed; {}",
            self.run.scenario,
            self.run.seed,
            thousands(self.stats.all.counts.all()),
            self.run.seconds,
            thousands(ok),
            thousands(refused),
            thousands(unknown),
            thousands(fault),
            self.judgement(),
        )
    }

    /// `0 violations`, or how many of which promises.
    pub(super) fn judgement(&self) -> String {
        let Some(verdict) = &self.verdict else { return "not judged".to_owned() };
        let mut text = count(verdict.violated(), "violation");
        let broken = verdict.checks.iter().filter(|check| check.violations > 0);
        for (place, check) in broken.enumerate() {
            text.push_str(if place == 0 { ": " } else { ", " });
            text.push_str(&check.promise);
            if check.violations > 1 {
                text.push_str(" ×");
                text.push_str(&thousands(check.violations));
            }
        }
        text
    }
}

impl Run {
    /// The way that requests were sent, in words.
    pub(super) fn pace(&self) -> String {
        self.rate.map_or_else(
            || "each asking again when answered (closed loop)".to_owned(),
            |rate| format!("{} requests/s on schedule (open loop)", figures::rate(rate)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::verdict::{Check, Verdict};

    fn judged(violated: &[(&str, u64)]) -> Report {
        let checks = violated.iter().map(|&(promise, violations)| Check {
            promise: promise.to_owned(),
            violations,
            ..Check::default()
        });
        let verdict = Verdict { checks: checks.collect(), ..Verdict::default() };
        Report { verdict: Some(verdict), ..Report::default() }
    }

    #[test]
    fn the_summary_names_what_was_violated() {
        let ends = |report: &Report, end: &str| {
            let summary = report.summary();
            assert!(summary.ends_with(end), "{summary}");
        };
        ends(&judged(&[("C1", 0), ("C2", 0)]), "0 failed; 0 violations");
        ends(&judged(&[("C1", 0), ("C3", 1)]), "; 1 violation: C3");
        ends(&judged(&[("C1", 2), ("C2", 0), ("C3", 1)]), "; 3 violations: C1 ×2, C3");
        ends(&Report::default(), "; not judged");
        assert!(judged(&[("C1", 1)]).is_violated());
        assert!(!judged(&[("C1", 0)]).is_violated());
    }
}
