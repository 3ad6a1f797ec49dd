//! Money as integer cents: sums are exact, and nothing is rounded silently.

use crate::decimal::{Decimal, DecimalError};

/// An amount of money in cents. The currency is the chain's own; the rules never convert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cents(i64);

/// Why a number is not an acceptable price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Below zero.
    #[error("a price is 0 or more")]
    Negative,
    /// Above [`Cents::MAX_PRICE`].
    #[error("a price is at most 99999999.99")]
    TooLarge,
    /// A fraction of a cent, which no one could be charged.
    #[error("a price has at most two decimals")]
    FractionOfCent,
}

impl Cents {
    /// No money: a free showing.
    pub const ZERO: Self = Self(0);
    /// The highest price: 99,999,999.99.
    pub const MAX_PRICE: Self = Self(9_999_999_999);

    /// An amount of `cents`.
    pub const fn new(cents: i64) -> Self {
        Self(cents)
    }

    /// The amount in cents.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Reads a price in whole units with up to two decimals, such as `25.5`.
    pub fn from_decimal(amount: &Decimal) -> Result<Self, MoneyError> {
        if amount.is_negative() {
            return Err(MoneyError::Negative);
        }
        match amount.in_units(2).map(Self) {
            Ok(price) if price <= Self::MAX_PRICE => Ok(price),
            Ok(_) | Err(DecimalError::TooLarge) => Err(MoneyError::TooLarge),
            Err(DecimalError::Fraction) => Err(MoneyError::FractionOfCent),
        }
    }

    /// The amount in whole units, as the API shows it: 2,550 cents are `25.5`.
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 cents, past any total")]
    pub fn amount(self) -> f64 {
        self.0 as f64 / 100.0
    }

    /// The price of `count` tickets at this price each.
    #[must_use]
    pub fn times(self, count: usize) -> Self {
        Self(self.0.saturating_mul(i64::try_from(count).unwrap_or(i64::MAX)))
    }

    /// Each ticket's share of a total for `count` tickets of one price.
    ///
    /// Exact, because such totals only come from [`Cents::times`]; a total for no tickets is zero.
    #[must_use]
    pub fn share(self, count: usize) -> Self {
        Self(self.0.checked_div(i64::try_from(count).unwrap_or(i64::MAX)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> Result<Cents, MoneyError> {
        Cents::from_decimal(&Decimal::parse(text).unwrap())
    }

    #[test]
    fn a_price_with_two_decimals_is_read_exactly() {
        for (text, cents) in [
            ("0", 0),
            ("-0.0", 0),
            ("0.01", 1),
            ("0.29", 29),
            ("1.1", 110),
            ("25", 2_500),
            ("25.5", 2_550),
            ("99999999.99", 9_999_999_999),
        ] {
            assert_eq!(price(text), Ok(Cents::new(cents)), "{text}");
        }
        assert_eq!(Cents::new(2_550).get(), 2_550);
        assert_eq!(Cents::MAX_PRICE.amount().to_string(), "99999999.99");
    }

    #[test]
    fn a_price_that_cannot_be_charged_is_refused() {
        for text in ["25.999", "0.001", "100000000.001", "25.50000000000000000001", "1E-400"] {
            assert_eq!(price(text), Err(MoneyError::FractionOfCent), "{text}");
        }
        for text in ["-0.01", "-1e300"] {
            assert_eq!(price(text), Err(MoneyError::Negative), "{text}");
        }
        for text in ["100000000", "1e300"] {
            assert_eq!(price(text), Err(MoneyError::TooLarge), "{text}");
        }
    }

    #[test]
    fn every_share_of_a_total_adds_up_to_the_total() {
        let price = Cents::new(3_333);
        assert_eq!(price.times(3), Cents::new(9_999));
        assert_eq!(price.times(3).share(3), price);
        assert_eq!(Cents::new(100).share(0), Cents::ZERO);
    }
}
