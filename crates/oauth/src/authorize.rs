//! What `GET /authorize` decides ([OAuth 2.1 §4.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1)).
//!
//! In this order: who asks and where the answer may go (a mistake there is told to the person, on a page, because
//! nobody else may be trusted with it); then everything else (a mistake there is told to the client, by redirect);
//! then what the person still has to do.

use std::time::SystemTime;

use crate::client::{Client, GrantType, RedirectMismatch, RedirectUri};
use crate::consent::{self, Question};
use crate::error::{ErrorCode, ErrorResponse};
use crate::parameters::{Parameters, Repeated};
use crate::pkce::{self, CodeChallenge};
use crate::resource::Resource;
use crate::scope::ScopeSet;

/// The scope that asks for a refresh token
/// ([OpenID Connect Core §11](https://openid.net/specs/openid-connect-core-1_0.html#OfflineAccess)).
pub const OFFLINE_ACCESS: &str = "offline_access";

/// What the server offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The resources that tokens can be for. The first is meant when a request names none.
    pub resources: Vec<Offered>,
    /// What only administrators can allow, where there is that: its tokens are good nowhere else, and no other's are good
    /// there. It is asked for by its name, and only where a person is asked: no other grant leads to it.
    pub administration: Option<Offered>,
}

/// A resource, and what can be allowed there. A scope is a word of its resource: the same word may be another thing at
/// another one, so no token for one has the scopes of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// Its identifier.
    pub resource: Resource,
    /// Every scope there is, `offline_access` aside.
    pub scopes: ScopeSet,
    /// The scopes that a request without `scope` asks for.
    pub default_scopes: ScopeSet,
}

impl Policy {
    /// The resource that is meant, spelled as here; `None` for one that tokens cannot be for, and for that of
    /// administrators.
    #[must_use]
    pub fn resource(&self, named: Option<&Resource>) -> Option<&Offered> {
        match named {
            None => self.resources.first(),
            Some(named) => self.resources.iter().find(|offered| offered.resource.is_equivalent(named)),
        }
    }

    /// What is still there of what somebody was granted for this resource; `None` where that is nothing. An operator can
    /// take scopes and resources away, and what was granted is not granted for ever.
    #[must_use]
    pub fn still(&self, resource: &Resource, granted: &ScopeSet) -> Option<ScopeSet> {
        let mut all = self.resources.iter().chain(&self.administration);
        let offered = all.find(|offered| offered.resource.is_equivalent(resource))?;
        // That one is not the resource's: it is neither something that is left, nor something that was taken.
        let offline = granted.intersection(&ScopeSet::from_tokens([OFFLINE_ACCESS]));
        Some(offered.part_of(&granted.difference(&offline))?.union(&offline))
    }

    /// Every scope of every resource, but for those of administrators.
    #[must_use]
    pub fn scopes(&self) -> ScopeSet {
        self.resources.iter().fold(ScopeSet::new(), |all, offered| all.union(&offered.scopes))
    }
}

impl Offered {
    /// The scopes asked for; an unknown one is refused rather than dropped, so that its author learns of it.
    pub(crate) fn scope(&self, text: Option<&str>) -> Result<ScopeSet, ErrorResponse> {
        let Some(text) = text else { return Ok(self.default_scopes.clone()) };
        let requested = ScopeSet::parse(text)
            .map_err(|error| ErrorResponse::new(ErrorCode::InvalidScope, error.to_string()))?;
        let mut unknown = requested.difference(&self.scopes);
        unknown.remove(OFFLINE_ACCESS);
        if !unknown.is_empty() {
            let description = format!("unknown scope: {unknown}; there are: {}", self.scopes);
            return Err(ErrorResponse::new(ErrorCode::InvalidScope, description));
        }
        // `offline_access` alone would be a grant for nothing.
        let only_offline = requested.iter().all(|scope| scope == OFFLINE_ACCESS);
        Ok(if only_offline { self.default_scopes.union(&requested) } else { requested })
    }

    /// What there is here of scopes that somebody may have at any resource; `None` where that is nothing: a token that is
    /// good for nothing would only hide it.
    #[must_use]
    pub fn part_of(&self, allowed: &ScopeSet) -> Option<ScopeSet> {
        let here = allowed.intersection(&self.scopes);
        (!here.is_empty() || allowed.is_empty()).then_some(here)
    }
}

/// An authorization request that can be answered with a code if the user agrees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationRequest {
    /// Where the answer goes.
    pub redirect_uri: RedirectUri,
    /// Given back unread.
    pub state: Option<String>,
    /// What is asked for.
    pub scope: ScopeSet,
    /// For which resource, spelled as the server spells it.
    pub resource: Resource,
    /// Whether only an administrator can allow it.
    pub for_administrators: bool,
    /// Proof key, S256.
    pub code_challenge: CodeChallenge,
    /// What the client wants the user to be asked.
    pub prompt: Prompt,
    /// The thumbprint of the key that the code is to be bound to
    /// ([RFC 9449 §10](https://www.rfc-editor.org/rfc/rfc9449#section-10)).
    pub dpop_jkt: Option<String>,
}

/// `prompt` of [OpenID Connect Core §3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Prompt {
    /// Ask nothing; fail instead.
    pub none: bool,
    /// Ask for the password even if the user is logged in (`login`, `select_account`).
    pub login: bool,
    /// Ask for consent even if it was given.
    pub consent: bool,
}

/// Why the answer is no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// There is nobody to redirect to: a page tells the person.
    Page(PageError),
    /// The client is told.
    Redirect(Box<AuthorizationError>),
}

/// Why there is nowhere to redirect to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// No `client_id`.
    #[error("the request does not say which application it is for (client_id is missing)")]
    ClientMissing,
    /// `client_id` or `redirect_uri` is repeated.
    #[error(transparent)]
    Repeated(#[from] Repeated),
    /// The redirect URI is not the client's.
    #[error(transparent)]
    Redirect(#[from] RedirectMismatch),
}

/// An authorization error response ([OAuth 2.1 §4.1.2.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.2.1)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationError {
    /// Where it goes.
    pub redirect_uri: RedirectUri,
    /// As it was given.
    pub state: Option<String>,
    /// What is wrong.
    pub error: ErrorResponse,
}

impl AuthorizationError {
    /// The URL to redirect to. `iss` is in errors too ([RFC 9207 §2](https://www.rfc-editor.org/rfc/rfc9207#section-2)).
    #[must_use]
    pub fn location(&self, issuer: &str) -> String {
        let mut parameters = vec![("error", self.error.error.as_str())];
        if let Some(description) = &self.error.error_description {
            parameters.push(("error_description", description));
        }
        parameters.extend(self.state.as_deref().map(|state| ("state", state)));
        parameters.push(("iss", issuer));
        self.redirect_uri.with_parameters(parameters)
    }
}

/// Who the request says it comes from.
///
/// # Errors
/// [`PageError`] when it is missing or repeated.
pub fn client_id(parameters: &Parameters) -> Result<&str, PageError> {
    parameters.one("client_id")?.ok_or(PageError::ClientMissing)
}

/// Reads an authorization request of `client`.
///
/// # Errors
/// [`Rejection`] says what is wrong and who has to be told.
pub fn read(
    parameters: &Parameters,
    client: &Client,
    policy: &Policy,
) -> Result<AuthorizationRequest, Rejection> {
    let redirect_uri = redirect_uri(parameters, client).map_err(Rejection::Page)?;
    // A repeated state cannot be given back; the repetition is reported below.
    let state = parameters.one("state").ok().flatten().map(str::to_owned);
    read_rest(parameters, client, policy, &redirect_uri, state.as_deref())
        .map_err(|error| Rejection::Redirect(Box::new(AuthorizationError { redirect_uri, state, error })))
}

fn redirect_uri(parameters: &Parameters, client: &Client) -> Result<RedirectUri, PageError> {
    Ok(client.redirect_uri(parameters.one("redirect_uri")?)?)
}

fn read_rest(
    parameters: &Parameters,
    client: &Client,
    policy: &Policy,
    redirect_uri: &RedirectUri,
    state: Option<&str>,
) -> Result<AuthorizationRequest, ErrorResponse> {
    let invalid = |description: &str| ErrorResponse::new(ErrorCode::InvalidRequest, description);
    // RFC 8707 lets `resource` repeat; `resource()` says what we do about it.
    parameters.none_repeated(&["resource"]).map_err(|repeated| invalid(&repeated.to_string()))?;
    let one = |name| parameters.one(name).ok().flatten();

    for (name, code) in [("request", "request_not_supported"), ("request_uri", "request_uri_not_supported")] {
        if one(name).is_some() {
            let description = format!("{name} is not supported; send the parameters themselves");
            return Err(ErrorResponse::new(ErrorCode::from_word(code), description));
        }
    }
    match one("response_type") {
        Some("code") => {}
        None => return Err(invalid("response_type is missing; it has to be code")),
        Some(_) => {
            let description = "the only response_type is code";
            return Err(ErrorResponse::new(ErrorCode::UnsupportedResponseType, description));
        }
    }
    if one("response_mode").is_some_and(|mode| mode != "query") {
        return Err(invalid("the only response_mode is query"));
    }
    if !client.grant_types.contains(&GrantType::AuthorizationCode) {
        let description = "this client is not registered for the authorization_code grant";
        return Err(ErrorResponse::new(ErrorCode::UnauthorizedClient, description));
    }
    let code_challenge =
        code_challenge(one("code_challenge"), one("code_challenge_method")).map_err(invalid)?;
    let named = named_resource(parameters)?;
    let is_named = |own: &&Offered| named.as_ref().is_some_and(|it| own.resource.is_equivalent(it));
    let administration = policy.administration.as_ref().filter(is_named);
    let offered = administration.map_or_else(|| known_resource(named.as_ref(), policy), Ok)?;
    Ok(AuthorizationRequest {
        redirect_uri: redirect_uri.clone(),
        state: state.map(str::to_owned),
        scope: offered.scope(one("scope"))?,
        resource: offered.resource.clone(),
        for_administrators: administration.is_some(),
        code_challenge,
        prompt: prompt(one("prompt")).map_err(invalid)?,
        dpop_jkt: one("dpop_jkt").map(thumbprint).transpose().map_err(invalid)?,
    })
}

fn thumbprint(text: &str) -> Result<String, &'static str> {
    let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if text.len() == 43 && text.bytes().all(letter) {
        Ok(text.to_owned())
    } else {
        Err("dpop_jkt has to be 43 characters of base64url")
    }
}

fn code_challenge(challenge: Option<&str>, method: Option<&str>) -> Result<CodeChallenge, &'static str> {
    let challenge = challenge.ok_or("code_challenge is missing: PKCE with S256 is required")?;
    // An absent method means `plain` (RFC 7636 §4.3), which protects nothing.
    if method != Some(pkce::S256) {
        return Err("code_challenge_method has to be S256");
    }
    CodeChallenge::parse(challenge).map_err(|_| "code_challenge has to be 43 characters of base64url (S256)")
}

/// The resource a token is asked for ([RFC 8707 §2](https://www.rfc-editor.org/rfc/rfc8707#section-2)).
///
/// # Errors
/// `invalid_target` when it is malformed or not served here, or when there are several: a token is for one resource,
/// so that one server cannot use it at another.
pub fn resource<'a>(parameters: &Parameters, policy: &'a Policy) -> Result<&'a Offered, ErrorResponse> {
    known_resource(named_resource(parameters)?.as_ref(), policy)
}

fn named_resource(parameters: &Parameters) -> Result<Option<Resource>, ErrorResponse> {
    let mut requested = parameters.all("resource");
    let Some(first) = requested.next() else { return Ok(None) };
    if requested.any(|other| other != first) {
        return Err(wrong_target("a token is for one resource; send one resource parameter"));
    }
    Resource::parse(first).map(Some).map_err(|error| wrong_target(error.to_string()))
}

fn known_resource<'a>(named: Option<&Resource>, policy: &'a Policy) -> Result<&'a Offered, ErrorResponse> {
    policy.resource(named).ok_or_else(|| {
        if named.is_none() {
            return wrong_target("this server has no resource");
        }
        let known: Vec<_> = policy.resources.iter().map(|offered| offered.resource.as_str()).collect();
        wrong_target(format!("unknown resource; there are: {}", known.join(" ")))
    })
}

fn wrong_target(description: impl AsRef<str>) -> ErrorResponse {
    ErrorResponse::new(ErrorCode::InvalidTarget, description)
}

fn prompt(text: Option<&str>) -> Result<Prompt, &'static str> {
    let mut prompt = Prompt::default();
    for word in text.unwrap_or_default().split_ascii_whitespace() {
        match word {
            "none" => prompt.none = true,
            "login" | "select_account" => prompt.login = true,
            "consent" => prompt.consent = true,
            _ => return Err("prompt can be none, login, select_account or consent"),
        }
    }
    if prompt.none && (prompt.login || prompt.consent) {
        return Err("prompt=none cannot be combined with another prompt");
    }
    Ok(prompt)
}

/// A logged-in user, as far as this decision needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoggedIn<'a> {
    /// The scopes that this user has allowed this client at this resource and redirect host, if any.
    pub remembered: Option<&'a ScopeSet>,
    /// When the login stops to count.
    pub until: SystemTime,
    /// Until when the login of an administrator is recent enough for what only administrators can allow; `None` for
    /// everybody else.
    pub administrator_until: Option<SystemTime>,
}

/// What comes next on the way to a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The user has to log in.
    LogIn,
    /// The user has to be asked.
    Ask(Question),
    /// Nothing: the code can be issued.
    Issue,
    /// `prompt=none` forbids what would be needed.
    Refuse(Box<AuthorizationError>),
}

/// Decides what has to happen before `request` gets its code.
#[must_use]
pub fn next(
    request: &AuthorizationRequest,
    client: &Client,
    user: Option<LoggedIn<'_>>,
    now: SystemTime,
) -> Next {
    let refuse = |code: ErrorCode, description: &str| {
        Next::Refuse(Box::new(AuthorizationError {
            redirect_uri: request.redirect_uri.clone(),
            state: request.state.clone(),
            error: ErrorResponse::new(code, description),
        }))
    };
    let user = user.filter(|user| now < user.until);
    let user = match user {
        Some(user) if !request.prompt.login => user,
        _ if request.prompt.none => return refuse(ErrorCode::LoginRequired, "the user is not logged in"),
        _ => return Next::LogIn,
    };
    if request.for_administrators {
        match user.administrator_until {
            None => return refuse(ErrorCode::AccessDenied, "only an administrator can allow this"),
            Some(until) if now < until => {}
            Some(_) if request.prompt.none => {
                return refuse(ErrorCode::LoginRequired, "the login was too long ago");
            }
            Some(_) => return Next::LogIn,
        }
    }
    match consent::question(request, client, user.remembered) {
        None => Next::Issue,
        Some(_) if request.prompt.none => refuse(ErrorCode::ConsentRequired, "the user has to be asked"),
        Some(question) => Next::Ask(question),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::client::tests::client;

    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn offered(resource: &str, scopes: &str, default_scopes: &str) -> Offered {
        Offered {
            resource: Resource::parse(resource).unwrap(),
            scopes: ScopeSet::parse(scopes).unwrap(),
            default_scopes: ScopeSet::parse(default_scopes).unwrap(),
        }
    }

    fn policy() -> Policy {
        Policy {
            resources: vec![
                offered("https://rs.example/mcp", "posts:read posts:write", "posts:read"),
                offered("https://rs.example/other", "posts:read files", "files"),
            ],
            administration: Some(offered(
                "https://as.example/admin/api",
                "admin:read admin:write",
                "admin:read",
            )),
        }
    }

    #[test]
    fn what_was_granted_is_still_there_or_not() {
        let mut policy = policy();
        policy.resources.push(offered("https://rs.example/plain", "", ""));
        for (resource, granted, left) in [
            ("https://rs.example/mcp", "posts:read offline_access", Some("posts:read offline_access")),
            ("https://rs.example/mcp", "posts:read files", Some("posts:read")),
            ("https://rs.example/mcp", "files offline_access", None),
            ("https://rs.example/gone", "posts:read", None),
            ("https://as.example/admin/api", "admin:read", Some("admin:read")),
            // Where there are no scopes, nothing was taken away.
            ("https://rs.example/plain", "", Some("")),
            ("https://rs.example/plain", "offline_access", Some("offline_access")),
        ] {
            let still = policy.still(&Resource::parse(resource).unwrap(), &ScopeSet::parse_lenient(granted));
            assert_eq!(still.map(|it| it.to_string()).as_deref(), left, "{resource} {granted}");
        }
    }

    fn request(changes: &str) -> String {
        let complete = format!(
            "response_type=code&client_id=c&redirect_uri=https%3A%2F%2Fc.example%2Fcb&state=s%201\
             &code_challenge={CHALLENGE}&code_challenge_method=S256&resource=https%3A%2F%2Frs.example%2Fmcp"
        );
        let mut pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(complete.as_bytes()).into_owned().collect();
        for (name, value) in url::form_urlencoded::parse(changes.as_bytes()).into_owned() {
            match name.strip_prefix('+') {
                Some(name) => pairs.push((name.to_owned(), value)),
                None => {
                    pairs.retain(|(key, _)| *key != name);
                    if !value.is_empty() {
                        pairs.push((name, value));
                    }
                }
            }
        }
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    }

    fn read_text(text: &str) -> Result<AuthorizationRequest, Rejection> {
        read(&Parameters::parse(text.as_bytes()), &client("https://c.example/cb"), &policy())
    }

    #[test]
    fn a_complete_request_is_understood() {
        let read = read_text(&request("scope=posts:write+offline_access")).unwrap();
        assert_eq!(read.state.as_deref(), Some("s 1"));
        assert_eq!(read.scope.to_string(), "posts:write offline_access");
        assert_eq!(read.resource.as_str(), "https://rs.example/mcp");
        let absent = read_text(&request("scope=&resource=&state=")).unwrap();
        assert_eq!(absent.scope.to_string(), "posts:read");
        assert_eq!(absent.resource.as_str(), "https://rs.example/mcp");
        assert_eq!(absent.state, None);
        let spelled = read_text(&request("resource=HTTPS://RS.example:443/mcp/")).unwrap();
        assert_eq!(spelled.resource.as_str(), "https://rs.example/mcp");
        assert_eq!(
            read_text(&request("scope=offline_access")).unwrap().scope.to_string(),
            "posts:read offline_access"
        );
    }

    #[test]
    fn mistakes_about_the_destination_are_told_on_a_page() {
        for changes in [
            "redirect_uri=https://evil.example/cb",
            "redirect_uri=https://c.example/cb/../x",
            "redirect_uri=https://c.example/cb%23x",
            "redirect_uri=//evil.example/cb",
            "redirect_uri=javascript:alert(1)",
            "%2Bredirect_uri=https://c.example/cb",
        ] {
            let rejection = read_text(&request(changes)).unwrap_err();
            assert!(matches!(rejection, Rejection::Page(_)), "{changes}: {rejection:?}");
        }
        assert_eq!(client_id(&Parameters::parse(b"x=1")), Err(PageError::ClientMissing));
        assert!(client_id(&Parameters::parse(b"client_id=a&client_id=b")).is_err());
    }

    #[test]
    fn other_mistakes_are_told_to_the_client() {
        fn check(changes: &str, expected: &str) {
            let Rejection::Redirect(error) = read_text(&request(changes)).unwrap_err() else {
                panic!("{changes}: told on a page");
            };
            assert_eq!(error.error.error.as_str(), expected, "{changes}");
            let location = url::Url::parse(&error.location("https://as.example")).unwrap();
            let pairs: Vec<_> = location.query_pairs().collect();
            assert!(pairs.contains(&("iss".into(), "https://as.example".into())), "{location}");
            assert_eq!(
                pairs.iter().any(|(name, value)| name == "state" && value == "s 1"),
                !changes.contains("state")
            );
        }
        check("response_type=", "invalid_request");
        check("response_type=token", "unsupported_response_type");
        check("response_type=code token", "unsupported_response_type");
        check("response_mode=fragment", "invalid_request");
        check("code_challenge=", "invalid_request");
        check("code_challenge_method=", "invalid_request");
        check("code_challenge_method=plain", "invalid_request");
        check("code_challenge=short", "invalid_request");
        check("scope=posts:delete", "invalid_scope");
        check("scope=posts:read posts:delete", "invalid_scope");
        check("scope=a\"b", "invalid_scope");
        check("resource=https://elsewhere.example", "invalid_target");
        check("resource=https://rs.example/mcp%23x", "invalid_target");
        check("resource=mcp", "invalid_target");
        check("%2Bresource=https://rs.example/other", "invalid_target");
        check("%2Bscope=a&%2Bscope=b", "invalid_request");
        check("%2Bstate=again", "invalid_request");
        check("prompt=none login", "invalid_request");
        check("prompt=magic", "invalid_request");
        check("request=eyJ", "request_not_supported");
        check("request_uri=https://c.example/r", "request_uri_not_supported");
    }

    #[test]
    fn a_client_without_the_grant_is_refused() {
        let mut client = client("https://c.example/cb");
        client.grant_types = vec![GrantType::RefreshToken];
        let Err(Rejection::Redirect(error)) =
            read(&Parameters::parse(request("").as_bytes()), &client, &policy())
        else {
            panic!("accepted");
        };
        assert_eq!(error.error.error, ErrorCode::UnauthorizedClient);
    }

    #[test]
    fn what_comes_next() {
        #[derive(Debug, PartialEq)]
        enum Kind {
            LogIn,
            Ask,
            Issue,
            Refuse(ErrorCode),
        }
        let now = UNIX_EPOCH + Duration::from_secs(100);
        let check = |changes: &str, until: Option<u64>, remembered: Option<&str>, expected: Kind| {
            let client = client("https://c.example/cb");
            let request = read_text(&request(changes)).unwrap();
            let remembered = remembered.map(|scope| ScopeSet::parse(scope).unwrap());
            let user = until.map(|until| LoggedIn {
                remembered: remembered.as_ref(),
                until: UNIX_EPOCH + Duration::from_secs(until),
                administrator_until: None,
            });
            let kind = match next(&request, &client, user, now) {
                Next::LogIn => Kind::LogIn,
                Next::Ask(_) => Kind::Ask,
                Next::Issue => Kind::Issue,
                Next::Refuse(error) => Kind::Refuse(error.error.error),
            };
            assert_eq!(kind, expected, "{changes} {until:?} {remembered:?}");
        };
        check("", None, None, Kind::LogIn);
        check("", Some(100), Some("posts:read"), Kind::LogIn);
        check("", Some(101), None, Kind::Ask);
        check("", Some(101), Some("posts:write"), Kind::Ask);
        check("", Some(101), Some("posts:read posts:write"), Kind::Issue);
        check("prompt=login", Some(101), Some("posts:read"), Kind::LogIn);
        check("prompt=consent", Some(101), Some("posts:read"), Kind::Ask);
        check("prompt=none", Some(101), Some("posts:read"), Kind::Issue);
        check("prompt=none", Some(101), None, Kind::Refuse(ErrorCode::ConsentRequired));
        check("prompt=none", None, None, Kind::Refuse(ErrorCode::LoginRequired));
    }

    #[test]
    fn each_resource_has_scopes_of_its_own() {
        const OTHER: &str = "resource=https%3A%2F%2Frs.example%2Fother";
        let scope = |changes: &str| read_text(&request(changes)).map(|read| read.scope.to_string());
        assert_eq!(scope(OTHER).as_deref(), Ok("files"));
        assert_eq!(scope(&format!("{OTHER}&scope=posts:read")).as_deref(), Ok("posts:read"));
        for changes in ["scope=files".to_owned(), format!("{OTHER}&scope=files posts:write")] {
            let Err(Rejection::Redirect(error)) = read_text(&request(&changes)) else { panic!("{changes}") };
            assert_eq!(error.error.error, ErrorCode::InvalidScope, "{changes}");
        }
        let (policy, allowed) = (policy(), ScopeSet::parse("posts:write files").unwrap());
        assert_eq!(policy.scopes().to_string(), "posts:read posts:write files");
        let parts = policy.resources.iter().map(|offered| offered.part_of(&allowed).unwrap().to_string());
        assert_eq!(parts.collect::<Vec<_>>(), ["posts:write", "files"]);
        assert_eq!(policy.resources[1].part_of(&ScopeSet::parse("posts:write").unwrap()), None);
        assert_eq!(policy.resources[1].part_of(&ScopeSet::new()), Some(ScopeSet::new()));
    }

    #[test]
    fn scopes_of_administrators_and_of_others_do_not_mix() {
        const ADMIN: &str = "resource=https%3A%2F%2Fas.example%2Fadmin%2Fapi";
        let scope = |changes: &str| read_text(&request(changes)).map(|read| read.scope.to_string());
        assert_eq!(scope(ADMIN).as_deref(), Ok("admin:read"));
        assert_eq!(scope(&format!("{ADMIN}&scope=admin:write")).as_deref(), Ok("admin:write"));
        assert!(read_text(&request(ADMIN)).unwrap().for_administrators);
        assert!(!read_text(&request("")).unwrap().for_administrators);
        for changes in [
            "scope=admin:read".to_owned(),
            format!("{ADMIN}&scope=posts:read"),
            format!("{ADMIN}&scope=admin:read posts:read"),
        ] {
            let Err(Rejection::Redirect(error)) = read_text(&request(&changes)) else { panic!("{changes}") };
            assert_eq!(error.error.error, ErrorCode::InvalidScope, "{changes}");
        }
        // No other grant can name it.
        let own = Resource::parse("https://as.example/admin/api").unwrap();
        assert_eq!(policy().resource(Some(&own)), None);
        assert!(resource(&Parameters::parse(ADMIN.as_bytes()), &policy()).is_err());
    }

    #[test]
    fn only_an_administrator_who_logged_in_just_now_is_asked() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let everything = ScopeSet::parse("admin:read").unwrap();
        let check = |more: &str, administrator_until: Option<u64>, expected: &dyn Fn(&Next) -> bool| {
            let request = request(&format!("resource=https%3A%2F%2Fas.example%2Fadmin%2Fapi{more}"));
            let request = read_text(&request).unwrap();
            let user = LoggedIn {
                remembered: Some(&everything),
                until: at(1000),
                administrator_until: administrator_until.map(at),
            };
            let next = next(&request, &client("https://c.example/cb"), Some(user), at(100));
            assert!(expected(&next), "{more} {administrator_until:?}: {next:?}");
        };
        let refused = |code: ErrorCode| move |next: &Next| matches!(next, Next::Refuse(error) if error.error.error == code);
        check("", None, &refused(ErrorCode::AccessDenied));
        check("", Some(100), &|next| *next == Next::LogIn);
        check("&prompt=none", Some(100), &refused(ErrorCode::LoginRequired));
        // Whatever was allowed before: each time anew.
        check("", Some(101), &|next| matches!(next, Next::Ask(_)));
        check("&prompt=none", Some(101), &refused(ErrorCode::ConsentRequired));
    }
}
