//! What people are told, in Portuguese and English.

use std::fmt::Display;

use poltrona_domain::{Layout, SeatTaken};

use crate::config::Locale;
use crate::http::error::{ApiError, Code, Detail};
use poltrona_engine::wire::Time;

/// A rule that a part of a request broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    field: String,
    rule: Rule,
}

/// What was asked of a part of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// It must be there.
    Required,
    /// It must be a text.
    Text,
    /// It must have more than white space.
    NotBlank,
    /// At most this many characters.
    MaxChars(usize),
    /// No NUL character.
    NoNul,
    /// It must be a number.
    Number,
    /// It must be a whole number.
    Integer,
    /// It must lie between these.
    Between(String, String),
    /// At most two decimals.
    TwoDecimals,
    /// It must be a real ISO 8601 date or date-time.
    Date,
    /// It must be a UUID in its usual form.
    Uuid,
    /// It must be a list.
    List,
    /// At least one seat, and at most this many.
    Seats(usize),
    /// No entry twice.
    Distinct,
    /// All of one session.
    OneSession,
    /// Exactly one of this field and another.
    EitherOr(&'static str),
    /// No such field is known.
    UnknownField,
    /// It was given twice.
    Duplicate,
    /// At least one field must be given.
    Something,
    /// It must name an entry of the list.
    Entry,
    /// Visible ASCII characters only.
    VisibleAscii,
    /// Percent-escapes must be two hexadecimal digits and make UTF-8 without NUL.
    PercentEscapes,
}

impl Broken {
    /// `field` broke `rule`.
    pub fn new(field: impl Into<String>, rule: Rule) -> Self {
        Self { field: field.into(), rule }
    }

    /// What broke it.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The sentence that tells.
    pub fn text(&self, locale: Locale) -> String {
        let field = if self.field.is_empty() { "body" } else { &self.field };
        let rule = match locale {
            Locale::PtBr => self.rule.portuguese(),
            Locale::En => self.rule.english(),
        };
        format!("{field} {rule}")
    }
}

impl Rule {
    fn english(&self) -> String {
        match self {
            Self::Required => "is required".into(),
            Self::Text => "must be a string".into(),
            Self::NotBlank => "must not be blank".into(),
            Self::MaxChars(max) => format!("must have at most {max} characters"),
            Self::NoNul => "must not contain a NUL character".into(),
            Self::Number => "must be a number".into(),
            Self::Integer => "must be an integer".into(),
            Self::Between(min, max) => format!("must be between {min} and {max}"),
            Self::TwoDecimals => "must have at most two decimals".into(),
            Self::Date => "must be an existing ISO 8601 date or date-time".into(),
            Self::Uuid => "must be a UUID of a kind that this API gives out".into(),
            Self::List => "must be a list of strings".into(),
            Self::Seats(max) => format!("must name 1 to {max} seats"),
            Self::Distinct => "must not name a seat twice".into(),
            Self::OneSession => "must name seats of one session only".into(),
            Self::EitherOr(other) => format!("or {other} must be given, and not both"),
            Self::UnknownField => "is not a known field".into(),
            Self::Duplicate => "was given twice".into(),
            Self::Something => "must have at least one field to change".into(),
            Self::Entry => "must be the id of an entry of this list".into(),
            Self::VisibleAscii => "must have 1 to 255 visible ASCII characters".into(),
            Self::PercentEscapes => {
                "must be UTF-8 without NUL, with percent-escapes of two hexadecimal digits".into()
            }
        }
    }

    fn portuguese(&self) -> String {
        match self {
            Self::Required => "é obrigatório".into(),
            Self::Text => "deve ser um texto".into(),
            Self::NotBlank => "não pode ficar em branco".into(),
            Self::MaxChars(max) => format!("deve ter no máximo {max} caracteres"),
            Self::NoNul => "não pode conter o caractere NUL".into(),
            Self::Number => "deve ser um número".into(),
            Self::Integer => "deve ser um número inteiro".into(),
            Self::Between(min, max) => format!("deve estar entre {min} e {max}"),
            Self::TwoDecimals => "deve ter no máximo duas casas decimais".into(),
            Self::Date => "deve ser uma data ou data e hora ISO 8601 que exista".into(),
            Self::Uuid => "deve ser um UUID dos que esta API fornece".into(),
            Self::List => "deve ser uma lista de textos".into(),
            Self::Seats(max) => format!("deve ter de 1 a {max} assentos"),
            Self::Distinct => "não pode repetir um assento".into(),
            Self::OneSession => "deve ter assentos de uma só sessão".into(),
            Self::EitherOr(other) => format!("ou {other} deve ser informado, e não ambos"),
            Self::UnknownField => "não é um campo conhecido".into(),
            Self::Duplicate => "foi informado duas vezes".into(),
            Self::Something => "deve ter ao menos um campo a alterar".into(),
            Self::Entry => "deve ser o id de um item desta lista".into(),
            Self::VisibleAscii => "deve ter de 1 a 255 caracteres ASCII visíveis".into(),
            Self::PercentEscapes => {
                "deve ser UTF-8 sem NUL, com escapes % de dois dígitos hexadecimais".into()
            }
        }
    }
}

/// What an error says, one sentence for each thing that is wrong.
pub fn messages(error: &ApiError, locale: Locale) -> Vec<String> {
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
    match (seat.retry_at, locale) {
        (None, Locale::PtBr) => format!("O assento {label} já foi vendido"),
        (None, Locale::En) => format!("Seat {label} has been sold"),
        (Some(at), Locale::PtBr) => format!("O assento {label} está reservado até {}", Time(at)),
        (Some(at), Locale::En) => format!("Seat {label} is held until {}", Time(at)),
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

/// What a code means, in a few words.
pub const fn title(code: Code, locale: Locale) -> &'static str {
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
        Code::BodyTooLarge => "The body is larger than 100 KB",
        Code::HeadersTooLarge => "The headers are larger than 16 KB",
        Code::RequestTimeout => "The body did not arrive in time",
        Code::MalformedId => "The id in the path is not a UUID",
        Code::RouteNotFound => "There is nothing at this path",
        Code::MethodNotAllowed => "This path does not have this method; Allow lists those it has",
        Code::SessionNotFound => "Session not found",
        Code::SeatNotFound => "Seat not found",
        Code::ReservationNotFound => "Reservation not found",
        Code::SeatHeld => "The seat is held by someone else",
        Code::SeatSold => "The seat has been sold",
        Code::SeatsUnavailable => "Some of the seats are not free",
        Code::ReservationConfirmed => "The reservation has already been paid",
        Code::ReservationExpired => "The reservation has expired; make a new one",
        Code::ReservationCancelled => "The reservation was cancelled; make a new one",
        Code::ExtensionRefused => "The reservation was already extended as often as allowed",
        Code::SessionInUse => "The session has held or sold seats",
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
        Code::BodyTooLarge => "O corpo passa de 100 KB",
        Code::HeadersTooLarge => "Os cabeçalhos passam de 16 KB",
        Code::RequestTimeout => "O corpo não chegou a tempo",
        Code::MalformedId => "O id no caminho não é um UUID",
        Code::RouteNotFound => "Não há nada neste caminho",
        Code::MethodNotAllowed => "Este caminho não tem este método; Allow lista os que tem",
        Code::SessionNotFound => "Sessão não encontrada",
        Code::SeatNotFound => "Assento não encontrado",
        Code::ReservationNotFound => "Reserva não encontrada",
        Code::SeatHeld => "O assento está reservado por outra pessoa",
        Code::SeatSold => "O assento já foi vendido",
        Code::SeatsUnavailable => "Alguns dos assentos não estão livres",
        Code::ReservationConfirmed => "A reserva já foi paga",
        Code::ReservationExpired => "A reserva expirou; faça uma nova",
        Code::ReservationCancelled => "A reserva foi cancelada; faça uma nova",
        Code::ExtensionRefused => "A reserva já foi prorrogada tantas vezes quanto permitido",
        Code::SessionInUse => "A sessão tem assentos reservados ou vendidos",
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
