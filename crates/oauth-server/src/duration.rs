//! Times in words, for the pages.

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// A moment as a person reads it and as a browser does.
pub(crate) struct Moment {
    /// "5 minutes ago", "in 3 days".
    pub(crate) relative: String,
    /// "2026-01-31 14:05 UTC".
    pub(crate) absolute: String,
    /// RFC 3339, for the attribute.
    pub(crate) datetime: String,
}

impl Moment {
    pub(crate) fn new(at: SystemTime, now: SystemTime) -> Self {
        let relative = match now.duration_since(at) {
            Ok(since) if since < Duration::from_secs(10) => "just now".to_owned(),
            Ok(since) => format!("{} ago", words(since)),
            Err(ahead) => format!("in {}", words(ahead.duration())),
        };
        let at = OffsetDateTime::from(at);
        let format = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
        Self {
            relative,
            absolute: at.format(format).unwrap_or_default(),
            datetime: at.truncate_to_second().format(&Rfc3339).unwrap_or_default(),
        }
    }
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
    fn moments() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        for (seconds, relative, absolute) in [
            (1_000_000_000, "just now", "2001-09-09 01:46 UTC"),
            (999_999_700, "5 minutes ago", "2001-09-09 01:41 UTC"),
            (1_000_864_000, "in 10 days", "2001-09-19 01:46 UTC"),
        ] {
            let moment = Moment::new(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds), now);
            assert_eq!((moment.relative.as_str(), moment.absolute.as_str()), (relative, absolute));
        }
        assert_eq!(Moment::new(now, now).datetime, "2001-09-09T01:46:40Z");
    }

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
