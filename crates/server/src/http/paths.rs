//! The paths of the table of routes, and the row that a request belongs to.

use std::ops::Range;

use http::{HeaderValue, Method};

use super::kind::RouteLabel;
use super::route::Route;

/// The paths of a table of routes.
pub(super) struct Paths {
    paths: Vec<Path>,
}

/// A path, and its rows.
struct Path {
    /// Its segments; `None` is the variable one, of which there is one at most.
    segments: Vec<Option<&'static str>>,
    rows: Vec<(Method, &'static Route, RouteLabel)>,
    allow: HeaderValue,
}

/// The outcome of a search.
pub(super) enum Found<'a> {
    /// A row.
    Row {
        /// The row.
        route: &'static Route,
        /// Its label.
        label: RouteLabel,
        /// Where in the path its variable segment is; empty where it has none.
        segment: Range<usize>,
    },
    /// The path has rows, but none of this method.
    OtherMethods(&'a HeaderValue),
    /// No row has such a path.
    Nothing,
}

impl Paths {
    /// The paths of `routes`.
    pub(super) fn of(routes: &'static [Route]) -> Self {
        let mut paths: Vec<Path> = Vec::new();
        for (row, route) in routes.iter().enumerate() {
            let segments = segments(route.path);
            let place = paths.iter().position(|path| path.segments == segments);
            let place = place.unwrap_or_else(|| {
                paths.push(Path {
                    segments,
                    rows: Vec::new(),
                    allow: HeaderValue::from_static(""),
                });
                paths.len() - 1
            });
            let label = RouteLabel::of_row(row, route.path);
            paths[place].rows.push((route.method.of_request(), route, label));
        }
        for path in &mut paths {
            let allowed = path.rows.iter().map(|(_, route, _)| route.method.allowed());
            let allowed = allowed.collect::<Vec<_>>().join(",");
            path.allow = HeaderValue::try_from(allowed).expect("names of methods");
        }
        // A path that names a segment goes before one that takes any.
        paths.sort_by_key(|path| {
            path.segments.iter().map(|segment| (segment.is_none(), *segment)).collect::<Vec<_>>()
        });
        Self { paths }
    }

    /// The row of a request.
    pub(super) fn find(&self, method: &Method, asked: &str) -> Found<'_> {
        let matches = |path: &Path| path.segment(asked);
        let found = self.paths.iter().find_map(|path| Some((path, matches(path)?)));
        let Some((path, segment)) = found else { return Found::Nothing };
        match path.rows.iter().find(|(of_row, ..)| of_row == method) {
            Some((_, route, label)) => Found::Row { route, label: *label, segment },
            None => Found::OtherMethods(&path.allow),
        }
    }
}

impl Path {
    /// Where `asked` has this path's variable segment, or an empty range where it has none; `None` when
    /// it is another path.
    fn segment(&self, asked: &str) -> Option<Range<usize>> {
        let (mut rest, mut variable) = (asked, 0..0);
        for segment in &self.segments {
            rest = rest.strip_prefix('/')?;
            let length = if let Some(name) = segment {
                rest.starts_with(name).then_some(name.len())?
            } else {
                let length = rest.find('/').unwrap_or(rest.len());
                let begin = asked.len() - rest.len();
                variable = begin..begin + length;
                // Only within a path may it be empty.
                (length > 0 || !rest.is_empty()).then_some(length)?
            };
            rest = &rest[length..];
        }
        rest.is_empty().then_some(variable)
    }
}

/// The segments of a path's template.
fn segments(template: &'static str) -> Vec<Option<&'static str>> {
    let segments = template.split('/').skip(1);
    segments.map(|segment| Some(segment).filter(|it| !it.starts_with('{'))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::routes::ROUTES;
    use super::*;

    fn found(method: &Method, path: &str) -> String {
        match Paths::of(ROUTES).find(method, path) {
            Found::Row { label, segment, .. } => format!("{} {}", label.path, &path[segment]),
            Found::OtherMethods(allow) => format!("only {}", allow.to_str().unwrap()),
            Found::Nothing => "nothing".to_owned(),
        }
    }

    #[test]
    fn a_path_has_one_row_for_each_method() {
        for (path, expected) in [
            ("/sessions", "/sessions "),
            ("/sessions/a%20b", "/sessions/{id} a%20b"),
            ("/reservations/user/extend", "/reservations/user/{userId} extend"),
            ("/reservations/user", "/reservations/{id} user"),
            ("/reservations/x/extend", "only POST"),
            ("/payments/confirm/x", "only POST"),
            ("/sessions/x/y", "nothing"),
            ("/sessionsx", "nothing"),
            ("/sessions/", "nothing"),
            ("/reservations//extend", "only POST"),
            ("/reservations/", "nothing"),
            ("/SESSIONS", "nothing"),
            ("/sales/history", "nothing"),
            ("/", "nothing"),
            ("", "nothing"),
            ("*", "nothing"),
        ] {
            assert_eq!(found(&Method::GET, path), expected, "{path}");
        }
        assert_eq!(found(&Method::PUT, "/sessions"), "only POST,GET,HEAD");
        assert_eq!(found(&Method::POST, "/reservations/x/extend"), "/reservations/{id}/extend x");
    }
}
