//! How a client would find out where to log in.

use barewire_exchange::Step;
use barewire_oauth::challenge::Challenge;
use barewire_oauth::metadata::well_known::{self, Form, Location};
use barewire_oauth::metadata::{AuthorizationServerMetadata, ProtectedResourceMetadata};
use barewire_oauth::secret::AccessToken;
use http::Method;
use serde::de::DeserializeOwned;
use serde_json::json;
use url::Url;

use super::door::Door;
use super::eras::Eras;
use crate::probe::{Answer, Ask, Asker, Speaker};

/// A token that no server has issued.
const NOT_A_TOKEN: &str = "barewire-doctor-made-this-up-and-nobody-issued-it";

/// What there is about logging in.
pub(crate) struct Login {
    /// The refusal that somebody without a token meets first.
    pub(crate) refused: Option<Answer>,
    /// The OAuth challenge in it.
    pub(crate) challenge: Option<Challenge>,
    /// The same request with a token that nobody issued.
    pub(crate) made_up: Option<Answer>,
    /// The places of the resource's metadata, in the order a client looks at them.
    pub(crate) documents: Vec<Document<ProtectedResourceMetadata>>,
    /// RFC 8414 metadata at the MCP server's own origin: how 2025-03-26 did it.
    pub(crate) at_origin: Option<Document<AuthorizationServerMetadata>>,
    pub(crate) servers: Vec<Authserver>,
}

/// A metadata document at one place.
pub(crate) struct Document<T> {
    pub(crate) form: Form,
    pub(crate) url: String,
    pub(crate) answer: Answer,
    /// The document, where it is one.
    pub(crate) read: Option<T>,
}

/// One authorization server.
pub(crate) struct Authserver {
    /// As the resource's metadata names it.
    pub(crate) issuer: String,
    pub(crate) documents: Vec<Document<AuthorizationServerMetadata>>,
    /// The authorization endpoint, opened without parameters.
    pub(crate) authorize: Option<Answer>,
    /// The token endpoint, asked without a code.
    pub(crate) token: Option<Answer>,
    /// The keys.
    pub(crate) keys: Option<Answer>,
}

impl Login {
    /// The document that a client uses: the first that it can read.
    pub(crate) fn document(&self) -> Option<&Document<ProtectedResourceMetadata>> {
        self.documents.iter().find(|document| document.read.is_some())
    }

    pub(crate) fn metadata(&self) -> Option<&ProtectedResourceMetadata> {
        self.document()?.read.as_ref()
    }
}

impl Authserver {
    /// The document that a client uses: the first that it can read.
    pub(crate) fn document(&self) -> Option<&Document<AuthorizationServerMetadata>> {
        self.documents.iter().find(|document| document.read.is_some())
    }

    pub(crate) fn metadata(&self) -> Option<&AuthorizationServerMetadata> {
        self.document()?.read.as_ref()
    }
}

pub(super) async fn look(asker: &mut Asker, url: &Url, door: &Door, eras: &Eras, nobody: &Speaker) -> Login {
    let open = [Some(&door.first), Some(&eras.open_initialize), eras.open_list.as_ref()];
    let refused = open.into_iter().flatten().find(|answer| answer.is_refusal()).cloned();
    let challenge = refused.as_ref().and_then(|answer| Challenge::select(answer.lines("www-authenticate")));

    let made_up = match &refused {
        Some(refused) => {
            let speaker = nobody.with_token(Some(&AccessToken::new(NOT_A_TOKEN)));
            let what = "The same with a token that nobody issued";
            let ask = if refused.exchange == eras.open_initialize.exchange {
                speaker.initialize(what, barewire_mcp::revision::Revision::LATEST_LEGACY.as_str())
            } else {
                speaker.request(what, "server/discover", json!({}))
            };
            Some(asker.ask(ask).await)
        }
        None => None,
    };

    let documents = resource_documents(asker, url, challenge.as_ref()).await;
    let mut login = Login { refused, challenge, made_up, documents, at_origin: None, servers: Vec::new() };
    if login.refused.is_some() && login.metadata().is_none() {
        let origin = url.origin().ascii_serialization();
        let place = Location {
            url: format!("{origin}{}", well_known::AUTHORIZATION_SERVER),
            form: Form::OauthAtServerOrigin,
        };
        login.at_origin = Some(fetch(asker, place, Step::ServerMetadataAtOrigin).await);
    }
    let issuers: Vec<String> = match login.metadata() {
        Some(metadata) => metadata.authorization_servers.clone(),
        None => Vec::new(),
    };
    for issuer in issuers.into_iter().take(asker.config().max_authorization_servers) {
        login.servers.push(authorization_server(asker, issuer).await);
    }
    login
}

async fn resource_documents(
    asker: &mut Asker,
    url: &Url,
    challenge: Option<&Challenge>,
) -> Vec<Document<ProtectedResourceMetadata>> {
    let mut places = Vec::new();
    if let Some(named) = challenge.and_then(Challenge::resource_metadata) {
        places.push(Location { url: named.to_owned(), form: Form::NamedByChallenge });
    }
    places.extend(well_known::protected_resource(url.as_str()));
    let mut documents: Vec<Document<ProtectedResourceMetadata>> = Vec::new();
    for place in places {
        let step = match place.form {
            Form::NamedByChallenge => Step::ResourceMetadataNamed,
            Form::ResourceInserted => Step::ResourceMetadataInserted,
            _ => Step::ResourceMetadataRoot,
        };
        // The challenge usually names one of the others.
        let known = documents.iter().find(|document| document.url == place.url);
        let document = match known {
            Some(known) => Document {
                form: place.form,
                url: place.url,
                answer: known.answer.clone(),
                read: known.read.clone(),
            },
            None => fetch(asker, place, step).await,
        };
        documents.push(document);
    }
    documents
}

async fn authorization_server(asker: &mut Asker, issuer: String) -> Authserver {
    let mut documents: Vec<Document<AuthorizationServerMetadata>> = Vec::new();
    for place in well_known::authorization_server(&issuer) {
        let step = match place.form {
            Form::OpenidInserted => Step::ServerMetadataOpenid,
            Form::OpenidAppended => Step::ServerMetadataOpenidAppended,
            _ => Step::ServerMetadataOauth,
        };
        documents.push(fetch(asker, place, step).await);
    }
    let mut server = Authserver { issuer, documents, authorize: None, token: None, keys: None };
    let Some(metadata) = server.metadata().cloned() else { return server };
    let parsed = |text: &Option<String>| text.as_deref().and_then(|text| Url::parse(text).ok());

    if let Some(url) = parsed(&metadata.authorization_endpoint) {
        let ask = Ask::new("Open the authorization endpoint without parameters", Method::GET, &url)
            .with("accept", "text/html")
            .step(Step::Authorize);
        server.authorize = Some(asker.ask_named(ask).await);
    }
    if let Some(url) = parsed(&metadata.token_endpoint) {
        server.token = Some(asker.ask_named(token_request("Ask for a token without a code", &url)).await);
    }
    if let Some(url) = parsed(&metadata.jwks_uri) {
        server.keys = Some(asker.ask_named(Ask::document("Read the keys", &url)).await);
    }
    server
}

/// A request that every token endpoint refuses, and that costs it nothing.
pub(super) fn token_request(what: &str, url: &Url) -> Ask {
    Ask::new(what, Method::POST, url)
        .with("accept", "application/json")
        .body("application/x-www-form-urlencoded", "grant_type=authorization_code")
        .step(Step::RedeemCode)
}

async fn fetch<T: DeserializeOwned>(asker: &mut Asker, place: Location, step: Step) -> Document<T> {
    let what = match place.form {
        Form::NamedByChallenge => "Resource metadata, where the challenge says it is",
        Form::ResourceInserted => "Resource metadata, well-known with the path behind it",
        Form::ResourceRoot => "Resource metadata, well-known at the root",
        Form::OauthInserted => "Authorization server metadata (RFC 8414)",
        Form::OpenidInserted => "Authorization server metadata (OpenID Connect, path inserted)",
        Form::OpenidAppended => "Authorization server metadata (OpenID Connect, path appended)",
        Form::OauthAtServerOrigin => "Authorization server metadata at the MCP server (2025-03-26)",
    };
    let Ok(url) = Url::parse(&place.url) else {
        let outcome = Err(crate::probe::Fault::Forbidden("is not an absolute URL"));
        let answer = Answer { exchange: String::new(), asked_id: None, outcome };
        return Document { form: place.form, url: place.url, answer, read: None };
    };
    let answer = asker.ask_named(Ask::document(what, &url).step(step)).await;
    let read = match answer.reply() {
        Some(reply) if reply.status == http::StatusCode::OK => serde_json::from_slice(&reply.body).ok(),
        _ => None,
    };
    Document { form: place.form, url: place.url, answer, read }
}
