//! The authorization servers: their metadata, and whether what it names is there.

use barewire_oauth::client_flow::EndpointRule;
use barewire_oauth::metadata::AuthorizationServerMetadata;
use url::Url;

use super::metadata::is_behind_proxy;
use crate::finding::{Finding, Kind};
use crate::rule::Rule;
use crate::survey::{Authserver, Chart};

const METADATA: Kind = Kind {
    id: "authserver.metadata",
    subject: "The authorization server's metadata can be found",
    fault: "The authorization server's metadata cannot be found",
    expected: "The issuer publishes its metadata at one of the well-known URLs of RFC 8414 or OpenID Connect.",
    rule: Some(Rule::ServerDiscovery),
    next: "Publish the metadata at /.well-known/oauth-authorization-server, with the issuer's path behind it; or correct authorization_servers.",
};
const ISSUER: Kind = Kind {
    id: "authserver.issuer",
    subject: "The issuer is the one it was looked up by",
    fault: "The metadata belongs to another issuer",
    expected: "`issuer` in the document is, byte for byte, the entry in authorization_servers.",
    rule: Some(Rule::IssuerValidation),
    next: "Write the same string in both places, slash at the end included: a client must not use a document of another issuer.",
};
const ENDPOINTS: Kind = Kind {
    id: "authserver.endpoints",
    subject: "The endpoints are named",
    fault: "An endpoint is not named",
    expected: "The metadata has authorization_endpoint and token_endpoint.",
    rule: Some(Rule::AuthserverMetadata),
    next: "Name both endpoints in the metadata: clients do not guess them.",
};
const SECURE: Kind = Kind {
    id: "authserver.secure",
    subject: "The endpoints are public and encrypted",
    fault: "An endpoint is not encrypted, or not public",
    expected: "Every URL in the metadata is https (or http on this machine), and can be reached by clients.",
    rule: Some(Rule::CommunicationSecurity),
    next: "Configure the authorization server's public https origin instead of letting it be guessed from the request.",
};
const PKCE: Kind = Kind {
    id: "authserver.pkce",
    subject: "PKCE with S256 is offered",
    fault: "PKCE with S256 is not offered",
    expected: "`code_challenge_methods_supported` lists S256.",
    rule: Some(Rule::CodeProtection),
    next: "Support PKCE with S256 and list it in the metadata: clients must refuse to go on without.",
};
const CODE: Kind = Kind {
    id: "authserver.code",
    subject: "The authorization code flow is offered",
    fault: "The authorization code flow is not offered",
    expected: "response_types_supported lists code, and grant_types_supported, where it is there, authorization_code.",
    rule: Some(Rule::AuthserverMetadata),
    next: "Offer the authorization code flow: it is the one that people log in with.",
};
const REGISTRATION: Kind = Kind {
    id: "authserver.registration",
    subject: "A client that nobody knows can register",
    fault: "A client that nobody knows cannot register",
    expected: "Clients are taken by the URL of their metadata document, or can register themselves.",
    rule: Some(Rule::Registration),
    next: "Support client ID metadata documents (or dynamic registration), or tell people which client id to configure in their host.",
};
const RESPONSE_ISSUER: Kind = Kind {
    id: "authserver.response_issuer",
    subject: "Authorization responses name their issuer",
    fault: "Authorization responses do not promise to name their issuer",
    expected: "`authorization_response_iss_parameter_supported` is true, and `iss` is in each authorization response.",
    rule: Some(Rule::ResponseIssuer),
    next: "Add iss to the authorization responses and say so in the metadata: it protects clients of several servers from mix-ups.",
};
const REFRESH: Kind = Kind {
    id: "authserver.refresh",
    subject: "Refresh tokens are offered",
    fault: "Refresh tokens are not offered",
    expected: "grant_types_supported lists refresh_token.",
    rule: Some(Rule::RefreshTokens),
    next: "Without them people log in again whenever the access token ends.",
};
const AUTHORIZE: Kind = Kind {
    id: "authserver.authorize",
    subject: "The authorization endpoint is there",
    fault: "The authorization endpoint does not answer as one",
    expected: "Opened without parameters, the authorization endpoint shows an error page or a login, not 404 or 5xx.",
    rule: Some(Rule::AuthorizationEndpoint),
    next: "Correct authorization_endpoint in the metadata; a proxy that rewrites the issuer often forgets the endpoints.",
};
const TOKEN: Kind = Kind {
    id: "authserver.token",
    subject: "The token endpoint is there",
    fault: "The token endpoint does not answer as one",
    expected: "Asked without a code, the token endpoint answers 400 or 401 with an error as JSON.",
    rule: Some(Rule::TokenEndpoint),
    next: "Correct token_endpoint in the metadata, and let errors be JSON with a member error.",
};
const KEYS: Kind = Kind {
    id: "authserver.keys",
    subject: "The keys can be read",
    fault: "The keys cannot be read",
    expected: "`jwks_uri`, where it is there, answers 200 with a list of keys.",
    rule: Some(Rule::AuthserverMetadata),
    next: "Correct jwks_uri: a server that checks tokens by their signature refuses all of them without the keys.",
};
const ENTRA: Kind = Kind {
    id: "authserver.resource_parameter",
    subject: "The parameter `resource` is known to be taken",
    fault: "This authorization server is known to refuse the parameter `resource`",
    expected: "The authorization server takes `resource` in authorization and token requests.",
    rule: Some(Rule::HostEntraResource),
    next: "MCP clients must send `resource`. Put an authorization server between the clients and Microsoft Entra, and let that one talk to Entra.",
};

pub(super) const KINDS: &[&Kind] = &[
    &METADATA,
    &ISSUER,
    &ENDPOINTS,
    &SECURE,
    &PKCE,
    &CODE,
    &REGISTRATION,
    &RESPONSE_ISSUER,
    &REFRESH,
    &AUTHORIZE,
    &TOKEN,
    &KEYS,
    &ENTRA,
];

pub(super) fn check(chart: &Chart) -> Vec<Finding> {
    if chart.login.servers.is_empty() {
        return KINDS.iter().map(|kind| kind.na("no authorization server is named")).collect();
    }
    chart.login.servers.iter().flat_map(|server| one(chart, server)).collect()
}

fn one(chart: &Chart, server: &Authserver) -> Vec<Finding> {
    let issuer = &server.issuer;
    let (Some(document), Some(metadata)) = (server.document(), server.metadata()) else {
        // That the issuer is an internal URL explains it, and is a finding of its own.
        let internal = Url::parse(issuer).is_ok_and(|url| is_behind_proxy(&url, &chart.url));
        let tried: Vec<String> =
            server.documents.iter().map(|it| format!("{}: {}", it.url, it.answer.describe())).collect();
        let said = if tried.is_empty() { format!("{issuer} is not a URL") } else { tried.join("; ") };
        let missing = if internal { METADATA.na(said) } else { METADATA.error(said) };
        let missing = missing.all_seen(server.documents.iter().map(|document| &document.answer));
        let others = KINDS[1..].iter().map(|kind| kind.na("there is no metadata"));
        return std::iter::once(missing).chain(others).collect();
    };
    let same = metadata.issuer == *issuer;
    let mut findings = vec![
        METADATA.ok(document.url.clone()),
        ISSUER.error_unless(same, format!("issuer is {}, and {issuer} was looked up", metadata.issuer)),
        endpoints(metadata),
        secure(chart, metadata),
        PKCE.error_unless(metadata.supports_s256(), list(metadata.code_challenge_methods_supported.as_ref())),
        code(metadata),
        registration(metadata),
        match metadata.authorization_response_iss_parameter_supported {
            true => RESPONSE_ISSUER.ok("it says so"),
            false => RESPONSE_ISSUER.info("it does not say so"),
        },
        refresh(metadata),
    ];
    findings.iter_mut().for_each(|finding| *finding = finding.clone().seen(&document.answer));
    findings.extend([authorize(server), token(server), keys(server), entra(issuer)]);
    findings
}

fn endpoints(metadata: &AuthorizationServerMetadata) -> Finding {
    let named = [
        ("authorization_endpoint", &metadata.authorization_endpoint),
        ("token_endpoint", &metadata.token_endpoint),
    ];
    let missing: Vec<&str> = named.iter().filter(|(_, url)| url.is_none()).map(|(name, _)| *name).collect();
    let fine = missing.is_empty();
    ENDPOINTS.error_unless(
        fine,
        if fine { "both are".to_owned() } else { format!("missing: {}", missing.join(", ")) },
    )
}

fn secure(chart: &Chart, metadata: &AuthorizationServerMetadata) -> Finding {
    let rule = EndpointRule::for_server(&chart.url);
    let named = [
        ("authorization_endpoint", &metadata.authorization_endpoint),
        ("token_endpoint", &metadata.token_endpoint),
        ("registration_endpoint", &metadata.registration_endpoint),
        ("jwks_uri", &metadata.jwks_uri),
    ];
    let bad: Vec<String> = named
        .into_iter()
        .filter_map(|(name, url)| Some((name, url.as_deref()?)))
        .filter_map(|(name, url)| {
            let internal = Url::parse(url).is_ok_and(|url| is_behind_proxy(&url, &chart.url));
            let why = match rule.endpoint(url) {
                Err(why) => why,
                Ok(()) if internal => "is not a public URL",
                Ok(()) => return None,
            };
            Some(format!("{name} {url} {why}"))
        })
        .collect();
    let fine = bad.is_empty();
    SECURE.error_unless(fine, if fine { "all of them are".to_owned() } else { bad.join("; ") })
}

fn code(metadata: &AuthorizationServerMetadata) -> Finding {
    let has = |list: &Option<Vec<String>>, word: &str| {
        list.as_ref().is_none_or(|list| list.iter().any(|entry| entry == word))
    };
    let fine = has(&metadata.response_types_supported, "code")
        && has(&metadata.grant_types_supported, "authorization_code");
    let types = list(metadata.response_types_supported.as_ref());
    let grants = list(metadata.grant_types_supported.as_ref());
    CODE.error_unless(fine, format!("response types: {types}; grant types: {grants}"))
}

fn registration(metadata: &AuthorizationServerMetadata) -> Finding {
    match (metadata.client_id_metadata_document_supported, &metadata.registration_endpoint) {
        (true, None) => REGISTRATION.ok("by the URL of its metadata document"),
        (true, Some(_)) => REGISTRATION.ok("by the URL of its metadata document, and by registering"),
        (false, Some(_)) => {
            REGISTRATION.ok("by registering, which is deprecated in favour of metadata documents")
        }
        (false, None) => REGISTRATION
            .warning("there is neither client_id_metadata_document_supported nor registration_endpoint"),
    }
}

fn refresh(metadata: &AuthorizationServerMetadata) -> Finding {
    match &metadata.grant_types_supported {
        Some(grants) if grants.iter().any(|grant| grant == "refresh_token") => REFRESH.ok("it says so"),
        Some(grants) => REFRESH.info(format!("grant types: {}", grants.join(", "))),
        None => REFRESH.na("grant_types_supported is not there"),
    }
}

fn authorize(server: &Authserver) -> Finding {
    let Some(answer) = &server.authorize else { return AUTHORIZE.na("there is no URL to open") };
    if answer.reply().is_none() && (!answer.was_asked() || is_refused_by_us(answer)) {
        return AUTHORIZE.na(answer.describe()).seen(answer);
    }
    let fine = answer.reply().is_some() && !answer.is(404) && !answer.is(405) && !answer.is_server_error();
    AUTHORIZE.error_unless(fine, answer.describe()).seen(answer)
}

fn token(server: &Authserver) -> Finding {
    let Some(answer) = &server.token else { return TOKEN.na("there is no URL to ask") };
    if answer.reply().is_none() && (!answer.was_asked() || is_refused_by_us(answer)) {
        return TOKEN.na(answer.describe()).seen(answer);
    }
    let says_why = answer.json().is_some_and(|body| body.get("error").is_some());
    if matches!(answer.status(), Some(400 | 401)) {
        let finding = if says_why { TOKEN.ok(answer.describe()) } else { TOKEN.warning(answer.describe()) };
        return finding.seen(answer);
    }
    // Some answer other 4xx with a proper error; that is odd and works.
    if says_why && !answer.is_server_error() {
        return TOKEN.warning(answer.describe()).seen(answer);
    }
    TOKEN.error(answer.describe()).seen(answer)
}

fn keys(server: &Authserver) -> Finding {
    let Some(answer) = &server.keys else { return KEYS.na("jwks_uri is not there") };
    if answer.reply().is_none() && (!answer.was_asked() || is_refused_by_us(answer)) {
        return KEYS.na(answer.describe()).seen(answer);
    }
    let fine = answer.is(200)
        && answer.json().is_some_and(|body| body.get("keys").is_some_and(serde_json::Value::is_array));
    KEYS.error_unless(fine, answer.describe()).seen(answer)
}

/// That we do not call a URL has a finding of its own (`authserver.secure`).
fn is_refused_by_us(answer: &crate::probe::Answer) -> bool {
    matches!(answer.outcome, Err(crate::probe::Fault::Forbidden(_)))
}

fn entra(issuer: &str) -> Finding {
    let hosts = ["login.microsoftonline.com", "sts.windows.net", "login.microsoftonline.us"];
    let entra = Url::parse(issuer).is_ok_and(|url| url.host_str().is_some_and(|host| hosts.contains(&host)));
    if entra { ENTRA.warning(issuer) } else { ENTRA.na("nothing is known against it") }
}

fn list(words: Option<&Vec<String>>) -> String {
    words.map_or_else(|| "not listed".to_owned(), |words| words.join(", "))
}
