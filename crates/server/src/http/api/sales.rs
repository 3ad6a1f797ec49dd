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
use crate::http::represent;
use crate::http::state::SharedApp;
use poltrona_engine::object::Object;
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
    let (currency, last) = (app.config.currency, sales.last().map(|sale| *sale.id.as_uuid()));
    let body = represent::list(&sales, |json, sale| write(json, sale, currency));
    Ok(page::show(body, sales.len(), last, page, &uri))
}
