//! Decimal numbers exactly as they were written.

/// A decimal number: its digits times a power of ten, with no zero at either end.
///
/// A float rounds a number to the nearest that it can hold; this keeps every digit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal {
    is_negative: bool,
    /// Empty for zero.
    digits: String,
    /// How many of the digits stand right of the point; negative when zeros follow them.
    scale: i64,
}

/// Why a decimal number is no whole number of units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// It has digits below the unit.
    #[error("it has a fraction of the unit")]
    Fraction,
    /// It has more than 18 digits.
    #[error("it is too large")]
    TooLarge,
}

/// The most digits of a number of units: any 18 digits fit an `i64`.
const DIGITS_MAX: i64 = 18;

impl Decimal {
    /// Reads a number in the form of JSON (RFC 8259, 6): `-25.50`, `1e2`. `None` for other text.
    pub fn parse(text: &str) -> Option<Self> {
        let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let unsigned = exponent.trim_start_matches(['+', '-']);
        if whole.is_empty() || unsigned.is_empty() {
            return None;
        }
        if ![whole, fraction, unsigned].into_iter().all(are_digits) {
            return None;
        }
        // An exponent beyond the bounds counts as the bound.
        let far = if exponent.starts_with('-') { -i64::from(i32::MAX) } else { i32::MAX.into() };
        let exponent = exponent.parse().unwrap_or(far).clamp(-i64::from(i32::MAX), i32::MAX.into());
        let all = format!("{whole}{fraction}");
        let kept = all.trim_end_matches('0');
        let dropped = i64::try_from(all.len() - kept.len()).ok()?;
        let scale = i64::try_from(fraction.len()).ok()? - exponent - dropped;
        Some(Self { is_negative, digits: kept.trim_start_matches('0').to_owned(), scale })
    }

    /// Whether it is below zero; `-0` is not.
    pub const fn is_negative(&self) -> bool {
        self.is_negative && !self.digits.is_empty()
    }

    /// The number in units of 10^-`places`: `25.5` in units of a hundredth is 2,550.
    pub fn in_units(&self, places: u8) -> Result<i64, DecimalError> {
        if self.digits.is_empty() {
            return Ok(0);
        }
        let places = i64::from(places);
        let length = i64::try_from(self.digits.len()).unwrap_or(i64::MAX);
        if length - self.scale + places > DIGITS_MAX {
            return Err(DecimalError::TooLarge);
        }
        let zeros = u32::try_from(places - self.scale).map_err(|_| DecimalError::Fraction)?;
        let digits: i64 = self.digits.parse().map_err(|_| DecimalError::TooLarge)?;
        let units = digits.saturating_mul(10_i64.saturating_pow(zeros));
        Ok(if self.is_negative { -units } else { units })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hundredths(text: &str) -> Result<i64, DecimalError> {
        Decimal::parse(text).unwrap_or_else(|| panic!("{text}")).in_units(2)
    }

    #[test]
    fn a_number_is_read_to_its_last_digit() {
        for (text, units) in [
            ("0", 0),
            ("-0.000", 0),
            ("0e99999999999999999999", 0),
            ("25.5", 2_550),
            ("25.50000", 2_550),
            ("0.01", 1),
            ("1e2", 10_000),
            ("2.5E+1", 2_500),
            ("2550e-2", 2_550),
            ("-7", -700),
            ("0000012", 1_200),
        ] {
            assert_eq!(hundredths(text), Ok(units), "{text}");
        }
    }

    #[test]
    fn fractions_and_numbers_too_large_are_refused() {
        for text in ["25.50000000000000000001", "0.001", "1E-400", "1e-99999999999999999999"] {
            assert_eq!(hundredths(text), Err(DecimalError::Fraction), "{text}");
        }
        for text in ["1e17", "12345678901234567", "1e400", "1e99999999999999999999", "1e17.5"] {
            let read = Decimal::parse(text).map(|it| it.in_units(2));
            assert!(matches!(read, None | Some(Err(DecimalError::TooLarge))), "{text}");
        }
    }

    #[test]
    fn text_that_is_no_number_is_refused() {
        for text in ["", "-", ".5", "1e", "1e+", "a", "1,5", "0x10", "NaN", "--1", "1.2.3"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn only_what_is_below_zero_is_negative() {
        let is_negative = |text| Decimal::parse(text).unwrap().is_negative();
        assert!(is_negative("-0.01"));
        assert!(!is_negative("-0.0") && !is_negative("0.01"));
    }
}
