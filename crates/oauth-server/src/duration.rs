//! Spans of time in words, for the pages.

use std::time::Duration;

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
    fn put_in_words() {
        for (millis, expected) in [
            (200, "1 second"),
            (29_500, "30 seconds"),
            (15 * 60_000, "15 minutes"),
            (12 * 3_600_000, "12 hours"),
            (30 * 86_400_000, "30 days"),
        ] {
            assert_eq!(words(Duration::from_millis(millis)), expected);
        }
    }
}
