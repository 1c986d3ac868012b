//! Durations as people write them in configuration: `500ms`, `8s`, `10m`, `12h`, `30d`.

use std::fmt;
use std::time::Duration;

use serde::Deserializer;
use serde::de::{Error, Visitor};

const UNITS: [(&str, u64); 5] = [("ms", 1), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];

/// For `#[serde(deserialize_with = …)]`.
///
/// # Errors
/// When the text is no number with one of the units.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    struct Text;
    impl Visitor<'_> for Text {
        type Value = Duration;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a duration such as 500ms, 8s, 10m, 12h or 30d")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
            parse(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
        }
    }
    deserializer.deserialize_str(Text)
}

fn parse(text: &str) -> Option<Duration> {
    let (number, millis) =
        UNITS.iter().find_map(|(unit, millis)| Some((text.trim().strip_suffix(unit)?, *millis)))?;
    let number: u64 = number.trim().parse().ok()?;
    number.checked_mul(millis).map(Duration::from_millis)
}

/// A span as a person reads it: "30 seconds", "5 minutes", rounded up.
pub(crate) fn words(duration: Duration) -> String {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    let (number, unit) = match seconds {
        0..=90 => (seconds.max(1), "second"),
        91..=5400 => (seconds.div_ceil(60), "minute"),
        5401..=172_800 => (seconds.div_ceil(3600), "hour"),
        _ => (seconds.div_ceil(86_400), "day"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_and_put_in_words() {
        fn check(text: &str, millis: Option<u64>) {
            assert_eq!(parse(text), millis.map(Duration::from_millis), "{text}");
        }
        check("500ms", Some(500));
        check("8s", Some(8_000));
        check(" 10 m ", Some(600_000));
        check("12h", Some(43_200_000));
        check("30d", Some(2_592_000_000));
        check("0s", Some(0));
        check("8", None);
        check("-1s", None);
        check("1.5h", None);
        check("s", None);
        check("99999999999999999999d", None);
        assert_eq!(words(Duration::from_millis(29_500)), "30 seconds");
        assert_eq!(words(Duration::from_millis(200)), "1 second");
        assert_eq!(words(Duration::from_secs(15 * 60)), "15 minutes");
        assert_eq!(words(Duration::from_secs(30 * 86_400)), "30 days");
    }
}
