//! Connections: every way in which an answer can be framed, and every way in which it can be lost.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use poltrona_rush::client::{Connection, Lost, Target};
use tokio::runtime::Builder;

const LIMIT: Duration = Duration::from_secs(5);
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: office\r\n\r\n";

/// Runs a story against a server of one connection, which does what is said with it.
fn with_server<T>(
    serve: impl FnOnce(TcpStream) + Send,
    story: impl AsyncFnOnce(Connection) -> T,
) -> T {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::scope(|scope| {
        scope.spawn(move || serve(listener.accept().unwrap().0));
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let target = Target::find(&url).await.unwrap();
            story(Connection::open(&target, LIMIT).await.unwrap()).await
        })
    })
}

/// An answer that arrives in these parts: status, body, and whether it is a replay.
fn parsed(parts: &[&str]) -> (u16, String, bool) {
    let serve = |mut stream: TcpStream| {
        stream.set_nodelay(true).unwrap();
        stream.read_exact(&mut [0; REQUEST.len()]).unwrap();
        for part in parts {
            stream.write_all(part.as_bytes()).unwrap();
            thread::yield_now();
        }
    };
    with_server(serve, async |mut connection| {
        let answer = connection.ask(REQUEST, LIMIT).await.unwrap();
        let body = String::from_utf8(answer.body.to_vec()).unwrap();
        (answer.status, body, answer.replayed)
    })
}

#[test]
fn answers_are_read_however_they_are_framed() {
    let ok = |body: &str| (200, body.to_owned(), false);
    assert_eq!(parsed(&["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"]), ok("{}"));
    assert_eq!(parsed(&["HTTP/1.1 200 O", "K\r\ncontent-length:2\r", "\n\r\n{", "}"]), ok("{}"));
    let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(parsed(&[chunks, "2\r\n{}\r", "\n4;x=y\r\n    \r\n0\r\n", "\r\n"]), ok("{}    "));
    assert_eq!(parsed(&["HTTP/1.1 200 OK\r\n\r\n", "{}"]), ok("{}"));
    let interim = "HTTP/1.1 100 Continue\r\n\r\n";
    assert_eq!(parsed(&[interim, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]), ok(""));
    let none = "HTTP/1.1 204 No Content\r\n\r\n";
    assert_eq!(parsed(&[none]), (204, String::new(), false));
    let replayed =
        "HTTP/1.1 201 Created\r\nIdempotency-Replayed: true\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(parsed(&[replayed]), (201, String::new(), true));
    let long = "x".repeat(100_000);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", long.len());
    assert_eq!(parsed(&[&head, &long]), ok(&long));
}

#[test]
fn a_lost_answer_leaves_the_outcome_unknown() {
    for answer in ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", "what?\r\n\r\n"] {
        let serve = |mut stream: TcpStream| {
            stream.read_exact(&mut [0; REQUEST.len()]).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        };
        with_server(serve, async |mut connection| {
            let lost = connection.ask(REQUEST, LIMIT).await.map(|answer| answer.status);
            assert!(matches!(lost, Err(Lost::Unknown(_))), "{answer:?}: {lost:?}");
            assert!(!connection.is_usable());
        });
    }
}

#[test]
fn an_answer_that_does_not_come_is_given_up() {
    let (done, waits) = std::sync::mpsc::channel::<()>();
    let serve = move |stream: TcpStream| {
        // The connection stays open until the story is over.
        let _ = waits.recv();
        drop(stream);
    };
    with_server(serve, async |mut connection| {
        let lost = connection.ask(REQUEST, Duration::from_millis(20)).await;
        assert!(matches!(lost, Err(Lost::Unknown(_))));
        drop(done);
    });
}

#[test]
fn a_server_that_hung_up_is_noticed_before_anything_is_sent() {
    let (done, waits) = tokio::sync::oneshot::channel::<()>();
    let serve = |mut stream: TcpStream| {
        stream.read_exact(&mut [0; REQUEST.len()]).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
        drop(stream);
        drop(done);
    };
    with_server(serve, async |mut connection| {
        connection.ask(REQUEST, LIMIT).await.unwrap();
        let _ = waits.await;
        // The loopback tells of it at once, the runtime when it next looks.
        while connection.is_usable() {
            tokio::task::yield_now().await;
        }
    });
}
