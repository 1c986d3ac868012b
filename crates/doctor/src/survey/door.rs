//! Whether something answers, over which way, and at which URL.

use http::Method;
use url::Url;

use super::NobodyThere;
use crate::probe::{Answer, Ask, Asker, Fault, Speaker};

/// How many redirects are looked behind.
const MAX_HOPS: usize = 3;

/// What the first requests were answered.
pub(crate) struct Door {
    /// `server/discover` without a token, at the URL that is examined.
    pub(crate) first: Answer,
    /// The attempt that failed because of the certificate.
    pub(crate) certificate: Option<Answer>,
    /// The redirects between the given URL and the examined one.
    pub(crate) hops: Vec<Answer>,
    /// The same URL with the other end: a slash, or none.
    pub(crate) sibling: Option<(Url, Answer)>,
    /// The same URL without TLS, where the ports are the usual ones.
    pub(crate) plain: Option<Answer>,
}

/// Looks, and says which URL to examine.
pub(super) async fn look(asker: &mut Asker, given: &Url) -> Result<(Door, Url), NobodyThere> {
    let mut first = asker.ask(discover(given, "Discover, without a token")).await;
    let mut certificate = None;
    if matches!(first.outcome, Err(Fault::Certificate(_))) {
        if asker.stop_checking_certificates().is_err() {
            return Err(NobodyThere { answers: vec![first] });
        }
        certificate = Some(first);
        first = asker.ask(discover(given, "Discover again, without checking the certificate")).await;
    }
    if matches!(first.outcome, Err(Fault::Unreachable(_) | Fault::Certificate(_))) {
        return Err(NobodyThere { answers: vec![first] });
    }

    let mut url = given.clone();
    let mut hops = Vec::new();
    while let Some(next) = first.redirect().and_then(|location| url.join(location).ok()) {
        if hops.len() == MAX_HOPS || !matches!(next.scheme(), "http" | "https") {
            break;
        }
        let behind = asker.ask_named(discover(&next, "Discover, where the redirect leads")).await;
        hops.push(std::mem::replace(&mut first, behind));
        if first.reply().is_none() {
            break;
        }
        url = next;
        url.set_fragment(None);
    }

    let sibling = match sibling(&url).filter(|sibling| !hops.is_empty() || sibling != given) {
        Some(sibling) if hops.is_empty() => {
            let answer = asker.ask(discover(&sibling, "Discover at the URL with the other ending")).await;
            Some((sibling, answer))
        }
        _ => None,
    };
    let plain = match without_tls(&url) {
        Some(plain) => Some(asker.ask(Ask::new("The same URL without TLS", Method::GET, &plain)).await),
        None => None,
    };
    Ok((Door { first, certificate, hops, sibling, plain }, url))
}

fn discover(url: &Url, what: &str) -> Ask {
    Speaker::modern(url).request(what, "server/discover", serde_json::json!({}))
}

/// With a slash at the end of the path, or without the one that is there.
fn sibling(url: &Url) -> Option<Url> {
    let path = url.path();
    if path == "/" {
        return None;
    }
    let other = path.strip_suffix('/').map_or_else(|| format!("{path}/"), str::to_owned);
    let mut sibling = url.clone();
    sibling.set_path(&other);
    Some(sibling)
}

fn without_tls(url: &Url) -> Option<Url> {
    let mut plain = url.clone();
    (url.scheme() == "https" && url.port().is_none() && plain.set_scheme("http").is_ok()).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_ending() {
        for (url, other) in [
            ("https://a.example/mcp", Some("https://a.example/mcp/")),
            ("https://a.example/mcp/?t=1", Some("https://a.example/mcp?t=1")),
            ("https://a.example/", None),
            ("https://a.example", None),
        ] {
            let found = sibling(&Url::parse(url).unwrap());
            assert_eq!(found.as_ref().map(Url::as_str), other, "{url}");
        }
    }

    #[test]
    fn only_usual_ports_have_a_plain_side() {
        for (url, plain) in [
            ("https://a.example/mcp", Some("http://a.example/mcp")),
            ("https://a.example:8443/mcp", None),
            ("http://a.example/mcp", None),
        ] {
            let found = without_tls(&Url::parse(url).unwrap());
            assert_eq!(found.as_ref().map(Url::as_str), plain, "{url}");
        }
    }
}
