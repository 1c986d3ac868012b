//! What an operator says of an identity provider.

use std::path::{Path, PathBuf};
use std::time::Duration;

use barewire_oauth::client_assertion::ClientKey;
use barewire_oauth::jws::Algorithm;
use barewire_oauth::scope::ScopeSet;
use barewire_oauth::secret::{ClientSecret, PrivateKey};
use barewire_oauth::upstream::access::Access;
use barewire_oauth::upstream::discovery::DiscoveryError;
use barewire_oauth::upstream::token::Credential;
use barewire_oauth::upstream::{Profile, RelyingParty};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// Longest name of a provider in the settings: it is in a path.
const MAX_NAME: usize = 32;

/// An identity provider at which people log in; `[auth.upstream.NAME]`. Its name is part of the address that is registered
/// there: `{issuer of this server}/login/upstream/NAME/callback`.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UpstreamConfig {
    /// What kind of provider it is.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = &"entra"))]
    pub profile: Profile,
    /// Its issuer identifier.
    #[cfg_attr(feature = "schema", schemars(example = &"https://login.microsoftonline.com/1a2b3c4d-…/v2.0"))]
    pub issuer: String,
    /// Of an issuer of many organisations (Entra's `organizations`, `common`): those whose people may come.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = ["1a2b3c4d-…"]))]
    pub tenants: Vec<String>,
    /// What this server is called there.
    #[cfg_attr(feature = "schema", schemars(example = &"9f8e7d6c-…"))]
    pub client_id: String,
    /// Its secret there. `BAREWIRE_AUTH__UPSTREAM__NAME__CLIENT_SECRET` can hold it, too.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = &"…"))]
    pub client_secret: Option<ClientSecret>,
    /// A file with the secret instead.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = &"/run/secrets/entra"))]
    pub client_secret_file: Option<PathBuf>,
    /// A file with a private key instead (PEM): this server signs (`private_key_jwt`).
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = &"/run/secrets/entra.pem"))]
    pub private_key_file: Option<PathBuf>,
    /// How this server signs with that key.
    #[serde(default = "rs256")]
    pub private_key_algorithm: Algorithm,
    /// Which key it is there (`kid`).
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = &"2026-01"))]
    pub private_key_id: Option<String>,
    /// The SHA-256 thumbprint of the key's certificate in base64url (`x5t#S256`), for Entra.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = &"…"))]
    pub certificate_thumbprint: Option<String>,
    /// What people call it: the word on the button. The name of the section, if nothing is said.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = &"Contoso"))]
    pub display_name: Option<String>,
    /// What is asked for beside `openid`; what is usual with the profile, if nothing is said.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = ["profile", "email"]))]
    pub scopes: Vec<String>,
    /// How ID tokens may be signed; what is usual with the profile, if nothing is said.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = ["RS256"]))]
    pub algorithms: Vec<Algorithm>,
    /// Whether claims are fetched at its userinfo endpoint, too; as is usual with the profile, if nothing is said.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = false))]
    pub userinfo: Option<bool>,
    /// The claims with a person's groups and roles; those that are usual with the profile, if nothing is said.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = ["groups", "roles"]))]
    pub group_claims: Vec<String>,
    /// Whoever is in none of these groups may not come in. Empty: everybody may whom the provider lets in.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = ["0760b6cf-…"]))]
    pub required_groups: Vec<String>,
    /// The scopes that everybody may have who comes in. If nothing is said: all of them where `groups` is empty, else none.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = &"posts:read"))]
    pub everybody: Option<ScopeSet>,
    /// The scopes that the members of each group may have besides.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = serde_json::json!({ "3b2b0c93-…": "posts:write" })))]
    pub groups: IndexMap<String, ScopeSet>,
    /// The claim from which a new user gets a name; `preferred_username`, `email`, `name` or `sub`, whichever is there first,
    /// if nothing is said. It is for people to read: who somebody is, issuer and `sub` say.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = &"preferred_username"))]
    pub name_claim: Option<String>,
    /// Whether whoever comes for the first time becomes a user here.
    #[serde(default = "yes")]
    pub create_users: bool,
    /// Whether the provider is asked again when a token is refreshed here.
    #[serde(default)]
    pub recheck: Recheck,
    /// How long its last answer is enough.
    #[serde(default = "recheck_interval", with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub recheck_interval: Duration,
    /// How long its last answer is enough while it cannot be reached. After that, tokens are not refreshed (503) until it
    /// can be; no grant ends by that.
    #[serde(default = "outage_grace", with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub outage_grace: Duration,
}

/// When a provider is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Recheck {
    /// When a token is refreshed here; its own refresh token is kept for that, sealed.
    #[default]
    OnRefresh,
    /// Not at all: who was let in once stays in for as long as grants last.
    Never,
}

fn rs256() -> Algorithm {
    Algorithm::Rs256
}

fn yes() -> bool {
    true
}

fn recheck_interval() -> Duration {
    Duration::from_secs(5 * 60)
}

fn outage_grace() -> Duration {
    Duration::from_secs(60 * 60)
}

/// Why a provider cannot be used as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// Its name would not do in a path.
    #[error("its name has to be 1 to 32 of a-z, 0-9 and -")]
    Name,
    /// Issuer or tenants.
    #[error(transparent)]
    Issuer(#[from] DiscoveryError),
    /// Nothing to prove itself with, or more than one thing.
    #[error("it needs one of client_secret, client_secret_file and private_key_file")]
    Credential,
    /// The secret or the key cannot be read.
    #[error("{path} cannot be read")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// There is nothing in it, or the key does not sign.
    #[error("{path} cannot be used: {why}")]
    Key {
        /// Which file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// Groups decide, and nobody knows in which claim they are.
    #[error(
        "group_claims has to say in which claim the groups are: with this profile their name is your own choice"
    )]
    GroupClaims,
    /// It leads to scopes that there are not.
    #[error("it leads to scopes that there are not: {0}")]
    Scopes(ScopeSet),
}

impl UpstreamConfig {
    /// What this server is at the provider, known by `name` in the settings.
    pub(crate) fn party(&self, redirect_uri: String, leeway: Duration) -> RelyingParty {
        RelyingParty {
            profile: self.profile,
            issuer: self.issuer.clone(),
            tenants: self.tenants.clone(),
            client_id: self.client_id.clone(),
            redirect_uri,
            scopes: self.scopes.clone(),
            refreshes: self.recheck == Recheck::OnRefresh,
            algorithms: self.algorithms.clone(),
            userinfo: self.userinfo,
            leeway,
        }
    }

    /// Who may have what.
    pub(crate) fn access(&self) -> Access {
        Access {
            group_claims: self.group_claims.clone(),
            required_groups: self.required_groups.clone(),
            everybody: self.everybody.clone(),
            groups: self.groups.clone(),
        }
    }

    /// Whether it can be so, beside what only the files can tell.
    pub(crate) fn check(
        &self,
        name: &str,
        party: &RelyingParty,
        scopes: &ScopeSet,
    ) -> Result<(), UpstreamError> {
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=MAX_NAME).contains(&name.len()) || !name.bytes().all(letter) {
            return Err(UpstreamError::Name);
        }
        party.check()?;
        let decides = !self.required_groups.is_empty() || !self.groups.is_empty();
        if decides && self.group_claims.is_empty() && self.profile.quirks().group_claims.is_empty() {
            return Err(UpstreamError::GroupClaims);
        }
        let unknown = self.access().scopes().difference(scopes);
        if unknown.is_empty() { Ok(()) } else { Err(UpstreamError::Scopes(unknown)) }
    }

    /// What cannot be, as far as it can be told without asking anybody and without knowing which scopes there are. `name` is
    /// the provider's in the settings.
    #[must_use]
    pub fn mistake(&self, name: &str) -> Option<UpstreamError> {
        let party = self.party(String::new(), Duration::ZERO);
        self.check(name, &party, &self.access().scopes()).and_then(|()| self.credential().map(drop)).err()
    }

    /// What this server proves itself with there. Files are read once, at start.
    pub(crate) fn credential(&self) -> Result<Credential, UpstreamError> {
        match (&self.client_secret, &self.client_secret_file, &self.private_key_file) {
            (Some(secret), None, None) => Ok(Credential::Secret(secret.clone())),
            (None, Some(path), None) => Ok(Credential::Secret(ClientSecret::new(text(path)?))),
            (None, None, Some(path)) => Ok(Credential::Key(ClientKey {
                private: PrivateKey::new(text(path)?),
                algorithm: self.private_key_algorithm,
                key_id: self.private_key_id.clone(),
                certificate: self.certificate_thumbprint.clone(),
            })),
            _ => Err(UpstreamError::Credential),
        }
    }
}

/// What is in a file, without the line's end that editors leave.
fn text(path: &Path) -> Result<String, UpstreamError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| UpstreamError::File { path: path.to_owned(), source })?;
    let text = text.trim();
    if text.is_empty() {
        let why = "there is nothing in it".to_owned();
        return Err(UpstreamError::Key { path: path.to_owned(), why });
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn config(changes: Value) -> UpstreamConfig {
        let mut config =
            json!({ "issuer": "https://idp.example", "client_id": "c", "client_secret": "hidden secret" });
        let Value::Object(changes) = changes else { panic!("no object: {changes}") };
        for (name, value) in changes {
            match value {
                Value::Null => drop(config.as_object_mut().unwrap().remove(&name)),
                value => config[name] = value,
            }
        }
        serde_json::from_value(config).unwrap()
    }

    fn verdict(name: &str, changes: Value) -> Result<(), UpstreamError> {
        let config = config(changes);
        let party = config.party("https://as.example/cb".to_owned(), Duration::from_secs(10));
        config.check(name, &party, &ScopeSet::parse("posts:read").unwrap())?;
        config.credential().map(|_| ())
    }

    #[test]
    fn what_cannot_be_is_named() {
        assert!(verdict("corporate", json!({})).is_ok());
        for name in ["", "Corporate", "a/b", "a b", &"a".repeat(33)] {
            assert!(matches!(verdict(name, json!({})), Err(UpstreamError::Name)), "{name}");
        }
        let check = |changes: Value, expected: &str| {
            let error = verdict("corporate", changes).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(json!({ "issuer": "http://idp.example" }), "https");
        check(json!({ "client_secret": null }), "one of client_secret");
        check(json!({ "private_key_file": "/nowhere" }), "one of client_secret");
        check(json!({ "client_secret": null, "client_secret_file": "/nowhere/at/all" }), "/nowhere/at/all");
        check(json!({ "groups": { "staff": "posts:all" } }), "posts:all");
        check(json!({ "everybody": "posts:all" }), "posts:all");
        let auth0 =
            json!({ "profile": "auth0", "issuer": "https://t.example/", "required_groups": ["staff"] });
        check(auth0, "group_claims");
    }

    #[test]
    fn secrets_are_read_from_files_and_never_shown() {
        let dir = barewire_testkit::TempDir::new();
        let (secret, empty) = (dir.join("secret"), dir.join("empty"));
        std::fs::write(&secret, "from the file\n").unwrap();
        std::fs::write(&empty, "\n").unwrap();
        let read =
            |path: &Path| config(json!({ "client_secret": null, "client_secret_file": path })).credential();
        assert_eq!(read(&secret).unwrap(), Credential::Secret(ClientSecret::new("from the file")));
        assert!(matches!(read(&empty), Err(UpstreamError::Key { .. })));
        let shown = format!("{:?} {:?}", config(json!({})), read(&secret).unwrap());
        assert!(!shown.contains("hidden") && !shown.contains("from the file"), "{shown}");
    }

    #[test]
    fn the_provider_is_asked_again_unless_the_operator_says_otherwise() {
        assert_eq!(config(json!({})).recheck, Recheck::OnRefresh);
        assert_eq!(config(json!({ "recheck": "never" })).recheck, Recheck::Never);
        let shorter = config(json!({ "recheck_interval": "1m", "outage_grace": "0s" }));
        assert_eq!(shorter.recheck_interval, Duration::from_secs(60));
        assert_eq!(shorter.outage_grace, Duration::ZERO);
    }
}
