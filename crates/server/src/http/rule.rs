//! Rules that parts of requests can break, each with its sentence in both languages.

use crate::config::Locale;

/// A rule that a part of a request broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    field: String,
    rule: Rule,
}

/// A requirement on a part of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// It must be there.
    Required,
    /// It must be a text.
    Text,
    /// It must have a visible character.
    NotBlank,
    /// At most this many characters.
    MaxChars(usize),
    /// No controls, ends of lines or overrides of the direction of writing.
    NoControls,
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
    /// Exactly one, naming a host (RFC 9112, 3.2).
    Host,
}

impl Broken {
    /// `field` broke `rule`.
    pub fn new(field: impl Into<String>, rule: Rule) -> Self {
        Self { field: field.into(), rule }
    }

    /// The part of the request that broke it.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The sentence for the client.
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
            Self::NoControls => "must not contain control characters".into(),
            Self::Number => "must be a number".into(),
            Self::Integer => "must be an integer".into(),
            Self::Between(min, max) => format!("must be between {min} and {max}"),
            Self::TwoDecimals => "must have at most two decimals".into(),
            Self::Date => "must be an existing ISO 8601 date or date-time".into(),
            Self::Uuid => "must be a UUID of 36 characters".into(),
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
            Self::Host => "must be given once, as host or host:port".into(),
        }
    }

    fn portuguese(&self) -> String {
        match self {
            Self::Required => "é obrigatório".into(),
            Self::Text => "deve ser um texto".into(),
            Self::NotBlank => "não pode ficar em branco".into(),
            Self::MaxChars(max) => format!("deve ter no máximo {max} caracteres"),
            Self::NoControls => "não pode conter caracteres de controle".into(),
            Self::Number => "deve ser um número".into(),
            Self::Integer => "deve ser um número inteiro".into(),
            Self::Between(min, max) => format!("deve estar entre {min} e {max}"),
            Self::TwoDecimals => "deve ter no máximo duas casas decimais".into(),
            Self::Date => "deve ser uma data ou data e hora ISO 8601 que exista".into(),
            Self::Uuid => "deve ser um UUID de 36 caracteres".into(),
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
            Self::Host => "deve ser informado uma vez, como host ou host:porta".into(),
        }
    }
}
