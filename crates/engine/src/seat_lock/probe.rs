//! A rehearsal: whether Redis allows every operation of the lock.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use poltrona_domain::{SeatId, SeatNo, SessionId, Timestamp};
use redis::RedisResult;
use redis::aio::MultiplexedConnection;
use uuid::Uuid;

use super::mark::{Mark, SOMEBODY};
use super::operation::{self, Operation};

/// Runs every operation once, on a seat that no session has, and removes what they left.
///
/// Fails for every reason for which a request would: a password, a missing permission, a full
/// memory or a replica that only reads.
pub fn rehearse(connection: &mut MultiplexedConnection) -> BoxFuture<'_, RedisResult<()>> {
    Box::pin(async move {
        for script in operation::scripts().all {
            script.load_async(connection).await?;
        }
        let session = SessionId::mint(Uuid::nil());
        // Not the seat that running instances try.
        let seats: Arc<[SeatId]> =
            SeatNo::new(SeatNo::MAX - 1).map(|no| session.seat(no)).into_iter().collect();
        let (mark, moment) =
            (Mark::held(SOMEBODY, Timestamp::from_millis(0)), Duration::from_secs(1));
        let seats = || Arc::clone(&seats);
        let operations = [
            Operation::take(seats(), mark, moment),
            Operation::update(seats(), SOMEBODY, mark, moment),
            Operation::sell(seats(), SOMEBODY),
            Operation::free(seats(), SOMEBODY),
            Operation::replace(seats(), b"free".to_vec(), None),
        ];
        operation::call(operations.iter()).query_async::<redis::Value>(connection).await.map(drop)
    })
}

/// The rights that a user of Redis needs, as `ACL SETUSER` takes them.
pub const RIGHTS: &str =
    "~seat:* resetchannels -@all +evalsha +script|load +mget +set +del +select";

#[cfg(test)]
mod tests {
    use super::super::mark::Key;
    use super::*;

    #[test]
    fn the_keys_that_the_rights_name_are_those_of_seats() {
        let seat = SessionId::mint(Uuid::nil()).seat(SeatNo::new(1).unwrap());
        let prefix = RIGHTS.split('*').next().unwrap().trim_start_matches('~');
        assert!(Key(seat).to_string().starts_with(prefix));
    }
}
