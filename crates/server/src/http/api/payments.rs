//! `/payments`: a reservation becomes a sale.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use poltrona_domain::{Command, Event, ReservationId, Sale};
use utoipa::ToSchema;

use crate::config::Currency;
use crate::http::code::Code;
use crate::http::error::ApiError;
use crate::http::extract::{Asker, IdempotencyKey, Segment};
use crate::http::fields::{Meaning, NoFields};
use crate::http::represent;
use crate::http::response::outcome;
use crate::http::state::SharedApp;
use poltrona_engine::json::Object;
use poltrona_engine::ledger::Request;
use poltrona_engine::store::answer::{KeyScope, RecordedAnswer};
use poltrona_engine::wire::{Id, Money, Time};

/// A payment: the sale that it made.
#[derive(ToSchema)]
#[schema(as = Payment, example = json!({
    "id": "0193f0c2-9d2f-7a11-8d0e-2b6f3f1f0a77",
    "reservationId": "0193f0c2-5b1e-7c4a-9a55-6f0d2c1b7e10",
    "seatId": "01900000-0000-7000-8000-000000100001", "userId": "ana",
    "paidAt": "2026-11-24T09:59:20.100Z",
    "seatIds": ["01900000-0000-7000-8000-000000100001"], "seatNumbers": ["A1"], "total": 25.5,
    "currency": "BRL"
}))]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes the answer; `members` makes it")]
pub(crate) struct PaymentView<'a> {
    #[schema(value_type = String, format = Uuid)]
    id: Id,
    #[schema(value_type = String, format = Uuid)]
    reservation_id: Id,
    /// The first of its seats.
    #[schema(value_type = Option<String>, format = Uuid)]
    seat_id: Option<Id>,
    user_id: &'a str,
    #[schema(value_type = String, format = DateTime)]
    paid_at: Time,
    #[schema(value_type = Vec<String>)]
    seat_ids: Vec<Id>,
    seat_numbers: Vec<String>,
    #[schema(value_type = f64)]
    total: Money,
    /// ISO 4217.
    #[schema(value_type = String, example = "BRL", min_length = 3, max_length = 3)]
    currency: Currency,
}

/// Writes a sale's members as [`PaymentView`] describes them.
pub(super) fn members(
    view: &mut Object<'_>,
    sale: &Sale,
    currency: Currency,
) -> serde_json::Result<()> {
    view.id("id", *sale.id.as_uuid());
    view.id("reservationId", *sale.reservation.as_uuid());
    view.first_id("seatId", sale.seat_ids());
    view.text("userId", sale.user.as_str())?;
    view.time("paidAt", sale.paid_at);
    view.ids("seatIds", sale.seat_ids())?;
    view.labels("seatNumbers", &sale.seats)?;
    view.money("total", sale.total)?;
    view.plain("currency", currency.as_str());
    Ok(())
}

/// Pay a reservation.
///
/// Its seats are sold, all of them, for good.
#[utoipa::path(
    post, path = "/payments/confirm/{reservationId}", tag = "payments",
    operation_id = "confirmPayment",
    params(
        ("reservationId" = String, Path, format = Uuid, description = "The reservation."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a retry safe."),
    ),
    responses((status = 201, description = "Sold.", body = PaymentView,
        headers(("Location" = String, description = "The reservation."),
                ("Idempotency-Replayed" = bool, description = "A repeated answer."))))
)]
pub(crate) async fn confirm(
    State(app): State<SharedApp>,
    Asker(actor): Asker,
    reservation: Segment,
    key: IdempotencyKey,
    _: NoFields,
) -> Result<Response, ApiError> {
    let id = reservation.id().ok_or(ApiError::new(Code::MalformedId))?;
    let reservation = ReservationId::from_uuid(id);
    let request = format!("POST /payments/confirm/{reservation}");
    let currency = app.config.currency;
    let record = move |events: &[Event]| record_paid(events, currency);
    let key = key.of(|| KeyScope::OfReservation, &request, &Meaning::none(), record);
    let command = Command::Confirm { reservation, sale: app.engine.env.ids.sale() };
    Ok(outcome(app.engine.submit(Request { actor, command, key }).await?, record))
}

fn record_paid(events: &[Event], currency: Currency) -> RecordedAnswer {
    let sale = events.iter().find_map(|event| match event {
        Event::PaymentConfirmed { sale, .. } => Some(sale),
        _ => None,
    });
    let body = sale.map(|sale| {
        represent::written(|json| {
            let mut view = Object::begin(json);
            members(&mut view, sale, currency)?;
            view.end();
            Ok(())
        })
    });
    RecordedAnswer {
        status: StatusCode::CREATED.as_u16(),
        location: sale.map(|sale| format!("/reservations/{}", sale.reservation)),
        body: body.and_then(Result::ok).unwrap_or_default().into(),
    }
}
