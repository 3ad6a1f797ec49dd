//! Ids as people can tell them apart: by their last digits, as many as no two ids of a verdict share.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::verdict::Verdict;

/// How long an id is, as text.
const WHOLE: usize = 36;
/// How many of its last digits are shown at least, and at most: the last group's.
const DIGITS: std::ops::RangeInclusive<usize> = 4..=12;

/// How many digits tell the ids of a verdict apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ids {
    digits: usize,
}

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Words.
    Text(&'a str),
    /// An id.
    Id {
        /// As it is.
        whole: &'a str,
        /// Its last digits.
        end: &'a str,
    },
}

impl Ids {
    /// Looks at all that a verdict says.
    pub(super) fn of(verdict: &Verdict) -> Self {
        let texts = verdict.violations.iter().flat_map(|violation| {
            let says = violation.evidence.iter().map(|evidence| evidence.says.as_str());
            let about = [&violation.seat, &violation.session].into_iter().flatten();
            says.chain(about.map(String::as_str)).chain([violation.what.as_str()])
        });
        let ids: BTreeSet<_> = texts.flat_map(ids_in).map(|(_, id)| id).collect();
        let differ = |digits: &usize| {
            let ends: BTreeSet<_> = ids.iter().map(|id| &id[WHOLE - digits..]).collect();
            ends.len() == ids.len()
        };
        Self { digits: DIGITS.into_iter().find(differ).unwrap_or(WHOLE) }
    }

    /// A text in parts, in its order.
    pub(super) fn parts(self, text: &str) -> Vec<Part<'_>> {
        let (mut parts, mut from) = (Vec::new(), 0);
        for (at, whole) in ids_in(text) {
            if from < at {
                parts.push(Part::Text(&text[from..at]));
            }
            parts.push(Part::Id { whole, end: &whole[WHOLE - self.digits..] });
            from = at + WHOLE;
        }
        if from < text.len() {
            parts.push(Part::Text(&text[from..]));
        }
        parts
    }

    /// A text with its ids shortened, as `…05fe`.
    pub(super) fn shorten(self, text: &str) -> String {
        let parts = self.parts(text);
        let short = |part| match part {
            Part::Id { whole, end } if whole != end => format!("…{end}"),
            Part::Id { whole: text, .. } | Part::Text(text) => text.to_owned(),
        };
        parts.into_iter().map(short).collect()
    }
}

/// The ids in a text, and where each begins.
fn ids_in(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            // An id's first hyphen stands after eight digits.
            let hyphen = from + text.get(from..)?.find('-')?;
            from = hyphen + 1;
            let Some(at) = hyphen.checked_sub(8) else { continue };
            let Some(id) = text.get(at..at + WHOLE) else { continue };
            if Uuid::try_parse(id).is_ok() {
                from = at + WHOLE;
                return Some((at, id));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::verdict::Violation;
    use super::*;

    fn verdict(what: &str) -> Verdict {
        let violation = Violation { what: what.to_owned(), ..Violation::default() };
        Verdict { violations: vec![violation], ..Verdict::default() }
    }

    #[test]
    fn ids_are_cut_to_the_digits_that_tell_them_apart() {
        let one = "seat A-1 of 00000000-0000-7000-8000-0000000005fe, é";
        assert_eq!(Ids::of(&verdict(one)).shorten(one), "seat A-1 of …05fe, é");
        let two = format!("{one} and 00000000-0000-7000-8000-0000000105fe");
        let ids = Ids::of(&verdict(&two));
        assert_eq!(ids.shorten(&two), "seat A-1 of …005fe, é and …105fe");
    }

    #[test]
    fn ids_that_end_alike_stay_whole() {
        let text = "00000000-0000-7000-8000-000000000001 00000000-0000-7000-9000-000000000001";
        assert_eq!(Ids::of(&verdict(text)).shorten(text), text);
    }

    #[test]
    fn a_text_without_ids_is_one_part() {
        let text = "u2954ddf6-11-0 — no id-at-all";
        assert_eq!(Ids::of(&verdict("")).parts(text), [Part::Text(text)]);
    }
}
