//! The lists: that they are answered, end, and stay the same.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::finding::{Finding, Kind};
use crate::probe::Answer;
use crate::rule::Rule;
use crate::survey::{Chart, End, List};

const ANSWERED: Kind = Kind {
    id: "list.answered",
    subject: "What is declared can be listed",
    fault: "What is declared cannot be listed",
    expected: "A server that declares tools, resources or prompts answers the request for their list.",
    rule: Some(Rule::Tools),
    next: "Answer the list, an empty one if need be, or do not declare the capability.",
};
const ENDS: Kind = Kind {
    id: "list.ends",
    subject: "The lists end",
    fault: "A list does not end",
    expected: "The last page has no nextCursor, and no cursor comes twice.",
    rule: Some(Rule::Pagination),
    next: "Leave nextCursor out on the last page; clients read on as long as there is one.",
};
const NULL: Kind = Kind {
    id: "list.null_cursor",
    subject: "The last page has no cursor",
    fault: "The last page has a cursor that is null",
    expected: "nextCursor is a text, or not there.",
    rule: Some(Rule::Pagination),
    next: "Leave nextCursor out instead of sending null: strict clients refuse the whole page.",
};
const PAGES: Kind = Kind {
    id: "list.pages",
    subject: "All tools are on the first page",
    fault: "Not all tools are on the first page",
    expected: "The first page has every tool: a client that knows no pages then misses none.",
    rule: Some(Rule::HostFirstPage),
    next: "Make pages longer than the list of tools, where models can hold that many: several hosts have read the first page only, and said nothing.",
};
const STABLE: Kind = Kind {
    id: "list.stable",
    subject: "Asked again, the tools come in the same order",
    fault: "Asked again, the tools come in another order",
    expected: "The order is the same as long as the tools are.",
    rule: Some(Rule::Tools),
    next: "Sort the tools: hosts and models cache the list by its bytes.",
};
const UNIQUE: Kind = Kind {
    id: "list.unique",
    subject: "Names are unique",
    fault: "A name is listed twice",
    expected: "Each tool and each prompt has a name, and each resource a URI, of its own.",
    rule: Some(Rule::ToolNames),
    next: "Rename one of them: a client cannot call the second, and some hosts refuse the list.",
};
const SIZE: Kind = Kind {
    id: "list.size",
    subject: "The list of tools is of a size that models can hold",
    fault: "The list of tools is large",
    expected: "The list is well under 100 kB (about 25 000 tokens).",
    rule: Some(Rule::HostListSize),
    next: "Shorten descriptions and schemas, or offer fewer tools at once: hosts put all of it into the model's context.",
};
const CACHED: Kind = Kind {
    id: "list.cache",
    subject: "Lists say how long they may be kept",
    fault: "Lists do not say how long they may be kept",
    expected: "Results of server/discover and of lists have ttlMs and cacheScope.",
    rule: Some(Rule::Caching),
    next: "Add ttlMs and cacheScope (private, where the list depends on the caller).",
};
const TYPED: Kind = Kind {
    id: "list.result_type",
    subject: "Results say their type",
    fault: "Results do not say their type",
    expected: "Each result of the modern era has resultType.",
    rule: Some(Rule::Responses),
    next: "Add resultType: \"complete\".",
};

pub(super) const KINDS: &[&Kind] =
    &[&ANSWERED, &ENDS, &NULL, &PAGES, &STABLE, &UNIQUE, &SIZE, &CACHED, &TYPED];

pub(super) fn check(chart: &Chart) -> Vec<Finding> {
    let lists = &chart.lists;
    let all: Vec<(&str, &List)> =
        [("tools", &lists.tools), ("resources", &lists.resources), ("prompts", &lists.prompts)]
            .into_iter()
            .filter_map(|(name, list)| Some((name, list.as_ref()?)))
            .collect();
    if all.is_empty() {
        let why = if chart.is_let_in() {
            "no tools, resources or prompts are declared"
        } else {
            chart.why_not_let_in()
        };
        return KINDS.iter().map(|kind| kind.na(why)).collect();
    }
    vec![
        answered(&all),
        ends(&all),
        null(&all),
        pages(chart),
        stable(chart),
        unique(&all),
        size(chart),
        cached(chart),
        typed(chart),
    ]
}

fn answered(all: &[(&str, &List)]) -> Finding {
    let refused: Vec<&(&str, &List)> = all.iter().filter(|(_, list)| list.end == End::Refused).collect();
    let counts: Vec<String> =
        all.iter().map(|(name, list)| format!("{} {name}", list.entries.len())).collect();
    let Some((name, list)) = refused.first() else {
        return ANSWERED.ok(counts.join(", ")).all_seen(first_pages(all));
    };
    let Some(last) = list.pages.last() else { return ANSWERED.na("it was not asked") };
    if !last.was_asked() {
        return ANSWERED.na(last.describe());
    }
    // A token that is good for less than the list is no fault of the list.
    if last.is(403) {
        return ANSWERED.info(format!("{name}: {}", last.describe())).seen(last);
    }
    ANSWERED.error(format!("{name}: {}", last.describe())).seen(last)
}

fn first_pages<'a>(all: &[(&str, &'a List)]) -> Vec<&'a Answer> {
    all.iter().filter_map(|(_, list)| list.pages.first()).collect()
}

fn ends(all: &[(&str, &List)]) -> Finding {
    for (name, list) in all {
        let said = format!("{name}: {} pages, {} entries", list.pages.len(), list.entries.len());
        match list.end {
            End::Loop => return ENDS.error(format!("{said}; a cursor came twice")).all_seen(&list.pages),
            End::Limit => return ENDS.warning(format!("{said}; not read further")).all_seen(&list.pages),
            End::Complete | End::Refused => {}
        }
    }
    ENDS.ok("each of them")
}

fn null(all: &[(&str, &List)]) -> Finding {
    let pages = all.iter().flat_map(|(_, list)| &list.pages);
    let null = pages
        .into_iter()
        .find(|page| page.result().and_then(|result| result.get("nextCursor")).is_some_and(Value::is_null));
    match null {
        Some(page) => NULL.warning("nextCursor is null").seen(page),
        None => NULL.ok("none is null"),
    }
}

fn pages(chart: &Chart) -> Finding {
    let Some(tools) = &chart.lists.tools else { return PAGES.na("no tools are declared") };
    if tools.end != End::Complete {
        return PAGES.na("the list of tools was not read to its end");
    }
    let said = format!("{} tools on {} pages", tools.entries.len(), tools.pages.len());
    match tools.pages.as_slice() {
        [only] => PAGES.ok(format!("{} tools", tools.entries.len())).seen(only),
        several => PAGES.warning(said).all_seen(several),
    }
}

fn stable(chart: &Chart) -> Finding {
    let first = chart.lists.tools.as_ref().and_then(|list| list.pages.first());
    let (Some(first), Some(again)) = (first, &chart.lists.tools_again) else {
        return STABLE.na("no tools are declared");
    };
    let names = |answer: &Answer| -> Option<Vec<String>> {
        let tools = answer.result()?.get("tools")?.as_array()?;
        Some(tools.iter().filter_map(|tool| tool.get("name")?.as_str().map(str::to_owned)).collect())
    };
    let (Some(before), Some(after)) = (names(first), names(again)) else {
        return STABLE.na("one was not answered");
    };
    let same_set = before.iter().collect::<BTreeSet<_>>() == after.iter().collect::<BTreeSet<_>>();
    if !same_set {
        return STABLE.info("other tools came: the list changed meanwhile").seen(first).seen(again);
    }
    STABLE.warning_unless(before == after, format!("{} tools", before.len())).seen(first).seen(again)
}

fn unique(all: &[(&str, &List)]) -> Finding {
    for (name, list) in all {
        let member = if *name == "resources" { "uri" } else { "name" };
        let mut seen = BTreeSet::new();
        if let Some(twice) = list.names(member).into_iter().find(|name| !seen.insert(*name)) {
            let said = format!("{name}: {}", crate::probe::shorten(twice, 120));
            return UNIQUE.error(said).all_seen(&list.pages);
        }
    }
    UNIQUE.ok("each of them")
}

fn size(chart: &Chart) -> Finding {
    const LARGE: usize = 100_000;
    let Some(tools) = &chart.lists.tools else { return SIZE.na("no tools are declared") };
    let bytes = tools.bytes();
    SIZE.warning_unless(bytes < LARGE, format!("{bytes} bytes, {} tools", tools.entries.len()))
}

/// The modern results that may be kept.
fn modern_results(chart: &Chart) -> Vec<&Answer> {
    if chart.eras.modern.is_none() {
        return Vec::new();
    }
    let lists = [&chart.lists.tools, &chart.lists.resources, &chart.lists.prompts];
    let pages = lists.into_iter().flatten().flat_map(|list| &list.pages);
    std::iter::once(&chart.eras.discover).chain(pages).filter(|answer| answer.result().is_some()).collect()
}

fn cached(chart: &Chart) -> Finding {
    let results = modern_results(chart);
    if results.is_empty() {
        return CACHED.na("the modern era is not spoken");
    }
    let hinted = |answer: &Answer| {
        let hint = answer.result().map(|result| (result.get("ttlMs"), result.get("cacheScope")));
        matches!(hint, Some((Some(ttl), Some(Value::String(scope))))
            if ttl.as_u64().is_some() && matches!(scope.as_str(), "public" | "private"))
    };
    let bare: Vec<&Answer> = results.iter().copied().filter(|answer| !hinted(answer)).collect();
    let fine = bare.is_empty();
    let said = if fine {
        format!("{} results", results.len())
    } else {
        format!("{} of {} results", bare.len(), results.len())
    };
    CACHED.warning_unless(fine, said).all_seen(if fine { results } else { bare })
}

fn typed(chart: &Chart) -> Finding {
    let results = modern_results(chart);
    if results.is_empty() {
        return TYPED.na("the modern era is not spoken");
    }
    let typed = |answer: &Answer| answer.result().is_some_and(|result| result.get("resultType").is_some());
    let bare: Vec<&Answer> = results.iter().copied().filter(|answer| !typed(answer)).collect();
    let fine = bare.is_empty();
    let said = if fine {
        format!("{} results", results.len())
    } else {
        format!("{} of {} results", bare.len(), results.len())
    };
    TYPED.warning_unless(fine, said).all_seen(if fine { results } else { bare })
}
