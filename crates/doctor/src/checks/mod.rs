//! The rules. Each file looks at one noun: it says what is looked at (its kinds) and decides, from what the survey
//! learned, how it is. Nothing here asks anybody anything.

mod authorization;
mod authserver;
mod challenge;
mod cors;
mod discovery;
mod header;
mod list;
mod metadata;
mod origin;
mod reach;
mod redirect;
mod refusal;
mod revision;
mod schema;
mod session;
mod stream;
mod tls;
mod token;
mod tool;

use crate::finding::{Finding, Kind};
use crate::survey::Chart;

pub(crate) use authorization::posture;
pub(crate) use revision::spoken;

type Check = fn(&Chart) -> Vec<Finding>;

/// Each check with the kinds of findings it makes, in the order of a report.
const CHECKS: &[(Check, &[&Kind])] = &[
    (reach::check, reach::KINDS),
    (tls::check, tls::KINDS),
    (redirect::check, redirect::KINDS),
    (authorization::check, authorization::KINDS),
    (challenge::check, challenge::KINDS),
    (discovery::check, discovery::KINDS),
    (metadata::check, metadata::KINDS),
    (authserver::check, authserver::KINDS),
    (token::check, token::KINDS),
    (cors::check, cors::KINDS),
    (origin::check, origin::KINDS),
    (revision::check, revision::KINDS),
    (header::check, header::KINDS),
    (session::check, session::KINDS),
    (stream::check, stream::KINDS),
    (refusal::check, refusal::KINDS),
    (list::check, list::KINDS),
    (tool::check, tool::KINDS),
    (schema::check, schema::KINDS),
];

/// Judges all of it.
pub(crate) fn check(chart: &Chart) -> Vec<Finding> {
    CHECKS.iter().flat_map(|(check, _)| check(chart)).collect()
}

/// Every kind of finding there is.
pub(crate) fn kinds() -> impl Iterator<Item = &'static Kind> {
    CHECKS.iter().flat_map(|(_, kinds)| kinds.iter().copied())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::area::Area;

    #[test]
    fn every_kind_is_complete_and_has_a_name_of_its_own() {
        let mut seen = BTreeSet::new();
        let mut last = 0;
        for kind in kinds() {
            assert!(seen.insert(kind.id), "{} is there twice", kind.id);
            let area = Area::ALL.iter().position(|area| kind.id.starts_with(&format!("{}.", area.prefix())));
            let area = area.unwrap_or_else(|| panic!("{} names no area", kind.id));
            assert!(area >= last, "{} stands in another order than the areas", kind.id);
            last = area;
            for text in [kind.subject, kind.fault] {
                assert!(!text.is_empty() && !text.ends_with('.'), "{}: a heading: {text}", kind.id);
            }
            assert!(kind.expected.ends_with('.'), "{}: a sentence: {}", kind.id, kind.expected);
            assert!(kind.next.is_empty() || kind.next.ends_with('.'), "{}: a sentence", kind.id);
        }
    }
}
