//! A rehearsal: whether Redis allows every call of the lock.

use std::time::Duration;

use futures_util::future::BoxFuture;
use poltrona_domain::{ReservationId, SeatNo, SessionId, Timestamp};
use redis::RedisResult;
use redis::aio::MultiplexedConnection;
use uuid::Uuid;

use super::mark::{Mark, SOMEBODY};
use super::scripts::{self, Change};
use crate::redis::Call;

/// Runs every script once, on a seat that no session has, and removes what they left.
///
/// Fails for every reason for which a request would: a password, a missing permission, a full
/// memory or a replica that only reads.
pub fn rehearse(connection: &mut MultiplexedConnection) -> BoxFuture<'_, RedisResult<()>> {
    Box::pin(async move {
        for script in scripts::all().all {
            script.load_async(connection).await?;
        }
        let session = SessionId::mint(Uuid::nil());
        // Not the seat that running instances try.
        let seats: Vec<_> =
            SeatNo::new(SeatNo::MAX - 1).map(|no| session.seat(no)).into_iter().collect();
        let owner: ReservationId = SOMEBODY;
        let mark = Mark::held(owner, Timestamp::from_millis(0));
        let moment = Duration::from_secs(1);
        let calls = [
            scripts::take(&seats, mark, moment),
            scripts::keep(&seats, mark, moment),
            scripts::sell(&seats, owner),
            scripts::free(&seats, owner),
        ];
        for call in &calls {
            run(connection, call).await?;
        }
        let forget = |seat| Change { seat, seen: b"free".to_vec(), mark: None };
        let forget: Vec<_> = seats.iter().copied().map(forget).collect();
        run(connection, &scripts::learn(&forget)).await
    })
}

/// The rights that a user of Redis needs, as `ACL SETUSER` takes them.
pub const RIGHTS: &str =
    "~seat:* resetchannels -@all +evalsha +script|load +mget +set +del +select";

async fn run(connection: &mut MultiplexedConnection, call: &Call) -> RedisResult<()> {
    call.invoke_async::<redis::Value>(connection).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::super::mark::key;
    use super::*;

    #[test]
    fn the_keys_that_the_rights_name_are_those_of_seats() {
        let seat = SessionId::mint(Uuid::nil()).seat(SeatNo::new(1).unwrap());
        let prefix = RIGHTS.split('*').next().unwrap().trim_start_matches('~');
        assert!(key(seat).starts_with(prefix));
    }
}
