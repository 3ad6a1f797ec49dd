//! How a search finds sessions: through the index of the filter that matches fewest, or, where every one
//! of its filters matches many, from the newest on. See `docs/adr/0026`.

use super::query::SessionFilter;

/// Filters that have an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    /// By part of a film's title.
    Movie,
    /// By part of a room's name.
    Room,
    /// By a range of starts.
    Start,
}

/// How many sessions a filter must match to match many: so many that a page of them is soon full when
/// sessions are read from the newest on.
pub(super) fn many(limit: usize) -> usize {
    limit.saturating_mul(5).max(2_000)
}

impl Filter {
    /// Its name: of the column `…_folded`, and of the index `sessions_by_…`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Movie => "movie",
            Self::Room => "room",
            Self::Start => "start",
        }
    }
}

impl SessionFilter {
    /// The filters of a search.
    pub(super) fn given(&self) -> Vec<Filter> {
        let has_start = self.from.is_some() || self.to.is_some();
        let names = self.parts().map(|(name, _)| name);
        names.chain(has_start.then_some(Filter::Start)).collect()
    }

    /// Its filters by name, and the part of a name that each looks for.
    pub(super) fn parts(&self) -> impl Iterator<Item = (Filter, &str)> {
        [Filter::Movie, Filter::Room].into_iter().filter_map(|it| Some((it, self.part(it)?)))
    }

    /// The part of a name that a filter looks for; none where it is not by name.
    pub(super) fn part(&self, filter: Filter) -> Option<&str> {
        match filter {
            Filter::Movie => self.movie.as_deref(),
            Filter::Room => self.room.as_deref(),
            Filter::Start => None,
        }
    }
}
