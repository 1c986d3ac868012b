//! Texts of strangers, made fit for a page and for a protocol field.
//!
//! What a client calls itself and what it sends in a request is shown to people who decide by it. Escaping keeps it
//! from becoming markup; this keeps it from disguising what stands around it.

/// What of `text` can be seen, at most `max` characters: blanks of every kind become one space; controls, characters
/// without a shape of their own and changes of direction are left out; so are piled-up accents, which would grow over
/// the lines above ([UTS #36 §2](https://www.unicode.org/reports/tr36/#visual_spoofing)).
#[must_use]
pub fn visible(text: &str, max: usize) -> String {
    let mut visible = String::new();
    let (mut length, mut accents, mut blank) = (0, 0, false);
    for c in text.chars() {
        if c.is_whitespace() {
            blank = length > 0;
            continue;
        }
        accents = if is_accent(c) { accents + 1 } else { 0 };
        if is_invisible(c) || accents > MAX_ACCENTS {
            continue;
        }
        if length + usize::from(blank) >= max {
            break;
        }
        if std::mem::take(&mut blank) {
            visible.push(' ');
            length += 1;
        }
        visible.push(c);
        length += 1;
    }
    visible
}

/// `text` in the letters that `error_description` is made of, at most 500 of them
/// ([OAuth 2.1 §3.2.4](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-3.2.4)).
#[must_use]
pub fn printable(text: &str) -> String {
    let printable = |c| match c {
        '"' | '\\' => '\'',
        ' '..='~' => c,
        _ => '?',
    };
    text.chars().take(500).map(printable).collect()
}

/// How many accents one letter may carry; Vietnamese needs two.
const MAX_ACCENTS: usize = 2;

fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}'
        | '\u{FE20}'..='\u{FE2F}')
}

/// Controls, and what Unicode calls default-ignorable or draws as nothing
/// ([UAX #44](https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point)).
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
            | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_seen_is_shown() {
        fn check(text: &str, expected: &str) {
            assert_eq!(visible(text, 10), expected, "{text:?}");
        }
        check("An app", "An app");
        check("Ünïcødé 日本", "Ünïcødé 日本");
        check("Tiê\u{301}ng", "Tiê\u{301}ng");
        check("עברית", "עברית");
        check("  a \t\n\u{A0}\u{2028}b\u{3000} ", "a b");
        check("a\u{0}b\u{1b}[31m\u{85}c", "ab[31m c");
        check("\u{202E}evil\u{202C}\u{2066}\u{200F}\u{61C}", "evil");
        check("a\u{200B}\u{2060}\u{FEFF}\u{AD}\u{34F}\u{FE0F}b", "ab");
        check("\u{3164}\u{115F}\u{1160}\u{FFA0}\u{2800}\u{180E}", "");
        check("\u{E0041}\u{FFF9}x", "x");
        check(&format!("a{}b", "\u{300}".repeat(60)), "a\u{300}\u{300}b");
        check("0123456789abc", "0123456789");
        check("012345678 abc", "012345678");
        check("", "");
    }

    #[test]
    fn a_description_has_its_own_alphabet() {
        assert_eq!(printable("a\"b\\c\r\nd\u{202E}é~"), "a'b'c??d??~");
        assert_eq!(printable(&"x".repeat(501)).len(), 500);
    }
}
