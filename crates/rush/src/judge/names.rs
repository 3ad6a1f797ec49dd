//! Ids in 128 bits: a UUID stands for itself, and a hash for any other text.

use std::{
    collections::{HashMap, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
};

use uuid::Uuid;

/// The texts of ids that are no UUIDs.
#[derive(Debug, Default)]
pub(super) struct Names {
    others: HashMap<Uuid, Box<str>>,
}

impl Names {
    /// The id that stands for `text`; upper and lower case are the same id.
    pub(super) fn id(&mut self, text: &str) -> Uuid {
        Uuid::try_parse(text).unwrap_or_else(|_| {
            let id = Uuid::from_u128(digest(text));
            self.others.entry(id).or_insert_with(|| text.into());
            id
        })
    }

    /// The text of an id.
    pub(super) fn text(&self, id: Uuid) -> String {
        self.others.get(&id).map_or_else(|| id.to_string(), ToString::to_string)
    }
}

/// 128 bits of something's hash, the same in every run.
pub(super) fn digest(of: impl Hash) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, &of).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}
