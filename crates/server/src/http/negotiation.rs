//! A client's preferences: the language of texts, and the form of errors.

use http::{HeaderMap, header};

use crate::config::Locale;

/// The form of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The API's own JSON.
    Plain,
    /// RFC 9457.
    Problem,
}

/// The form that `Accept` asks for.
pub(super) fn form(headers: &HeaderMap) -> Form {
    let accepted = headers.get_all(header::ACCEPT).iter();
    let accepted = accepted.filter_map(|value| value.to_str().ok());
    let mut kinds = accepted.flat_map(|value| value.split(',')).filter_map(weighted);
    if kinds.any(|(name, _)| name.eq_ignore_ascii_case("application/problem+json")) {
        Form::Problem
    } else {
        Form::Plain
    }
}

/// The first language of `Accept-Language`, by weight, that we speak.
pub(super) fn locale(headers: &HeaderMap, default: Locale) -> Locale {
    let Some(accepted) = headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()) else {
        return default;
    };
    let weighted = accepted.split(',').filter_map(|part| {
        let (tag, weight) = weighted(part)?;
        let language = tag.split('-').next().unwrap_or("").to_ascii_lowercase();
        match language.as_str() {
            "pt" => Some((Locale::PtBr, weight)),
            "en" => Some((Locale::En, weight)),
            _ => None,
        }
    });
    // Of equals the first wins.
    let best = weighted.reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map_or(default, |(locale, _)| locale)
}

/// A part of an `Accept` header and its weight; `None` when it is refused with `q=0`.
fn weighted(part: &str) -> Option<(&str, f32)> {
    let mut pieces = part.split(';');
    let name = pieces.next()?.trim();
    let weight = pieces.find_map(|piece| piece.trim().strip_prefix("q=")?.parse().ok());
    let weight = weight.unwrap_or(1.0);
    (weight > 0.0).then_some((name, weight))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(accept: &str) -> Locale {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, accept.parse().unwrap());
        locale(&headers, Locale::PtBr)
    }

    #[test]
    fn the_heaviest_language_that_we_speak_is_used() {
        assert_eq!(spoken("en"), Locale::En);
        assert_eq!(spoken("en-GB,pt;q=0.5"), Locale::En);
        assert_eq!(spoken("fr, pt;q=0.4, en;q=0.8"), Locale::En);
        assert_eq!(spoken("pt-BR,en;q=0.9"), Locale::PtBr);
        assert_eq!(spoken("en;q=0, fr"), Locale::PtBr);
        assert_eq!(spoken("*"), Locale::PtBr);
    }
}
