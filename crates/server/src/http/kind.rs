//! Kinds of answered requests, and tables that hold something for each, found without a lock.

use std::sync::OnceLock;

use http::StatusCode;

use super::code::Code;

/// The methods that have a name in labels. Clients can invent endless others, and a label is kept for
/// good.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"];
/// The routes that a table has room for.
const ROUTES_MAX: usize = 32;
/// The outcomes of a request: an error's code, or a status without one.
const OUTCOMES: usize = Code::ALL.len() + STATUSES;
/// The statuses from 100 to 599; others count as the last.
const STATUSES: usize = 500;

/// The route of a request, as logs, metrics and traces name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RouteLabel {
    place: usize,
    /// The template of its path, so that no id of a user comes into a log.
    pub(super) path: &'static str,
}

/// A kind of answered request. Those of one kind share their meters, and their lines in the log are
/// alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    method: usize,
    route: RouteLabel,
    /// The status of the answer.
    pub(super) status: StatusCode,
    /// The code of an error.
    pub(super) code: Option<Code>,
}

/// Something for each kind, made when the first of its kind comes and kept for good.
pub(super) struct ByKind<T> {
    lines: Box<[OnceLock<Line<T>>]>,
}

/// The values of a route and method, by outcome.
type Line<T> = Box<[OnceLock<Box<T>>]>;

impl RouteLabel {
    /// A path that matches no row of the table of routes.
    pub(super) const UNMATCHED: Self = Self { place: 0, path: "unmatched" };
    /// Any page of the documentation.
    pub(super) const DOCUMENT: Self = Self { place: 1, path: "/api/docs" };

    /// The label of a row of the table of routes.
    pub(super) const fn of_row(row: usize, path: &'static str) -> Self {
        assert!(row + 2 < ROUTES_MAX, "ROUTES_MAX is too small");
        Self { place: row + 2, path }
    }
}

impl Kind {
    /// The kind of a request of this method and route that was answered so.
    pub(super) fn new(
        method: &http::Method,
        route: RouteLabel,
        status: StatusCode,
        code: Option<Code>,
    ) -> Self {
        let method = METHODS.iter().position(|name| *name == method.as_str());
        Self { method: method.unwrap_or(METHODS.len() - 1), route, status, code }
    }

    /// The method by its known name.
    pub(super) const fn method(&self) -> &'static str {
        METHODS[self.method]
    }

    /// The template of the path.
    pub(super) const fn route(&self) -> &'static str {
        self.route.path
    }

    const fn line(&self) -> usize {
        self.route.place * METHODS.len() + self.method
    }

    fn outcome(&self) -> usize {
        let status = || usize::from(self.status.as_u16() - 100).min(STATUSES - 1);
        self.code.map_or_else(|| Code::ALL.len() + status(), |code| code as usize)
    }
}

impl<T> ByKind<T> {
    /// A table without anything yet.
    pub(super) fn new() -> Self {
        Self { lines: empty(ROUTES_MAX * METHODS.len()) }
    }

    /// The value of this kind, made now if it is new.
    pub(super) fn get(&self, kind: Kind, make: impl FnOnce() -> T) -> &T {
        let line = self.lines[kind.line()].get_or_init(|| empty(OUTCOMES));
        line[kind.outcome()].get_or_init(|| Box::new(make()))
    }

    /// The values of the kinds that came so far.
    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        let lines = self.lines.iter().filter_map(OnceLock::get);
        lines.flat_map(|line| line.iter().filter_map(OnceLock::get).map(|value| &**value))
    }
}

fn empty<T>(size: usize) -> Box<[OnceLock<T>]> {
    (0..size).map(|_| OnceLock::new()).collect()
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    #[test]
    fn each_kind_has_its_own_and_keeps_it() {
        let table = ByKind::new();
        let route = RouteLabel::of_row(3, "/sessions");
        let brew = Method::from_bytes(b"BREW").unwrap();
        let mut kinds = Vec::new();
        for method in [Method::GET, Method::HEAD, brew] {
            for route in [route, RouteLabel::UNMATCHED, RouteLabel::DOCUMENT] {
                for code in Code::ALL {
                    kinds.push(Kind::new(&method, route, code.status(), Some(*code)));
                }
                for status in [100, 200, 409, 599] {
                    let status = StatusCode::from_u16(status).unwrap();
                    kinds.push(Kind::new(&method, route, status, None));
                }
            }
        }
        for kind in &kinds {
            assert_eq!(table.get(*kind, || *kind), kind);
        }
        for kind in &kinds {
            assert_eq!(table.get(*kind, || unreachable!()), kind);
        }
        assert_eq!(table.values().count(), kinds.len());
        assert_eq!(kinds.last().unwrap().method(), "other");
    }
}
