//! The part of the program that a line is from, and its colour on a terminal.

/// The parts of the program that have a badge, each with its own of the terminal's 256 colours.
/// All are light enough for black letters.
const BADGES: &[(&str, u8)] = &[
    ("session", 75),
    ("seat", 80),
    ("reservation", 221),
    ("payment", 114),
    ("sale", 155),
    ("ledger", 180),
    ("database", 147),
    ("http", 117),
    ("expiry", 216),
    ("relay", 183),
    ("bus", 219),
    ("redis", 203),
    ("rabbitmq", 209),
    ("config", 250),
    ("app", 231),
    ("server", 153),
    ("telemetry", 189),
    ("panic", 197),
];

/// The colour of every other part, libraries among them.
const PLAIN: u8 = 245;

/// The longest name that lines are aligned to.
pub(super) const WIDTH: usize = 11;

/// The part of the program that a target names: itself (`seat`), or the module of ours that it
/// lies in (`poltrona::http::router` is `http`), or the library.
pub(super) fn area(target: &str) -> &str {
    let mut path = target.split("::");
    let first = path.next().unwrap_or_default();
    match (first, path.next()) {
        ("poltrona" | "poltrona_engine", None) => "app",
        ("poltrona_engine", Some("store")) => "database",
        ("poltrona" | "poltrona_engine", Some(module)) => module,
        _ => first,
    }
}

/// The colour of a part's badge.
pub(super) fn colour(area: &str) -> u8 {
    BADGES.iter().find(|(name, _)| *name == area).map_or(PLAIN, |(_, colour)| *colour)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_belongs_to_a_part() {
        for (target, expected) in [
            ("seat", "seat"),
            ("poltrona", "app"),
            ("poltrona::http::router", "http"),
            ("poltrona_engine::store::sqlite", "database"),
            ("poltrona_engine::relay", "relay"),
            ("hyper::proto::h1", "hyper"),
            ("", ""),
        ] {
            assert_eq!(area(target), expected);
        }
    }

    #[test]
    fn no_two_parts_share_a_colour_and_all_are_aligned() {
        let mut colours: Vec<u8> =
            BADGES.iter().map(|(_, colour)| *colour).chain([PLAIN]).collect();
        colours.sort_unstable();
        colours.dedup();
        assert_eq!(colours.len(), BADGES.len() + 1);
        assert_eq!(BADGES.iter().map(|(name, _)| name.len()).max(), Some(WIDTH));
    }
}
