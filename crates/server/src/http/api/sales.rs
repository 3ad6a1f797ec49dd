//! `/sales`: the sales of a user.

use axum::extract::{OriginalUri, State};
use axum::response::Response;
use poltrona_domain::Sale;
use utoipa::ToSchema;

use super::page;
use super::payments::{self, PaymentView};
use crate::config::Currency;
use crate::http::error::ApiError;
use crate::http::extract::{Asker, Query, Segment};
use crate::http::state::SharedApp;
use poltrona_engine::json::Object;
use poltrona_engine::wire::{Money, Time};

/// A sale, with film, room, start and price as they were when it was made.
#[derive(ToSchema)]
#[schema(as = Sale, example = json!({
    "id": "0193f0c2-9d2f-7a11-8d0e-2b6f3f1f0a77",
    "reservationId": "0193f0c2-5b1e-7c4a-9a55-6f0d2c1b7e10",
    "seatId": "01900000-0000-7000-8000-000000100001", "userId": "ana",
    "paidAt": "2026-11-24T09:59:20.100Z",
    "seatIds": ["01900000-0000-7000-8000-000000100001"], "seatNumbers": ["A1"], "total": 25.5,
    "currency": "BRL", "seatNumber": "A1", "movie": "Interestelar", "room": "Sala 1",
    "startsAt": "2026-12-01T19:00:00.000Z", "ticketPrice": 25.5
}))]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes the answer; `write` makes it")]
pub(crate) struct SaleView<'a> {
    #[serde(flatten)]
    payment: PaymentView<'a>,
    /// The first of its seats.
    seat_number: Option<String>,
    movie: &'a str,
    room: &'a str,
    #[schema(value_type = String, format = DateTime)]
    starts_at: Time,
    /// The price of each seat.
    #[schema(value_type = f64)]
    ticket_price: Money,
}

/// Writes a sale as [`SaleView`] describes it.
fn write(json: &mut Vec<u8>, sale: &Sale, currency: Currency) -> serde_json::Result<()> {
    let mut view = Object::begin(json);
    payments::members(&mut view, sale, currency)?;
    view.first_label("seatNumber", &sale.seats);
    view.text("movie", &sale.movie)?;
    view.text("room", &sale.room)?;
    view.time("startsAt", sale.starts_at);
    view.money("ticketPrice", sale.seat_price())?;
    view.end();
    Ok(())
}

/// A user's sales, newest first. One of several seats is one entry.
#[utoipa::path(
    get, path = "/sales/history/{userId}", tag = "sales", operation_id = "getSalesHistory",
    params(
        ("userId" = String, Path, description = "Whose."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000,
            description = "1 to 1,000, the default."),
        ("after" = Option<String>, Query, format = Uuid, description = "The last id of the page before."),
    ),
    responses((status = 200, description = "Their sales; `[]` if none.", body = Vec<SaleView>,
        headers(("Link" = String, description = "The next page, when there may be one."))))
)]
pub(crate) async fn history(
    State(app): State<SharedApp>,
    Asker(actor): Asker,
    OriginalUri(uri): OriginalUri,
    user: Segment,
    query: Query,
) -> Result<Response, ApiError> {
    let (user, page) = (user.user(), page::asked(&query)?);
    let found = app.engine.store.sales_of(&actor, user, page).await?;
    let sales = found.ok_or_else(page::no_such_entry)?;
    let currency = app.config.currency;
    let write = |json: &mut Vec<u8>, sale: &Sale| write(json, sale, currency);
    Ok(page::show(&sales, write, |sale| *sale.id.as_uuid(), page, &uri))
}

#[cfg(test)]
mod tests {
    use poltrona_domain::{Cents, ReservationId, SaleId, SeatNo, SessionId, Timestamp, UserId};
    use uuid::Uuid;

    use super::*;

    /// A payment is recorded with the members that a sale has first, and given again after an update of the program.
    #[test]
    fn the_text_of_a_sale_never_changes() {
        let at = Timestamp::from_millis;
        let sale = Sale {
            id: SaleId::from_uuid(Uuid::from_u128(8)),
            reservation: ReservationId::from_uuid(Uuid::from_u128(7)),
            session: SessionId::mint(Uuid::from_u128(1 << 64)),
            seats: vec![SeatNo::new(9).unwrap()],
            user: UserId::new("\"ana\"\n"),
            total: Cents::new(2_500),
            movie: "Ação".to_owned(),
            room: "Sala 1".to_owned(),
            starts_at: at(3),
            paid_at: at(1),
        };
        let mut json = Vec::new();
        write(&mut json, &sale, Currency::BRL).unwrap();
        let (id, reservation) = (sale.id, sale.reservation);
        let seat = sale.seat_ids().next().unwrap();
        let expected = format!(
            r#"{{"id":"{id}","reservationId":"{reservation}","seatId":"{seat}","userId":"\"ana\"\n","paidAt":"1970-01-01T00:00:00.001Z","seatIds":["{seat}"],"seatNumbers":["B1"],"total":25,"currency":"BRL","seatNumber":"B1","movie":"Ação","room":"Sala 1","startsAt":"1970-01-01T00:00:00.003Z","ticketPrice":25}}"#
        );
        assert_eq!(String::from_utf8(json).unwrap(), expected);
    }
}
