//! Whether a server gets a token for a call of its own in exchange for the one that its caller has sent
//! ([RFC 8693](https://www.rfc-editor.org/rfc/rfc8693)), so that it need not pass that one on, which it must not.
//!
//! What comes out is never more than what goes in: the same user and grant, a part of the scopes, no longer a life, another
//! audience. What ends or narrows the grant does so for both; a token that is revoked by itself takes no other with it. Decided here, where the documents leave it open:
//!
//! * **Who may** is the operator's to say ([`Rule`]): a client that authenticates, for tokens that were sent to *it*. A token
//!   for somebody else's resource is refused, so a server that got hold of one cannot turn it into another.
//! * **Delegation, never impersonation** ([§1.1](https://www.rfc-editor.org/rfc/rfc8693#section-1.1)): the new token names in
//!   `act` who calls for the user, and who had called that one. Whoever does not care does not look; nobody is fooled. The
//!   actor is the client that authenticates, so an `actor_token` has nothing to add and is refused.
//! * **Access tokens only** ([§3](https://www.rfc-editor.org/rfc/rfc8693#section-3)). An ID token says who logged in somewhere,
//!   and a refresh token belongs to the client it was given to: neither says that the server may do anything.
//! * **A key is not lost**: a token that was bound to a key ([RFC 9449](https://www.rfc-editor.org/rfc/rfc9449)) is exchanged
//!   for one that is bound to the key of the server. The server cannot prove to have the user's client's key, and need not:
//!   that was proven when the token was sent to it, and nobody else can exchange it.

use serde::Deserialize;

use crate::claims::{AccessTokenClaims, Actor, Audience};
use crate::error::ErrorCode;
use crate::parameters::Parameters;
use crate::resource::Resource;
use crate::scope::ScopeSet;
use crate::secret::AccessToken;
use crate::token::own_subject;

/// `grant_type`.
pub const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// What goes in and what comes out ([§3](https://www.rfc-editor.org/rfc/rfc8693#section-3)).
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// What one client may exchange, by the operator's word.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The resources that it serves: tokens for these it may exchange.
    #[cfg_attr(feature = "schema", schemars(example = ["https://reports.example/mcp"]))]
    pub from: Vec<Resource>,
    /// The resources that it calls: for these it may get tokens.
    #[cfg_attr(feature = "schema", schemars(example = ["https://archive.example/api"]))]
    pub to: Vec<Resource>,
    /// The most that such a token allows.
    #[cfg_attr(feature = "schema", schemars(example = &"posts:read"))]
    pub scopes: ScopeSet,
}

/// What the client asks for.
#[derive(Debug, Clone)]
pub struct ExchangeRequest {
    /// The token that was sent to it.
    pub subject_token: AccessToken,
    /// Whom it calls; `None` where it does not say.
    pub target: Option<Resource>,
    /// A part of what the subject token allows.
    pub scope: Option<ScopeSet>,
}

/// Why nothing was exchanged ([§2.2.2](https://www.rfc-editor.org/rfc/rfc8693#section-2.2.2)).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeRefusal {
    /// An ID token, a refresh token, a statement of somebody else, or a word that is not known here.
    #[error(
        "subject_token_type has to be {ACCESS_TOKEN}: what a server was sent, and nothing else, is exchanged"
    )]
    SubjectTokenType,
    /// Something else is wanted than an access token.
    #[error("requested_token_type has to be {ACCESS_TOKEN}, or absent")]
    RequestedTokenType,
    /// Somebody else is said to act.
    #[error("actor_token is not accepted: who acts is the client that authenticates")]
    ActorToken,
    /// Not an access token of ours that counts now.
    #[error("the subject_token is not an access token of this server that counts")]
    SubjectToken,
    /// It was not sent to this client.
    #[error("the subject_token is for another resource than those that this client serves")]
    ForAnother,
    /// It has been exchanged as often as is allowed.
    #[error("the subject_token has been exchanged {0} times, which is as often as this server allows")]
    TooDeep(u32),
    /// Not a resource that this client may call, or none where it may call several, or several at once.
    #[error("resource (or audience) has to name one resource for which this client may exchange tokens")]
    Target,
    /// More than the subject token allows, or than the client may have.
    #[error("scope exceeds what this token can be exchanged for, which is: {0}")]
    MoreScope(ScopeSet),
}

impl ExchangeRefusal {
    /// The code on the wire.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::SubjectTokenType
            | Self::RequestedTokenType
            | Self::ActorToken
            | Self::SubjectToken
            | Self::ForAnother
            | Self::TooDeep(_) => ErrorCode::InvalidRequest,
            Self::Target => ErrorCode::InvalidTarget,
            Self::MoreScope(_) => ErrorCode::InvalidScope,
        }
    }

    /// A word for whoever keeps account.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            Self::SubjectTokenType => "subject_token_type",
            Self::RequestedTokenType => "requested_token_type",
            Self::ActorToken => "actor_token",
            Self::SubjectToken => "subject_token",
            Self::ForAnother => "subject_token_for_another",
            Self::TooDeep(_) => "exchanged_too_often",
            Self::Target => "unknown_resource",
            Self::MoreScope(_) => "more_scope",
        }
    }
}

/// Reads the target of a request: `resource` and `audience` may both name it, and may only name one.
///
/// # Errors
/// [`ExchangeRefusal::Target`].
pub fn target(parameters: &Parameters) -> Result<Option<Resource>, ExchangeRefusal> {
    let mut target: Option<Resource> = None;
    for text in parameters.all("resource").chain(parameters.all("audience")) {
        let named = Resource::parse(text).map_err(|_| ExchangeRefusal::Target)?;
        match &target {
            Some(other) if !other.is_equivalent(&named) => return Err(ExchangeRefusal::Target),
            Some(_) => {}
            None => target = Some(named),
        }
    }
    Ok(target)
}

/// Checks what kinds of tokens a request is about.
///
/// # Errors
/// [`ExchangeRefusal`].
pub fn check_types(
    subject: Option<&str>,
    requested: Option<&str>,
    has_actor: bool,
) -> Result<(), ExchangeRefusal> {
    if subject != Some(ACCESS_TOKEN) {
        return Err(ExchangeRefusal::SubjectTokenType);
    }
    if requested.is_some_and(|requested| requested != ACCESS_TOKEN) {
        return Err(ExchangeRefusal::RequestedTokenType);
    }
    if has_actor { Err(ExchangeRefusal::ActorToken) } else { Ok(()) }
}

/// What the new token says that the subject token does not; user, grant and end are that one's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchanged {
    /// Where it is good, as the rule spells it.
    pub resource: Resource,
    /// For what.
    pub scope: ScopeSet,
    /// Who acts, and who has acted before.
    pub actor: Actor,
}

/// Decides. `subject` are the claims of a token of ours that counts now, with the scopes that its grant still has;
/// `max_depth` is how many may stand between the user's client and the last of them.
///
/// # Errors
/// [`ExchangeRefusal`].
pub fn exchange(
    client_id: &str,
    rule: &Rule,
    subject: &AccessTokenClaims,
    request: &ExchangeRequest,
    max_depth: u32,
) -> Result<Exchanged, ExchangeRefusal> {
    if !is_for_one_of(&subject.aud, &rule.from) {
        return Err(ExchangeRefusal::ForAnother);
    }
    if depth(subject.act.as_ref()) >= max_depth {
        return Err(ExchangeRefusal::TooDeep(max_depth));
    }
    let resource = match (&request.target, rule.to.as_slice()) {
        (Some(target), may) => may.iter().find(|one| one.is_equivalent(target)),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    let resource = resource.ok_or(ExchangeRefusal::Target)?.clone();
    let most = subject.scope.intersection(&rule.scopes);
    let scope = match request.scope.as_ref().filter(|scope| !scope.is_empty()) {
        None => most.clone(),
        Some(wanted) if wanted.is_subset(&most) => wanted.clone(),
        Some(_) => return Err(ExchangeRefusal::MoreScope(most)),
    };
    // A token that is good for nothing would only hide that.
    if scope.is_empty() && !rule.scopes.is_empty() {
        return Err(ExchangeRefusal::MoreScope(scope));
    }
    let actor = Actor { sub: Some(own_subject(client_id)), act: subject.act.clone().map(Box::new) };
    Ok(Exchanged { resource, scope, actor })
}

fn is_for_one_of(audience: &Audience, resources: &[Resource]) -> bool {
    let all = match audience {
        Audience::One(one) => std::slice::from_ref(one),
        Audience::Many(many) => many,
    };
    let ours = |named: &String| {
        Resource::parse(named).is_ok_and(|named| resources.iter().any(|one| one.is_equivalent(&named)))
    };
    all.iter().any(ours)
}

/// How many have acted.
fn depth(actor: Option<&Actor>) -> u32 {
    let mut depth: u32 = 0;
    let mut next = actor;
    while let Some(actor) = next {
        depth = depth.saturating_add(1);
        next = actor.act.as_deref();
    }
    depth
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn resource(text: &str) -> Resource {
        Resource::parse(text).unwrap()
    }

    fn rule() -> Rule {
        Rule {
            from: vec![resource("https://mcp.example/mcp")],
            to: vec![resource("https://api.example/v1"), resource("https://files.example")],
            scopes: ScopeSet::parse("a b d").unwrap(),
        }
    }

    fn subject() -> AccessTokenClaims {
        AccessTokenClaims {
            iss: "https://as.example".into(),
            sub: "ann".into(),
            aud: Audience::One("https://mcp.example/mcp".into()),
            exp: 2_000,
            iat: 1_000,
            nbf: None,
            jti: "j".into(),
            client_id: "c".into(),
            scope: ScopeSet::parse("a b c").unwrap(),
            auth_time: None,
            grant_id: Some("g".into()),
            cnf: None,
            act: None,
            signed_by: None,
        }
    }

    fn request(target: Option<&str>, scope: Option<&str>) -> ExchangeRequest {
        ExchangeRequest {
            subject_token: AccessToken::new("x"),
            target: target.map(resource),
            scope: scope.map(|scope| ScopeSet::parse(scope).unwrap()),
        }
    }

    #[test]
    fn what_comes_out_is_never_more_than_what_goes_in() {
        let check = |target: Option<&str>, scope: Option<&str>, expected: Result<(&str, &str), &str>| {
            let exchanged = exchange("mcp", &rule(), &subject(), &request(target, scope), 4);
            let exchanged = exchanged.map(|new| (new.resource.as_str().to_owned(), new.scope.to_string()));
            let exchanged = exchanged.as_ref().map(|(resource, scope)| (resource.as_str(), scope.as_str()));
            assert_eq!(exchanged.map_err(ExchangeRefusal::rule), expected, "{target:?} {scope:?}");
        };
        let api = Some("https://api.example/v1/");
        check(api, None, Ok(("https://api.example/v1", "a b")));
        check(api, Some("b"), Ok(("https://api.example/v1", "b")));
        check(api, Some(""), Ok(("https://api.example/v1", "a b")));
        // What the user has allowed but the operator has not, the other way round, and neither.
        for scope in ["c", "d", "a d", "e"] {
            check(api, Some(scope), Err("more_scope"));
        }
        for target in [None, Some("https://other.example"), Some("https://mcp.example/mcp")] {
            check(target, None, Err("unknown_resource"));
        }
        let only = Rule { to: vec![resource("https://files.example")], ..rule() };
        let exchanged = exchange("mcp", &only, &subject(), &request(None, None), 4).unwrap();
        assert_eq!(exchanged.resource, only.to[0]);
        let nothing = Rule { scopes: ScopeSet::parse("d").unwrap(), ..only };
        let refused = exchange("mcp", &nothing, &subject(), &request(None, None), 4);
        assert_eq!(refused, Err(ExchangeRefusal::MoreScope(ScopeSet::new())));
    }

    #[test]
    fn only_what_was_sent_to_it_is_exchanged() {
        for (aud, expected) in [
            (Audience::One("https://mcp.example/mcp/".into()), true),
            (Audience::Many(vec!["https://x.example".into(), "https://mcp.example/mcp".into()]), true),
            (Audience::One("https://mcp.example".into()), false),
            (Audience::One("https://api.example/v1".into()), false),
            (Audience::One("mcp".into()), false),
            (Audience::Many(vec![]), false),
        ] {
            let subject = AccessTokenClaims { aud, ..subject() };
            let request = request(Some("https://files.example"), None);
            let refused = exchange("mcp", &rule(), &subject, &request, 4).err();
            assert_eq!(refused, (!expected).then_some(ExchangeRefusal::ForAnother), "{subject:?}");
        }
    }

    #[test]
    fn who_acts_is_said_and_the_chain_has_an_end() {
        let request = request(Some("https://files.example"), None);
        let mut subject = subject();
        for (client, expected) in [
            ("one", json!({ "sub": "client:one" })),
            ("two", json!({ "sub": "client:two", "act": { "sub": "client:one" } })),
        ] {
            let exchanged = exchange(client, &rule(), &subject, &request, 2).unwrap();
            assert_eq!(json!(exchanged.actor), expected);
            subject.act = Some(exchanged.actor);
        }
        assert_eq!(exchange("three", &rule(), &subject, &request, 2), Err(ExchangeRefusal::TooDeep(2)));
        subject.act = None;
        assert_eq!(exchange("one", &rule(), &subject, &request, 0), Err(ExchangeRefusal::TooDeep(0)));
    }

    #[test]
    fn only_access_tokens_and_nobody_else_acts() {
        let check = |subject: Option<&str>, requested: Option<&str>, actor: bool, expected: Option<&str>| {
            let refused = check_types(subject, requested, actor).err();
            assert_eq!(refused.as_ref().map(ExchangeRefusal::rule), expected, "{subject:?} {requested:?}");
            assert!(refused.is_none_or(|refusal| refusal.code() == ErrorCode::InvalidRequest));
        };
        check(Some(ACCESS_TOKEN), None, false, None);
        check(Some(ACCESS_TOKEN), Some(ACCESS_TOKEN), false, None);
        for kind in ["id_token", "refresh_token", "jwt", "saml2", "saml1"] {
            let kind = format!("urn:ietf:params:oauth:token-type:{kind}");
            check(Some(&kind), None, false, Some("subject_token_type"));
            check(Some(ACCESS_TOKEN), Some(&kind), false, Some("requested_token_type"));
        }
        check(None, None, false, Some("subject_token_type"));
        check(Some("access_token"), None, false, Some("subject_token_type"));
        check(Some(ACCESS_TOKEN), None, true, Some("actor_token"));
    }

    #[test]
    fn one_target_by_either_name() {
        let check = |text: &str, expected: Result<Option<&str>, ()>| {
            let read = target(&Parameters::parse(text.as_bytes()));
            let read = read.as_ref().map(|target| target.as_ref().map(Resource::as_str)).map_err(|_| ());
            assert_eq!(read, expected, "{text}");
        };
        check("", Ok(None));
        check("resource=https://a.example/x", Ok(Some("https://a.example/x")));
        check("audience=https://a.example/x", Ok(Some("https://a.example/x")));
        check("audience=https://a.example/x&resource=https://a.example/x/", Ok(Some("https://a.example/x/")));
        check("audience=https://a.example/x&audience=https://a.example/x", Ok(Some("https://a.example/x")));
        check("resource=https://a.example&resource=https://b.example", Err(()));
        check("resource=https://a.example&audience=https://b.example", Err(()));
        check("audience=a-name", Err(()));
    }
}
