//! The page of an app, read and checked.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{AppFault, MIME_TYPE, UiResourceMeta, check_uri};
use crate::types::json::Meta;
use crate::types::resources::{ResourceBody, ResourceContents};

/// An app that was read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// Its address.
    pub uri: String,
    /// The page.
    pub html: String,
    /// What it needs and wants.
    pub meta: UiResourceMeta,
}

impl App {
    /// Takes an app out of what was read at its address. What its contents do not say of it, its entry in the list of
    /// resources does, if there is one.
    ///
    /// # Errors
    /// [`AppFault`]
    pub fn new(
        uri: &str,
        contents: Vec<ResourceContents>,
        listed: Option<&Meta>,
        max_bytes: usize,
    ) -> Result<Self, AppFault> {
        check_uri(uri)?;
        let contents = contents.into_iter().find(|part| part.uri == uri).ok_or(AppFault::NoContents)?;
        let mime_type = contents.mime_type.unwrap_or_default();
        if mime_type != MIME_TYPE {
            return Err(AppFault::MimeType(mime_type));
        }
        let meta = match UiResourceMeta::of(&contents.meta)? {
            Some(meta) => meta,
            None => listed.map(UiResourceMeta::of).transpose()?.flatten().unwrap_or_default(),
        };
        let html = match contents.body {
            ResourceBody::Text(text) => text,
            ResourceBody::Blob(blob) => {
                // Base64 is a third longer, so this is never more than there will be.
                check_size((blob.len() / 4 * 3).saturating_sub(2), max_bytes)?;
                let bytes = STANDARD.decode(blob).map_err(|_| AppFault::NotText)?;
                String::from_utf8(bytes).map_err(|_| AppFault::NotText)?
            }
        };
        check_size(html.len(), max_bytes)?;
        Ok(Self { uri: uri.to_owned(), html, meta })
    }
}

/// Whether a page begins as a document of HTML has to
/// ([The DOCTYPE](https://html.spec.whatwg.org/multipage/syntax.html#the-doctype)): white space and comments may come before.
///
/// # Errors
/// [`AppFault::NotHtml`]
pub fn check_html(page: &str) -> Result<(), AppFault> {
    const DOCTYPE: &[u8] = b"<!doctype html";
    let mut rest = page.strip_prefix('\u{feff}').unwrap_or(page).trim_ascii_start();
    while let Some((_, after)) = rest.strip_prefix("<!--").and_then(|comment| comment.split_once("-->")) {
        rest = after.trim_ascii_start();
    }
    let begins =
        rest.as_bytes().get(..DOCTYPE.len()).is_some_and(|start| start.eq_ignore_ascii_case(DOCTYPE));
    if begins { Ok(()) } else { Err(AppFault::NotHtml) }
}

fn check_size(found: usize, max: usize) -> Result<(), AppFault> {
    if found <= max { Ok(()) } else { Err(AppFault::TooLarge { found, max }) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::meta;
    use super::*;

    #[test]
    fn an_app_is_what_was_asked_for() {
        const URI: &str = "ui://weather/view";
        const HTML: &str = "<!doctype html><p>sun</p>";
        let contents = || ResourceContents::text(URI, MIME_TYPE, HTML);
        let read = |contents: ResourceContents| App::new(URI, vec![contents], None, 1_000);
        let app = read(contents()).unwrap();
        assert_eq!((app.uri.as_str(), app.html.as_str(), &app.meta), (URI, HTML, &UiResourceMeta::default()));
        assert_eq!(read(ResourceContents::blob(URI, MIME_TYPE, STANDARD.encode(HTML))).unwrap(), app);

        assert_eq!(
            App::new("https://x", vec![contents()], None, 1_000),
            Err(AppFault::Uri("https://x".to_owned()))
        );
        assert_eq!(App::new("ui://other", vec![contents()], None, 1_000), Err(AppFault::NoContents));
        assert_eq!(App::new(URI, vec![], None, 1_000), Err(AppFault::NoContents));
        for wrong in [Some("text/html"), Some("text/html; profile=mcp-app"), Some("text/html+mcp"), None] {
            let other = ResourceContents { mime_type: wrong.map(str::to_owned), ..contents() };
            assert_eq!(read(other), Err(AppFault::MimeType(wrong.unwrap_or_default().to_owned())));
        }
        for blob in ["?", "gA==", "YQ"] {
            assert_eq!(read(ResourceContents::blob(URI, MIME_TYPE, blob)), Err(AppFault::NotText), "{blob}");
        }
        let ui = |json: Value| ResourceContents { meta: meta(json!({ "ui": json })), ..contents() };
        assert_eq!(read(ui(json!({ "prefersBorder": true }))).unwrap().meta.prefers_border, Some(true));
        assert!(matches!(read(ui(json!(1))), Err(AppFault::Meta(_))));
        assert!(matches!(
            read(ui(json!({ "csp": { "frameDomains": ["*"] } }))),
            Err(AppFault::Origin { .. })
        ));

        // The list says what the contents do not.
        let listed = meta(json!({ "ui": { "prefersBorder": false } }));
        let both =
            |contents| App::new(URI, vec![contents], Some(&listed), 1_000).unwrap().meta.prefers_border;
        assert_eq!(both(contents()), Some(false));
        assert_eq!(both(ui(json!({ "prefersBorder": true }))), Some(true));
        assert_eq!(both(ui(json!({}))), None);
    }

    #[test]
    fn an_app_is_as_large_as_is_accepted() {
        for length in 0..9 {
            let html = "x".repeat(length);
            let blob = ResourceContents::blob("ui://a", MIME_TYPE, STANDARD.encode(&html));
            for contents in [ResourceContents::text("ui://a", MIME_TYPE, &html), blob] {
                let read = |max| App::new("ui://a", vec![contents.clone()], None, max);
                assert_eq!(read(length).unwrap().html, html);
                if let Some(less) = length.checked_sub(1) {
                    assert!(
                        matches!(read(less), Err(AppFault::TooLarge { max, .. }) if max == less),
                        "{length}"
                    );
                }
            }
        }
        let long = ResourceContents::blob("ui://a", MIME_TYPE, "A".repeat(4_000));
        let refused = App::new("ui://a", vec![long], None, 2_000);
        assert_eq!(refused, Err(AppFault::TooLarge { found: 2_998, max: 2_000 }), "without reading it");
    }

    #[test]
    fn how_a_page_begins() {
        for fine in [
            "<!doctype html>",
            "\u{feff}<!DOCTYPE HTML>\n<html>",
            " \n<!-- a --><!--b-->\n<!doctype html><p>",
        ] {
            assert_eq!(check_html(fine), Ok(()), "{fine:?}");
        }
        for wrong in
            ["", "<html>", "{\"a\":1}", "<!doctype", "<!-- <!doctype html>", "sun", "<!dóctype html>"]
        {
            assert_eq!(check_html(wrong), Err(AppFault::NotHtml), "{wrong:?}");
        }
    }
}
