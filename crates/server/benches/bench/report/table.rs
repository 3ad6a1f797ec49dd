//! A section in Markdown.

use std::fmt;

use super::measure::Measure;
use super::promises::by_id;
use super::section::{Section, Series};
use super::spread::{Spread, figure};

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n", self.title)?;
        let columns = Columns::of(self);
        row(f, columns.heads(self))?;
        writeln!(f, "|{}", "---|".repeat(columns.heads(self).count()))?;
        for series in &self.series {
            row(f, columns.cells(series))?;
        }
        writeln!(f)?;
        for finding in &self.findings {
            let Some(promise) = by_id(&finding.promise) else { continue };
            let (what, value) = (promise.what, figure(finding.value));
            let beside = if promise.against.is_empty() { "" } else { ", beside " };
            let against = promise.against;
            let (reach, aim) = (&finding.reach, &finding.aim);
            let verdict = &finding.verdict;
            writeln!(
                f,
                "- {what}{beside}{against}: **{value}**; reach {reach}, aim {aim}: {verdict}"
            )?;
        }
        if !self.findings.is_empty() {
            writeln!(f)?;
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, cells: impl Iterator<Item = String>) -> fmt::Result {
    let cells: Vec<_> = cells.collect();
    writeln!(f, "| {} |", cells.join(" | "))
}

/// The columns that have a value in some row.
struct Columns {
    sides: bool,
    measures: Vec<Measure>,
    ratios: Vec<Measure>,
}

impl Columns {
    fn of(section: &Section) -> Self {
        let some = |has: &dyn Fn(&Series) -> bool| section.series.iter().any(has);
        let (measures, ratios) = (section.columns.iter(), section.ratios.iter());
        Self {
            sides: some(&|series| series.side != section.series[0].side),
            measures: measures.copied().filter(|m| some(&|s| s.spreads.contains_key(m))).collect(),
            ratios: ratios
                .copied()
                .filter(|m| some(&|s| s.ours_beside_it.contains_key(m)))
                .collect(),
        }
    }

    fn heads(&self, section: &Section) -> impl Iterator<Item = String> {
        let labels = section.series.first().map(|series| series.labels.clone()).unwrap_or_default();
        let side = self.sides.then(|| "side".to_owned());
        let measures = self.measures.iter().map(|measure| measure.head().to_owned());
        let ratios =
            self.ratios.iter().map(|measure| format!("ours beside it: {}", measure.head()));
        labels.into_iter().map(|(name, _)| name).chain(side).chain(measures).chain(ratios)
    }

    fn cells(&self, series: &Series) -> impl Iterator<Item = String> {
        let labels = series.labels.iter().map(|(_, value)| value.clone());
        let side = self.sides.then(|| series.side.clone());
        let text = |spread: Option<&Spread>| spread.map(ToString::to_string).unwrap_or_default();
        let measures =
            self.measures.iter().enumerate().map(move |(at, measure)| match &series.void {
                Some(why) if at == 0 => format!("void: {why}"),
                Some(_) => String::new(),
                None => text(series.spreads.get(measure)),
            });
        let ratios =
            self.ratios.iter().map(move |measure| text(series.ours_beside_it.get(measure)));
        labels.chain(side).chain(measures).chain(ratios)
    }
}
