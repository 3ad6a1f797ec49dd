//! Compression of large answers.

use std::io::Read as _;

use flate2::read::GzDecoder;
use poltrona_testkit::app::{Answer, TestApp, session_with};

/// The body before compression.
fn inflated(answer: &Answer) -> Vec<u8> {
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    let mut plain = Vec::new();
    GzDecoder::new(&answer.bytes[..]).read_to_end(&mut plain).expect("sound gzip");
    plain
}

#[tokio::test]
async fn a_large_answer_is_compressed_for_those_who_ask() {
    let app = TestApp::open().await;
    let opened = app.post("/sessions", &session_with("totalSeats", 200)).await.expect(201);
    let id = opened.id();
    for path in [format!("/seats/{id}"), format!("/sessions/{id}"), "/api/docs-json".to_owned()] {
        let plain = app.get(&path).await.expect(200);
        assert_eq!(plain.header("content-encoding"), None, "{path}");
        let small = app.get(&path).header("accept-encoding", "br, gzip").await.expect(200);
        assert_eq!(inflated(&small), plain.bytes, "{path}");
        assert!(small.bytes.len() * 3 < plain.bytes.len(), "{path}: {}", small.bytes.len());
        assert_eq!(small.header("content-type"), plain.header("content-type"), "{path}");
        let head = app.request("HEAD", &path).header("accept-encoding", "gzip").await.expect(200);
        assert_eq!(head.header("content-encoding"), Some("gzip"), "{path}");
        assert_eq!(head.header("content-length"), Some(&*small.bytes.len().to_string()), "{path}");
    }
}

#[tokio::test]
async fn the_answer_to_a_write_is_compressed_and_its_replay_too() {
    let app = TestApp::open().await;
    let open = app.post("/sessions", &session_with("totalSeats", 200)).key("one");
    let small = open.clone().header("accept-encoding", "gzip").await.expect(201);
    let plain = open.clone().await.expect(201);
    let replay = open.header("accept-encoding", "gzip").await.expect(201);
    assert_eq!(replay.header("idempotency-replayed"), Some("true"));
    assert_eq!(inflated(&small), plain.bytes);
    assert_eq!(inflated(&replay), plain.bytes);
}

#[tokio::test]
async fn a_compressed_answer_has_the_same_tag_and_304() {
    let app = TestApp::open().await;
    let opened = app.post("/sessions", &session_with("totalSeats", 200)).await.expect(201);
    let path = format!("/seats/{}", opened.id());
    let plain = app.get(&path).await.expect(200);
    let small = app.get(&path).header("accept-encoding", "gzip").await.expect(200);
    let tag = plain.header("etag").expect("a tag");
    assert_eq!(small.header("etag"), Some(tag));
    assert_eq!(small.all_of("vary"), plain.all_of("vary"));
    assert!(plain.all_of("vary").contains("accept-encoding"));
    for accepted in ["gzip", "identity"] {
        let known = app.get(&path).header("if-none-match", tag);
        let same = known.header("accept-encoding", accepted).await.expect(304);
        assert!(same.bytes.is_empty());
        assert_eq!(same.header("content-encoding"), None);
        assert_eq!(same.header("etag"), Some(tag));
    }
}

#[tokio::test]
async fn small_answers_and_those_for_whom_gzip_is_refused_stay_as_they_are() {
    let app = TestApp::open().await;
    let opened = app.post("/sessions", &session_with("totalSeats", 200)).await.expect(201);
    let path = format!("/seats/{}", opened.id());
    for refused in ["identity", "gzip;q=0", "br", "identity;q=0", "*;q=0", ""] {
        let answer = app.get(&path).header("accept-encoding", refused).await.expect(200);
        assert_eq!(answer.header("content-encoding"), None, "{refused:?}");
    }
    let long = format!("/{}", "x".repeat(2_000));
    for (path, status) in [("/health", 200), ("/sales/history/ana", 200), (&long, 404)] {
        let answer = app.get(path).header("accept-encoding", "gzip").await.expect(status);
        assert_eq!(answer.header("content-encoding"), None, "{path}");
    }
    let closed = app.request("DELETE", &format!("/sessions/{}", opened.id()));
    let closed = closed.header("accept-encoding", "gzip").await.expect(204);
    assert_eq!(closed.header("content-encoding"), None);
}
