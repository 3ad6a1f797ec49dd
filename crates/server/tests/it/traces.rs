//! Spans of a request, sent to a collector.

pub(crate) mod collector;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use poltrona_testkit::app::TestApp;
use poltrona_testkit::wait::wait_for;

use collector::{Collector, Span};

/// A caller's trace, and the span in which it calls.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// The header of a caller that has decided whether its trace is recorded.
fn traceparent(recorded: bool) -> String {
    format!("00-{TRACE}-{CALLER}-0{}", u8::from(recorded))
}

/// A box office that sends the traces of `percent` of its requests to `collector`.
async fn open(collector: &Collector, percent: u8) -> TestApp {
    let endpoint = Some(collector.url());
    TestApp::with(|config| {
        config.otlp_endpoint = endpoint;
        config.otlp_sample_percent = percent;
    })
    .await
}

/// The one span of this name.
#[track_caller]
fn one<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "{name} in {spans:#?}");
    found[0]
}

/// The `traceparent` of each event.
fn causes(app: &TestApp) -> Vec<Option<String>> {
    let cause = |event: &serde_json::Value| event["traceparent"].as_str().map(str::to_owned);
    app.events().iter().map(cause).collect()
}

#[tokio::test]
async fn a_purchase_has_its_spans_under_the_trace_of_its_caller() {
    let collector = Collector::start().await;
    let app = open(&collector, 0).await;
    let session = app.session().await;
    app.record_events();
    let traced = |request: poltrona_testkit::app::Request| {
        request.header("traceparent", &traceparent(true)).header("tracestate", "shop=7")
    };
    let held = traced(app.reserve(session.seat("A1"), "ana")).header("x-request-id", "r-1");
    let held = held.await.expect(201).id();
    app.settle().await;
    app.stop().await;

    let spans = collector.spans();
    for span in &spans {
        assert_eq!((span.trace.as_str(), span.failed), (TRACE, false), "{span:#?}");
        assert_eq!(span.resource["service.name"], "poltrona");
        assert_eq!(span.resource["service.version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(span.resource["service.instance.id"].len(), 36);
    }
    let request = one(&spans, "POST /reservations");
    assert_eq!((request.parent.as_str(), request.kind), (CALLER, SpanKind::Server));
    assert_eq!(request.state, "shop=7");
    let attribute = |name: &str| request.attributes[name].as_str();
    assert_eq!(attribute("http.request.method"), "POST");
    assert_eq!(attribute("http.route"), "/reservations");
    assert_eq!(attribute("http.response.status_code"), "201");
    assert_eq!(attribute("http.response.header.x-request-id"), "r-1");
    for (name, parent, kind) in [
        ("ledger.queue", "POST /reservations", SpanKind::Internal),
        ("ledger.batch", "POST /reservations", SpanKind::Internal),
        ("store.transaction", "ledger.batch", SpanKind::Internal),
        ("publish", "POST /reservations", SpanKind::Producer),
    ] {
        let span = one(&spans, name);
        assert_eq!((&span.parent, span.kind), (&one(&spans, parent).id, kind), "{span:#?}");
    }
    assert_eq!(one(&spans, "ledger.queue").attributes["poltrona.command"], "reserve");
    assert_eq!(one(&spans, "ledger.batch").attributes["poltrona.batch.size"], "1");
    let consumed = spans.iter().filter(|span| span.name == "consume");
    let consumed = consumed.inspect(|span| {
        assert_eq!((&span.parent, span.kind), (&one(&spans, "publish").id, SpanKind::Consumer));
    });
    let mut consumers: Vec<_> =
        consumed.map(|span| span.attributes["messaging.destination.name"].as_str()).collect();
    consumers.sort_unstable();
    assert_eq!(consumers, ["session_stats"]);
    assert_eq!(spans.len(), 6, "{spans:#?}");
    // Nobody is named: neither who buys, nor what.
    for secret in ["ana", session.seat("A1"), held.as_str()] {
        assert!(!collector.raw().contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn an_event_names_the_request_that_caused_it() {
    let collector = Collector::start().await;
    let app = open(&collector, 0).await;
    let session = app.session().await;
    app.record_events();
    let reserve = |seat| app.reserve(session.seat(seat), "ana");
    reserve("A1").header("traceparent", &traceparent(true)).await.expect(201);
    reserve("A2").header("traceparent", &traceparent(false)).await.expect(201);
    app.settle().await;
    let causes = causes(&app);
    app.stop().await;
    let spans = collector.spans();
    let request = one(&spans, "POST /reservations");
    let named = format!("00-{TRACE}-{}-01", request.id);
    assert_eq!(causes[0].as_deref(), Some(named.as_str()));
    // The second is not recorded, and its event carries that decision.
    let second = causes[1].as_deref().unwrap();
    assert!(second.starts_with(&format!("00-{TRACE}-")) && second.ends_with("-00"), "{second}");
}

#[tokio::test]
async fn a_transaction_is_linked_with_every_request_that_it_served() {
    let collector = Collector::start().await;
    let app = open(&collector, 100).await;
    let session = app.session().await;
    let stall = app.stall().await;
    let reserve = |seat| app.reserve(session.seat(seat), "ana").into_future();
    let requests = join_all(["A1", "A2", "A3", "A4"].map(reserve));
    // Some of the four are taken at once, and wait for the store; the rest come together then.
    let (answers, ()) = tokio::join!(requests, async { stall.end() });
    for answer in answers {
        answer.expect(201);
    }
    app.stop().await;

    let spans = collector.spans();
    let place = |span: &Span| (span.trace.clone(), span.id.clone());
    let named = |name: &'static str| spans.iter().filter(move |span| span.name == name);
    let batches: BTreeMap<_, _> = named("ledger.batch").map(|span| (place(span), span)).collect();
    let mut served = 0;
    for transaction in named("store.transaction") {
        let first = batches[&(transaction.trace.clone(), transaction.parent.clone())];
        let size = (1 + transaction.links.len()).to_string();
        assert_eq!(first.attributes["poltrona.batch.size"], size);
        for other in &transaction.links {
            assert_eq!(batches[other].attributes["poltrona.batch.size"], size);
            assert_eq!(batches[other].links, [place(transaction)]);
        }
        served += 1 + transaction.links.len();
    }
    assert_eq!(served, batches.len());
    assert_eq!(served, 5, "the session and the four seats");
    assert!(named("store.transaction").any(|span| !span.links.is_empty()), "{spans:#?}");
}

#[tokio::test]
async fn the_caller_decides_whether_a_request_is_recorded() {
    let collector = Collector::start().await;
    let all = open(&collector, 100).await;
    all.get("/sessions").header("traceparent", &traceparent(false)).await.expect(200);
    all.get("/health").await.expect(200);
    all.stop().await;
    let names = |spans: Vec<Span>| spans.into_iter().map(|span| span.name).collect::<Vec<_>>();
    assert_eq!(names(collector.spans()), ["GET /health"]);

    let collector = Collector::start().await;
    let none = open(&collector, 0).await;
    none.get("/sessions").header("traceparent", &traceparent(true)).await.expect(200);
    none.get("/sessions").header("traceparent", "00-nonsense-01").await.expect(200);
    none.get("/sessions").await.expect(200);
    none.stop().await;
    assert_eq!(names(collector.spans()), ["GET /sessions", "store.read"]);
}

#[tokio::test]
async fn failures_have_spans_and_probes_have_none() {
    let collector = Collector::start().await;
    let app = open(&collector, 100).await;
    app.get("/no/such/ana").await.expect(404);
    app.inner().stop.cancel();
    app.get("/readyz").await.expect(503);
    app.get("/livez").await.expect(200);
    app.get("/metrics").await.expect(200);
    app.engine().ledger.close();
    app.request("POST", "/sessions").json(&poltrona_testkit::app::session_body()).await.expect(503);
    app.stop().await;
    let spans = collector.spans();
    let summary = |span: &Span| {
        let status = span.attributes.get("http.response.status_code").cloned();
        (span.name.clone(), status.unwrap_or_default(), span.failed)
    };
    let expected = [("GET", "404", false), ("POST /sessions", "503", true)];
    let expected =
        expected.map(|(name, status, failed)| (name.to_owned(), status.to_owned(), failed));
    assert_eq!(spans.iter().map(summary).collect::<Vec<_>>(), expected);
    assert!(!collector.raw().contains("ana"));
}

#[tokio::test]
async fn without_a_collector_there_are_no_spans_and_events_name_no_request() {
    let app = TestApp::open().await;
    let session = app.session().await;
    app.record_events();
    let reserve = app.reserve(session.seat("A1"), "ana");
    reserve.header("traceparent", &traceparent(true)).await.expect(201);
    assert_eq!(causes(&app), [None]);
    assert!(!app.engine().traces.is_on());
}

/// The number of spans that were dropped.
async fn dropped(app: &TestApp) -> u64 {
    let page = app.get("/metrics").await.expect(200).lossy();
    let line = page.lines().find_map(|line| line.strip_prefix("poltrona_spans_dropped_total "));
    line.expect("the counter").parse().expect("a count")
}

#[tokio::test]
async fn spans_that_the_collector_rejects_count_as_dropped() {
    let collector = Collector::rejecting(2).await;
    let app = open(&collector, 100).await;
    app.session().await;
    wait_for("two spans of each message are counted", async || {
        let messages = collector.messages() as u64;
        (messages > 0 && dropped(&app).await == 2 * messages).then_some(())
    })
    .await;
}

#[tokio::test]
async fn spans_that_a_busy_collector_refuses_are_sent_again() {
    let collector = Collector::busy_at_first().await;
    let app = open(&collector, 100).await;
    app.session().await;
    wait_for("the message comes again", async || (collector.messages() > 1).then_some(())).await;
    assert_eq!(dropped(&app).await, 0);
    app.stop().await;
    let (first, second) = collector.first_two();
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_collector_that_never_answers_holds_up_neither_requests_nor_the_end() {
    let collector = Collector::hanging().await;
    let endpoint = Some(collector.url());
    let app = TestApp::with(|config| {
        config.otlp_endpoint = endpoint;
        config.otlp_sample_percent = 100;
        config.shutdown_grace = Duration::from_millis(100);
    })
    .await;
    let session = app.session().await;
    wait_for("a message that is never answered", async || (collector.messages() > 0).then_some(()))
        .await;
    let begun = Instant::now();
    app.reserve(session.seat("A1"), "ana").await.expect(201);
    app.stop().await;
    // The time-out of a message is 5 s; nobody waited for it.
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}
