//! Scenarios by their names, and mixes of them. How each is played is left to the crowd.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context as _, bail, ensure};
use clap::ValueEnum;

/// One way in which clients behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub enum Scenario {
    /// Looking at seat maps and past sales; hardly anyone buys.
    Browse,
    /// Many sessions, seats taken at random, then paid, given back or left to lapse.
    Spread,
    /// One session at a time, every seat of it wanted by 50 clients.
    OnSale,
    /// One seat at a time, for which all clients ask at once.
    Duel,
    /// Overlapping groups of 2 to 6 seats, asked for in different orders.
    Families,
    /// Holds that lapse and are taken again, while others wait for it.
    Abandon,
    /// Idempotency keys: answers thrown away, requests sent again and elsewhere.
    Retry,
}

impl fmt::Display for Scenario {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Browse => "browse",
            Self::Spread => "spread",
            Self::OnSale => "on-sale",
            Self::Duel => "duel",
            Self::Families => "families",
            Self::Abandon => "abandon",
            Self::Retry => "retry",
        })
    }
}

/// Scenarios and their weights: `on-sale`, or `spread=3,browse=7`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mix(Vec<(Scenario, u32)>);

impl FromStr for Mix {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let mut parts = Vec::new();
        for part in text.split(',') {
            let (name, weight) = part.split_once('=').unwrap_or((part, "1"));
            let Ok(scenario) = Scenario::from_str(name, false) else {
                let all: Vec<_> =
                    Scenario::value_variants().iter().map(ToString::to_string).collect();
                bail!("no scenario is called {name:?}; there are {}", all.join(", "));
            };
            let weight = weight.parse().ok().filter(|weight| *weight > 0);
            let weight = weight.with_context(|| format!("{part}: a weight is a whole number"))?;
            ensure!(parts.iter().all(|(other, _)| *other != scenario), "{name} is there twice");
            parts.push((scenario, weight));
        }
        Ok(Self(parts))
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (scenario, weight)) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            if self.0.len() == 1 {
                write!(to, "{scenario}")?;
            } else {
                write!(to, "{comma}{scenario}={weight}")?;
            }
        }
        Ok(())
    }
}

impl Mix {
    /// How many clients each scenario gets; at least one each, as far as there are clients.
    pub fn divide(&self, clients: u32) -> Vec<(Scenario, u32)> {
        let mut weights: u64 = self.0.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let (mut left, mut parts) = (u64::from(clients), self.0.len() as u64);
        let divided = self.0.iter().map(|(scenario, weight)| {
            parts -= 1;
            let share = (left * u64::from(*weight)).div_ceil(weights);
            let share = share.min(left.saturating_sub(parts)).max(left.min(1));
            left -= share;
            weights -= u64::from(*weight);
            (*scenario, u32::try_from(share).unwrap_or(u32::MAX))
        });
        divided.filter(|(_, share)| *share > 0).collect()
    }

    /// Whether a scenario is part of it.
    pub fn has(&self, scenario: Scenario) -> bool {
        self.0.iter().any(|(other, _)| *other == scenario)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_reads_as_it_is_written() {
        for text in ["duel", "spread=3,browse=7"] {
            assert_eq!(text.parse::<Mix>().unwrap().to_string(), text);
        }
        for wrong in ["", "dual", "duel=0", "duel=x", "duel,duel"] {
            assert!(wrong.parse::<Mix>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_client_gets_a_scenario_and_every_scenario_a_client() {
        let mix: Mix = "spread=98,duel=1,retry=1".parse().unwrap();
        for clients in 1..200 {
            let parts = mix.divide(clients);
            assert_eq!(parts.iter().map(|(_, share)| share).sum::<u32>(), clients);
            assert_eq!(parts.len(), 3.min(clients as usize));
        }
        let mix: Mix = "spread=3,browse=7".parse().unwrap();
        assert_eq!(mix.divide(20), [(Scenario::Spread, 6), (Scenario::Browse, 14)]);
    }
}
