//! A report as a page: whole, safe, readable, and in need of nothing else.

use std::collections::HashSet;

use poltrona_rush::report::{Report, html};

use crate::sample;

/// Elements of HTML that have no end; those of SVG say it themselves.
const VOID: [&str; 2] = ["meta", "link"];

fn page_of(report: &Report) -> String {
    let mut bytes = Vec::new();
    html::write(report, &mut bytes).expect("memory takes it");
    String::from_utf8(bytes).expect("a page is UTF-8")
}

fn pages() -> [String; 3] {
    [sample::kept(30), sample::broken(1_200), Report::default()].map(|report| page_of(&report))
}

/// The insides of all tags, in order.
fn tags(page: &str) -> impl Iterator<Item = &str> {
    page.split('<').skip(1).filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag))
}

/// What each attribute of that name says.
fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!(" {name}=\"");
    tags(page)
        .flat_map(|tag| tag.split(start.as_str()).skip(1))
        .filter_map(|rest| rest.split_once('"').map(|(value, _)| value))
        .collect()
}

#[test]
fn the_verdict_comes_first() {
    let [kept, broken, unjudged] = pages();
    let headline = |page: &str| {
        let (_, rest) = page.split_once("aria-hidden=\"true\">").unwrap();
        rest.split_once("</h1>").unwrap().0.to_owned()
    };
    assert_eq!(headline(&kept), "✓</span>0 violations");
    assert_eq!(headline(&broken), "✕</span>13 violations");
    assert_eq!(headline(&unjudged), "?</span>Not judged");
    assert!(kept.find("<h1>").unwrap() < kept.find("<section").unwrap());
}

#[test]
fn nothing_is_loaded_from_anywhere() {
    for page in pages() {
        let loading =
            ["<script", "<img", "<iframe", "<object", "@import", "url(", "src=", "javascript:"];
        for word in loading {
            assert!(!page.contains(word), "{word}");
        }
        assert_eq!(attributes(&page, "href"), ["data:,"]);
        assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'"));
        let told = tags(&page).find(|tag| tag.contains("http://") || tag.contains("https://"));
        assert_eq!(told, None, "an address is text, and in no tag");
    }
}

#[test]
fn what_a_server_says_stays_text() {
    let hostile = "</p><script>alert('1')</script>\" onload=\"x";
    let mut report = sample::broken(30);
    report.run.scenario = hostile.to_owned();
    report.run.targets = vec![hostile.to_owned()];
    report.run.server = Some(hostile.to_owned());
    report.machine.processor = hostile.to_owned();
    report.notes = vec![hostile.to_owned()];
    let verdict = report.verdict.as_mut().unwrap();
    verdict.checks[0].question = hostile.to_owned();
    let violation = &mut verdict.violations[0];
    (violation.what, violation.seat) = (hostile.to_owned(), Some(hostile.to_owned()));
    let evidence = &mut violation.evidence[0];
    (evidence.says, evidence.target) = (hostile.to_owned(), hostile.to_owned());
    evidence.outcome = hostile.to_owned();
    let page = page_of(&report);
    assert!(!page.contains("<script") && !page.contains("\" onload"), "{page}");
    assert!(page.matches("&lt;script&gt;alert(&#39;1&#39;)").count() >= 10);
    balanced(&page);
}

#[test]
fn every_element_is_closed_in_order() {
    for page in pages() {
        balanced(&page);
    }
}

fn balanced(page: &str) {
    let mut open = Vec::new();
    for tag in tags(page).filter(|tag| !tag.starts_with('!')) {
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "</{name}> closes nothing");
        } else if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?} stay open");
}

#[test]
fn every_picture_has_words_and_a_table() {
    for page in pages() {
        let ids = attributes(&page, "id");
        let unique: HashSet<_> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len(), "an id stands twice");
        for name in ["aria-labelledby", "aria-describedby"] {
            let lost = attributes(&page, name).into_iter().find(|id| !unique.contains(id));
            assert_eq!(lost, None);
        }
    }
    let [kept, _, unjudged] = pages();
    let plots = kept.matches("role=\"img\"").count();
    let tables = kept.matches("<table>").count();
    assert_eq!((plots, tables, kept.matches("<desc ").count()), (4, 4, 3));
    assert_eq!(unjudged.matches("role=\"img\"").count(), 0);
    assert!(
        kept.contains("Of 480 seats 480 were sold, 0 held and 0 free at the end; none was free")
    );
}

#[test]
fn each_violation_lists_its_requests() {
    let [_, broken, _] = pages();
    let violations = broken.split("</article>").filter(|part| part.contains("<article>"));
    let told: Vec<_> = violations.map(|told| told.matches("\"when\"").count()).collect();
    assert_eq!(told, [2, 1]);
    assert!(broken.contains("confirm → ok 201"));
    assert!(broken.contains("a hold was granted while &lt;another&gt; &amp; its owner lived"));
    assert!(broken.contains("… and 11 more, not told in full."));
    assert!(broken.contains("<li>the server does not know groups</li>"));
}

#[test]
fn ids_are_short_and_whole_for_those_who_point_at_them() {
    let [_, broken, _] = pages();
    assert!(broken.contains(
        "seat R5 (<abbr title=\"01935f2e-7c00-7abc-9def-012345670004\">…0004</abbr>), session "
    ));
    let shown = tags(&broken).filter(|tag| tag.starts_with("abbr")).count();
    assert_eq!(shown, broken.matches("01935f2e").count(), "each stands in a title, and only there");
}

#[test]
fn bars_can_be_seen_and_idle_time_is_cut() {
    let [_, broken, _] = pages();
    let bars = broken.split("<svg class=\"span\"").skip(1);
    let widths = bars.filter_map(|bar| {
        let (bar, _) = bar.split_once("</svg>")?;
        let (_, width) = bar.rsplit_once("width=\"")?;
        width.split_once('%')?.0.parse::<f64>().ok()
    });
    let widths: Vec<_> = widths.collect();
    assert!(widths.len() == 3 && widths.iter().all(|width| *width >= 2.0), "{widths:?}");
}

#[test]
fn many_violations_are_folded() {
    let mut report = sample::broken(30);
    let violations = &mut report.verdict.as_mut().unwrap().violations;
    *violations = violations.iter().cycle().take(30).cloned().collect();
    let page = page_of(&report);
    balanced(&page);
    assert_eq!(page.matches("<article>").count(), 30);
    assert!(page.contains("<summary>24 more of them</summary>"));
}

#[test]
fn a_long_run_makes_no_long_page() {
    let page = page_of(&sample::kept(20_000));
    assert!(page.len() < 250_000, "{}", page.len());
    assert!(page.contains(">5 h</text>"));
}

/// The colours of a theme by name.
fn colours(theme: &str) -> impl Fn(&str) -> [f64; 3] + '_ {
    let part = |hex| f64::from(u8::from_str_radix(hex, 16).expect("two digits")) / 255.0;
    move |name| {
        let (_, rest) = theme.split_once(&format!("--{name}: #")).expect("a colour");
        [0, 2, 4].map(|at| part(&rest[at..at + 2]))
    }
}

/// How much lighter one is than the other, by WCAG 2.2.
fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let linear = |part: f64| {
        if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    let light =
        |[r, g, b]: [f64; 3]| 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b) + 0.05;
    let (one, other) = (light(one), light(other));
    one.max(other) / one.min(other)
}

#[test]
fn text_can_be_read_in_both_themes() {
    let page = page_of(&Report::default());
    let (light, rest) = page.split_once("@media (prefers-color-scheme: dark)").unwrap();
    let pairs = [
        ("ink", "card"),
        ("ink", "page"),
        ("ink", "good-back"),
        ("ink", "bad-back"),
        ("soft", "card"),
        ("soft", "page"),
        ("good", "card"),
        ("good", "good-back"),
        ("bad", "card"),
        ("bad", "bad-back"),
        ("card", "good"),
        ("card", "bad"),
    ];
    let marks = ["ok", "unknown", "fault", "p50", "p99", "sold"];
    for theme in [light, rest] {
        let colour = colours(theme);
        for (text, back) in pairs {
            let contrast = contrast(colour(text), colour(back));
            assert!(contrast >= 4.5, "{text} on {back}: {contrast:.2}");
        }
        for mark in marks {
            let contrast = contrast(colour(mark), colour("card"));
            assert!(contrast >= 3.0, "{mark}: {contrast:.2}");
        }
    }
}
