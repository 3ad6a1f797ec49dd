//! Counts the Rust allocations of the most frequent requests, from the router to the answer, with the ledger and the
//! relay. SQLite's own allocations are not counted; there are no sockets.

use allocation_counter::measure;
use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, Method, StatusCode, header};
use poltrona_testkit::app::{Session, TestApp};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

/// Requests of each kind that are counted. As many run first, uncounted, as a warm-up.
const REQUESTS: usize = 50;

type Request = http::Request<Body>;

#[test]
fn hot_requests_stay_within_their_allocation_bounds() {
    let office = BoxOffice::open();
    let map = format!("/seats/{}", office.session.id);
    let (map_count, maps) = office.count(200, repeated(|| get(&map)));
    let tag = &maps[0].headers()[header::ETAG];
    let map_unchanged = office.count(304, repeated(|| get_unless(&map, tag))).0;
    let (reserve, held) =
        office.count(201, (0..2 * REQUESTS).map(|seat| office.reserve(seat, "ana")));
    let (refusal, _) = office.count(409, (0..2 * REQUESTS).map(|_| office.reserve(0, "rui")));
    // Name, bound, count. A change that lowers a count lowers its bound too.
    let counts = [
        ("health", 12, office.count(200, repeated(|| get("/health"))).0),
        ("map", 8, map_count),
        ("map unchanged", 11, map_unchanged),
        ("refusal", 32, refusal),
        ("reserve", 121, reserve),
        ("pay", 132, office.count(201, held.iter().map(pay)).0),
    ];
    for (name, bound, count) in counts {
        assert!(count <= bound, "{name}: {count} allocations, at most {bound}; all: {counts:?}");
    }
}

/// A box office that runs on the test's thread: `measure` counts only the calling thread's allocations.
struct BoxOffice {
    runtime: Runtime,
    app: TestApp,
    session: Session,
}

impl BoxOffice {
    fn open() -> Self {
        let mut runtime = Builder::new_current_thread();
        let runtime = runtime.enable_all().start_paused(true).build().expect("a runtime");
        let (app, session) = runtime.block_on(async {
            let app = TestApp::on_one_thread().await;
            let session = app.session().seats(200).await;
            (app, session)
        });
        Self { runtime, app, session }
    }

    /// The average allocations per request in the second half, rounded up, and all answers.
    fn count(&self, status: u16, requests: impl Iterator<Item = Request>) -> (u64, Vec<Response>) {
        let mut first: Vec<_> = requests.collect();
        let second = first.split_off(first.len() / 2);
        let count = second.len() as u64;
        let (_, mut answers) = self.answers(first);
        let (allocations, more) = self.answers(second);
        answers.extend(more);
        for answer in &answers {
            assert_eq!(answer.status(), StatusCode::from_u16(status).expect("a status"));
        }
        (allocations.div_ceil(count), answers)
    }

    /// The allocations of all requests together, and their answers.
    fn answers(&self, requests: Vec<Request>) -> (u64, Vec<Response>) {
        let (router, mut answers) = (self.app.router(), Vec::with_capacity(requests.len()));
        let counted = measure(|| {
            self.runtime.block_on(async {
                for request in requests {
                    answers.push(router.answer(request).await);
                }
            });
        });
        (counted.count_total, answers)
    }

    fn reserve(&self, seat: usize, user: &str) -> Request {
        let seat = &self.session.all_seats()[seat];
        let body = json!({ "seatId": seat, "userId": user }).to_string();
        let request = request(Method::POST, "/reservations");
        request.header(header::CONTENT_TYPE, "application/json").body(body.into()).expect("sound")
    }
}

fn get(path: &str) -> Request {
    request(Method::GET, path).body(Body::empty()).expect("sound")
}

fn get_unless(path: &str, tag: &HeaderValue) -> Request {
    let mut request = get(path);
    request.headers_mut().insert(header::IF_NONE_MATCH, tag.clone());
    request
}

/// A payment for the reservation in this answer.
fn pay(reserved: &Response) -> Request {
    let location = reserved.headers()[header::LOCATION].to_str().expect("a path");
    let path = location.replace("/reservations/", "/payments/confirm/");
    request(Method::POST, &path).body(Body::empty()).expect("sound")
}

fn request(method: Method, path: &str) -> http::request::Builder {
    http::Request::builder().method(method).uri(path).header(header::HOST, "localhost")
}

fn repeated(request: impl Fn() -> Request) -> impl Iterator<Item = Request> {
    std::iter::repeat_with(request).take(2 * REQUESTS)
}
