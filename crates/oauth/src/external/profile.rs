//! Which words an authorization server uses.

use std::fmt;

use indexmap::IndexMap;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::ExternalClaims;
use crate::bearer::BearerError;
use crate::claims::{ACCESS_TOKEN_TYPE, MAX_AUDIENCES, user_named_by};
use crate::jwt::Header;
use crate::scope::{Scope, ScopeSet};

/// The words of one authorization server. A claim is named as it is written, or by a JSON pointer that begins with `/`
/// where it lies deeper (`/realm_access/roles`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenProfile {
    /// The `typ` of its access tokens in any case; the empty word stands for none.
    pub types: Vec<String>,
    /// The claim that names the user. One that stays the same: an address can be somebody else's tomorrow.
    pub user_claim: String,
    /// The claims that may name the client; the first that is there counts.
    pub client_claims: Vec<String>,
    /// The claims that say what a token allows, all of them together: text with blanks between the words, or a list.
    pub scope_claims: Vec<String>,
    /// The claims that may name the token itself; the first that is there counts.
    pub id_claims: Vec<String>,
    /// Whether a token that names no client is none: where ID tokens look like access tokens but for that.
    pub needs_client: bool,
    /// What its words mean here. A word that is not in this list stands for itself.
    pub scopes: IndexMap<String, ScopeSet>,
}

impl TokenProfile {
    /// The words of [RFC 9068](https://www.rfc-editor.org/rfc/rfc9068) and RFC 7662.
    #[must_use]
    pub fn rfc9068() -> Self {
        Self::new(&[ACCESS_TOKEN_TYPE], "sub", &["client_id"], &["scope"])
    }

    /// [Microsoft Entra ID](https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference), both
    /// versions of its tokens. The user is `oid`: `sub` is another one for each application.
    #[must_use]
    pub fn entra() -> Self {
        Self {
            id_claims: words(&["uti", "jti"]),
            // Its ID tokens have the roles of their user as well.
            needs_client: true,
            ..Self::new(&["JWT"], "oid", &["azp", "appid"], &["scp", "roles"])
        }
    }

    /// [Okta](https://developer.okta.com/docs/api/openapi/okta-oauth/guides/overview/#access-token), of a custom
    /// authorization server.
    #[must_use]
    pub fn okta() -> Self {
        Self::new(&["", "JWT", ACCESS_TOKEN_TYPE], "sub", &["cid", "client_id"], &["scp", "scope"])
    }

    /// [Auth0](https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles), both of its own profiles;
    /// `permissions` is there where the API has role-based access control.
    #[must_use]
    pub fn auth0() -> Self {
        Self::new(&["JWT", ACCESS_TOKEN_TYPE], "sub", &["client_id", "azp"], &["scope", "permissions"])
    }

    /// [Keycloak](https://www.keycloak.org/docs/latest/server_admin/). Roles count where they are named among the scope
    /// claims: `/realm_access/roles`.
    #[must_use]
    pub fn keycloak() -> Self {
        Self::new(&["JWT", ACCESS_TOKEN_TYPE], "sub", &["client_id", "azp"], &["scope"])
    }

    fn new(types: &[&str], user: &str, client: &[&str], scope: &[&str]) -> Self {
        Self {
            types: words(types),
            user_claim: user.to_owned(),
            client_claims: words(client),
            scope_claims: words(scope),
            id_claims: words(&["jti"]),
            needs_client: false,
            scopes: IndexMap::new(),
        }
    }

    /// Whether a token with this header may be an access token here.
    #[must_use]
    pub fn takes(&self, header: &Header<'_>) -> bool {
        self.types.iter().any(|typ| header.has_type(typ))
    }

    /// Reads the payload of a JWT, which has to name its issuer and its end.
    ///
    /// # Errors
    /// [`BearerError::Invalid`]: it is none of an access token.
    pub fn read_payload(&self, payload: &[u8]) -> Result<ExternalClaims, BearerError> {
        let claims = read_object(payload).ok_or(BearerError::Invalid)?;
        let read = self.claims(claims)?;
        let whole = read.issuer.is_some() && read.expires_at.is_some();
        if whole { Ok(read) } else { Err(BearerError::Invalid) }
    }

    /// What these claims say.
    ///
    /// # Errors
    /// [`BearerError::Invalid`]: they are of another kind of token, or something in them is not what it has to be.
    pub fn claims(&self, mut claims: Map<String, Value>) -> Result<ExternalClaims, BearerError> {
        const INVALID: BearerError = BearerError::Invalid;
        if is_of_another_kind(&claims) {
            return Err(INVALID);
        }
        let subject = user_named_by(&claims, &self.user_claim).filter(|user| !user.is_empty());
        let subject = subject.ok_or(INVALID)?.to_owned();
        let first = |names: &[String]| names.iter().find_map(|name| find(&claims, name)?.as_str());
        let client_id = first(&self.client_claims).map(str::to_owned);
        let token_id = first(&self.id_claims).map(str::to_owned);
        let scope = self.scope(&claims);
        // What an ID token for the same application does not have either.
        if client_id.is_none() && (self.needs_client || scope.is_none()) {
            return Err(INVALID);
        }
        let (expires_at, issued_at, not_before) =
            (take_time(&mut claims, "exp")?, take_time(&mut claims, "iat")?, take_time(&mut claims, "nbf")?);
        let bound_to = match claims.remove("cnf") {
            None => None,
            // Bound by what cannot be checked here, it is nobody's.
            Some(cnf) => Some(cnf["jkt"].as_str().ok_or(INVALID)?.to_owned()),
        };
        let is_dpop = claims.get("token_type").and_then(Value::as_str).is_some_and(|kind| is(kind, "DPoP"));
        if is_dpop && bound_to.is_none() {
            return Err(INVALID);
        }
        let audiences = match claims.remove("aud") {
            None => Vec::new(),
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(many)) if many.len() <= MAX_AUDIENCES => {
                let text = |one: Value| if let Value::String(one) = one { Ok(one) } else { Err(INVALID) };
                many.into_iter().map(text).collect::<Result<_, _>>()?
            }
            Some(_) => return Err(INVALID),
        };
        let issuer = match claims.get("iss") {
            None => None,
            Some(issuer) => Some(issuer.as_str().ok_or(INVALID)?.to_owned()),
        };
        claims.remove("active");
        claims.remove("jti");
        Ok(ExternalClaims {
            issuer,
            subject,
            client_id,
            audiences,
            scope: scope.unwrap_or_default(),
            expires_at,
            issued_at,
            not_before,
            token_id,
            bound_to,
            claims,
        })
    }

    /// What all the claims together allow; `None` where none of them is there.
    fn scope(&self, claims: &Map<String, Value>) -> Option<ScopeSet> {
        let mut scopes = None;
        for claim in self.scope_claims.iter().filter_map(|name| find(claims, name)) {
            let scopes = scopes.get_or_insert_with(ScopeSet::new);
            let mut add = |word: &str| match self.scopes.get(word) {
                Some(meant) => *scopes = scopes.union(meant),
                // The name of a directory's group need not be a scope.
                None => drop(Scope::parse(word).map(|scope| scopes.insert(scope))),
            };
            match claim {
                Value::String(text) => text.split_ascii_whitespace().for_each(add),
                Value::Array(list) => list.iter().filter_map(Value::as_str).for_each(&mut add),
                _ => {}
            }
        }
        scopes
    }
}

/// What is signed with the same key, or is known at the same endpoint, and is no access token: ID tokens have hashes or a
/// nonce, logout tokens an event, and some issuers write in the payload what it is (`typ` of Keycloak, `token_use` of
/// Cognito and Hydra).
fn is_of_another_kind(claims: &Map<String, Value>) -> bool {
    let says = |name: &str, one_of: &[&str]| {
        let word = claims.get(name).map(|word| word.as_str().unwrap_or_default());
        word.map(|word| one_of.iter().any(|good| is(word, good)))
    };
    let typ = says("typ", &["Bearer", "DPoP", "JWT", ACCESS_TOKEN_TYPE]);
    typ == Some(false)
        || says("token_use", &["access", "access_token"]) == Some(false)
        || says("token_type", &["Bearer", "DPoP"]) == Some(false)
        || ["at_hash", "c_hash", "s_hash", "events"].iter().any(|name| claims.contains_key(*name))
        // Keycloak once put the nonce into access tokens, too, and says what they are.
        || (claims.contains_key("nonce") && typ.is_none())
}

fn is(word: &str, other: &str) -> bool {
    word.eq_ignore_ascii_case(other)
}

fn find<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let Some(pointer) = name.strip_prefix('/') else { return claims.get(name) };
    let (first, rest) = pointer.split_once('/').map_or((pointer, ""), |(first, rest)| (first, rest));
    let outer = claims.get(&first.replace("~1", "/").replace("~0", "~"))?;
    if rest.is_empty() { Some(outer) } else { outer.pointer(&format!("/{rest}")) }
}

/// Seconds since 1970. JSON knows fractions, and some issuers write them.
fn take_time(claims: &mut Map<String, Value>, name: &str) -> Result<Option<u64>, BearerError> {
    let Some(value) = claims.remove(name) else { return Ok(None) };
    // Saturates: what is out of any range has ended, or never does.
    let fraction = || value.as_f64().filter(|seconds| *seconds >= 0.0).map(|seconds| seconds as u64);
    value.as_u64().or_else(fraction).map(Some).ok_or(BearerError::Invalid)
}

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

/// Reads an object. A member that comes twice is a mistake; which of the two counted would depend on the reader.
pub(super) fn read_object(json: &[u8]) -> Option<Map<String, Value>> {
    struct Members(Map<String, Value>);

    impl<'de> Deserialize<'de> for Members {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Once;

            impl<'de> Visitor<'de> for Once {
                type Value = Members;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Members, A::Error> {
                    let mut members = Map::new();
                    while let Some((name, value)) = object.next_entry::<String, Value>()? {
                        if members.insert(name, value).is_some() {
                            return Err(A::Error::custom("a member is there twice"));
                        }
                    }
                    Ok(Members(members))
                }
            }

            deserializer.deserialize_map(Once)
        }
    }

    serde_json::from_slice(json).ok().map(|Members(members)| members)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(profile: &TokenProfile, payload: &Value) -> Result<ExternalClaims, BearerError> {
        profile.read_payload(payload.to_string().as_bytes())
    }

    /// As the documentation of each provider shows them.
    #[test]
    fn the_tokens_of_each_provider() {
        let check = |profile: TokenProfile, payload: Value, expected: [&str; 4]| {
            let claims = read(&profile, &payload).unwrap_or_else(|error| panic!("{error}: {payload}"));
            let found = [
                claims.subject.as_str(),
                claims.client_id.as_deref().unwrap_or_default(),
                &claims.scope.to_string(),
                claims.token_id.as_deref().unwrap_or_default(),
            ];
            assert_eq!(found, expected, "{payload}");
        };
        check(
            TokenProfile::entra(),
            json!({
                "aud": "6e74172b-be56-4843-9ff4-e66a39bb12e3", "azp": "app", "azpacr": "0", "exp": 1_537_234_948,
                "iat": 1_537_231_048, "iss": "https://login.microsoftonline.com/tenant/v2.0", "nbf": 1_537_231_048,
                "oid": "690222be", "preferred_username": "a@contoso.example", "rh": "x",
                "scp": "access_as_user Posts.Read", "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
                "tid": "tenant", "uti": "fqiBqXLPj0eQa82S-IYFAA", "ver": "2.0"
            }),
            ["690222be", "app", "access_as_user Posts.Read", "fqiBqXLPj0eQa82S-IYFAA"],
        );
        check(
            TokenProfile::entra(),
            json!({
                "aud": "api://mcp", "iss": "https://sts.windows.net/tenant/", "iat": 1, "nbf": 1, "exp": 2,
                "appid": "daemon", "appidacr": "1", "idtyp": "app", "oid": "sp", "roles": ["Posts.Read", "Two Words"],
                "sub": "sp", "tid": "tenant", "uti": "u", "ver": "1.0"
            }),
            ["sp", "daemon", "Posts.Read", "u"],
        );
        check(
            TokenProfile::okta(),
            json!({
                "ver": 1, "jti": "AT.0", "iss": "https://a.okta.example/oauth2/default", "aud": "api://default",
                "iat": 1, "exp": 2, "cid": "0oa", "uid": "00u", "scp": ["openid", "posts:read"], "sub": "a@b.example"
            }),
            ["a@b.example", "0oa", "openid posts:read", "AT.0"],
        );
        check(
            TokenProfile::auth0(),
            json!({
                "iss": "https://t.auth0.example/", "sub": "auth0|123", "iat": 1, "exp": 2, "azp": "my_client",
                "aud": ["https://api", "https://t.auth0.example/userinfo"], "scope": "openid posts:read",
                "permissions": ["posts:write"]
            }),
            ["auth0|123", "my_client", "openid posts:read posts:write", ""],
        );
        let keycloak = json!({
            "exp": 2, "iat": 1, "jti": "onrtac:1", "iss": "https://k.example/realms/r", "aud": "mcp", "sub": "f:1",
            "typ": "Bearer", "azp": "cli", "sid": "s", "nonce": "n", "acr": "1", "scope": "openid posts:read",
            "realm_access": { "roles": ["admin"] }
        });
        check(TokenProfile::keycloak(), keycloak.clone(), ["f:1", "cli", "openid posts:read", "onrtac:1"]);
        let roles = TokenProfile {
            scope_claims: words(&["/realm_access/roles"]),
            scopes: [("admin".to_owned(), ScopeSet::from_tokens(["posts:read", "posts:write"]))].into(),
            ..TokenProfile::keycloak()
        };
        check(roles, keycloak, ["f:1", "cli", "posts:read posts:write", "onrtac:1"]);
    }

    #[test]
    fn an_id_token_is_no_access_token() {
        let base =
            json!({ "iss": "i", "sub": "s", "aud": "a", "exp": 2, "iat": 1, "azp": "a", "scope": "x" });
        let profile = TokenProfile::keycloak();
        assert!(read(&profile, &base).is_ok());
        for (name, value, expected) in [
            ("at_hash", json!("h"), false),
            ("c_hash", json!("h"), false),
            ("s_hash", json!("h"), false),
            ("nonce", json!("n"), false),
            ("events", json!({ "http://schemas.openid.net/event/backchannel-logout": {} }), false),
            ("typ", json!("ID"), false),
            ("typ", json!("Refresh"), false),
            ("typ", json!(1), false),
            ("typ", json!("bearer"), true),
            ("token_use", json!("id"), false),
            ("token_use", json!("refresh_token"), false),
            ("token_use", json!("access"), true),
            ("token_type", json!("refresh_token"), false),
            ("token_type", json!("bearer"), true),
            // Bound to a key that nobody names.
            ("token_type", json!("DPoP"), false),
        ] {
            let mut payload = base.clone();
            payload[name] = value;
            assert_eq!(read(&profile, &payload).is_ok(), expected, "{payload}");
        }
        let of_entra =
            json!({ "iss": "i", "oid": "s", "sub": "s", "aud": "a", "exp": 2, "iat": 1, "ver": "2.0" });
        let mut with_roles = of_entra.clone();
        with_roles["roles"] = json!(["posts:write"]);
        for token in [of_entra, with_roles.clone()] {
            assert_eq!(read(&TokenProfile::entra(), &token), Err(BearerError::Invalid), "{token}");
        }
        for client in ["azp", "appid"] {
            let mut token = with_roles.clone();
            token[client] = json!("c");
            assert!(read(&TokenProfile::entra(), &token).is_ok(), "{token}");
        }
    }

    #[test]
    fn claims_of_the_wrong_shape_make_no_principal() {
        let check = |name: &str, value: Value, expected: bool| {
            let mut payload = json!({ "iss": "i", "sub": "s", "client_id": "c", "aud": "a", "exp": 2 });
            match value {
                Value::Null => drop(payload.as_object_mut().unwrap().remove(name)),
                value => payload[name] = value,
            }
            assert_eq!(read(&TokenProfile::rfc9068(), &payload).is_ok(), expected, "{payload}");
        };
        for (name, without) in
            [("iss", false), ("sub", false), ("exp", false), ("client_id", false), ("aud", true)]
        {
            check(name, json!(null), without);
        }
        for (name, wrong) in [
            ("iss", json!(1)),
            ("sub", json!("")),
            ("sub", json!(["s"])),
            ("exp", json!("2")),
            ("exp", json!(-1)),
            ("nbf", json!("soon")),
            ("aud", json!({})),
            ("aud", json!([1])),
            ("aud", json!(vec!["a"; MAX_AUDIENCES + 1])),
            ("cnf", json!({ "x5t#S256": "x" })),
            ("cnf", json!("k")),
            ("cnf", json!({ "jkt": 1 })),
        ] {
            check(name, wrong, false);
        }
        check("cnf", json!({ "jkt": "k" }), true);
        check("exp", json!(2.5), true);
        let twice = br#"{"iss":"i","sub":"s","sub":"t","client_id":"c","aud":"a","exp":2}"#;
        assert_eq!(TokenProfile::rfc9068().read_payload(twice), Err(BearerError::Invalid));
        for none in [&b"[]"[..], b"", b"\"x\"", b"{\"iss\":", b"\xff"] {
            assert_eq!(TokenProfile::rfc9068().read_payload(none), Err(BearerError::Invalid));
        }
    }

    #[test]
    fn an_address_names_a_user_only_where_it_is_his() {
        let profile = TokenProfile { user_claim: "email".to_owned(), ..TokenProfile::okta() };
        for (verified, expected) in
            [(json!(true), Some("a@b.example")), (json!(false), None), (json!("true"), None)]
        {
            let payload = json!({
                "iss": "i", "sub": "s", "cid": "c", "aud": "a", "exp": 2, "email": "a@b.example",
                "email_verified": verified
            });
            let subject = read(&profile, &payload).ok().map(|claims| claims.subject);
            assert_eq!(subject.as_deref(), expected, "{verified}");
        }
    }
}
