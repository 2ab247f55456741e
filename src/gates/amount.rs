//! Values of metrics: decimal numbers with six places, compared exactly. Pure.
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Millionths in one.
const ONE: i64 = 1_000_000;
/// Most digits before the point.
const WHOLE: usize = 9;
/// Most digits after it.
const PLACES: usize = 6;

/// A decimal number, counted in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(pub i64);

impl FromStr for Amount {
    type Err = String;

    fn from_str(text: &str) -> Result<Amount, String> {
        let wrong = || {
            let rule = format!("at most {WHOLE} digits before the point and {PLACES} after it");
            format!("write a number such as 0.95: {rule}")
        };
        let text = text.trim();
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, text),
        };
        let (whole, places) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit());
        if !plain(whole) || !plain(places) || whole.len() > WHOLE || places.len() > PLACES {
            return Err(wrong());
        }
        let whole: i64 = whole.parse().map_err(|_| wrong())?;
        let places: i64 = format!("{places:0<6}").parse().map_err(|_| wrong())?;
        Ok(Amount(sign * (whole * ONE + places)))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let all = self.0.unsigned_abs();
        let (whole, places) = (all / ONE.unsigned_abs(), all % ONE.unsigned_abs());
        let places = format!("{places:06}");
        match places.trim_end_matches('0') {
            "" => write!(f, "{sign}{whole}"),
            places => write!(f, "{sign}{whole}.{places}"),
        }
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    /// A number, or the same as text.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
        let text = match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::Number(number) => number.to_string(),
            serde_json::Value::String(text) => text,
            _ => return Err(D::Error::custom("write a number such as 0.95")),
        };
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_plain_number_is_refused() {
        for wrong in [
            "",
            "-",
            ".5",
            "5.",
            "1e3",
            "NaN",
            "1,5",
            "0.1234567",
            "1234567890",
            "--1",
        ] {
            assert!(wrong.parse::<Amount>().is_err(), "{wrong}");
        }
        assert_eq!("-0.50".parse::<Amount>().unwrap().to_string(), "-0.5");
    }

    proptest! {
        #[test]
        fn an_amount_reads_back_as_it_was_written(
            millionths in -999_999_999_999_999_i64..=999_999_999_999_999,
        ) {
            let amount = Amount(millionths);
            prop_assert_eq!(amount.to_string().parse::<Amount>(), Ok(amount));
        }
    }
}
