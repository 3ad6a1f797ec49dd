//! The caller of a command or query.

use crate::id::UserId;

/// The caller of a command, or of a query about a person's things. Each of them carries one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// An unnamed caller: authentication is off, and everyone reaches everything.
    Anyone,
    /// The program itself, which announces lapses.
    Program,
    /// A person, who reaches only what is theirs.
    User(UserId),
}

impl Actor {
    /// Whether this actor may use what belongs to `owner`. Anything else is answered as if it did
    /// not exist.
    pub fn reaches(&self, owner: &UserId) -> bool {
        match self {
            Self::Anyone | Self::Program => true,
            Self::User(user) => user == owner,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_reaches_only_what_is_theirs() {
        let [ana, bia] = ["ana", "bia"].map(UserId::new);
        assert!(Actor::User(ana.clone()).reaches(&ana));
        assert!(!Actor::User(ana.clone()).reaches(&bia));
        assert!(Actor::Anyone.reaches(&ana) && Actor::Program.reaches(&bia));
    }
}
