//! Demo sessions: three films in six showings, with ids that never change.

use anyhow::Context as _;
use poltrona_domain::{
    Cents, Command, Layout, Precondition, Session, SessionChange, SessionId, Timestamp,
};
use uuid::Uuid;

use poltrona_engine::ledger::Request;
use poltrona_engine::{Engine, Env};

/// The demo in a few words, for the banner.
pub const SUMMARY: &str = "3 films, 6 sessions";

const DAY_MILLIS: i64 = 86_400_000;
const MINUTE_MILLIS: i64 = 60_000;
/// The demo's first session; the others follow at steps of [`ID_STEP`].
const FIRST_ID: u128 = 0x0190_0000_0000_7000_8000_0000_0010_0000;
const ID_STEP: u128 = 0x10_0000;
const SEATS: u16 = 48;

/// Film, room, minutes after today's midnight in São Paulo, price in cents.
const SHOWINGS: [(&str, &str, i64, i64); 6] = [
    ("Interestelar", "Sala 1", 16 * 60, 2_550),
    ("Interestelar", "Sala 1", 20 * 60 + 30, 3_200),
    ("Cidade de Deus", "Sala 2", 17 * 60, 2_550),
    ("Cidade de Deus", "Sala 2", 21 * 60, 3_200),
    ("O Auto da Compadecida", "Sala 3", 18 * 60 + 15, 2_550),
    ("O Auto da Compadecida", "Sala 3", 22 * 60, 4_000),
];
/// São Paulo is three hours behind UTC, all year since 2019.
const SAO_PAULO_MILLIS: i64 = -3 * 60 * MINUTE_MILLIS;

/// Opens the demo's sessions, or moves those that exist to the day of `now`. Their holds and sales
/// stay; a closed session stays closed.
pub async fn open(engine: &Engine) -> anyhow::Result<()> {
    let now = engine.env.clock.now();
    for (number, showing) in (0_u128..).zip(SHOWINGS) {
        let session = showing_today(number, showing, now)?;
        let id = session.id;
        let found = engine.store.session(id).await?;
        let command = match found {
            None => Command::OpenSession(session),
            Some(found) if !found.is_open() => continue,
            Some(found) if found.starts_at == session.starts_at => continue,
            Some(_) => Command::UpdateSession {
                session: id,
                change: SessionChange {
                    starts_at: Some(session.starts_at),
                    ..SessionChange::default()
                },
                only_if: Precondition::default(),
            },
        };
        engine.submit(Request::of_program(command)).await?;
    }
    Ok(())
}

fn showing_today(
    number: u128,
    (movie, room, minutes, cents): (&str, &str, i64, i64),
    now: Timestamp,
) -> anyhow::Result<Session> {
    let id = SessionId::from_uuid(Uuid::from_u128(FIRST_ID + number * ID_STEP));
    Ok(Session {
        id: id.context("a demo id is a session's id")?,
        movie: movie.to_owned(),
        room: room.to_owned(),
        starts_at: today_at(minutes, now),
        price: Cents::new(cents),
        layout: Layout::new(SEATS)?,
        version: Session::FIRST_VERSION,
        changed_at: now,
        created_at: now,
        closed_at: None,
    })
}

/// The time `minutes` after the last midnight in São Paulo.
fn today_at(minutes: i64, now: Timestamp) -> Timestamp {
    let local = now.as_millis() + SAO_PAULO_MILLIS;
    let midnight = local.div_euclid(DAY_MILLIS) * DAY_MILLIS - SAO_PAULO_MILLIS;
    Timestamp::from_millis(midnight + minutes * MINUTE_MILLIS)
}

/// The session with this number, from 0, for `poltrona seed`: the demo's films, day after day.
pub fn invented(env: &Env, number: u32, seats: u16) -> anyhow::Result<Session> {
    let now = env.clock.now();
    let mut days = (0_i64..).flat_map(|day| SHOWINGS.map(|showing| (day, showing)));
    let showing = days.nth(usize::try_from(number)?);
    let (days, (movie, room, minutes, cents)) = showing.context("no end of days")?;
    let starts_at = today_at(minutes, now).as_millis() + days * DAY_MILLIS;
    Ok(Session {
        id: env.ids.session(),
        movie: movie.to_owned(),
        room: room.to_owned(),
        starts_at: Timestamp::from_millis(starts_at),
        price: Cents::new(cents),
        layout: Layout::new(seats)?,
        version: Session::FIRST_VERSION,
        changed_at: now,
        created_at: now,
        closed_at: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn today_is_the_day_in_sao_paulo() {
        // 2026-11-24T01:00Z is still the 23rd there.
        let now = poltrona_engine::wire::parse_time("2026-11-24T01:00:00Z").unwrap();
        let six_pm = poltrona_engine::wire::parse_time("2026-11-23T18:00:00-03:00").unwrap();
        assert_eq!(today_at(18 * 60, now), six_pm);
    }
}
