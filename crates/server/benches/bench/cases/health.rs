//! Requests that write nothing, beside ready answers of the same size.

use poltrona_domain::SeatId;

use crate::census::Census;
use crate::client::Connection;
use crate::house::House;
use crate::load::{CLIENTS, RUSH};
use crate::load::{Measured, measure};
use crate::report::{Spread, Table, Wanted, verdict};
use crate::requests;
use crate::server::Server;
use crate::setup::Setup;

/// One kind of request, and the least that it is compared with.
struct Row {
    name: &'static str,
    clients: usize,
    ours: Vec<u8>,
    status: u16,
    least: Vec<u8>,
    least_status: u16,
    wanted: Option<f64>,
    runs: Vec<(Measured, Measured)>,
}

pub(super) async fn run(setup: &Setup, house: &House) -> anyhow::Result<()> {
    // A hold that outlasts the case: a seat held at its beginning is refused to its end.
    let ours = house.open(setup, "health", &["--hold-ttl=1h"]).await?;
    let seats = house.scattered();
    let (mut rows, bytes) = rows(&ours, house, &seats).await?;
    let ceiling = house.open_ceiling(setup, bytes).await?;
    for _ in 0..setup.runs {
        for row in &mut rows {
            let here = repeat(setup, &ours, row.clients, &row.ours, row.status).await?;
            let there = repeat(setup, &ceiling, row.clients, &row.least, row.least_status).await?;
            row.runs.push((here, there));
        }
    }
    ceiling.kill();
    Census::expect(&ours.stop()?, &Census::of_singles(House::seat_count(), 1, 0)?)?;
    report(&rows);
    Ok(())
}

/// Sends each request once, to know the answer's size and tag, and holds the seat that all want.
async fn rows(ours: &Server, house: &House, seats: &[SeatId]) -> anyhow::Result<(Vec<Row>, usize)> {
    let path = format!("/seats/{}", house.first_session()?);
    let mut connection = Connection::open(ours.address()).await?;
    let wanted_by_all = seats.first().copied();
    let storm = wanted_by_all.map(|seat| requests::reserve(seat, 0)).unwrap_or_default();
    connection.ask(&storm).await?.expect(201)?;
    let map = connection.ask(&requests::get(&path)).await?;
    map.expect(200)?;
    let tag = map.header("etag").unwrap_or_default().to_owned();
    let bytes = map.body.len();
    let row = |name, clients, (ours, status), (least, least_status), wanted| Row {
        name,
        clients,
        ours,
        status,
        least,
        least_status,
        wanted,
        runs: Vec::new(),
    };
    let hello = || (requests::get("/hello"), 200);
    let parse = requests::post("/parse", body_of(&storm));
    let rows = vec![
        row(
            "GET /health, beside ready bytes",
            CLIENTS,
            (requests::get("/health"), 200),
            hello(),
            None,
        ),
        row(
            "seat map of 200, beside ready bytes",
            CLIENTS,
            (requests::get(&path), 200),
            (requests::get("/bytes"), 200),
            Some(0.6),
        ),
        row(
            "seat map of 200, gzip, beside ready bytes",
            CLIENTS,
            (requests::get_gzip(&path), 200),
            (requests::get("/bytes"), 200),
            None,
        ),
        row(
            "seat map, 304, beside ready bytes",
            CLIENTS,
            (requests::get_unless(&path, &tag), 304),
            hello(),
            Some(0.7),
        ),
        row(
            "409 on one seat, beside a POST that stores nothing",
            RUSH,
            (storm, 409),
            (parse, 201),
            Some(0.5),
        ),
    ];
    Ok((rows, bytes))
}

pub(super) fn body_of(request: &[u8]) -> &str {
    let text = std::str::from_utf8(request).unwrap_or_default();
    text.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// Sends one request over and over.
pub(super) async fn repeat(
    setup: &Setup,
    server: &Server,
    clients: usize,
    request: &[u8],
    status: u16,
) -> anyhow::Result<Measured> {
    measure(setup, server, clients, &async |connection: &mut Connection| {
        connection.ask(request).await?.expect(status)?;
        Ok(true)
    })
    .await
}

fn report(rows: &[Row]) {
    let mut table = Table::new(
        "health: what needs no writing",
        &[
            "request",
            "connections",
            "a second",
            "p50 ms",
            "p99 ms",
            "server CPU µs",
            "client CPU µs",
            "beside it, a second",
            "ratio",
        ],
    );
    for row in rows {
        let ours = |value: fn(&Measured) -> f64| Spread::of(&row.runs, |(ours, _)| value(ours));
        table.row(vec![
            row.name.to_owned(),
            row.clients.to_string(),
            ours(|m| m.rate).to_string(),
            ours(|m| m.p50_ms).to_string(),
            ours(|m| m.p99_ms).to_string(),
            ours(|m| m.server_us).to_string(),
            ours(|m| m.client_us).to_string(),
            Spread::of(&row.runs, |(_, least)| least.rate).to_string(),
            ratio(row).to_string(),
        ]);
    }
    table.print();
    for row in rows {
        if let Some(wanted) = row.wanted {
            verdict(row.name, ratio(row).median, Wanted::AtLeast(wanted));
        }
    }
    println!();
}

/// Of each pair of runs, which were made one after the other.
fn ratio(row: &Row) -> Spread {
    Spread::of(&row.runs, |(ours, least)| ours.rate / least.rate)
}
