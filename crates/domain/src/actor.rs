//! The caller of a command or query.

use crate::id::UserId;

/// Who asks for a change or for a look at somebody's things. Every command and every such query
/// carries one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Nobody in particular: authentication is off, and everything is everybody's.
    Anyone,
    /// The program itself, which announces lapses.
    Program,
    /// A person, who reaches only what is theirs.
    User(UserId),
}

impl Actor {
    /// Whether what belongs to `owner` is within this actor's reach. What is not is answered as if it
    /// did not exist.
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
