//! One server of the comparison, driven and audited over its API alone.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::stock::{self, Seat};
use crate::census::Census;
use crate::client::Connection;
use crate::data::Data;
use crate::load::{CLIENTS, closed_loop};
use crate::machine;
use crate::remote::Remote;
use crate::report::{Measure, Sample, as_f64};
use crate::requests;
use crate::server::Server;
use crate::testbed::Testbed;
use crate::times::Times;

/// Seats to warm up with, before it is known how fast the server is.
const FIRST_SEATS: usize = 2_000;
/// By how much a measurement may be faster than the warm-up, before the seats run out.
const MARGIN: f64 = 2.0;

/// A server of the comparison.
pub(super) struct Rival {
    pub(super) name: String,
    address: SocketAddr,
    program: Option<(Server, Data)>,
    pids: Vec<u32>,
    names_seats: NamesSeats,
    fresh: Vec<Seat>,
}

/// How a request for a seat names it.
#[derive(Clone, Copy)]
enum NamesSeats {
    /// `seatId`
    One,
    /// `seatIds`
    Many,
}

/// The requests of a measurement.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Calls {
    Map,
    Held,
    Sold,
    Reserve,
    Purchase,
}

/// The outcome of a measurement.
pub(super) enum Outcome {
    Sound(Sample),
    /// A seat was sold twice, or the seats do not add up.
    Void(String),
}

/// The answers of a selling loop, since it was last emptied.
#[derive(Default)]
struct Sold {
    reserve: Times,
    confirm: Times,
}

impl Rival {
    /// One of our programs.
    pub(super) fn program(name: &str, server: Server, data: Data) -> Self {
        let (address, program) = (server.address(), Some((server, data)));
        Self::new(name, address, program, Vec::new())
    }

    /// A server that runs already.
    pub(super) fn remote(remote: &Remote) -> Self {
        Self::new(&remote.name, remote.address, None, remote.pids.clone())
    }

    fn new(
        name: &str,
        address: SocketAddr,
        program: Option<(Server, Data)>,
        pids: Vec<u32>,
    ) -> Self {
        let name = name.to_owned();
        Self { name, address, program, pids, names_seats: NamesSeats::One, fresh: Vec::new() }
    }

    /// Opens the first sessions, and finds out how the server wants seats to be named.
    pub(super) async fn prepare(&mut self) -> anyhow::Result<()> {
        let mut connection = Connection::open(self.address).await?;
        for names in [NamesSeats::One, NamesSeats::Many] {
            self.names_seats = names;
            let seat = self.take(1).await?.pop().context("no seat")?;
            let request = self.reserve(&seat, 0);
            let answer = connection.ask(&request).await?;
            if answer.status == 201 {
                return Ok(());
            }
            if answer.status != 400 {
                answer.expect(201)?;
            }
        }
        bail!("{} takes neither seatId nor seatIds", self.name)
    }

    /// Measures once, on seats that nobody had.
    pub(super) async fn measure(
        &mut self,
        testbed: &Testbed,
        calls: Calls,
    ) -> anyhow::Result<Outcome> {
        match calls {
            Calls::Map => {
                let session = self.take(1).await?.pop().context("no seat")?.session;
                let request = requests::get(&format!("/seats/{session}"));
                self.repeat(testbed, &request, 200).await
            }
            Calls::Held | Calls::Sold => self.storm(testbed, calls == Calls::Sold).await,
            Calls::Reserve => self.sell(testbed, false).await,
            Calls::Purchase => self.sell(testbed, true).await,
        }
    }

    /// Has one seat held or sold, and then wanted by all others.
    async fn storm(&mut self, testbed: &Testbed, is_sold: bool) -> anyhow::Result<Outcome> {
        let seat = self.take(1).await?.pop().context("no seat")?;
        let mut connection = Connection::open(self.address).await?;
        let answer = connection.ask(&self.reserve(&seat, 0)).await?;
        answer.expect(201)?;
        if is_sold {
            let confirm = requests::confirm(answer.id()?);
            connection.ask(&confirm).await?.expect(201)?;
        }
        self.repeat(testbed, &self.reserve(&seat, 1), 409).await
    }

    /// Sends a request over and over. Another success than the expected one is a seat that is sold twice.
    async fn repeat(
        &self,
        testbed: &Testbed,
        request: &[u8],
        status: u16,
    ) -> anyhow::Result<Outcome> {
        let again = Cell::new(0_usize);
        let call = async |connection: &mut Connection| {
            let answer = connection.ask(request).await?;
            if answer.status == 201 {
                again.set(again.get() + 1);
            } else {
                answer.expect(status)?;
            }
            Ok(true)
        };
        closed_loop(&[self.address], CLIENTS, testbed.setup.warm_up(), &call).await?;
        let sample = self.sample(testbed, &call).await?;
        Ok(match again.get() {
            0 => Outcome::Sound(sample),
            times => Outcome::Void(format!("one seat was sold {} times", times + 1)),
        })
    }

    async fn sell(&mut self, testbed: &Testbed, pays: bool) -> anyhow::Result<Outcome> {
        let (mut used, seconds) =
            (self.take(FIRST_SEATS).await?, testbed.setup.window.as_secs_f64());
        let sold = RefCell::new(Sold::default());
        let queue = self.queue(&used);
        let buying = async |connection: &mut Connection| buy(&queue, &sold, pays, connection).await;
        let warm = closed_loop(&[self.address], CLIENTS, testbed.setup.warm_up(), &buying).await?;
        let mut asked = queue.taken();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let needed =
            (as_f64(warm.times.count()) / warm.took.as_secs_f64() * seconds * MARGIN) as usize;
        used.truncate(asked);
        let fresh = self.take(needed.max(CLIENTS)).await?;
        drop(sold.take());
        let queue = self.queue(&fresh);
        let buying = async |connection: &mut Connection| buy(&queue, &sold, pays, connection).await;
        let mut sample = self.sample(testbed, &buying).await?;
        asked += queue.taken();
        used.extend(fresh.into_iter().take(queue.taken()));
        let Sold { mut reserve, mut confirm } = sold.take();
        if pays {
            sample.add(Measure::ReserveP50Ms, reserve.millis_at(0.5));
            sample.add(Measure::ConfirmP50Ms, confirm.millis_at(0.5));
        }
        let taken = self.count(&used, pays).await?;
        let word = if pays { "sold" } else { "taken" };
        Ok(if taken == asked {
            Outcome::Sound(sample)
        } else {
            Outcome::Void(format!("{taken} seats are {word}, {asked} were acknowledged"))
        })
    }

    /// Counts the used seats that the seat maps show as taken, or sold.
    async fn count(&self, used: &[Seat], pays: bool) -> anyhow::Result<usize> {
        let sessions: BTreeSet<_> = used.iter().map(|seat| seat.session.as_str()).collect();
        let used: BTreeSet<_> = used.iter().map(|seat| seat.id.as_str()).collect();
        let mut connection = Connection::open(self.address).await?;
        let mut taken = 0;
        for session in sessions {
            for seat in stock::map(&mut connection, session).await? {
                let counts = if pays { seat.is_sold() } else { seat.is_taken() };
                taken += usize::from(counts && used.contains(seat.id.as_str()));
            }
        }
        Ok(taken)
    }

    async fn sample<C>(&self, testbed: &Testbed, call: &C) -> anyhow::Result<Sample>
    where
        C: AsyncFn(&mut Connection) -> anyhow::Result<bool>,
    {
        let before = (self.cpu(testbed)?, machine::own_cpu()?);
        let mut ran = closed_loop(&[self.address], CLIENTS, testbed.setup.window, call).await?;
        let after = (self.cpu(testbed)?, machine::own_cpu()?);
        let calls = as_f64(ran.times.count());
        let micros =
            |now: Duration, then: Duration| now.saturating_sub(then).as_secs_f64() * 1e6 / calls;
        let mut sample = Sample::default();
        sample
            .add(Measure::Rate, calls / ran.took.as_secs_f64())
            .add(Measure::P50Ms, ran.times.millis_at(0.5))
            .add(Measure::P99Ms, ran.times.millis_at(0.99))
            .add(Measure::ClientUs, micros(after.1, before.1));
        if let (Some(now), Some(then)) = (after.0, before.0) {
            sample.add(Measure::TotalUs, micros(now, then));
        }
        Ok(sample)
    }

    /// The CPU time of its processes, our engines among them; `None` where they are not known.
    fn cpu(&self, testbed: &Testbed) -> anyhow::Result<Option<Duration>> {
        Ok(match &self.program {
            Some((server, Data::File(_))) => Some(server.cpu()?),
            Some((server, Data::Database(_))) => {
                Some(server.cpu()? + testbed.cpu().iter().sum::<Duration>())
            }
            None if self.pids.is_empty() => None,
            None => Some(machine::cpu_of_family(&self.pids)),
        })
    }

    /// Seats that nobody had; opens sessions where there are not enough.
    async fn take(&mut self, count: usize) -> anyhow::Result<Vec<Seat>> {
        if let Some(missing) = count.checked_sub(self.fresh.len()).filter(|missing| *missing > 0) {
            self.fresh.extend(stock::open(self.address, missing).await?);
        }
        Ok(self.fresh.split_off(self.fresh.len() - count))
    }

    fn queue(&self, seats: &[Seat]) -> requests::Queue {
        let requests = seats.iter().enumerate().map(|(number, seat)| self.reserve(seat, number));
        requests::Queue::new(requests.collect())
    }

    fn reserve(&self, seat: &Seat, number: usize) -> Vec<u8> {
        let id = &seat.id;
        let seat = match self.names_seats {
            NamesSeats::One => format!(r#""seatId":"{id}""#),
            NamesSeats::Many => format!(r#""seatIds":["{id}"]"#),
        };
        requests::post("/reservations", &format!(r#"{{{seat},"userId":"visitor-{number:06}"}}"#))
    }

    /// Stops it, if it is ours, and audits its books.
    pub(super) fn stop(self) -> anyhow::Result<()> {
        let Some((server, _)) = self.program else { return Ok(()) };
        Census::expect_sound(&server.stop()?)
    }
}

/// Reserves the next seat, and perhaps pays it.
async fn buy(
    queue: &requests::Queue,
    sold: &RefCell<Sold>,
    pays: bool,
    connection: &mut Connection,
) -> anyhow::Result<bool> {
    let Some((_, request)) = queue.take() else { return Ok(false) };
    let began = Instant::now();
    let answer = connection.ask(request).await?;
    answer.expect(201)?;
    let confirm = requests::confirm(answer.id()?);
    let reserved = Instant::now();
    if pays {
        connection.ask(&confirm).await?.expect(201)?;
        sold.borrow_mut().confirm.add(reserved.elapsed());
    }
    sold.borrow_mut().reserve.add(reserved - began);
    Ok(true)
}
