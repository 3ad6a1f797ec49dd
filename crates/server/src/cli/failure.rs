//! Why a command did not do what it was asked, and the exit code that says so.

use crate::config::ConfigError;

/// A command that did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The settings are wrong: exit 2.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The command cannot be used like this: exit 2.
    #[error("{0}")]
    Usage(String),
    /// Something that the command depends on is away: exit 3.
    #[error("{0}")]
    Away(String),
    /// A server was judged and did not keep its promises: exit 1.
    #[error("a promise was broken; the verdict says which, and shows the requests")]
    Broken,
    /// Something broke: exit 1.
    #[error("{0:#}")]
    Failed(anyhow::Error),
}

impl Failure {
    /// What the process exits with.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Broken | Self::Failed(_) => 1,
            Self::Config(_) | Self::Usage(_) => 2,
            Self::Away(_) => 3,
        }
    }
}

/// A failure keeps its kind when it travels as any error; every other error is a break.
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
    fn a_break_is_told_with_its_causes() {
        let error = Err::<(), _>(anyhow!("disk full")).context("cannot seed").unwrap_err();
        assert_eq!(Failure::from(error).to_string(), "cannot seed: disk full");
    }
}
