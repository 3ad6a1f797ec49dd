//! The rules of texts and times as regular expressions (ECMA-262, as OpenAPI has them), so that a
//! client made from the document sends nothing that is refused.

/// Controls, ends of lines, and overrides of the direction of writing.
const CONTROLS: &str =
    "\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069\\ufff9-\\ufffb";
/// Spaces, and invisible characters that are neither spaces nor controls.
const HIDDEN: &str = "\\s\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\
                      \\u205f-\\u206f\\u2800\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufff8";

/// A text without controls and with a visible character. Beyond the first plane of Unicode the
/// server knows more invisible ones.
pub(super) fn text() -> String {
    format!("^[^{CONTROLS}]*[^{CONTROLS}{HIDDEN}][^{CONTROLS}]*$")
}

/// A date or date-time at which a session may start: in the years 2000 to 2100.
pub(super) fn start() -> String {
    format!("^{}$", time("(20[0-9]{2}|2100)", "20([02468][048]|[13579][26])"))
}

/// A date or date-time of any year, or an empty text, which counts as no parameter.
pub(super) fn any_time() -> String {
    const LEAP: &str = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)";
    format!("^({})?$", time("[0-9]{4}", LEAP))
}

/// A date or date-time of these years, the leap years among them given apart, on a day that exists.
fn time(years: &str, leap_years: &str) -> String {
    const DAY: &str = "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)\
                       |02-(0[1-9]|1[0-9]|2[0-8]))";
    const TIME: &str = "(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,9})?)?\
                        (Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?)?";
    format!("({years}-{DAY}|{leap_years}-02-29){TIME}")
}
