//! The command line as people type it, and the commands that talk to a server against a small one.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};

use super::*;
use crate::config;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

#[test]
fn the_command_line_is_well_formed() {
    program().debug_assert();
}

#[test]
fn every_help_has_two_examples_and_they_are_valid() {
    fn check(command: &clap::Command) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let (_, examples) = help.split_once("Examples:").expect("examples");
        let examples: Vec<&str> =
            examples.lines().filter_map(|line| line.strip_prefix("  ")).collect();
        assert_eq!(examples.len(), 2, "{}", command.get_name());
        for example in examples {
            let typed = example.split(" > ").next().unwrap();
            assert!(parse(typed).is_ok(), "{typed}");
        }
        command.get_subcommands().for_each(check);
    }
    check(&program());
}

#[test]
fn settings_are_flags_of_every_command_that_has_a_configuration() {
    for command in [
        "serve",
        "seed",
        "migrate up",
        "migrate status",
        "config show",
        "config check",
        "healthcheck",
        "dlq list",
        "dlq replay",
    ] {
        let line =
            format!("poltrona {command} --config f --log-level debug --insecure --demo=false");
        assert!(parse(&line).is_ok(), "{line}");
    }
    let Command::Serve(settings) = parse("poltrona serve --ephemeral --port 1").unwrap().command
    else {
        panic!("not the command that was typed");
    };
    let given: Vec<_> = settings.into_flags().into_iter().collect();
    assert_eq!(given, [("ephemeral", "true".to_owned()), ("port", "1".to_owned())]);
    // Command lines show in process lists.
    assert!(parse("poltrona serve --redis-url redis://h").is_err());
}

#[test]
fn help_shows_the_default_and_the_variable_of_every_flag() {
    let help = help_of("serve");
    for key in config::KEYS {
        let flag = key.flag().map(|flag| format!("--{flag}"));
        assert!(flag.is_none_or(|flag| help.contains(&flag)), "{}", key.name);
        assert!(help.contains(&key.variable()), "{}", key.variable());
    }
}

fn help_of(command: &str) -> String {
    let mut program = program();
    program.find_subcommand_mut(command).unwrap().render_long_help().to_string()
}

#[test]
fn help_has_the_settings_that_the_command_reads_and_no_others() {
    let help = help_of("healthcheck");
    assert!(help.contains("--port") && !help.contains("--hold-ttl"), "{help}");
    assert!(!help.contains("DATABASE_URL"), "{help}");
    let help = help_of("serve");
    assert!(help.contains("REDIS_URL") && help.contains("RABBITMQ_URL"), "{help}");
}

#[test]
fn numbers_and_addresses_are_checked_as_they_are_typed() {
    for line in [
        "poltrona",
        "poltrona seed --seats 15",
        "poltrona seed --seats 10001",
        "poltrona seed --sessions 0",
        "poltrona seed --target https://h",
        "poltrona healthcheck --url localhost",
        "poltrona openapi --format xml",
        "poltrona dlq list --queue orders",
        "poltrona dlq replay --limit 0",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}

/// A server that gives one answer to each of `requests` requests, and returns the requests.
fn server(requests: usize, answer: &'static str) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serve = move || (0..requests).map(|_| exchange(&listener, answer)).collect();
    (url, thread::spawn(serve))
}

fn exchange(listener: &TcpListener, answer: &str) -> String {
    let (mut stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        reader.read_line(&mut request).unwrap();
    }
    let length = request.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    write!(stream, "HTTP/1.1 {answer}").unwrap();
    request + &String::from_utf8(body).unwrap()
}

const READY: &str = "200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
const STOPPING: &str = "503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
const CREATED: &str = "201 Created\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
const REFUSED: &str =
    "400 Bad Request\r\nconnection: close\r\ncontent-length: 21\r\n\r\n{\"message\":[\"a\",\"b\"]}";

fn ask(line: &str) -> Result<(), Failure> {
    run(parse(line).unwrap())
}

#[test]
fn a_ready_server_is_healthy_and_any_other_is_away() {
    let (url, sent) = server(1, READY);
    ask(&format!("poltrona healthcheck --url {url}")).unwrap();
    assert!(sent.join().unwrap()[0].starts_with("GET /readyz HTTP/1.1"));

    let (url, _) = server(1, STOPPING);
    let failure = ask(&format!("poltrona healthcheck --url {url}/")).unwrap_err();
    assert_eq!(failure.exit_code(), 3);
    assert_eq!(
        failure.to_string(),
        format!("{url}/readyz is not ready: it answered 503 Service Unavailable")
    );

    // A port that was free a moment ago, and that nobody listens on now.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let failure = ask(&format!("poltrona healthcheck --url http://{free}")).unwrap_err();
    assert_eq!(failure.exit_code(), 3);
    assert!(failure.to_string().contains("refused"), "{failure}");
}

#[test]
fn sessions_are_created_over_http_each_with_its_key() {
    let (url, sent) = server(2, CREATED);
    ask(&format!("poltrona seed --sessions 2 --seats 16 --target {url}/")).unwrap();
    let sent = sent.join().unwrap();
    let key = |request: &str| {
        request.lines().find_map(|l| l.strip_prefix("idempotency-key: ")).unwrap().to_owned()
    };
    assert!(sent.iter().all(|request| request.starts_with("POST /sessions HTTP/1.1")));
    assert_ne!(key(&sent[0]), key(&sent[1]));
    let body = sent[0].split("\r\n\r\n").nth(1).unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["totalSeats"], 16);
    assert!(body["startsAt"].as_str().unwrap().ends_with("T17:00:00.000Z"), "{body}");
}

#[test]
fn a_server_that_refuses_a_session_fails_the_command() {
    let (url, _) = server(1, REFUSED);
    let failure = ask(&format!("poltrona seed --target {url}")).unwrap_err();
    assert_eq!(failure.exit_code(), 1);
    let expected = r#"answered 400 Bad Request ["a","b"]; 0 of 6 sessions were created"#;
    assert!(failure.to_string().ends_with(expected), "{failure}");
}
