//! The one statement that saves a batch: a part for each kind of row that the batch writes.
//!
//! A statement costs the server more than the few rows that most batches write, so all parts go in one, and
//! only those that are needed. Parts write different rows, and none reads what another writes. Each fails the
//! transaction unless it changed exactly the rows that it was meant to (`expect_rows`, `expect_first`), for the
//! statement is sent together with the COMMIT.

use std::collections::HashMap;
use std::fmt::Write as _;

use tokio_postgres::{Client, Statement};

/// A part of the statement: it writes rows of one kind.
pub(super) struct Part {
    /// Its name within the statement.
    name: &'static str,
    /// The number of its parameters, which its texts call `$1` and so on.
    parameters: usize,
    /// An INSERT, or an UPDATE that returns a row for each that it changed.
    write: &'static str,
    /// A call that fails unless all rows were written.
    check: Option<&'static str>,
}

/// A part and its parameters.
pub(super) type Filled<P> = (&'static Part, Vec<P>);

/// The statements that a connection has prepared, by their parts' names.
#[derive(Default)]
pub(super) struct SaveStatements(HashMap<Vec<&'static str>, Statement>);

/// The parts that most batches need: they hold seats; then pay, cancel, or let lapse what was held.
const USUAL: [&[&Part]; 3] = [
    &[&UPDATE_SEATS, &INSERT_RESERVATIONS, &INSERT_OUTBOX],
    &[&UPDATE_SEATS, &UPDATE_RESERVATIONS, &INSERT_SALES, &INSERT_SALE_SEATS, &INSERT_OUTBOX],
    &[&UPDATE_SEATS, &UPDATE_RESERVATIONS, &INSERT_OUTBOX],
];

impl SaveStatements {
    /// Prepares what most batches need.
    pub(super) async fn prepare(client: &Client) -> Result<Self, tokio_postgres::Error> {
        let mut saving = Self::default();
        for parts in USUAL {
            saving.statement(client, parts).await?;
        }
        Ok(saving)
    }

    /// The statement of these parts, prepared now if it is new.
    pub(super) async fn statement(
        &mut self,
        client: &Client,
        parts: &[&'static Part],
    ) -> Result<Statement, tokio_postgres::Error> {
        let names: Vec<_> = parts.iter().map(|part| part.name).collect();
        if let Some(statement) = self.0.get(&names) {
            return Ok(statement.clone());
        }
        let statement = client.prepare(&text(parts)).await?;
        self.0.insert(names, statement.clone());
        Ok(statement)
    }
}

/// The text of a statement of these parts, whose parameters follow each other.
fn text(parts: &[&Part]) -> String {
    let (mut writes, mut checks, mut before) = (Vec::new(), Vec::new(), 0);
    for part in parts {
        writes.push(format!("{} AS ({})", part.name, shifted(part.write, before)));
        checks.extend(part.check.map(|check| shifted(check, before)));
        before += part.parameters;
    }
    if checks.is_empty() {
        checks.push("1".to_owned());
    }
    format!("WITH {} SELECT {}", writes.join(", "), checks.join(", "))
}

/// A text whose parameters have numbers that are greater by `by`.
fn shifted(text: &str, by: usize) -> String {
    let mut pieces = text.split('$');
    let mut shifted = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(|c: char| !c.is_ascii_digit()).unwrap_or(piece.len());
        let number: usize = piece[..end].parse().unwrap_or_default();
        // Writing into a string cannot fail.
        let _ = write!(shifted, "${}{}", number + by, &piece[end..]);
    }
    shifted
}

pub(super) static INSERT_SESSIONS: Part = Part {
    name: "insert_sessions",
    parameters: 12,
    write: "
        INSERT INTO sessions (id, movie, room, starts_at, price_cents, layout, created_at, closed_at,
                              version, changed_at, movie_folded, room_folded)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[],
                             $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::text[],
                             $12::text[])",
    check: None,
};

pub(super) static INSERT_PAST_SESSIONS: Part = Part {
    name: "insert_past_sessions",
    parameters: 6,
    write: "
        INSERT INTO session_versions (session_id, version, movie, room, starts_at, price_cents)
        SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::bigint[],
                             $6::bigint[])",
    check: None,
};

pub(super) static UPDATE_SESSIONS: Part = Part {
    name: "update_sessions",
    parameters: 11,
    write: "
        UPDATE sessions s SET movie = n.movie, room = n.room, starts_at = n.starts_at,
            price_cents = n.price_cents, closed_at = n.closed_at, version = n.version,
            changed_at = n.changed_at, movie_folded = n.movie_folded, room_folded = n.room_folded
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
                    $7::bigint[], $8::bigint[], $9::text[], $10::text[], $11::bigint[])
            AS n(id, movie, room, starts_at, price_cents, closed_at, version, changed_at,
                 movie_folded, room_folded, read)
        WHERE s.id = n.id AND s.version = n.read AND s.closed_at IS NULL RETURNING 1",
    check: Some(
        "expect_rows('update sessions', (SELECT count(*) FROM update_sessions),
                     cardinality($1::uuid[]))",
    ),
};

pub(super) static INSERT_SEATS: Part = Part {
    name: "insert_seats",
    parameters: 4,
    write: "
        INSERT INTO seats (session_id, seat_no, label, status, version)
        SELECT session_id, seat_no, label, 'AVAILABLE', version
        FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::bigint[])
            AS n(session_id, seat_no, label, version)",
    check: None,
};

pub(super) static UPDATE_SEATS: Part = Part {
    name: "update_seats",
    parameters: 7,
    write: "
        UPDATE seats s SET status = n.status, reservation_id = n.reservation_id,
            hold_until = n.hold_until, version = n.version
        FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::uuid[], $5::bigint[], $6::bigint[],
                    $7::bigint[])
            AS n(session_id, seat_no, status, reservation_id, hold_until, version, read)
        WHERE s.session_id = n.session_id AND s.seat_no = n.seat_no AND s.version = n.read
        RETURNING 1",
    check: Some(
        "expect_rows('update seats', (SELECT count(*) FROM update_seats), cardinality($1::uuid[]))",
    ),
};

pub(super) static INSERT_RESERVATIONS: Part = Part {
    name: "insert_reservations",
    parameters: 10,
    write: "
        INSERT INTO reservations (id, session_id, seat_nos, user_id, total_cents, status, created_at,
                                  expires_at, extensions, session_version)
        SELECT id, session_id, string_to_array(seat_nos, ',')::smallint[], user_id, total_cents, status,
               created_at, expires_at, extensions, session_version
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::text[],
                    $7::bigint[], $8::bigint[], $9::smallint[], $10::bigint[])
            AS n(id, session_id, seat_nos, user_id, total_cents, status, created_at, expires_at,
                 extensions, session_version)",
    check: None,
};

/// Only a pending reservation ever changes, so that is what the guard asks for. The status comes as a parameter:
/// to a plan that knew it, the index of pending reservations would seem to be the shortest way as long as there are
/// few, and would be read as a whole for each row once there are many.
pub(super) static UPDATE_RESERVATIONS: Part = Part {
    name: "update_reservations",
    parameters: 5,
    write: "
        UPDATE reservations r SET status = n.status, expires_at = n.expires_at,
            extensions = n.extensions
        FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::smallint[], $5::text[])
            AS n(id, status, expires_at, extensions, read)
        WHERE r.id = n.id AND r.status = n.read RETURNING 1",
    check: Some(
        "expect_rows('update reservations', (SELECT count(*) FROM update_reservations),
                     cardinality($1::uuid[]))",
    ),
};

pub(super) static INSERT_SALES: Part = Part {
    name: "insert_sales",
    parameters: 9,
    write: "
        INSERT INTO sales (id, reservation_id, session_id, user_id, total_cents, movie, room,
                           starts_at, paid_at)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bigint[],
                             $6::text[], $7::text[], $8::bigint[], $9::bigint[])",
    check: None,
};

pub(super) static INSERT_SALE_SEATS: Part = Part {
    name: "insert_sale_seats",
    parameters: 4,
    write: "
        INSERT INTO sale_seats (session_id, seat_no, sale_id, price_cents)
        SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::uuid[], $4::bigint[])",
    check: None,
};

pub(super) static INSERT_OUTBOX: Part = Part {
    name: "insert_outbox",
    parameters: 3,
    write: "INSERT INTO outbox (id, events, created_at) VALUES ($1, $2, $3)",
    check: None,
};

/// In the order of their keys, so that two batches never wait for each other. An answer that is too old
/// to count is replaced; one that another instance has just written is not, and the batch runs again.
pub(super) static INSERT_ANSWERS: Part = Part {
    name: "insert_answers",
    parameters: 8,
    write: "
        INSERT INTO idempotency AS i (caller, key, fingerprint, status, location, answer, created_at)
        SELECT caller, key, fingerprint, status, location, answer, $7::bigint
        FROM unnest($1::text[], $2::text[], $3::bytea[], $4::smallint[], $5::text[], $6::bytea[])
            AS n(caller, key, fingerprint, status, location, answer)
        ORDER BY caller, key
        ON CONFLICT (caller, key) DO UPDATE SET fingerprint = excluded.fingerprint,
            status = excluded.status, location = excluded.location, answer = excluded.answer,
            created_at = excluded.created_at
        WHERE i.created_at < $8::bigint
        RETURNING 1",
    check: Some(
        "expect_first('keep answers', (SELECT count(*) FROM insert_answers),
                      cardinality($1::text[]))",
    ),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_of_parts_follow_each_other() {
        let text = text(&[&INSERT_OUTBOX, &UPDATE_RESERVATIONS]);
        assert!(text.contains("VALUES ($1, $2, $3)"), "{text}");
        assert!(
            text.contains(
                "unnest($4::uuid[], $5::text[], $6::bigint[], $7::smallint[], $8::text[])"
            )
        );
        assert!(text.ends_with("cardinality($4::uuid[]))"), "{text}");
    }

    #[test]
    fn every_part_has_the_number_of_parameters_that_it_says() {
        for part in USUAL.iter().copied().flatten().chain(&[
            &INSERT_SESSIONS,
            &UPDATE_SESSIONS,
            &INSERT_PAST_SESSIONS,
            &INSERT_SEATS,
            &INSERT_ANSWERS,
        ]) {
            let number = |piece: &str| {
                let digits: String = piece.chars().take_while(char::is_ascii_digit).collect();
                digits.parse::<usize>().ok()
            };
            let greatest = part.write.split('$').skip(1).filter_map(number).max();
            assert_eq!(greatest, Some(part.parameters), "{}", part.name);
        }
    }
}
