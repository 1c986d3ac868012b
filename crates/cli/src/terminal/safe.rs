//! Text of somebody else on this terminal. A server may not move the cursor, hide what it says, or write lines that look like ours.
//!
//! Which of them: where lines of ours stand around it, a text is one line ([`safe`]) or stands behind a bar ([`quoted`]);
//! where it is all that is printed it keeps its lines ([`safe_lines`]).

/// As one line, whatever is in it: breaks are shown as `↵`, what would command the terminal as U+FFFD.
pub(crate) fn safe(text: &str) -> String {
    text.chars().map(|c| if breaks(c) { '↵' } else { harmless(c) }).collect()
}

/// With its own lines, for a result that is nothing but this text.
pub(crate) fn safe_lines(text: &str) -> String {
    // A line that ends as on Windows is one, and nothing that has to be shown.
    text.replace("\r\n", "\n").chars().map(|c| if c == '\n' || c == '\t' { c } else { harmless(c) }).collect()
}

/// With its own lines, each behind a bar.
pub(crate) fn quoted(text: &str) -> String {
    let safe = safe_lines(text);
    safe.lines().map(|line| format!("│ {line}")).collect::<Vec<_>>().join("\n")
}

/// JSON with what is not safe escaped: the value is the same.
pub(crate) fn safe_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        // What is left of these after serialising is inside of strings; other line feeds come from indentation.
        if c == '\n' || harmless(c) == c {
            safe.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    safe
}

/// A word of a command that we propose: whoever copies it runs nothing else.
pub(crate) fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "%+,-./:=@_".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", safe(text).replace('\'', r"'\''"))
}

fn breaks(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\t' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn harmless(c: char) -> char {
    if c.is_control() || misleads(c) { '\u{fffd}' } else { c }
}

/// Characters that nobody sees and that change what is seen: they turn the direction of writing, break lines, or carry
/// a hidden text. Joiners stay, since scripts and emoji need them.
fn misleads(c: char) -> bool {
    matches!(c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' // direction
        | '\u{2028}' | '\u{2029}' // lines
        | '\u{200b}' | '\u{2060}'..='\u{2065}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' // hidden
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_commands_the_terminal() {
        for (text, one_line, lines) in [
            ("a\tb\nc", "a↵b↵c", "a\tb\nc"),
            ("a\r\nb\rc", "a↵↵b↵c", "a\nb\u{fffd}c"),
            ("a\u{2028}b\u{85}c", "a↵b↵c", "a\u{fffd}b\u{fffd}c"),
            ("\x1b]0;title\x07", "\u{fffd}]0;title\u{fffd}", "\u{fffd}]0;title\u{fffd}"),
            ("\u{9b}2J", "\u{fffd}2J", "\u{fffd}2J"),
            ("a\x7f\0", "a\u{fffd}\u{fffd}", "a\u{fffd}\u{fffd}"),
            ("\u{202e}gpj.exe", "\u{fffd}gpj.exe", "\u{fffd}gpj.exe"),
            ("\u{2066}x\u{2069}", "\u{fffd}x\u{fffd}", "\u{fffd}x\u{fffd}"),
            ("read\u{e0020}\u{e0061}", "read\u{fffd}\u{fffd}", "read\u{fffd}\u{fffd}"),
            ("👩\u{200d}🚀 नमस्ते", "👩\u{200d}🚀 नमस्ते", "👩\u{200d}🚀 नमस्ते"),
        ] {
            assert_eq!(safe(text), one_line);
            assert_eq!(safe_lines(text), lines);
        }
        assert_eq!(quoted("a\n\nInput:"), "│ a\n│ \n│ Input:");
    }

    #[test]
    fn json_stays_the_same_value() {
        let value = serde_json::json!({ "\u{9b}2J": "\x1b\x7f\u{85}\u{202e}\u{e0041}\n" });
        for text in [value.to_string(), format!("{value:#}")] {
            let safe = safe_json(&text);
            assert!(safe.chars().all(|c| c == '\n' || harmless(c) == c), "{safe}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).ok(), Some(value.clone()));
        }
    }

    #[test]
    fn a_proposed_command_is_one_command() {
        for (word, shown) in [
            ("posts:write", "posts:write"),
            ("http://localhost:8000/mcp", "http://localhost:8000/mcp"),
            ("a;reboot", "'a;reboot'"),
            ("$(reboot)", "'$(reboot)'"),
            ("it's", r"'it'\''s'"),
            ("a\nb", "'a↵b'"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(word), shown);
        }
    }
}
