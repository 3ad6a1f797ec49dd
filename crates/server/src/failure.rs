//! A failure of the program, with the exit code that it ends with.

use crate::config::ConfigError;

/// Why the program ends without having done its work.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The settings are wrong: exit 2.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The command cannot be used like this: exit 2.
    #[error("{0}")]
    Usage(String),
    /// A server that the command needs cannot be reached, or is not ready: exit 3.
    #[error("{0}")]
    Away(String),
    /// `poltrona rush` found that a server broke a promise: exit 1.
    #[error("a promise was broken; the verdict says which, and shows the requests")]
    Broken,
    /// Anything else: exit 1.
    #[error("{0:#}")]
    Failed(anyhow::Error),
}

impl Failure {
    /// The exit code of the process.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Broken | Self::Failed(_) => 1,
            Self::Config(_) | Self::Usage(_) => 2,
            Self::Away(_) => 3,
        }
    }
}

/// A `Failure` or `ConfigError` inside `error` keeps its kind; every other error becomes
/// [`Failure::Failed`].
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        error
            .downcast::<Self>()
            .or_else(|error| error.downcast::<ConfigError>().map(Self::Config))
            .unwrap_or_else(Self::Failed)
    }
}

#[cfg(test)]
mod tests {
    use anyhow::{Context as _, anyhow};

    use super::*;

    #[test]
    fn a_failure_keeps_its_exit_code_on_its_way_up() {
        let code = |error: anyhow::Error| Failure::from(error).exit_code();
        assert_eq!(code(anyhow!("broke")), 1);
        assert_eq!(code(Failure::Usage("so".to_owned()).into()), 2);
        assert_eq!(code(ConfigError { faults: Vec::new() }.into()), 2);
        assert_eq!(code(Failure::Away("gone".to_owned()).into()), 3);
    }

    #[test]
    fn a_failure_shows_its_causes() {
        let error = Err::<(), _>(anyhow!("disk full")).context("cannot seed").unwrap_err();
        assert_eq!(Failure::from(error).to_string(), "cannot seed: disk full");
    }
}
