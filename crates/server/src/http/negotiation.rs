//! A client's preferences: the language of texts, the form of errors, and compression.

use http::{HeaderMap, HeaderName, header};

use crate::config::Locale;

/// The longest header of preferences that is read, in bytes; a longer one counts as absent.
const PREFERENCES_MAX: usize = 1_024;

/// The form of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The API's own JSON.
    Plain,
    /// RFC 9457.
    Problem,
}

/// The form that `Accept` asks for: RFC 9457 where it is named, and weighs no less than JSON.
pub(super) fn form(headers: &HeaderMap) -> Form {
    if !headers.contains_key(header::ACCEPT) {
        return Form::Plain;
    }
    let weight = |names: &[&str]| weight(headers, &header::ACCEPT, names).unwrap_or(0.0);
    let problem = weight(&["application/problem+json"]);
    let json = weight(&["application/json", "application/*", "*/*"]);
    if problem > 0.0 && problem >= json { Form::Problem } else { Form::Plain }
}

/// Whether `Accept-Encoding` asks for gzip, by name or by `*`, and no less than for `identity`.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    if !headers.contains_key(header::ACCEPT_ENCODING) {
        return false;
    }
    let weight = |names: &[&str]| weight(headers, &header::ACCEPT_ENCODING, names).unwrap_or(0.0);
    let gzip = weight(&["gzip", "x-gzip", "*"]);
    gzip > 0.0 && gzip >= weight(&["identity"])
}

/// The first language of `Accept-Language`, by weight, that we speak.
pub(super) fn locale(headers: &HeaderMap, default: Locale) -> Locale {
    let spoken = preferences(headers, &header::ACCEPT_LANGUAGE).filter_map(|(tag, weight)| {
        let language = tag.split('-').next().unwrap_or("").to_ascii_lowercase();
        match language.as_str() {
            "pt" => Some((Locale::PtBr, weight)),
            "en" => Some((Locale::En, weight)),
            _ => None,
        }
    });
    let spoken = spoken.filter(|(_, weight)| *weight > 0.0);
    // Of equals the first wins.
    let best = spoken.reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map_or(default, |(locale, _)| locale)
}

/// The members of a list of entity tags (RFC 9110, 8.8.3): a tag may have commas between its quotes.
pub(super) fn entity_tags(list: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    let ends_member = move |c: char| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    };
    list.split(ends_member).map(str::trim)
}

/// The weight of the first of `names` that the header has; `None` when it has none of them.
fn weight(headers: &HeaderMap, header: &HeaderName, names: &[&str]) -> Option<f32> {
    let of = |name: &&str| {
        let mut entries = preferences(headers, header);
        entries.find(|(entry, _)| entry.eq_ignore_ascii_case(name)).map(|(_, weight)| weight)
    };
    names.iter().find_map(of)
}

/// The entries of a header of preferences, each with its weight (RFC 9110, 12.4.2).
fn preferences<'a>(
    headers: &'a HeaderMap,
    header: &HeaderName,
) -> impl Iterator<Item = (&'a str, f32)> {
    // It is read once for each name, so a long one would cost more than the request.
    let values = headers.get_all(header).iter().filter(|value| value.len() <= PREFERENCES_MAX);
    let values = values.filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|entry| {
        let (name, rest) = entry.split_once(';').unwrap_or((entry, ""));
        let mut parameters = rest.split(';').filter_map(|one| one.split_once('='));
        let weight = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
        let weight = weight.and_then(|(_, weight)| weight.trim().parse().ok());
        let weight = weight.filter(|weight| (0.0..=1.0).contains(weight));
        (name.trim(), weight.unwrap_or(1.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    fn spoken(accept: &str) -> Locale {
        locale(&with(header::ACCEPT_LANGUAGE, accept), Locale::PtBr)
    }

    #[test]
    fn the_heaviest_language_that_we_speak_is_used() {
        assert_eq!(spoken("en"), Locale::En);
        assert_eq!(spoken("en-GB,pt;q=0.5"), Locale::En);
        assert_eq!(spoken("fr, pt;q=0.4, en;q=0.8"), Locale::En);
        assert_eq!(spoken("pt-BR,en;q=0.9"), Locale::PtBr);
        assert_eq!(spoken("pt;Q=0.1, en; q=0.2"), Locale::En);
        assert_eq!(spoken("en;q=0, fr"), Locale::PtBr);
        assert_eq!(spoken("*"), Locale::PtBr);
    }

    #[test]
    fn a_problem_is_given_to_those_who_name_it_and_want_nothing_more() {
        let problem = |accept: &str| form(&with(header::ACCEPT, accept)) == Form::Problem;
        assert!(problem("application/problem+json"));
        assert!(problem("application/json, application/problem+json"));
        assert!(problem("APPLICATION/PROBLEM+JSON;q=0.5, text/html"));
        assert!(problem("*/*;q=0.1, application/problem+json;q=0.2"));
        assert!(!problem("application/json, application/problem+json;q=0.1"));
        assert!(!problem("application/problem+json;Q=0"));
        assert!(!problem("application/problem+json;q=0.9, */*"));
        assert!(!problem("*/*"));
        assert!(!problem(""));
    }

    #[test]
    fn gzip_is_given_to_those_who_want_it_no_less_than_the_plain_body() {
        let asks = |accept: &str| accepts_gzip(&with(header::ACCEPT_ENCODING, accept));
        for accept in ["gzip", "br, GZIP;q=0.5", "x-gzip", "*", "gzip;q=1, *;q=0"] {
            assert!(asks(accept), "{accept}");
        }
        for accept in ["", "br", "identity;q=0", "gzip;q=0", "gzip;q=0, *", "identity, gzip;q=0.5"]
        {
            assert!(!asks(accept), "{accept}");
        }
        assert!(asks("gzip;q=inf"));
        assert!(!asks(&format!("gzip{}", ", br".repeat(300))));
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
