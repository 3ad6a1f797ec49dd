//! A report as text and as JSON.

use poltrona_rush::report::{FORMAT, Report, text};

use crate::sample;

fn text_of(report: &Report) -> String {
    let mut bytes = Vec::new();
    text::write(report, &mut bytes).expect("memory takes it");
    String::from_utf8(bytes).expect("text is UTF-8")
}

#[test]
fn text_ends_with_the_line_of_counts() {
    let kept = text_of(&sample::kept(30));
    assert!(kept.ends_with("failed; 0 violations\n"), "{kept}");
    let last = kept.lines().last().unwrap();
    assert!(last.starts_with("on-sale (seed 42): 7,980 requests in 30.0 s, "), "{last}");
    let broken = text_of(&sample::broken(30));
    assert!(broken.ends_with("failed; 13 violations: C1 ×12, C3\n"), "{broken}");
}

#[test]
fn text_has_aligned_columns() {
    let text = text_of(&sample::kept(30));
    let table: Vec<_> =
        text.lines().skip_while(|line| !line.starts_with("request ")).take(5).collect();
    let width = |line: &str| line.chars().count();
    assert!(table.iter().all(|line| width(line) == width(table[0])), "{text}");
    assert!(table[4].starts_with("all "), "{text}");
}

#[test]
fn text_tells_each_violation_with_its_evidence() {
    let text = text_of(&sample::broken(30));
    for part in [
        "\nviolation 1 (C1): one seat was sold to two reservations\n  seat R5 (…0004), session …0000\n",
        "  - 4.020311 – 4.022424 s: confirm → ok 201: reservation …0311, user \"u17\"",
        "  - 4.000090 – … s: confirm → in flight: ",
        "\n… and 11 more\n",
        "  broken  C1  Is each seat sold at most once? ",
        "  9,120 checked, 3 doubted, 12 violated\n",
        "note      the server does not know groups\n",
        "  untried C6  ",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
}

#[test]
fn json_can_be_read_again() {
    for report in [sample::kept(30), sample::broken(7_300), Report::default()] {
        let mut json = Vec::new();
        report.write_json(&mut json).unwrap();
        assert_eq!(Report::read_json(&json[..]).unwrap(), report);
    }
}

#[test]
fn json_is_plain_and_versioned() {
    let mut json = Vec::new();
    sample::broken(30).write_json(&mut json).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["format"], FORMAT);
    assert_eq!(json["stats"]["all"]["ok"], 2_688);
    assert_eq!(json["stats"]["actions"][0]["action"], "reserve");
    assert!(json["stats"]["all"]["p99_us"].is_u64());
    assert_eq!(json["series"]["points"][29]["at_secs"], 29);
    assert_eq!(json["verdict"]["violations"][0]["evidence"][0]["client"], 17);
}
