//! Query strings, fragments, forms and URLs.

use std::borrow::Cow;

use super::{Found, MASK, Masker, names};

/// Masks `name=value` pairs between `&`, leaving everything else byte for byte.
pub(super) fn mask_pairs(masker: &Masker, text: &str, place: &str, found: &mut Found) -> String {
    let mut masked = String::with_capacity(text.len());
    for (index, pair) in text.split('&').enumerate() {
        if index > 0 {
            masked.push('&');
        }
        let Some((name, value)) = pair.split_once('=') else {
            masked.push_str(pair);
            continue;
        };
        masked.push_str(name);
        masked.push('=');
        let decoded_name = decode(name);
        match names::parameter(decoded_name.trim()) {
            Some(kind) => {
                let place = format!("{place} {decoded_name}");
                masked.push_str(&masker.replace(kind, &decode(value), &place, found));
            }
            // A value can be a URL or JSON of its own (`resource`, `request`): look inside, keep it when it is clean.
            None => {
                let plain = decode(value);
                let looked = if plain.contains('=') || plain.contains('{') {
                    mask_nested(masker, &plain, place, found)
                } else {
                    plain.clone().into_owned()
                };
                if looked == plain { masked.push_str(value) } else { masked.push_str(&looked) }
            }
        }
    }
    masked
}

/// Masks user information, query and fragment of a URL, absolute or relative.
pub(super) fn mask_url(masker: &Masker, url: &str, place: &str, found: &mut Found) -> String {
    let (rest, fragment) = match url.split_once('#') {
        Some((rest, fragment)) => (rest, Some(fragment)),
        None => (url, None),
    };
    let (base, query) = match rest.split_once('?') {
        Some((base, query)) => (base, Some(query)),
        None => (rest, None),
    };
    let mut masked = mask_user_info(masker, base);
    if let Some(query) = query {
        masked.push('?');
        masked.push_str(&mask_pairs(masker, query, place, found));
    }
    if let Some(fragment) = fragment {
        masked.push('#');
        masked.push_str(&mask_pairs(masker, fragment, place, found));
    }
    masked
}

fn mask_nested(masker: &Masker, value: &str, place: &str, found: &mut Found) -> String {
    if value.trim_start().starts_with(['{', '[']) {
        return super::json::mask(masker, value, place, found);
    }
    // One level is enough: a redirect_uri with a query, a return_to with a token.
    let (base, query) = value.split_once('?').unwrap_or(("", value));
    let mut masked = String::new();
    if !base.is_empty() {
        masked.push_str(base);
        masked.push('?');
    }
    for (index, pair) in query.split('&').enumerate() {
        if index > 0 {
            masked.push('&');
        }
        match pair.split_once('=') {
            Some((name, secret)) => {
                masked.push_str(name);
                masked.push('=');
                match names::parameter(name) {
                    Some(kind) => masked.push_str(&masker.replace(kind, &decode(secret), place, found)),
                    None => masked.push_str(secret),
                }
            }
            None => masked.push_str(pair),
        }
    }
    masked
}

fn mask_user_info(masker: &Masker, base: &str) -> String {
    let Some((scheme, rest)) = base.split_once("://") else { return base.to_owned() };
    let authority_end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_end);
    match authority.rsplit_once('@') {
        Some((user_info, host)) => {
            masker.learn(user_info.rsplit(':').next().unwrap_or_default());
            format!("{scheme}://{MASK}@{host}{path}")
        }
        None => base.to_owned(),
    }
}

fn decode(text: &str) -> Cow<'_, str> {
    let spaced: Cow<'_, str> =
        if text.contains('+') { Cow::Owned(text.replace('+', " ")) } else { Cow::Borrowed(text) };
    match spaced {
        Cow::Borrowed(text) => percent_encoding::percent_decode_str(text).decode_utf8_lossy(),
        Cow::Owned(text) => {
            Cow::Owned(percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let masker = Masker::new();
        for (url, expected) in [
            ("https://a/authorize?client_id=c&resource=https%3A%2F%2Fb&x=1", None),
            ("https://a/cb?code=short", Some("https://a/cb?code=••••")),
            ("https://a/cb#access_token=short&x=1", Some("https://a/cb#access_token=••••&x=1")),
            ("https://user:pw@a/b?x", Some("https://••••@a/b?x")),
            ("/messages?sessionId=short", Some("/messages?sessionId=••••")),
            ("https://a/?state=abcdefghijklmnopqrst", Some("https://a/?state=abcd…qrst")),
            ("https://a/?co%64e=short", Some("https://a/?co%64e=••••")),
            ("https://a/?back=%2Fcb%3Fcode%3Dshort", Some("https://a/?back=/cb?code=••••")),
        ] {
            let masked = mask_url(&masker, url, "url", &mut Found::default());
            assert_eq!(masked, expected.unwrap_or(url), "{url}");
        }
    }
}
