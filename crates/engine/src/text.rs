//! Text from outside: one spelling for equal texts, whether it is visible, and characters that it
//! may not have.

use std::borrow::Cow;

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::props::DefaultIgnorableCodePoint;
use icu_properties::{CodePointSetData, CodePointSetDataBorrowed};

const NFC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();
/// Characters that are not shown: joiners, variation selectors, fillers, the soft hyphen (Unicode's
/// `Default_Ignorable_Code_Point`).
const IGNORABLE: CodePointSetDataBorrowed<'static> =
    CodePointSetData::new::<DefaultIgnorableCodePoint>();
/// Symbols and letters by their category that show nothing: the empty Braille pattern, the null
/// notehead, the blank hieroglyphs.
const BLANKS: [char; 4] = ['\u{2800}', '\u{1d159}', '\u{13441}', '\u{13442}'];

/// The text in Normalization Form C (Unicode Standard Annex 15): `Coração` is one text, whether `ç`
/// came as one character or as two.
pub fn nfc(text: &str) -> Cow<'_, str> {
    NFC.normalize(text)
}

/// The text as searches compare it: by full case folding (Unicode Standard, 3.13), so that `ß` is `ss`
/// and a final sigma is a sigma.
pub fn folded(text: &str) -> String {
    let composed = nfc(text);
    nfc(&CaseMapper::new().fold_string(&composed)).into_owned()
}

/// Whether anything of the text can be seen.
pub fn is_visible(text: &str) -> bool {
    let is_hidden = |it: char| {
        it.is_whitespace() || it.is_control() || IGNORABLE.contains(it) || BLANKS.contains(&it)
    };
    !text.chars().all(is_hidden)
}

/// Whether the text has characters that act on the texts around it: controls, ends of lines, and those
/// that change the direction of writing.
pub fn acts_on_neighbours(text: &str) -> bool {
    let acts = |it: char| matches!(it, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fff9}'..='\u{fffb}');
    text.chars().any(|it| it.is_control() || acts(it))
}

/// Whether a character changes the line that it is shown in: a control, a separator of lines, or a mark
/// that reorders or hides what stands around it.
pub fn is_unsafe(it: char) -> bool {
    it.is_control()
        || matches!(it, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(it, '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A text from outside as a terminal may show it: what would act on the line is written as an escape.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for it in text.chars() {
        if is_unsafe(it) {
            shown.extend(it.escape_debug());
        } else {
            shown.push(it);
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_has_one_spelling() {
        assert_eq!(nfc("Corac\u{327}a\u{303}o"), "Coração");
        assert!(matches!(nfc("Coração"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_search_finds_every_case_of_a_text() {
        for (text, part) in [
            ("Corac\u{327}a\u{303}o", "CORAÇÃO"),
            ("ΟΔΥΣΣΕΙΑ", "οδυς"),
            ("Straße", "STRASSE"),
            ("ﬁlme", "FI"),
            ("Duna", "una"),
        ] {
            assert!(folded(text).contains(&folded(part)), "{part} in {text}");
        }
        assert!(!folded("Coração").contains(&folded("Coracao")));
    }

    #[test]
    fn only_what_shows_counts_as_visible() {
        let hidden = [
            "",
            " \t\n",
            "\u{200b}",
            "\u{2060}",
            "\u{ad}",
            "\u{feff}",
            "\u{115f}",
            "\u{1160}",
            "\u{3164}",
            "\u{ffa0}",
            "\u{2800}",
            "\u{fe0f}",
            "\u{e0100}",
            "\u{200d} \u{0}",
            "\u{1d159}",
            "\u{202e}",
        ];
        for text in hidden {
            assert!(!is_visible(text), "{text:?}");
        }
        for text in ["a", "👩\u{200d}🚀", "\u{200b}a", "한", "❤\u{fe0f}", "\u{301}"] {
            assert!(is_visible(text), "{text:?}");
        }
    }

    #[test]
    fn controls_and_overrides_of_direction_are_found() {
        for text in [
            "a\0b",
            "a\nb",
            "a\u{1b}[2J",
            "a\u{7f}",
            "a\u{85}b",
            "a\u{202e}b",
            "\u{2028}",
            "\u{2067}a",
        ] {
            assert!(acts_on_neighbours(text), "{text:?}");
        }
        for text in ["a b", "👩\u{200d}🚀", "שלום\u{200f}", "a\u{a0}b"] {
            assert!(!acts_on_neighbours(text), "{text:?}");
        }
    }
    #[test]
    fn a_text_cannot_act_on_the_line_that_it_is_shown_in() {
        assert_eq!(printable("a\u{1b}[2J\nb\u{202e}"), "a\\u{1b}[2J\\nb\\u{202e}");
        assert_eq!(printable("Sala 1 \"ação\""), "Sala 1 \"ação\"");
    }
}
