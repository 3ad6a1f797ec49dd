//! Traces of the real program, by the lines of its log.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::Path;

use poltrona_testkit::engines::Port;
use poltrona_testkit::program::{Program, poltrona};
use poltrona_testkit::wait::wait_until;
use serde_json::Value;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Serves beside a collector that is away; its port is nobody else's.
fn serve(folder: &Path) -> (Program, Port) {
    let port = Port::claim();
    let mut command = poltrona(folder);
    command.args(["serve", "--otlp-sample-percent", "100"]);
    // As the specification of OpenTelemetry names it.
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", port.address()));
    (Program::start(command), port)
}

fn dropped(program: &Program) -> u64 {
    let page = String::from_utf8(program.get("/metrics").expect(200).body).unwrap();
    let line = page.lines().find_map(|line| line.strip_prefix("poltrona_spans_dropped_total "));
    line.unwrap().parse().unwrap()
}

#[test]
fn a_collector_that_is_away_is_logged_once_and_lost_spans_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (program, _port) = serve(folder.path());
    for _ in 0..2 {
        let before = dropped(&program);
        program.get("/health").expect(200);
        wait_until("the span is counted as dropped", || (dropped(&program) > before).then_some(()));
    }
    program.wait_for_line("spans are being dropped");
    assert_eq!(program.log().matches("spans are being dropped").count(), 1, "{}", program.log());
    program.stop();
}

#[test]
fn messages_are_compressed_where_the_specification_s_variable_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = poltrona(folder.path());
    command.args(["serve", "--otlp-sample-percent", "100"]);
    let address = collector.local_addr().unwrap();
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}"));
    command.env("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip");
    let program = Program::start(command);
    program.get("/health").expect(200);
    let mut message = BufReader::new(collector.accept().unwrap().0);
    let mut head = Vec::new();
    while head.last().is_none_or(|line: &String| line.trim() != "") {
        let mut line = String::new();
        message.read_line(&mut line).unwrap();
        head.push(line.to_ascii_lowercase());
    }
    let size = head.iter().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; size.trim().parse().unwrap()];
    message.read_exact(&mut body).unwrap();
    assert!(head.iter().any(|line| line == "content-encoding: gzip\r\n"), "{head:?}");
    assert_eq!(body[..2], [0x1f, 0x8b]);
    program.stop();
}

#[test]
fn lines_of_the_log_name_the_trace_that_they_belong_to() {
    let folder = tempfile::tempdir().unwrap();
    let (program, _port) = serve(folder.path());
    let mut connection = program.connect();
    let traceparent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let headers = [("traceparent", traceparent.as_str())];
    connection.send_request("GET", "/health", &headers, None).unwrap();
    connection.answer().unwrap().unwrap().expect(200);
    let line = wait_until("the line of the request", || {
        let log = program.log();
        let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find(|line| line["target"] == "http")
    });
    assert_eq!(line["trace_id"], TRACE);
    program.stop();
}
