//! The same seed and the same answers make the same requests.

use std::collections::BTreeMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::BufReader;
use std::thread;

use clap::Parser as _;
use poltrona_rush::args::Args;
use poltrona_rush::client::Target;
use poltrona_rush::history::{self, Line};
use poltrona_rush::{api, run};
use serde_json::{Value, json};

use crate::office::{Desk, Office, Reply, Request};

const SCENARIOS: [&str; 7] =
    ["browse", "spread", "on-sale", "duel", "families", "abandon", "retry"];
/// Requests of each client that are compared at least.
const REQUESTS_MIN: usize = 10;

/// A server without a memory: its answer depends on the request alone.
struct Script;

impl Desk for Script {
    fn answer(&mut self, request: &Request) -> Reply {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let parts: Vec<_> = request.path.split('/').skip(1).collect();
        match (&*request.method, &parts[..]) {
            ("POST", ["sessions"]) => session(&body),
            ("POST", ["reservations"]) if chance(request, 3) > 0 || is_probe(&body) => {
                Reply::new(201, reservation(request, &body))
            }
            ("POST", ["reservations"]) => Reply::new(409, json!({"code": "seat_held"})),
            ("POST", ["payments", "confirm", id]) if chance(request, 5) > 0 => {
                Reply::new(201, json!({"id": format!("sale-{id}"), "reservationId": id}))
            }
            ("POST", ["payments", ..]) => Reply::new(410, json!({})),
            ("DELETE", _) => Reply::new(204, Value::Null),
            ("POST", ["reservations", id, "extend"]) | ("GET", ["reservations", id]) => {
                Reply::new(200, json!({"id": id}))
            }
            _ => Reply::new(200, json!([])),
        }
    }
}

fn session(body: &Value) -> Reply {
    let id = format!("{:016x}", hash(&body["movie"].as_str()));
    let count = body["totalSeats"].as_u64().unwrap_or_default();
    let seat = |place| json!({"id": format!("{id}-{place}"), "status": "AVAILABLE"});
    let seats: Vec<_> = (0..count).map(seat).collect();
    Reply::new(201, json!({"id": id, "seats": seats}))
}

fn reservation(request: &Request, body: &Value) -> Value {
    json!({
        "id": format!("{:016x}", hash(&(&request.body, &request.key))),
        "seatIds": body.get("seatIds").cloned().unwrap_or_else(|| json!([body["seatId"]])),
        "userId": body["userId"],
        "status": "PENDING",
        "createdAt": "2026-11-24T10:00:00.000Z",
        "expiresAt": "2026-11-24T10:00:00.050Z",
    })
}

fn is_probe(body: &Value) -> bool {
    body["userId"].as_str().is_some_and(|user| user.starts_with("probe"))
}

fn chance(request: &Request, of: u64) -> u64 {
    hash(&(&request.path, &request.body, &request.key)) % of
}

fn hash(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// What each client sent before the census, in its order.
fn sent(scenario: &str, seed: u64) -> BTreeMap<u32, Vec<Vec<u8>>> {
    let office = Office::open(|| Script);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("history.jsonl");
    let line = format!(
        "rush --quiet --target {} --scenario {scenario} --clients 4 --seconds 1 --rate 400 \
         --seed {seed} --history {}",
        office.url,
        file.display()
    );
    let args = Args::parse_from(line.split_whitespace());
    run::rush(&args).expect("the office is open");
    let target = Target {
        url: String::new(),
        host: "office".to_owned(),
        base: String::new(),
        address: ([127, 0, 0, 1], 0).into(),
    };
    let mut requests: BTreeMap<u32, Vec<_>> = BTreeMap::new();
    let lines = history::read(BufReader::new(File::open(file).expect("a history")));
    for line in lines.map(|line| line.expect("a line")) {
        if let Line::Invoke(invoke) = line
            && !invoke.census
        {
            let mut request = Vec::new();
            api::render(&invoke, &target, &mut request);
            requests.entry(invoke.client).or_default().push(request);
        }
    }
    requests
}

#[test]
fn the_same_seed_makes_the_same_requests() {
    thread::scope(|scope| {
        for scenario in SCENARIOS {
            let [one, other] = [(); 2].map(|()| scope.spawn(move || sent(scenario, 7)));
            scope.spawn(move || {
                let (one, other) = (one.join().expect("sent"), other.join().expect("sent"));
                assert_eq!(one.len(), 4, "{scenario}");
                for (client, requests) in one {
                    let common = requests.len().min(other[&client].len());
                    assert!(common >= REQUESTS_MIN, "{scenario}: only {common} requests");
                    for (place, request) in requests[..common].iter().enumerate() {
                        let text = String::from_utf8_lossy;
                        let other = text(&other[&client][place]);
                        assert_eq!(text(request), other, "{scenario}, client {client}, {place}");
                    }
                }
            });
        }
    });
}

#[test]
fn another_seed_makes_other_requests() {
    let (one, other) = (sent("spread", 7), sent("spread", 8));
    assert_ne!(one[&0][..REQUESTS_MIN], other[&0][..REQUESTS_MIN]);
    assert_ne!(one[&0][..REQUESTS_MIN], one[&1][..REQUESTS_MIN]);
}
