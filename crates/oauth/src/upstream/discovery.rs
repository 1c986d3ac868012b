//! What a provider says of itself
//! ([OpenID Connect Discovery §3 and §4](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata)),
//! and by which names it signs.

use serde::Deserialize;
use url::{Host, Url};

use super::RelyingParty;
use super::profile::Issuers;
use crate::json;
use crate::metadata::lenient;
use crate::metadata::well_known::OPENID_CONFIGURATION;

/// Stands for an organisation in the issuer of a provider of many.
const TENANT: &str = "{tenantid}";

/// What the version that is configured ends in.
const VERSION: &str = "/v2.0";

/// Names of tenants that are not one organisation.
const MANY: [&str; 3] = ["common", "organizations", "consumers"];

/// A provider, as its document describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// By which names it signs.
    pub issuer: IssuerNames,
    /// Where people log in.
    pub authorization_endpoint: Url,
    /// Where codes are redeemed.
    pub token_endpoint: Url,
    /// Its keys.
    pub jwks_uri: Url,
    /// What else is known of a person.
    pub userinfo_endpoint: Option<Url>,
    /// How clients prove themselves there; absent means `client_secret_basic`.
    pub token_endpoint_auth_methods: Option<Vec<String>>,
    /// Whether each of its answers says whose it is ([RFC 9207 §3](https://www.rfc-editor.org/rfc/rfc9207#section-3)).
    pub sends_iss: bool,
}

/// By which names a provider signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssuerNames {
    /// One.
    One(String),
    /// Those of some organisations, in forms that say the same; the first is the one that is kept.
    Tenants {
        /// With `{tenantid}` in them.
        forms: Vec<String>,
        /// Which organisations.
        tenants: Vec<String>,
    },
}

impl IssuerNames {
    /// The name under which accounts of this issuer are kept; `None` for an issuer that is not this provider.
    #[must_use]
    pub fn canonical(&self, issuer: &str) -> Option<String> {
        match self {
            Self::One(one) => (one == issuer).then(|| one.clone()),
            Self::Tenants { forms, tenants } => {
                let tenant = forms.iter().find_map(|form| tenant(form, issuer))?;
                let known = tenants.iter().find(|known| known.eq_ignore_ascii_case(tenant))?;
                Some(forms.first()?.replace(TENANT, &known.to_ascii_lowercase()))
            }
        }
    }

    /// Whether an ID token that names this organisation (`tid`) beside its issuer contradicts itself.
    #[must_use]
    pub fn contradicts(&self, issuer: &str, claimed: Option<&str>) -> bool {
        match (self, claimed) {
            (Self::Tenants { forms, .. }, Some(claimed)) => {
                let tenant = forms.iter().find_map(|form| tenant(form, issuer));
                !tenant.is_some_and(|tenant| tenant.eq_ignore_ascii_case(claimed))
            }
            _ => false,
        }
    }

    /// For a log: what was expected.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::One(one) => one.clone(),
            Self::Tenants { forms, tenants } => format!("{} with {}", forms.join(" or "), tenants.join(", ")),
        }
    }
}

/// Why the settings of a provider cannot be, or its document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    /// Not a URL that can be an issuer.
    #[error("the issuer {0} is not an https URL (http only on this machine) without query and fragment")]
    Issuer(String),
    /// With this profile it is written otherwise.
    #[error(
        "the issuer {0} has to be https://login.microsoftonline.com/TENANT/v2.0, whatever version its tokens have"
    )]
    Form(String),
    /// Many organisations, and nobody said which of them.
    #[error(
        "the issuer {0} is that of many organisations: `tenants` has to name those whose people may come"
    )]
    Tenants(String),
    /// One organisation, and others were named.
    #[error("`tenants` belongs to an issuer of many organisations, which {0} is not")]
    NoTenants(String),
    /// No such document.
    #[error("what is at the issuer is not an OpenID Connect discovery document")]
    Malformed,
    /// It is somebody else's, or nobody can know ([Discovery §4.3](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfigurationValidation)).
    #[error("the discovery document is of the issuer {found}, and {configured} is configured")]
    OtherIssuer {
        /// What the operator wrote.
        configured: String,
        /// What the document says.
        found: String,
    },
    /// It lacks something, or has something that is no secure URL.
    #[error("{0} of the discovery document is missing, or is not an https URL")]
    Endpoint(&'static str),
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    #[serde(default, deserialize_with = "lenient")]
    authorization_endpoint: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    token_endpoint: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    jwks_uri: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    userinfo_endpoint: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default, deserialize_with = "lenient")]
    authorization_response_iss_parameter_supported: Option<bool>,
}

impl RelyingParty {
    /// Whether issuer and tenants can be; asked at start.
    ///
    /// # Errors
    /// [`DiscoveryError`] names the setting.
    pub fn check(&self) -> Result<(), DiscoveryError> {
        let url = Url::parse(&self.issuer).ok().filter(is_secure);
        let bare = |url: &Url| url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if !url.as_ref().is_some_and(bare) {
            return Err(DiscoveryError::Issuer(self.issuer.clone()));
        }
        let many = match self.profile.quirks().issuers {
            Issuers::OfTenants { .. } => {
                let (_, tenant) = self.tenant().ok_or_else(|| DiscoveryError::Form(self.issuer.clone()))?;
                MANY.contains(&tenant)
            }
            Issuers::Exact | Issuers::WithSlash => false,
        };
        match (many, self.tenants.is_empty()) {
            (true, true) => Err(DiscoveryError::Tenants(self.issuer.clone())),
            (false, false) => Err(DiscoveryError::NoTenants(self.issuer.clone())),
            _ => Ok(()),
        }
    }

    /// Where the provider's document is.
    #[must_use]
    pub fn discovery_url(&self) -> String {
        format!("{}{OPENID_CONFIGURATION}", self.issuer.trim_end_matches('/'))
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`DiscoveryError`].
    pub fn read(&self, document: &[u8]) -> Result<Provider, DiscoveryError> {
        let document: Document = json::object(document).map_err(|_| DiscoveryError::Malformed)?;
        let issuer = self.names(&document.issuer)?;
        let endpoint = |text: Option<&String>| Url::parse(text?).ok().filter(|url| self.may_lead_to(url));
        let needed = |name, text: Option<&String>| endpoint(text).ok_or(DiscoveryError::Endpoint(name));
        Ok(Provider {
            authorization_endpoint: needed(
                "authorization_endpoint",
                document.authorization_endpoint.as_ref(),
            )?,
            token_endpoint: needed("token_endpoint", document.token_endpoint.as_ref())?,
            jwks_uri: needed("jwks_uri", document.jwks_uri.as_ref())?,
            userinfo_endpoint: endpoint(document.userinfo_endpoint.as_ref()),
            token_endpoint_auth_methods: document.token_endpoint_auth_methods_supported,
            sends_iss: document.authorization_response_iss_parameter_supported == Some(true),
            issuer,
        })
    }

    /// The names of the provider whose document says that it is `found`.
    fn names(&self, found: &str) -> Result<IssuerNames, DiscoveryError> {
        let other = || DiscoveryError::OtherIssuer { configured: self.issuer.clone(), found: shown(found) };
        match self.profile.quirks().issuers {
            Issuers::Exact if found == self.issuer => Ok(IssuerNames::One(found.to_owned())),
            Issuers::WithSlash if found.strip_suffix('/') == Some(self.issuer.trim_end_matches('/')) => {
                Ok(IssuerNames::One(found.to_owned()))
            }
            Issuers::Exact | Issuers::WithSlash => Err(other()),
            Issuers::OfTenants { also } => {
                let (authority, configured) =
                    self.tenant().ok_or_else(|| DiscoveryError::Form(self.issuer.clone()))?;
                let own = format!("{authority}/{TENANT}{VERSION}");
                let forms: Vec<_> =
                    std::iter::once(own).chain(also.iter().map(|&form| form.to_owned())).collect();
                let named = forms.iter().find_map(|form| tenant(form, found)).ok_or_else(other)?;
                if MANY.contains(&configured) {
                    // The document is of nobody in particular; some say which one `consumers` is.
                    let fits = named == TENANT || configured == "consumers";
                    return if fits {
                        Ok(IssuerNames::Tenants { forms, tenants: self.tenants.clone() })
                    } else {
                        Err(other())
                    };
                }
                // Configured by its number, or by a domain, of which the document tells the number.
                let fits = is_id(named) && (!is_id(configured) || named.eq_ignore_ascii_case(configured));
                if !fits {
                    return Err(other());
                }
                Ok(IssuerNames::Tenants { forms, tenants: vec![named.to_owned()] })
            }
        }
    }

    /// Authority and tenant of the issuer that is configured.
    fn tenant(&self) -> Option<(&str, &str)> {
        let (authority, tenant) = self.issuer.strip_suffix(VERSION)?.rsplit_once('/')?;
        let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
        let named = !tenant.is_empty() && tenant.bytes().all(is_name);
        (named && authority.contains("://") && !authority.ends_with('/')).then_some((authority, tenant))
    }

    /// A provider at https leads to nothing else; one on this machine may be of this machine.
    fn may_lead_to(&self, url: &Url) -> bool {
        url.scheme() == "https" || (self.issuer.starts_with("http://") && is_secure(url))
    }
}

/// The organisation in `issuer`, if that has this form.
fn tenant<'a>(form: &str, issuer: &'a str) -> Option<&'a str> {
    let (before, after) = form.split_once(TENANT)?;
    let tenant = issuer.strip_prefix(before)?.strip_suffix(after)?;
    (tenant == TENANT || is_id(tenant)).then_some(tenant)
}

/// 8-4-4-4-12 hexadecimal digits.
fn is_id(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

/// `https`, or this machine.
fn is_secure(url: &Url) -> bool {
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && here)
}

fn shown(text: &str) -> String {
    crate::stranger::visible(text, 200)
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::upstream::Profile;
    use crate::upstream::tests::party;

    pub(crate) const TID: &str = "1a2b3c4d-0000-4000-8000-00000000000a";
    const OTHER: &str = "1a2b3c4d-0000-4000-8000-00000000000b";

    /// A document of this issuer with these changes; null takes a member away.
    fn document(issuer: &str, changes: Value) -> Vec<u8> {
        let mut document = json!({
            "issuer": issuer,
            "authorization_endpoint": "https://idp.example/authorize",
            "token_endpoint": "https://idp.example/token",
            "jwks_uri": "https://idp.example/keys",
            "userinfo_endpoint": "https://graph.example/userinfo",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            "authorization_response_iss_parameter_supported": true,
        });
        let Value::Object(changes) = changes else { panic!("no object: {changes}") };
        for (name, value) in changes {
            match value {
                Value::Null => drop(document.as_object_mut().unwrap().remove(&name)),
                value => document[name] = value,
            }
        }
        document.to_string().into_bytes()
    }

    /// A provider as such a document describes it.
    pub(crate) fn provider(party: &RelyingParty, issuer: &str) -> Provider {
        party.read(&document(issuer, json!({}))).unwrap()
    }

    #[test]
    fn issuers_of_each_profile() {
        let check = |profile, configured: &str, found: &str, signed: &str, expected: Option<&str>| {
            let party = party(profile, configured);
            assert_eq!(party.check(), Ok(()), "{configured}");
            let names = party.read(&document(found, json!({}))).map(|provider| provider.issuer);
            let canonical = names.ok().and_then(|names| names.canonical(signed));
            assert_eq!(canonical.as_deref(), expected, "{profile:?} {configured} {found} {signed}");
        };
        let plain = "https://idp.example/realms/r";
        for profile in [Profile::Generic, Profile::Okta, Profile::Keycloak] {
            check(profile, plain, plain, plain, Some(plain));
            check(profile, plain, "https://idp.example/realms/r/", plain, None);
            check(profile, plain, "https://evil.example", "https://evil.example", None);
            check(profile, plain, plain, "https://idp.example/realms/s", None);
        }
        let auth0 = "https://t.auth0.example/";
        check(Profile::Auth0, auth0, auth0, auth0, Some(auth0));
        check(Profile::Auth0, "https://t.auth0.example", auth0, auth0, Some(auth0));
        check(Profile::Auth0, auth0, "https://t.auth0.example", "https://t.auth0.example", None);
        check(Profile::Auth0, auth0, "https://evil.example/", "https://evil.example/", None);

        let own = format!("https://login.microsoftonline.com/{TID}/v2.0");
        let (v1, upper) = (format!("https://sts.windows.net/{TID}/"), own.to_uppercase());
        check(Profile::Entra, &own, &own, &own, Some(&own));
        // The other version says the same, in the document and in the token.
        check(Profile::Entra, &own, &own, &v1, Some(&own));
        check(Profile::Entra, &own, &v1, &own, Some(&own));
        check(Profile::Entra, &own, &own, &upper, None);
        for (found, signed) in [
            (own.as_str(), format!("https://login.microsoftonline.com/{OTHER}/v2.0")),
            (&own, format!("https://sts.windows.net/{OTHER}/")),
            (&own, format!("https://sts.windows.net/{TID}")),
            (&own, format!("https://evil.example/{TID}/v2.0")),
            (&own, "https://login.microsoftonline.com/{tenantid}/v2.0".to_owned()),
            ("https://login.microsoftonline.com/{tenantid}/v2.0", own.clone()),
            (&format!("https://login.microsoftonline.com/{OTHER}/v2.0"), own.clone()),
            ("https://evil.example", own.clone()),
        ] {
            check(Profile::Entra, &own, found, &signed, None);
        }
        // By a domain: the document tells whose it is.
        let domain = "https://login.microsoftonline.com/contoso.example/v2.0";
        check(Profile::Entra, domain, &own, &own, Some(&own));
        check(Profile::Entra, domain, &own, &v1, Some(&own));
        check(Profile::Entra, domain, domain, domain, None);
    }

    #[test]
    fn of_a_provider_of_many_organisations_only_the_named_ones_come() {
        let common = "https://login.microsoftonline.com/organizations/v2.0";
        let template = "https://login.microsoftonline.com/{tenantid}/v2.0";
        let party = RelyingParty { tenants: vec![TID.to_uppercase()], ..party(Profile::Entra, common) };
        assert_eq!(party.check(), Ok(()));
        let names = party.read(&document(template, json!({}))).unwrap().issuer;
        let own = format!("https://login.microsoftonline.com/{TID}/v2.0");
        for (signed, expected) in [
            (own.clone(), Some(&own)),
            (format!("https://sts.windows.net/{TID}/"), Some(&own)),
            (format!("https://login.microsoftonline.com/{OTHER}/v2.0"), None),
            (template.to_owned(), None),
            (common.to_owned(), None),
        ] {
            assert_eq!(names.canonical(&signed).as_ref(), expected, "{signed}");
        }
        assert!(!names.contradicts(&own, None));
        assert!(!names.contradicts(&own, Some(TID)));
        assert!(names.contradicts(&own, Some(OTHER)));
        // Whose document it is has to be open.
        assert!(party.read(&document(&own, json!({}))).is_err());
    }

    #[test]
    fn settings_that_cannot_be() {
        let check = |profile, issuer: &str, tenants: &[&str], expected: fn(&DiscoveryError) -> bool| {
            let tenants = tenants.iter().map(|&tenant| tenant.to_owned()).collect();
            let party = RelyingParty { tenants, ..party(profile, issuer) };
            let error = party.check().expect_err(issuer);
            assert!(expected(&error), "{issuer}: {error}");
        };
        for issuer in [
            "",
            "idp.example",
            "http://idp.example",
            "ftp://idp.example",
            "https://i.example?x",
            "https://u@i.example",
        ] {
            check(Profile::Generic, issuer, &[], |error| matches!(error, DiscoveryError::Issuer(_)));
        }
        for issuer in [
            format!("https://sts.windows.net/{TID}/"),
            format!("https://login.microsoftonline.com/{TID}"),
            "https://login.microsoftonline.com//v2.0".to_owned(),
            "https://login.microsoftonline.com/a b/v2.0".to_owned(),
        ] {
            check(Profile::Entra, &issuer, &[], |error| matches!(error, DiscoveryError::Form(_)));
        }
        let common = "https://login.microsoftonline.com/common/v2.0";
        check(Profile::Entra, common, &[], |error| matches!(error, DiscoveryError::Tenants(_)));
        let own = format!("https://login.microsoftonline.com/{TID}/v2.0");
        check(Profile::Entra, &own, &[TID], |error| matches!(error, DiscoveryError::NoTenants(_)));
        check(Profile::Okta, "https://o.example", &[TID], |error| {
            matches!(error, DiscoveryError::NoTenants(_))
        });
        assert_eq!(party(Profile::Generic, "http://localhost:9000").check(), Ok(()));
    }

    #[test]
    fn endpoints_have_to_be_there_and_secure() {
        let issuer = "https://idp.example";
        let read = |changes| party(Profile::Generic, issuer).read(&document(issuer, changes));
        let good = read(json!({})).unwrap();
        assert_eq!(good.userinfo_endpoint.unwrap().as_str(), "https://graph.example/userinfo");
        assert!(good.sends_iss);
        assert!(!read(json!({ "authorization_response_iss_parameter_supported": "yes" })).unwrap().sends_iss);
        assert_eq!(
            read(json!({ "userinfo_endpoint": "http://idp.example/u" })).unwrap().userinfo_endpoint,
            None
        );
        for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
            for bad in [
                Value::Null,
                json!(7),
                json!("/token"),
                json!("http://idp.example/x"),
                json!("http://127.0.0.1/x"),
            ] {
                assert_eq!(read(json!({ name: bad })), Err(DiscoveryError::Endpoint(name)), "{name} {bad}");
            }
        }
        for text in ["", "[]", "{}", "<html>", r#"{"issuer":7}"#] {
            let read = party(Profile::Generic, issuer).read(text.as_bytes());
            assert_eq!(read, Err(DiscoveryError::Malformed), "{text}");
        }
        assert_eq!(
            party(Profile::Auth0, "https://t.example/").discovery_url(),
            "https://t.example/.well-known/openid-configuration"
        );
    }
}
