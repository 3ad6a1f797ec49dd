//! The texts of errors, in Portuguese and English.

use std::fmt::Display;

use poltrona_domain::{Layout, ReservationId, SeatTaken, Timestamp};

use super::code::Code;
use super::error::{ApiError, Detail};
use crate::config::Locale;
use poltrona_engine::wire::Time;

/// An error's sentences, one for each thing that is wrong.
pub(super) fn messages(error: &ApiError, locale: Locale) -> Vec<String> {
    match &error.detail {
        Detail::Broken(rules) => rules.iter().map(|rule| rule.text(locale)).collect(),
        Detail::Taken(seats) => seats.iter().map(|seat| taken(seat, locale)).collect(),
        Detail::InUse { held, sold } => vec![in_use(*held, *sold, locale)],
        Detail::Parser(reason) => vec![with(title(error.code, locale), reason)],
        Detail::None | Detail::Unknown(_) | Detail::Allow(_) => {
            vec![title(error.code, locale).to_owned()]
        }
    }
}

fn with(title: &str, reason: impl Display) -> String {
    format!("{title}: {reason}")
}

fn taken(seat: &SeatTaken, locale: Locale) -> String {
    let label = Layout::label(seat.seat.no());
    if let (Some(reservation), Some(until)) = (seat.own, seat.retry_at) {
        return own(&label, reservation, until, locale);
    }
    match (seat.retry_at, locale) {
        (None, Locale::PtBr) => format!("O assento {label} já foi vendido"),
        (None, Locale::En) => format!("Seat {label} has been sold"),
        (Some(at), Locale::PtBr) => format!("O assento {label} está reservado até {}", Time(at)),
        (Some(at), Locale::En) => format!("Seat {label} is held until {}", Time(at)),
    }
}

/// A seat that the user who asks for it holds already.
fn own(label: &str, reservation: ReservationId, until: Timestamp, locale: Locale) -> String {
    let until = Time(until);
    match locale {
        Locale::PtBr => {
            format!("O assento {label} já é seu até {until}, na reserva {reservation}")
        }
        Locale::En => {
            format!("Seat {label} is already yours until {until}, in reservation {reservation}")
        }
    }
}

fn in_use(held: usize, sold: usize, locale: Locale) -> String {
    match locale {
        Locale::PtBr => format!(
            "A sessão tem assentos reservados ({held}) ou vendidos ({sold}) e não pode ser encerrada"
        ),
        Locale::En => {
            format!("The session has held ({held}) or sold ({sold}) seats and cannot be closed")
        }
    }
}

/// A code's meaning, in a few words.
pub(super) const fn title(code: Code, locale: Locale) -> &'static str {
    match locale {
        Locale::PtBr => portuguese(code),
        Locale::En => english(code),
    }
}

const fn english(code: Code) -> &'static str {
    match code {
        Code::ValidationFailed => "The request breaks rules",
        Code::InvalidJson => "The body is not valid JSON",
        Code::UnsupportedMediaType => {
            "The body must be JSON, sent as Content-Type: application/json"
        }
        Code::UnsupportedEncoding => "The body must be plain, or sent as Content-Encoding: gzip",
        Code::BodyTooLarge => "The body is larger than 100 KB",
        Code::HeadersTooLarge => "The headers are larger than 16 KB",
        Code::RequestTimeout => "The body did not arrive in time",
        Code::MalformedId => "The id in the path is not a UUID",
        Code::RouteNotFound => "There is nothing at this path",
        Code::MethodNotAllowed => "This path does not have this method; Allow lists those it has",
        Code::SessionNotFound => "Session not found",
        Code::SeatNotFound => "Seat not found",
        Code::ReservationNotFound => "Reservation not found",
        Code::SeatHeld => "The seat is held",
        Code::SeatSold => "The seat has been sold",
        Code::SeatsUnavailable => "Some of the seats are not free",
        Code::ReservationConfirmed => "The reservation has already been paid",
        Code::ReservationExpired => "The reservation has expired; make a new one",
        Code::ReservationCancelled => "The reservation was cancelled; make a new one",
        Code::ExtensionRefused => "The reservation was already extended as often as allowed",
        Code::SessionInUse => "The session has held or sold seats",
        Code::PreconditionFailed => {
            "The session was changed meanwhile; read it again and repeat the change"
        }
        Code::IdempotencyMismatch => {
            "This Idempotency-Key was used for another request; use a new one"
        }
        Code::Overloaded => "Too busy: nothing was done; try again after Retry-After",
        Code::OutcomeUnknown => {
            "It is not known whether this was done; repeat it with the same Idempotency-Key, or look"
        }
        Code::StoreUnavailable => "The database cannot be used now; try again after Retry-After",
        Code::StoreFull => "The disk is full: nothing was done; the operator must free space",
        Code::Internal => {
            "Something broke on our side; the log has the details under the request id"
        }
    }
}

const fn portuguese(code: Code) -> &'static str {
    match code {
        Code::ValidationFailed => "O pedido descumpre regras",
        Code::InvalidJson => "O corpo não é JSON válido",
        Code::UnsupportedMediaType => {
            "O corpo deve ser JSON, enviado com Content-Type: application/json"
        }
        Code::UnsupportedEncoding => {
            "O corpo deve ser enviado sem compressão, ou com Content-Encoding: gzip"
        }
        Code::BodyTooLarge => "O corpo passa de 100 KB",
        Code::HeadersTooLarge => "Os cabeçalhos passam de 16 KB",
        Code::RequestTimeout => "O corpo não chegou a tempo",
        Code::MalformedId => "O id no caminho não é um UUID",
        Code::RouteNotFound => "Não há nada neste caminho",
        Code::MethodNotAllowed => "Este caminho não tem este método; Allow lista os que tem",
        Code::SessionNotFound => "Sessão não encontrada",
        Code::SeatNotFound => "Assento não encontrado",
        Code::ReservationNotFound => "Reserva não encontrada",
        Code::SeatHeld => "O assento está reservado",
        Code::SeatSold => "O assento já foi vendido",
        Code::SeatsUnavailable => "Alguns dos assentos não estão livres",
        Code::ReservationConfirmed => "A reserva já foi paga",
        Code::ReservationExpired => "A reserva expirou; faça uma nova",
        Code::ReservationCancelled => "A reserva foi cancelada; faça uma nova",
        Code::ExtensionRefused => "A reserva já foi prorrogada tantas vezes quanto permitido",
        Code::SessionInUse => "A sessão tem assentos reservados ou vendidos",
        Code::PreconditionFailed => {
            "A sessão foi alterada nesse meio-tempo; leia-a de novo e repita a alteração"
        }
        Code::IdempotencyMismatch => {
            "Esta Idempotency-Key já foi usada em outro pedido; use uma nova"
        }
        Code::Overloaded => "Sobrecarga: nada foi feito; tente de novo após Retry-After",
        Code::OutcomeUnknown => {
            "Não se sabe se isto foi feito; repita com a mesma Idempotency-Key, ou consulte"
        }
        Code::StoreUnavailable => {
            "O banco de dados não pode ser usado agora; tente de novo após Retry-After"
        }
        Code::StoreFull => "O disco está cheio: nada foi feito; o operador deve liberar espaço",
        Code::Internal => "Algo falhou do nosso lado; o log tem os detalhes sob o id do pedido",
    }
}
