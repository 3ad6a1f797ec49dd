//! A queue or exchange that cannot be declared, mostly because it exists with other arguments:
//! another program's, or another version's, which only a person may delete.

use std::fmt::{self, Display, Formatter};

use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::{Error, ErrorKind};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::text;

/// A part of the topology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A queue, by its name.
    Queue(String),
    /// An exchange, by its name.
    Exchange(&'static str),
}

impl Item {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Queue(name) => name,
            Self::Exchange(name) => name,
        }
    }

    /// The command that deletes it from this vhost, unless it has messages or bindings. Words in
    /// capitals are placeholders.
    pub fn deletion(&self, vhost: &str) -> String {
        match self {
            Self::Queue(name) => {
                format!("rabbitmqctl delete_queue {name} --vhost '{vhost}' --if-empty")
            }
            // Only the management API deletes exchanges.
            Self::Exchange(name) => {
                let vhost = utf8_percent_encode(vhost, NON_ALPHANUMERIC);
                format!(
                    "curl -i -u USER -X DELETE \
                     'http://HOST:15672/api/exchanges/{vhost}/{name}?if-unused=true'"
                )
            }
        }
    }
}

impl Display for Item {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue(name) => write!(f, "the queue {name}"),
            Self::Exchange(name) => write!(f, "the exchange {name}"),
        }
    }
}

/// A declaration failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot declare {item}: {}", self.in_words())]
pub(super) struct NotDeclared {
    pub(super) item: Item,
    pub(super) why: Error,
}

impl NotDeclared {
    /// The broker's message, or why there is none, safe for a terminal.
    pub(super) fn in_words(&self) -> String {
        let words = match self.why.kind() {
            ErrorKind::ProtocolError(error) => error.get_message().to_string(),
            _ => self.why.to_string(),
        };
        text::printable(&words).into_owned()
    }

    /// Whether it exists with other arguments, or for one connection alone: a retry does not help.
    pub(super) fn is_different(&self) -> bool {
        is_closed_by(&self.why, &AMQPSoftError::PRECONDITIONFAILED)
            || is_closed_by(&self.why, &AMQPSoftError::RESOURCELOCKED)
    }
}

/// Whether an error closed a channel, and left the connection as it was.
pub(super) fn is_of_a_channel(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ProtocolError(error) if matches!(error.kind(), AMQPErrorKind::Soft(_))
    )
}

/// Whether the broker closed the channel by this error.
pub fn is_closed_by(error: &Error, expected: &AMQPSoftError) -> bool {
    match error.kind() {
        ErrorKind::ProtocolError(error) => {
            matches!(error.kind(), AMQPErrorKind::Soft(found) if found == expected)
        }
        _ => false,
    }
}
