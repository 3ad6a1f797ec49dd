//! Random requests, most of them malformed: none is answered as a fault of the server's.

use std::fmt::Write as _;

use poltrona::http::code::Code;
use poltrona_testkit::app::{Answer, HOLD, NOBODY, TestApp, session_body};
use poltrona_testkit::dice::Dice;
use serde_json::{Value, json};

/// How many random requests are made.
const REQUESTS: usize = 2_000;

/// The parts of random requests: ids that exist, and much that is invalid.
struct Noise {
    dice: Dice,
    ids: Vec<String>,
}

impl Noise {
    fn segment(&mut self) -> String {
        const ODD: [&str; 14] = [
            "",
            ".",
            "..",
            "user",
            "extend",
            "%00",
            "%ff",
            "%",
            "%2e%2e%2f",
            "a%20b",
            "*",
            "0",
            "ana",
            "-1",
        ];
        if self.dice.chance(2) {
            return self.dice.pick(&self.ids).clone();
        }
        if self.dice.chance(2) {
            return (*self.dice.pick(&ODD)).to_owned();
        }
        (0..self.dice.below(40)).fold(String::new(), |mut text, _| {
            let byte = self.dice.below(256);
            write!(text, "%{byte:02x}").expect("a string takes it");
            text
        })
    }

    fn path(&mut self) -> String {
        const TEMPLATES: [&str; 18] = [
            "/health",
            "/livez",
            "/readyz?verbose",
            "/metrics",
            "/sessions",
            "/sessions/{}",
            "/seats/{}",
            "/reservations",
            "/reservations/{}",
            "/reservations/user/{}",
            "/reservations/{}/extend",
            "/payments/confirm/{}",
            "/sales/history/{}",
            "/sessions?movie={}&limit={}&after={}",
            "/sessions?from={}&to={}",
            "/{}",
            "/api/{}",
            "/api/docs/{}",
        ];
        let template = *self.dice.pick(&TEMPLATES);
        let mut pieces = template.split("{}");
        let mut path = pieces.next().unwrap_or("/").to_owned();
        for piece in pieces {
            path.push_str(&self.segment());
            path.push_str(piece);
        }
        path
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.dice.below(if depth == 0 { 8 } else { 10 }) {
            0 => Value::Null,
            1 => json!(self.dice.chance(2)),
            2 => json!(self.dice.below(20_000)),
            3 => json!(-1e9),
            4 => json!(25.5),
            5 => json!(self.dice.pick(&self.ids)),
            6 => json!(*self.dice.pick(&["", " ", "\0", "ana", "2026-12-01", "2026-02-30", "🎬"])),
            7 => json!("x".repeat(self.dice.below(300))),
            8 => (0..self.dice.below(12)).map(|_| self.value(depth - 1)).collect(),
            _ => json!({ "a": self.value(depth - 1), "b": self.value(depth - 1) }),
        }
    }

    /// A body that makes sense, with some of its fields replaced, lost or added.
    fn object(&mut self) -> Value {
        const FIELDS: [&str; 9] = [
            "movie",
            "room",
            "startsAt",
            "ticketPrice",
            "totalSeats",
            "seatId",
            "seatIds",
            "userId",
            "x",
        ];
        let mut body = match self.dice.below(3) {
            0 => session_body(),
            1 => json!({ "seatId": self.dice.pick(&self.ids), "userId": "ana" }),
            _ => {
                json!({ "seatIds": [self.dice.pick(&self.ids), self.dice.pick(&self.ids)], "userId": "bia" })
            }
        };
        for _ in 0..self.dice.below(4) {
            let field = *self.dice.pick(&FIELDS);
            if self.dice.chance(3) {
                body.as_object_mut().expect("an object").remove(field);
            } else {
                body[field] = self.value(2);
            }
        }
        body
    }

    fn body(&mut self) -> Vec<u8> {
        let mut body = if self.dice.chance(8) { self.value(3) } else { self.object() }
            .to_string()
            .into_bytes();
        if self.dice.chance(3) {
            for _ in 0..=self.dice.below(4) {
                let at = self.dice.below(body.len());
                body[at] = u8::try_from(self.dice.below(256)).expect("a byte");
            }
        }
        if self.dice.chance(10) {
            body.truncate(self.dice.below(body.len()));
        }
        body
    }

    fn key(&mut self) -> String {
        format!("key-{}", self.dice.below(20))
    }
}

/// Fails when this is a fault of the server's, or an error without its code and status.
fn assert_sane(what: &str, answer: &Answer) {
    assert!(answer.status < 500, "{what}: {}", answer.lossy());
    assert!(answer.header("x-request-id").is_some(), "{what}");
    if answer.status >= 400 && !what.starts_with("HEAD") {
        let code = answer.body["code"].as_str();
        let known = Code::ALL.iter().find(|known| code == Some(known.as_str()));
        let known = known.unwrap_or_else(|| panic!("{what}: no code in {}", answer.lossy()));
        assert_eq!(known.status().as_u16(), answer.status, "{what}");
        assert_eq!(answer.body["statusCode"], answer.status, "{what}");
    }
}

#[tokio::test]
async fn random_requests_are_never_a_fault_of_the_server() {
    const METHODS: [&str; 7] = ["GET", "POST", "POST", "PATCH", "DELETE", "HEAD", "PUT"];
    let app = TestApp::open().await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    let ids = [session.id.clone(), held, NOBODY.to_owned()].into_iter();
    let ids = ids.chain((1..=5).map(|no| session.seat(&format!("A{no}")).to_owned())).collect();
    let mut noise = Noise { dice: Dice::new(2026), ids };
    let mut counts = [0; 6];
    for _ in 0..REQUESTS {
        let (method, path) = (*noise.dice.pick(&METHODS), noise.path());
        // Some random paths could not be sent as a request at all.
        if path.parse::<http::Uri>().is_err() {
            continue;
        }
        let mut request = app.request(method, &path);
        let body = noise.body();
        let what = format!("{method} {path} {}", String::from_utf8_lossy(&body));
        request = if noise.dice.chance(8) { request.untyped(body) } else { request.raw(body) };
        if noise.dice.chance(4) {
            request = request.key(&noise.key());
        }
        let answer = request.await;
        assert_sane(&what, &answer);
        counts[usize::from(answer.status / 100)] += 1;
        if answer.status == 201 && method == "POST" && noise.ids.len() < 40 {
            noise.ids.push(answer.id());
        }
        if noise.dice.chance(50) {
            app.advance(HOLD);
        }
    }
    app.settle().await;
    assert!(counts[2] > 200 && counts[4] > 500, "noise reaches both kinds of answers: {counts:?}");
    assert_eq!(app.count("sale_seats"), app.count("seats WHERE status = 'SOLD'"));
    let page = app.get("/metrics").await.expect(200).lossy();
    assert!(page.contains("poltrona_invariant_violations_total 0"));
}
