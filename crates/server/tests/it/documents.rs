//! The pages about the API, which the program serves by itself.

use std::collections::BTreeMap;

use poltrona::http::code::Code;
use poltrona_testkit::app::{NOBODY, TestApp};

const ERRORS: &str = include_str!("../../../../docs/errors.md");

/// Each section of the page about errors, by its heading.
fn sections() -> BTreeMap<&'static str, &'static str> {
    let sections = ERRORS.split("\n## ").skip(1);
    sections.filter_map(|section| section.split_once('\n')).collect()
}

#[tokio::test]
async fn the_interactive_documentation_is_one_redirect_away_at_most() {
    let app = TestApp::open().await;
    let mut page = app.get("/api/docs").await;
    if page.status != 200 {
        assert!((300..400).contains(&page.status), "{}", page.status);
        assert_eq!(page.header("location"), Some("/api/docs/"));
        page = app.get("/api/docs/").await;
    }
    let page = page.expect(200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    let html = page.lossy();
    assert!(html.contains("swagger-ui"));
    for attribute in ["src=\"", "href=\""] {
        for file in html.split(attribute).skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(!file.contains("//"), "{file} comes from elsewhere");
            let file =
                app.get(&format!("/api/docs/{}", file.trim_start_matches("./"))).await.expect(200);
            assert!(!file.bytes.is_empty());
        }
    }
    let start = app.get("/api/docs/swagger-initializer.js").await.expect(200);
    assert!(start.lossy().contains("/api/docs-json"), "{}", start.lossy());
    app.get("/api/docs/nothing.js").await.refused(404, "route_not_found");
}

#[tokio::test]
async fn the_page_about_errors_is_served() {
    let app = TestApp::open().await;
    let page = app.get("/api/errors").await.expect(200);
    assert_eq!(page.lossy(), ERRORS);
    assert_eq!(page.header("content-type"), Some("text/markdown; charset=utf-8"));
    // The page that a problem's `type` points to.
    let path = format!("/sessions/{NOBODY}");
    let problem = app.get(&path).header("accept", "application/problem+json").await.expect(404);
    let kind = problem.text("type");
    let (page, section) = kind.split_once('#').unwrap();
    app.get(page).await.expect(200);
    assert!(sections().contains_key(section), "{section}");
}

#[test]
fn every_error_code_has_a_section_and_every_section_a_code() {
    let mut codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    codes.sort_unstable();
    assert_eq!(sections().into_keys().collect::<Vec<_>>(), codes);
}

#[test]
fn each_section_states_its_codes_status() {
    let sections = sections();
    for code in Code::ALL {
        let (name, status) = (code.as_str(), code.status().as_u16());
        let section = sections[name];
        assert!(
            section.trim_start().starts_with(&format!("**HTTP {status}.**")),
            "{name}: {section}"
        );
        // And every example in it has that code.
        for line in section.lines().filter_map(|line| line.trim().strip_prefix("\"code\": \"")) {
            assert_eq!(line.split('"').next(), Some(name), "the example of {name}");
        }
        let row = format!("| {status} |");
        let row = ERRORS.lines().find(|line| line.starts_with(&row)).expect("a row of this status");
        assert!(row.contains(&format!("[`{name}`](#{name})")), "{name} in {row}");
    }
}
