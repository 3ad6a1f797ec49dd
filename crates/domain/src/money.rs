//! Money as integer cents: sums are exact, and nothing is rounded behind anyone's back.

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
    /// The dearest ticket: 99,999,999.99.
    pub const MAX_PRICE: Self = Self(9_999_999_999);

    /// An amount of `cents`.
    pub const fn new(cents: i64) -> Self {
        Self(cents)
    }

    /// The amount in cents.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Reads a price written in whole units with up to two decimals, such as `25.5`.
    ///
    /// The number comes from JSON as the nearest `f64`. Up to the greatest price, every amount of
    /// whole cents has its own nearest `f64`, so comparing with it tells exactly whether the number
    /// was written with at most two decimals.
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
    pub fn from_amount(amount: f64) -> Result<Self, MoneyError> {
        if amount < 0.0 {
            return Err(MoneyError::Negative);
        }
        let cents = (amount * 100.0).round();
        if cents.is_nan() || cents > Self::MAX_PRICE.amount() * 100.0 {
            return Err(MoneyError::TooLarge);
        }
        let price = Self(cents as i64);
        #[expect(clippy::float_cmp, reason = "equality is the question: is it the nearest f64?")]
        if price.amount() == amount { Ok(price) } else { Err(MoneyError::FractionOfCent) }
    }

    /// The amount in whole units, as the API shows it: 2,550 cents are `25.5`.
    #[expect(clippy::cast_precision_loss, reason = "exact far past any sum of prices, 2^53 cents")]
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

    #[test]
    fn a_price_with_two_decimals_is_read_exactly() {
        for (amount, cents) in [
            (0.0, 0),
            (0.01, 1),
            (0.29, 29),
            (1.1, 110),
            (25.0, 2_500),
            (25.5, 2_550),
            (99_999_999.99, 9_999_999_999),
        ] {
            let price = Cents::from_amount(amount);
            assert_eq!(price, Ok(Cents::new(cents)), "{amount}");
            assert_eq!(price.unwrap().get(), cents);
            assert_eq!(price.unwrap().amount().to_string(), amount.to_string());
        }
    }

    #[test]
    fn a_price_that_cannot_be_charged_is_refused() {
        assert_eq!(Cents::from_amount(25.999), Err(MoneyError::FractionOfCent));
        assert_eq!(Cents::from_amount(0.001), Err(MoneyError::FractionOfCent));
        assert_eq!(Cents::from_amount(-0.01), Err(MoneyError::Negative));
        assert_eq!(Cents::from_amount(100_000_000.0), Err(MoneyError::TooLarge));
        assert_eq!(Cents::from_amount(f64::INFINITY), Err(MoneyError::TooLarge));
        assert_eq!(Cents::from_amount(f64::NAN), Err(MoneyError::TooLarge));
        assert_eq!(Cents::from_amount(-0.0), Ok(Cents::ZERO));
    }

    #[test]
    fn every_share_of_a_total_adds_up_to_the_total() {
        let price = Cents::new(3_333);
        assert_eq!(price.times(3), Cents::new(9_999));
        assert_eq!(price.times(3).share(3), price);
        assert_eq!(Cents::new(100).share(0), Cents::ZERO);
    }
}
