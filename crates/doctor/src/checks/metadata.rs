//! What the protected resource says about itself.

use barewire_oauth::client_flow::Reach;
use barewire_oauth::metadata::ProtectedResourceMetadata;
use barewire_oauth::resource::Resource;
use url::Url;

use crate::finding::{Finding, Kind};
use crate::rule::Rule;
use crate::survey::Chart;

const RESOURCE: Kind = Kind {
    id: "metadata.resource",
    subject: "`resource` is the URL that clients connect to",
    fault: "`resource` is not the URL that clients connect to",
    expected: "`resource` is, byte for byte, the URL of this server.",
    rule: Some(Rule::ResourceValidation),
    next: "Set the server's public URL, path and slash included, to what people are given: strict clients compare byte for byte.",
};
const PUBLIC: Kind = Kind {
    id: "metadata.public_origin",
    subject: "The metadata names public URLs",
    fault: "The metadata names URLs that only exist behind the proxy",
    expected: "Every URL in the metadata and in the challenge has the scheme and the host that clients use.",
    rule: Some(Rule::ResourceValidation),
    next: "Configure the server's public origin instead of letting it be guessed from the request: behind a proxy that ends TLS, the request says http and an internal name.",
};
const SERVERS: Kind = Kind {
    id: "metadata.authorization_servers",
    subject: "The metadata names an authorization server",
    fault: "The metadata names no authorization server",
    expected: "`authorization_servers` has at least one issuer.",
    rule: Some(Rule::ServerLocation),
    next: "Add authorization_servers with the issuer of the tokens that this server takes.",
};
const SCOPES: Kind = Kind {
    id: "metadata.offline_access",
    subject: "The metadata does not list offline_access",
    fault: "The metadata lists offline_access",
    expected: "`scopes_supported` of a resource does not have offline_access.",
    rule: Some(Rule::RefreshTokens),
    next: "List offline_access in the authorization server's metadata instead: it is no permission of this resource.",
};
const METHODS: Kind = Kind {
    id: "metadata.bearer_methods",
    subject: "The token goes into the header",
    fault: "The metadata does not offer the token in the header",
    expected: "`bearer_methods_supported`, where it is there, lists header.",
    rule: Some(Rule::TokenRequirements),
    next: "Add header to bearer_methods_supported: MCP clients send the token in no other way.",
};

pub(super) const KINDS: &[&Kind] = &[&RESOURCE, &PUBLIC, &SERVERS, &SCOPES, &METHODS];

pub(super) fn check(chart: &Chart) -> Vec<Finding> {
    let (Some(document), Some(metadata)) = (chart.login.document(), chart.login.metadata()) else {
        return KINDS.iter().map(|kind| kind.na("there is no metadata")).collect();
    };
    let public = public(chart, metadata);
    let resource = resource(&chart.url, &chart.given, &metadata.resource);
    let scopes = metadata.scopes_supported.as_deref().unwrap_or_default();
    let offline = scopes.iter().any(|scope| scope == "offline_access");
    let methods = metadata.bearer_methods_supported.as_deref();
    let servers = metadata.authorization_servers.join(", ");
    let findings = vec![
        resource,
        public,
        SERVERS.error_unless(
            !servers.is_empty(),
            if servers.is_empty() { "the list is empty or absent".to_owned() } else { servers },
        ),
        SCOPES.warning_unless(!offline, format!("scopes_supported: {}", scopes.join(" "))),
        match methods {
            None => METHODS.ok("bearer_methods_supported is not there, which allows the header"),
            Some(methods) => {
                METHODS.warning_unless(methods.iter().any(|it| it == "header"), methods.join(", "))
            }
        },
    ];
    findings.into_iter().map(|finding| finding.seen(&document.answer)).collect()
}

fn resource(url: &Url, given: &Url, resource: &Resource) -> Finding {
    let said = format!("resource is {resource}, and the URL is {url}");
    let same = [url, given].into_iter().any(|url| is_the_same(resource, url));
    if same {
        return RESOURCE.ok(said);
    }
    if is_behind_proxy(&resource.url(), url) {
        // What is wrong with it is the origin, which is the next finding.
        return RESOURCE.na(said);
    }
    if resource.covers(url.as_str()) {
        return RESOURCE
            .warning(said)
            .titled("`resource` covers the URL, and is not the same")
            .next("Name the URL of the endpoint itself: clients that compare byte for byte refuse this, and a token for the whole host is good for more than this server.");
    }
    RESOURCE.error(said)
}

/// As it was written, or as a URL type writes it: that adds a slash to a bare origin.
fn is_the_same(resource: &Resource, url: &Url) -> bool {
    let bare = Resource::of_server_url(url.as_str());
    resource.as_str() == url.as_str() || bare.is_ok_and(|bare| bare.as_str() == resource.as_str())
}

fn public(chart: &Chart, metadata: &ProtectedResourceMetadata) -> Finding {
    let mut named = vec![("resource", metadata.resource.as_str().to_owned())];
    if let Some(url) = chart.login.challenge.as_ref().and_then(|challenge| challenge.resource_metadata()) {
        named.push(("resource_metadata", url.to_owned()));
    }
    named.extend(
        metadata.authorization_servers.iter().map(|issuer| ("authorization_servers", issuer.clone())),
    );
    let behind: Vec<String> = named
        .iter()
        .filter(|(_, url)| Url::parse(url).is_ok_and(|url| is_behind_proxy(&url, &chart.url)))
        .map(|(name, url)| format!("{name}: {url}"))
        .collect();
    let fine = behind.is_empty();
    PUBLIC.error_unless(fine, if fine { "none is internal".to_owned() } else { behind.join("; ") })
}

/// Whether a URL looks like what a server behind a proxy would call itself: the same host without TLS, or an address
/// further inside the network than the one that it was asked at.
pub(super) fn is_behind_proxy(named: &Url, asked: &Url) -> bool {
    let same_host = named.host_str() == asked.host_str();
    let without_tls = same_host && named.scheme() == "http" && asked.scheme() == "https";
    without_tls || Reach::of(named) < Reach::of(asked) || is_internal_name(named) && !is_internal_name(asked)
}

/// Names that no public resolver knows.
fn is_internal_name(url: &Url) -> bool {
    let Some(url::Host::Domain(name)) = url.host() else { return false };
    let local = [".local", ".internal", ".svc", ".lan", ".localdomain", ".cluster.local"];
    Reach::of(url) == Reach::Anywhere && (!name.contains('.') || local.iter().any(|end| name.ends_with(end)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;

    #[test]
    fn how_a_resource_fits_a_url() {
        for (resource_url, url, severity) in [
            ("https://a.example/mcp", "https://a.example/mcp", Severity::Ok),
            ("https://a.example", "https://a.example/", Severity::Ok),
            ("https://a.example/", "https://a.example/", Severity::Ok),
            ("https://a.example", "https://a.example/mcp", Severity::Warning),
            ("https://a.example/mcp/", "https://a.example/mcp", Severity::Warning),
            ("https://b.example/mcp", "https://a.example/mcp", Severity::Error),
            ("https://a.example/other", "https://a.example/mcp", Severity::Error),
            ("http://a.example/mcp", "https://a.example/mcp", Severity::NotApplicable),
        ] {
            let url = Url::parse(url).unwrap();
            let found = resource(&url, &url, &Resource::parse(resource_url).unwrap());
            assert_eq!(found.severity, severity, "{resource_url} at {url}");
        }
    }

    #[test]
    fn what_lies_behind_a_proxy() {
        for (named, asked, behind) in [
            ("http://a.example/mcp", "https://a.example/mcp", true),
            ("http://localhost:8000/mcp", "https://a.example/mcp", true),
            ("http://10.0.0.7/mcp", "https://a.example/mcp", true),
            ("http://mcp-server:8000", "https://a.example/mcp", true),
            ("https://mcp.svc.cluster.local", "https://a.example/mcp", true),
            ("https://login.example", "https://a.example/mcp", false),
            ("http://localhost:8000/mcp", "http://localhost:8000/mcp", false),
            ("http://localhost:9000", "http://127.0.0.1:8000/mcp", false),
            ("https://b.internal", "https://a.internal/mcp", false),
        ] {
            let (named, asked) = (Url::parse(named).unwrap(), Url::parse(asked).unwrap());
            assert_eq!(is_behind_proxy(&named, &asked), behind, "{named} at {asked}");
        }
    }
}
