//! A box office in the test's process, and a client for it.
//!
//! [`TestApp`] is the whole program but its sockets: the ledger, the relay, the expiry and the rest
//! run for real, over data of their own. Only the clock is the test's. The data are in a folder, or,
//! with `TEST_STORE=postgres`, in a database on a server: the tests are run over both.

mod answer;
mod request;
mod test_app;
mod session;
mod database;

pub use answer::{Answer, count, fields, is_time};
pub use request::{Request, at_once};
pub use session::{NewSession, Session, session_body, session_with};
pub use test_app::{HOLD, MILLI, NEARLY, NOBODY, START, Stopped, TestApp};
