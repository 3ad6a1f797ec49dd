//! One request over and over, which writes nothing.

use anyhow::{Context as _, ensure};

use super::meter::Meter;
use super::plan::{Read, Task};
use crate::census::Census;
use crate::client::Connection;
use crate::data::Data;
use crate::house::{House, Order};
use crate::load::closed_loop;
use crate::report::{Measure, Sample, as_f64};
use crate::requests;
use crate::server::Server;
use crate::setup::Side;
use crate::testbed::{Engines, Testbed};

/// The visitor who holds the seat that all want, and one who wants it: the refusal of the holder names the
/// reservation, and is another answer.
const HOLDER: usize = 0;
const OTHER: usize = 1;

/// The request and the status of its answer.
type Ask = (Vec<u8>, u16);

/// Measures it on fresh data where one seat is held.
pub(super) async fn repeat(
    testbed: &Testbed,
    side: &Side,
    task: &Task,
    data: &Data,
    read: Read,
) -> anyhow::Result<Sample> {
    let server = task.open(testbed, side, data).await?;
    let ours = side.program.is_some();
    let (request, status) = if ours {
        of_program(testbed, &server, &task.house, read).await?
    } else {
        of_ceiling(&task.house, read)?
    };
    let call = async |connection: &mut Connection| {
        connection.ask(&request).await?.expect(status)?;
        Ok(true)
    };
    let setup = &testbed.setup;
    closed_loop(&server.addresses(), task.clients, setup.warm_up(), &call).await?;
    let before = Meter::read(testbed, &server, ours).await?;
    let mut ran = closed_loop(&server.addresses(), task.clients, setup.window, &call).await?;
    let after = Meter::read(testbed, &server, ours).await?;
    let mut sample = Sample::default();
    after.add_to(&mut sample, &before, &mut ran);
    if !ours {
        server.kill();
        return Ok(sample);
    }
    let data = server.stop()?;
    if let (Data::Database(database), true) = (&data, task.engines != Engines::Embedded) {
        // Those of the server's whole life, its start and end included.
        let done = testbed.postgres().await.done(database).await?;
        sample.add(Measure::Transactions, as_f64(done.transactions) / as_f64(ran.times.count()));
    }
    // One was held, whatever was asked for afterwards.
    Census::of_singles(&task.house, 1, 0).expect(&data)?;
    Ok(sample)
}

/// The one seat that all want, asked for by a visitor.
fn wanted(house: &House, visitor: usize) -> anyhow::Result<Vec<u8>> {
    let seat = house.free(Order::Scattered, 1).pop().context("the house has no seat")?;
    Ok(requests::reserve(seat, visitor))
}

async fn of_program(
    testbed: &Testbed,
    server: &Server,
    house: &House,
    read: Read,
) -> anyhow::Result<Ask> {
    let mut connection = Connection::open(server.address()).await?;
    connection.ask(&wanted(house, HOLDER)?).await?.expect(201)?;
    let path = format!("/seats/{}", House::first_session());
    let map = connection.ask(&requests::get(&path)).await?;
    map.expect(200)?;
    testbed.map_bytes.set(map.body.len());
    Ok(match read {
        Read::Health => (requests::get("/health"), 200),
        Read::Map => (requests::get(&path), 200),
        Read::MapGzip => (requests::get_gzip(&path), 200),
        Read::NotModified => {
            let tag = map.header("etag").context("a seat map has no ETag")?;
            (requests::get_unless(&path, tag), 304)
        }
        Read::Held => (wanted(house, OTHER)?, 409),
    })
}

/// The least that gives an answer of the same size.
fn of_ceiling(house: &House, read: Read) -> anyhow::Result<Ask> {
    Ok(match read {
        Read::Health | Read::NotModified => (requests::get("/hello"), 200),
        Read::Map | Read::MapGzip => (requests::get("/bytes"), 200),
        Read::Held => {
            let wanted = wanted(house, OTHER)?;
            let body = std::str::from_utf8(&wanted)?.split_once("\r\n\r\n");
            let (_, body) = body.context("a reservation has a body")?;
            ensure!(!body.is_empty(), "a reservation has a body");
            (requests::post("/parse", body), 201)
        }
    })
}
