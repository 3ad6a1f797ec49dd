//! The types of settings that the standard library lacks, and their text.

use std::fmt;
use std::time::Duration;

use poltrona_engine::bus::rabbitmq::SingleEvents;
use serde::{Serialize, Serializer};

/// A text that prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Which web origins a browser may call the API from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cors {
    /// Any origin, and never with credentials.
    Any,
    /// These and no others, each exactly as a browser sends it: `https://cinema.example`.
    List(Vec<String>),
}

impl fmt::Display for Cors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::List(origins) => f.write_str(&origins.join(",")),
        }
    }
}

/// Which single events are published, as its setting has it.
pub(super) const fn show_single_events(which: SingleEvents) -> &'static str {
    match which {
        SingleEvents::Off => "false",
        SingleEvents::WhileBound => "true",
        SingleEvents::Always => "always",
    }
}

/// The languages that messages exist in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Locale {
    /// Brazilian Portuguese.
    PtBr,
    /// English.
    En,
}

impl Locale {
    /// The language's tag, as in `Content-Language`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PtBr => "pt-BR",
            Self::En => "en",
        }
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The currencies whose minor unit is a hundredth, as the prices of this program are (ISO 4217, list one).
/// Those with a fifth, ariary and ouguiya, are counted in hundredths too.
const IN_HUNDREDTHS: &str = "\
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD \
    CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP \
    GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD \
    LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB \
    PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC \
    SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG";

/// The currency of prices: its three letters in ISO 4217. Its minor unit is a hundredth.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The Brazilian real.
    pub const BRL: Self = Self(*b"BRL");

    /// Reads the code of a currency that is counted in hundredths; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let code = IN_HUNDREDTHS.split(' ').find(|code| *code == text)?;
        code.as_bytes().try_into().ok().map(Self)
    }

    /// The three letters.
    pub fn as_str(&self) -> &str {
        // Every constructor takes ASCII letters only.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// [`Pretty`](Self::Pretty) on a terminal, [`Json`](Self::Json) elsewhere.
    Auto,
    /// For people: time, level, a badge, the message, fields.
    Pretty,
    /// For machines: one JSON object a line.
    Json,
}

impl LogFormat {
    /// Its text in a setting.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Pretty => "pretty",
            Self::Json => "json",
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A duration as settings have it: in the largest unit that needs no fraction.
pub fn show_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        0 => "0s".to_owned(),
        _ if millis.is_multiple_of(3_600_000) => format!("{}h", millis / 3_600_000),
        _ if millis.is_multiple_of(60_000) => format!("{}m", millis / 60_000),
        _ if millis.is_multiple_of(1000) => format!("{}s", millis / 1000),
        _ => format!("{millis}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_nothing_of_itself() {
        let secret = Secret::new("canary");
        assert_eq!(
            format!("{secret} {secret:?} {:#?}", Some(&secret)),
            "*** *** Some(\n    ***,\n)"
        );
        assert_eq!(secret.expose(), "canary");
    }

    #[test]
    fn a_duration_takes_the_largest_unit_that_fits() {
        for (millis, text) in
            [(0, "0s"), (500, "500ms"), (1500, "1500ms"), (30_000, "30s"), (86_400_000, "24h")]
        {
            assert_eq!(show_duration(Duration::from_millis(millis)), text);
        }
    }
}
