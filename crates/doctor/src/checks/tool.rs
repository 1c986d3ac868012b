//! Tools as hosts take them: names, descriptions, icons, and how many there are.

use serde_json::Value;

use crate::finding::{Finding, Kind};
use crate::probe::{Answer, shorten};
use crate::rule::Rule;
use crate::survey::Chart;

const NAME: Kind = Kind {
    id: "schema.name",
    subject: "Tools have names that the specification recommends",
    fault: "A tool's name is not one that the specification recommends",
    expected: "1 to 128 characters of A-Z, a-z, 0-9, `_`, `-` and `.`.",
    rule: Some(Rule::ToolNames),
    next: "Rename the tool: some clients leave it out.",
};
const HOST_NAME: Kind = Kind {
    id: "schema.host_name",
    subject: "Tools have names that are short enough for hosts",
    fault: "A tool's name is too long for some hosts",
    expected: "At most 48 characters: model APIs take 64, and hosts put the server's name in front.",
    rule: Some(Rule::HostNameLength),
    next: "Shorten the name.",
};
const DOT: Kind = Kind {
    id: "schema.dot",
    subject: "Tools have names without a dot",
    fault: "A tool's name has a dot, which some hosts refuse",
    expected: "No dot, although the specification allows it.",
    rule: Some(Rule::HostNameCharset),
    next: "Write `_` for the dot: some hosts hand the name on as it is, and model APIs refuse it.",
};
const DESCRIPTION: Kind = Kind {
    id: "schema.description",
    subject: "Tools are described",
    fault: "A tool is not described",
    expected: "Each tool has a description: it is how the model chooses.",
    rule: Some(Rule::Tool),
    next: "Say in a sentence or two what the tool does and when to use it.",
};
const LENGTH: Kind = Kind {
    id: "schema.description_length",
    subject: "Descriptions are of a length that hosts keep",
    fault: "A tool's description is longer than hosts keep",
    expected: "At most 1024 characters; some hosts cut at 2048, and some model APIs refuse more than 1024.",
    rule: Some(Rule::HostDescription),
    next: "Put what matters into the first sentences, and the rest into the parameters' descriptions or a resource.",
};
const COUNT: Kind = Kind {
    id: "schema.count",
    subject: "There are not too many tools",
    fault: "There are more tools than some hosts take",
    expected: "At most 128 together with the user's other servers; some hosts take 40 to 100.",
    rule: Some(Rule::HostToolCount),
    next: "Offer fewer tools, or several endpoints with a part of them each.",
};
const ICONS: Kind = Kind {
    id: "schema.icons",
    subject: "Icons can be shown",
    fault: "An icon cannot be shown",
    expected: "An icon's src is an https or data URL, of the server's own host.",
    rule: Some(Rule::Icons),
    next: "Serve icons over https from the server's own host, or as data URLs: clients refuse other schemes.",
};
const HINTS: Kind = Kind {
    id: "schema.hints",
    subject: "Annotations do not contradict each other",
    fault: "A tool's annotations contradict each other",
    expected: "A tool that only reads does not destroy.",
    rule: Some(Rule::Tool),
    next: "Correct readOnlyHint or destructiveHint: hosts ask the user by them.",
};

pub(super) const KINDS: &[&Kind] = &[&NAME, &HOST_NAME, &DOT, &DESCRIPTION, &LENGTH, &COUNT, &ICONS, &HINTS];

pub(super) fn check(chart: &Chart) -> Vec<Finding> {
    let Some(list) = chart.lists.tools.as_ref().filter(|list| !list.entries.is_empty()) else {
        return KINDS.iter().map(|kind| kind.na(why_no_tools(chart))).collect();
    };
    let tools = &list.entries;
    let page = list.pages.first();
    vec![
        each(&NAME, tools, page, |tool| !is_recommended(name(tool))),
        each(&HOST_NAME, tools, page, |tool| {
            is_recommended(name(tool)) && name(tool).len() > HOST_NAME_LENGTH
        }),
        each(&DOT, tools, page, |tool| is_recommended(name(tool)) && name(tool).contains('.')),
        each(&DESCRIPTION, tools, page, |tool| description(tool).trim().is_empty()),
        length(tools, page),
        count(tools, page),
        each(&ICONS, tools, page, |tool| !icons_can_be_shown(tool, chart.url.host_str())),
        each(&HINTS, tools, page, contradicts),
    ]
}

pub(super) fn why_no_tools(chart: &Chart) -> &'static str {
    if !chart.is_let_in() {
        chart.why_not_let_in()
    } else if chart.lists.tools.is_none() {
        "no tools are declared"
    } else {
        "no tools are listed"
    }
}

/// A warning that names the tools for which something is so.
pub(super) fn each(
    kind: &'static Kind,
    tools: &[Value],
    page: Option<&Answer>,
    is_bad: impl Fn(&Value) -> bool,
) -> Finding {
    let bad: Vec<&Value> = tools.iter().filter(|tool| is_bad(tool)).collect();
    let finding =
        if bad.is_empty() { kind.ok(format!("{} tools", tools.len())) } else { kind.warning(names(&bad)) };
    finding.all_seen(page)
}

/// The first few names, and how many more.
pub(super) fn names(tools: &[&Value]) -> String {
    let shown: Vec<String> = tools.iter().take(5).map(|tool| shorten(name(tool), 80)).collect();
    let more = tools.len() - shown.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

fn name(tool: &Value) -> &str {
    tool.get("name").and_then(Value::as_str).unwrap_or_default()
}

fn description(tool: &Value) -> &str {
    tool.get("description").and_then(Value::as_str).unwrap_or_default()
}

fn is_recommended(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (1..=128).contains(&name.len()) && name.bytes().all(legal)
}

/// What is left of 64 characters for a tool, once a host has put its own word and the server's name in front.
const HOST_NAME_LENGTH: usize = 48;

fn length(tools: &[Value], page: Option<&Answer>) -> Finding {
    let longer = |most: usize| -> Vec<&Value> {
        tools.iter().filter(|tool| description(tool).chars().count() > most).collect()
    };
    let (cut, long) = (longer(2048), longer(1024));
    let finding = if !cut.is_empty() {
        LENGTH.warning(format!("over 2048: {}", names(&cut)))
    } else if !long.is_empty() {
        LENGTH.info(format!("over 1024: {}", names(&long)))
    } else {
        LENGTH.ok(format!("{} tools", tools.len()))
    };
    finding.all_seen(page)
}

fn count(tools: &[Value], page: Option<&Answer>) -> Finding {
    let said = format!("{} tools", tools.len());
    let finding = match tools.len() {
        0..=40 => COUNT.ok(said),
        41..=128 => COUNT.info(said),
        _ => COUNT.warning(said),
    };
    finding.all_seen(page)
}

fn icons_can_be_shown(tool: &Value, host: Option<&str>) -> bool {
    let icons = tool.get("icons").and_then(Value::as_array).into_iter().flatten();
    icons.into_iter().all(|icon| {
        let src = icon.get("src").and_then(Value::as_str).unwrap_or_default();
        match url::Url::parse(src) {
            Ok(url) if url.scheme() == "data" => true,
            Ok(url) => url.scheme() == "https" && url.host_str() == host,
            Err(_) => false,
        }
    })
}

fn contradicts(tool: &Value) -> bool {
    let hint = |name: &str| tool.get("annotations").and_then(|it| it.get(name)).and_then(Value::as_bool);
    hint("readOnlyHint") == Some(true) && hint("destructiveHint") == Some(true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names() {
        for (name, recommended) in [
            ("getUser", true),
            ("admin.tools.list", true),
            ("", false),
            ("with space", false),
            ("a/b", false),
            (&"a".repeat(128), true),
            (&"a".repeat(129), false),
        ] {
            assert_eq!(is_recommended(name), recommended, "{name}");
        }
    }

    #[test]
    fn icons() {
        for (src, fine) in [
            ("https://a.example/i.png", true),
            ("data:image/png;base64,AA==", true),
            ("http://a.example/i.png", false),
            ("https://b.example/i.png", false),
            ("javascript:alert(1)", false),
            ("/i.png", false),
        ] {
            let tool = json!({ "icons": [{ "src": src }] });
            assert_eq!(icons_can_be_shown(&tool, Some("a.example")), fine, "{src}");
        }
        assert!(icons_can_be_shown(&json!({}), None));
    }
}
