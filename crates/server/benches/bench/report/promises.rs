//! All promises.

use super::promise::Bound::{AtLeast, AtMost};
use super::promise::{Promise, promise};

/// All promises, in the order of the page.
pub(super) const PROMISES: &[Promise] = &[
    promise("seat_map", "seat map of 200", "ready bytes of its size", AtLeast(0.75, 0.85)),
    promise("not_modified", "seat map, 304", "hello", AtLeast(0.75, 0.90)),
    promise(
        "storm_embedded",
        "409 on one seat, 256 connections, embedded",
        "a POST that stores nothing",
        AtLeast(0.60, 0.75),
    ),
    promise(
        "reserve_scattered_64",
        "reserve, embedded, scattered, 64 connections",
        "SQLite ceiling",
        AtLeast(0.65, 0.85),
    ),
    promise(
        "reserve_scattered_256",
        "reserve, embedded, scattered, 256 connections",
        "SQLite ceiling",
        AtLeast(0.65, 0.85),
    ),
    promise(
        "reserve_hot_64",
        "reserve, embedded, one session at a time, 64",
        "SQLite ceiling",
        AtLeast(0.65, 0.85),
    ),
    promise(
        "reserve_hot_256",
        "reserve, embedded, one session at a time, 256",
        "SQLite ceiling",
        AtLeast(0.65, 0.85),
    ),
    promise(
        "postgres_64",
        "reserve, PostgreSQL, scattered, 64",
        "PostgreSQL ceiling",
        AtLeast(0.55, 0.65),
    ),
    promise(
        "postgres_256",
        "reserve, PostgreSQL, scattered, 256",
        "PostgreSQL ceiling",
        AtLeast(0.55, 0.65),
    ),
    promise(
        "stack",
        "reserve, full stack, one instance, 256",
        "PostgreSQL ceiling",
        AtLeast(0.33, 0.40),
    ),
    promise("settled_secs", "full stack: events delivered, s after the end", "", AtMost(5.0, 5.0)),
    promise("three_instances", "three instances on the same cores", "one", AtLeast(0.70, 0.90)),
    promise(
        "purchases",
        "purchases, embedded",
        "our own reservations, same run",
        AtLeast(0.42, 0.50),
    ),
    promise(
        "purchases_postgres",
        "purchases, PostgreSQL",
        "our own reservations, same run",
        AtLeast(0.42, 0.50),
    ),
    promise("batching", "shared commits, embedded", "one each", AtLeast(2.5, 4.0)),
    promise("batching_postgres", "shared commits, PostgreSQL", "one each", AtLeast(4.0, 8.0)),
    promise(
        "p99_ms",
        "p99 of reserve over 10⁶ scattered seats, embedded, 64, ms",
        "",
        AtMost(15.0, 8.0),
    ),
    promise(
        "p99_ms_postgres",
        "p99 of reserve over 10⁶ scattered seats, PostgreSQL, 64, ms",
        "",
        AtMost(15.0, 8.0),
    ),
    promise(
        "open_embedded",
        "open loop at 70 % of the peak, embedded: p99",
        "p50",
        AtMost(10.0, 5.0),
    ),
    promise(
        "open_postgres",
        "open loop at 70 % of the peak, PostgreSQL: p99",
        "p50",
        AtMost(10.0, 5.0),
    ),
    promise(
        "open_stack",
        "open loop at 70 % of the peak, full stack: p99",
        "p50",
        AtMost(10.0, 5.0),
    ),
    promise("lone", "p50 of a lone client, embedded", "commits of one", AtMost(1.10, 1.05)),
    promise("lone_stack", "p50 of a lone client, full stack", "commits of one", AtMost(1.10, 1.05)),
    promise(
        "lone_reserve_ms",
        "a lone client's reservation, p50, embedded, ms",
        "",
        AtMost(2.7, 2.7),
    ),
    promise("lone_confirm_ms", "a lone client's payment, p50, embedded, ms", "", AtMost(4.3, 4.3)),
    promise(
        "lone_reserve_ms_stack",
        "a lone client's reservation, p50, full stack, ms",
        "",
        AtMost(2.7, 2.7),
    ),
    promise(
        "lone_confirm_ms_stack",
        "a lone client's payment, p50, full stack, ms",
        "",
        AtMost(4.3, 4.3),
    ),
    promise("commits", "commits for each reservation, embedded, 64", "", AtMost(0.10, 0.05)),
    promise(
        "syncs_postgres",
        "fsyncs for each reservation, PostgreSQL, 256",
        "",
        AtMost(0.10, 0.05),
    ),
    promise(
        "round_trips_64",
        "round trips for each reservation, PostgreSQL, 64",
        "",
        AtMost(0.20, 0.20),
    ),
    promise(
        "round_trips_256",
        "round trips for each reservation, PostgreSQL, 256",
        "",
        AtMost(0.06, 0.06),
    ),
    promise("hot", "HOT share of seat updates, the least", "", AtLeast(0.90, 0.98)),
    promise("transactions", "transactions for each refusal, Redis", "", AtMost(0.01, 0.01)),
    promise("lateness_ms", "lateness of expiry, p99, embedded, ms", "", AtMost(250.0, 125.0)),
    promise(
        "lateness_ms_one",
        "lateness of expiry, p99, full stack, ms",
        "",
        AtMost(1_000.0, 500.0),
    ),
    promise(
        "lateness_ms_three",
        "lateness of expiry, p99, three instances, ms",
        "",
        AtMost(1_000.0, 500.0),
    ),
    promise("latest_secs", "latest lapse in a crowd, embedded, s", "", AtMost(2.0, 2.0)),
    promise("latest_secs_one", "latest lapse in a crowd, full stack, s", "", AtMost(2.0, 2.0)),
    promise(
        "latest_secs_three",
        "latest lapse in a crowd, three instances, s",
        "",
        AtMost(2.0, 2.0),
    ),
    promise("growth_seats", "CPU of a call, 10⁷ seats, embedded", "10⁵ seats", AtMost(1.25, 1.10)),
    promise(
        "growth_history",
        "CPU of a call, ten times the history, embedded",
        "10⁵ seats",
        AtMost(1.25, 1.10),
    ),
    promise(
        "growth_seats_postgres",
        "CPU of a call, 10⁷ seats, PostgreSQL",
        "10⁵ seats",
        AtMost(1.25, 1.10),
    ),
    promise(
        "growth_history_postgres",
        "CPU of a call, ten times the history, PostgreSQL",
        "10⁵ seats",
        AtMost(1.25, 1.10),
    ),
    promise("rest_mb", "memory at rest, MB", "", AtMost(30.0, 20.0)),
    promise("million_mb", "memory with a million seats held or sold, MB", "", AtMost(250.0, 125.0)),
    promise("million_secs", "start over a million seats, s", "", AtMost(1.0, 0.5)),
    promise(
        "overload_3",
        "done at ten times the peak, 3 in a commit",
        "the peak",
        AtLeast(0.90, 0.95),
    ),
    promise(
        "overload_10",
        "done at ten times the peak, 10 in a commit",
        "the peak",
        AtLeast(0.90, 0.95),
    ),
    promise(
        "overload_30",
        "done at ten times the peak, 30 in a commit",
        "the peak",
        AtLeast(0.90, 0.95),
    ),
];

/// The promise of this name.
pub(super) fn by_id(id: &str) -> Option<&'static Promise> {
    PROMISES.iter().find(|promise| promise.id == id)
}
