//! How identity providers differ from the standard and from each other at a login: a table, a row for each. What stands in
//! their access tokens, where these are shown to us, is another table ([`TokenProfile`](crate::external::TokenProfile)): no
//! column is in both, and who takes the one need not take the other.

use serde::{Deserialize, Serialize};

use crate::jws::Algorithm;

/// What kind of provider it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Microsoft Entra ID.
    Entra,
    /// Okta.
    Okta,
    /// Keycloak.
    Keycloak,
    /// Auth0.
    Auth0,
    /// Any other that does what `OpenID` Connect says.
    #[default]
    Generic,
}

/// Where a provider is not as the standard has it, or leaves one of several ways open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quirks {
    /// How its issuer identifiers are written.
    pub issuers: Issuers,
    /// The scopes of a login, beside `openid`.
    pub scopes: &'static [&'static str],
    /// The scope with which refresh tokens come; `None` where they come by themselves.
    pub offline_scope: Option<&'static str>,
    /// Whether that scope is dropped unless the person is asked each time (`prompt=consent`,
    /// [`OpenID` Connect Core §11](https://openid.net/specs/openid-connect-core-1_0.html#OfflineAccess)).
    pub offline_needs_consent: bool,
    /// What stands before a scope that is this application's own. A bare word belongs to somebody else there.
    pub own_scope_prefix: Option<&'static str>,
    /// The claims with groups and roles. A dot leads into an object.
    pub group_claims: &'static [&'static str],
    /// Whether groups are written as paths, so that `/staff` is the group `staff`.
    pub group_paths: bool,
    /// Whether a person with many groups has a note in the place of the groups (`_claim_names`, `hasgroups`).
    pub overage: bool,
    /// Whether claims may be missing in the ID token and are at the userinfo endpoint.
    pub userinfo: bool,
    /// How ID tokens are signed.
    pub algorithms: &'static [Algorithm],
    /// For whom a signed statement of ours (`private_key_jwt`) has to be.
    pub assertion_audience: AssertionAudience,
    /// The errors of the token endpoint that say: this person has to log in again, or may not at all.
    pub refusals: &'static [&'static str],
}

/// How issuer identifiers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issuers {
    /// As the standard says: one, byte for byte the same everywhere.
    Exact,
    /// The same with a slash at its end, which people leave out.
    WithSlash,
    /// One for each organisation, and besides it those of another version of the same service, which say the same.
    OfTenants {
        /// The other versions' forms; `{tenantid}` stands for the organisation.
        also: &'static [&'static str],
    },
}

/// For whom a signed statement of ours has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssertionAudience {
    /// The issuer: the one that nobody else can name as its own
    /// ([draft-ietf-oauth-rfc7523bis](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-rfc7523bis)).
    Issuer,
    /// The URL of the token endpoint; the provider takes nothing else.
    TokenEndpoint,
}

/// The standard, as far as there is one.
const GENERIC: Quirks = Quirks {
    issuers: Issuers::Exact,
    scopes: &["profile", "email"],
    offline_scope: Some("offline_access"),
    offline_needs_consent: true,
    own_scope_prefix: None,
    group_claims: &["groups"],
    group_paths: false,
    overage: false,
    userinfo: true,
    algorithms: &Algorithm::ALL,
    assertion_audience: AssertionAudience::Issuer,
    refusals: &["invalid_grant"],
};

/// One row each, with what differs from the standard.
const TABLE: [(Profile, Quirks); 5] = [
    (
        Profile::Entra,
        Quirks {
            issuers: Issuers::OfTenants {
                also: &["https://sts.windows.net/{tenantid}/", "https://sts.chinacloudapi.cn/{tenantid}/"],
            },
            offline_needs_consent: false,
            own_scope_prefix: Some("api://{client_id}/"),
            group_claims: &["groups", "roles"],
            overage: true,
            // What is there is a part of what is in the ID token, and no groups.
            userinfo: false,
            algorithms: &[Algorithm::Rs256],
            assertion_audience: AssertionAudience::TokenEndpoint,
            refusals: &["invalid_grant", "interaction_required"],
            ..GENERIC
        },
    ),
    (
        Profile::Okta,
        Quirks {
            offline_needs_consent: false,
            algorithms: &[Algorithm::Rs256],
            assertion_audience: AssertionAudience::TokenEndpoint,
            ..GENERIC
        },
    ),
    (
        Profile::Keycloak,
        Quirks {
            offline_scope: None,
            offline_needs_consent: false,
            group_claims: &["groups", "realm_access.roles"],
            group_paths: true,
            userinfo: false,
            ..GENERIC
        },
    ),
    (
        Profile::Auth0,
        Quirks {
            issuers: Issuers::WithSlash,
            offline_needs_consent: false,
            // It keeps such names for itself; an application's own are URLs, which only the operator knows.
            group_claims: &[],
            userinfo: false,
            // HS256 is a choice there, too; whoever has that secret could make ID tokens.
            algorithms: &[Algorithm::Rs256, Algorithm::Ps256],
            ..GENERIC
        },
    ),
    (Profile::Generic, GENERIC),
];

/// The scopes that are everybody's.
const STANDARD_SCOPES: [&str; 6] = ["openid", "profile", "email", "address", "phone", "offline_access"];

impl Profile {
    /// Its row of the table.
    #[must_use]
    pub fn quirks(self) -> &'static Quirks {
        let row = TABLE.iter().find(|(profile, _)| *profile == self);
        row.map_or(&GENERIC, |(_, quirks)| quirks)
    }
}

impl Quirks {
    /// A scope as this provider wants it written.
    #[must_use]
    pub fn spelled(&self, scope: &str, client_id: &str) -> String {
        match self.own_scope_prefix {
            Some(prefix) if !STANDARD_SCOPES.contains(&scope) && !scope.contains('/') => {
                format!("{}{scope}", prefix.replace("{client_id}", client_id))
            }
            _ => scope.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_has_a_row_and_a_word() {
        for (word, profile) in [
            ("entra", Profile::Entra),
            ("okta", Profile::Okta),
            ("keycloak", Profile::Keycloak),
            ("auth0", Profile::Auth0),
            ("generic", Profile::Generic),
        ] {
            assert_eq!(serde_json::from_value::<Profile>(word.into()).unwrap(), profile);
            assert_eq!(TABLE.iter().filter(|(one, _)| *one == profile).count(), 1, "{word}");
            let quirks = profile.quirks();
            assert!(quirks.refusals.contains(&"invalid_grant"), "{word}");
            assert!(!quirks.algorithms.is_empty(), "{word}");
        }
        assert!(serde_json::from_value::<Profile>("ping".into()).is_err());
    }
}
