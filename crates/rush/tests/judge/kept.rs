//! Histories kept in files, whole and torn.

use std::{fs, path::PathBuf};

use poltrona_rush::judge::{Promise, judge_file};

use crate::story::Story;

/// A file that is gone when the test ends.
struct Kept(PathBuf);

impl Kept {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("rush-{}-{name}.jsonl", std::process::id()));
        fs::write(&path, bytes).unwrap();
        Self(path)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn bytes(story: &Story) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in &story.lines {
        line.write(&mut bytes).unwrap();
    }
    bytes
}

fn liar() -> Story {
    let mut story = Story::new();
    story.sell("ana", 1, "r1", 0);
    story.map(2_000, 2_010, "AAAA");
    story
}

#[test]
fn a_kept_history_gets_the_same_verdict() {
    let kept = Kept::new("whole", &bytes(&liar()));
    let verdict = judge_file(&kept.0).unwrap();
    assert_eq!(verdict, liar().breaks(Promise::C2));
    assert!(!verdict.torn);
    let json = serde_json::to_value(&verdict).unwrap();
    assert_eq!(json["violations"][0]["promise"], "C2");
    assert_eq!(json["checks"][0]["question"], "Is each seat sold at most once?");
}

#[test]
fn a_torn_last_line_is_left_out_and_reported() {
    let mut torn = bytes(&liar());
    torn.truncate(torn.len() - 20);
    let kept = Kept::new("torn", &torn);
    let verdict = judge_file(&kept.0).unwrap();
    assert!(verdict.torn && verdict.is_clean(), "{verdict}");
    assert_eq!(verdict.unknown, 1);
}

#[test]
fn a_broken_line_before_the_last_is_an_error() {
    let mut broken = b"{}\n".to_vec();
    broken.extend(bytes(&liar()));
    let kept = Kept::new("broken", &broken);
    let error = format!("{:#}", judge_file(&kept.0).unwrap_err());
    assert!(error.contains("line 1 of the history"), "{error}");
}

#[test]
fn an_answer_to_nothing_is_an_error() {
    let mut story = liar();
    story.lines.remove(2);
    let kept = Kept::new("orphan", &bytes(&story));
    let error = format!("{:#}", judge_file(&kept.0).unwrap_err());
    assert!(error.contains("operation 1 was answered but never sent"), "{error}");
}
