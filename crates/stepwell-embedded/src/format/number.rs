//! The exact value of a number in JSON, as it is written.

/// A number as its digits, without zeros at either end, times a power of ten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exact {
    is_negative: bool,
    digits: String,
    exponent: i64,
}

impl Exact {
    /// `None`: the text is no JSON number, or its exponent is beyond all measure.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (is_negative, unsigned) = match text.strip_prefix('-') {
            Some(unsigned) => (true, unsigned),
            None => (false, text),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?.into()),
            None => (unsigned, 0_i64),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_number = !whole.is_empty()
            && (whole.bytes().chain(fraction.bytes())).all(|byte| byte.is_ascii_digit());
        if !is_number {
            return None;
        }
        let all = format!("{whole}{fraction}");
        let digits = all.trim_end_matches('0');
        let zeros = i64::try_from(all.len() - digits.len()).ok()?;
        let exponent = exponent - i64::try_from(fraction.len()).ok()? + zeros;
        let digits = digits.trim_start_matches('0').to_owned();
        Some(Self {
            is_negative,
            exponent: if digits.is_empty() { 0 } else { exponent },
            digits,
        })
    }

    /// `None`: it is no integer, or a very large one.
    pub(super) fn integer(&self) -> Option<i128> {
        if self.digits.is_empty() {
            return Some(0);
        }
        // 10^39 does not fit.
        let zeros = usize::try_from(self.exponent)
            .ok()
            .filter(|zeros| *zeros < 39)?;
        let text = format!("{}{}", self.digits, "0".repeat(zeros));
        let value: i128 = text.parse().ok()?;
        Some(if self.is_negative { -value } else { value })
    }

    /// Whether a decimal of this many digits, `scale` of them after the point, holds it exactly.
    pub(super) fn fits_decimal(&self, precision: u8, scale: i8) -> bool {
        let scaled = self.exponent.saturating_add(i64::from(scale));
        let digits = i64::try_from(self.digits.len()).unwrap_or(i64::MAX);
        self.digits.is_empty()
            || scaled >= 0 && digits.saturating_add(scaled) <= i64::from(precision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_exact() {
        for (text, expected) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("-0.0e5", Some(0)),
            ("1200", Some(1200)),
            ("-7", Some(-7)),
            ("1.5e1", Some(15)),
            ("9007199254740993.0", Some(9_007_199_254_740_993)),
            ("1.9", None),
            ("-0.5", None),
            ("1e-400", None),
            ("1e400", None),
            ("1e99999999999", None),
            ("x", None),
            ("-", None),
        ] {
            let found = Exact::parse(text).and_then(|number| number.integer());
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn decimals_hold_their_digits() {
        for (text, precision, scale, fits) in [
            ("12.5", 3, 1, true),
            ("12.50", 3, 1, true),
            ("12.55", 3, 1, false),
            ("123.5", 3, 1, false),
            ("1.2e2", 3, 0, true),
            ("1200", 2, -2, true),
            ("1250", 3, -2, false),
            ("0.0000", 1, 0, true),
            ("0.001", 2, 3, true),
        ] {
            let number = Exact::parse(text).unwrap();
            assert_eq!(number.fits_decimal(precision, scale), fits, "{text}");
        }
    }
}
