//! From groups and roles at the provider to scopes here.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::profile::Quirks;
use crate::scope::ScopeSet;
use crate::stranger::visible;

/// How many groups of one person are looked at. A token with more has no room for anything else.
pub const MAX_GROUPS: usize = 2_000;

/// Who may have what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// The claims with groups and roles; those of the profile, if none are named.
    pub group_claims: Vec<String>,
    /// Whoever is in none of these may not come in; empty: everybody may.
    pub required_groups: Vec<String>,
    /// What everybody may have who comes in. If nothing is said: everything where no group is named, else nothing.
    pub everybody: Option<ScopeSet>,
    /// What each group may have besides.
    pub groups: IndexMap<String, ScopeSet>,
}

/// Why somebody gets nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// The provider leaves the groups out, because there are too many of them.
    #[error(
        "the provider does not say in which groups this account is: they are too many for its token (claim {0})"
    )]
    Overage(String),
    /// In none of the groups that may come in.
    #[error("this account is in none of the groups that may sign in here")]
    NotAMember,
    /// In none of those that may have something.
    #[error("this account is in none of the groups that may have something here")]
    Nothing,
}

impl AccessError {
    /// A word for whoever keeps account.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Overage(_) => "upstream_group_overage",
            Self::NotAMember => "upstream_group_missing",
            Self::Nothing => "upstream_no_scope",
        }
    }
}

impl Access {
    /// Every scope that it can lead to by name.
    #[must_use]
    pub fn scopes(&self) -> ScopeSet {
        let everybody = self.everybody.clone().unwrap_or_default();
        self.groups.values().fold(everybody, |all, scopes| all.union(scopes))
    }

    /// What somebody with these claims may have, out of `all` there is.
    ///
    /// # Errors
    /// [`AccessError`].
    pub fn allowed(
        &self,
        claims: &Map<String, Value>,
        quirks: &Quirks,
        all: &ScopeSet,
    ) -> Result<ScopeSet, AccessError> {
        if self.required_groups.is_empty() && self.groups.is_empty() {
            return Ok(self.everybody.clone().unwrap_or_else(|| all.clone()));
        }
        let groups = self.groups_of(claims, quirks)?;
        let is_member = |group: &str| groups.iter().any(|own| is_same(own, group, quirks.group_paths));
        if !self.required_groups.is_empty() && !self.required_groups.iter().any(|group| is_member(group)) {
            return Err(AccessError::NotAMember);
        }
        let everybody = match &self.everybody {
            Some(scopes) => scopes.clone(),
            None if self.groups.is_empty() => all.clone(),
            None => ScopeSet::new(),
        };
        let granted = self.groups.iter().filter(|(group, _)| is_member(group));
        let allowed = granted.fold(everybody, |allowed, (_, scopes)| allowed.union(scopes));
        if allowed.is_empty() { Err(AccessError::Nothing) } else { Ok(allowed) }
    }

    /// The groups and roles that the claims name.
    fn groups_of<'a>(
        &'a self,
        claims: &'a Map<String, Value>,
        quirks: &'a Quirks,
    ) -> Result<Vec<&'a str>, AccessError> {
        let configured = self.group_claims.iter().map(String::as_str);
        let usual = quirks.group_claims.iter().copied().filter(|_| self.group_claims.is_empty());
        let mut groups = Vec::new();
        for name in configured.chain(usual) {
            if quirks.overage && is_left_out(claims, name) {
                return Err(AccessError::Overage(visible(name, 100)));
            }
            match claim(claims, name) {
                Some(Value::Array(values)) => groups.extend(values.iter().filter_map(Value::as_str)),
                Some(Value::String(one)) => groups.push(one),
                _ => {}
            }
        }
        groups.truncate(MAX_GROUPS);
        Ok(groups)
    }
}

/// A claim by its name, or by the way to it: `realm_access.roles`. A URL is a name.
fn claim<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let (first, rest) = name.split_once('.').filter(|_| !name.contains("://"))?;
    rest.split('.').try_fold(claims.get(first)?, |value, part| value.get(part))
}

/// Whether a note stands in the place of a claim: where it is kept instead (`_claim_names`,
/// [OpenID Connect Core §5.6.2](https://openid.net/specs/openid-connect-core-1_0.html#AggregatedDistributedClaims)), or
/// that there are groups at all (`hasgroups`).
fn is_left_out(claims: &Map<String, Value>, name: &str) -> bool {
    let elsewhere = claims.get("_claim_names").and_then(|names| names.get(name)).is_some();
    let noted = name == "groups"
        && matches!(claims.get("hasgroups"), Some(Value::Bool(true)))
        && !claims.contains_key("groups");
    elsewhere || noted
}

fn is_same(own: &str, group: &str, paths: bool) -> bool {
    own == group || (paths && own.strip_prefix('/') == Some(group.strip_prefix('/').unwrap_or(group)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::upstream::Profile;

    fn scopes(text: &str) -> ScopeSet {
        ScopeSet::parse(text).unwrap()
    }

    fn access(required: &[&str], everybody: Option<&str>, groups: &[(&str, &str)]) -> Access {
        Access {
            group_claims: Vec::new(),
            required_groups: required.iter().map(|&group| group.to_owned()).collect(),
            everybody: everybody.map(scopes),
            groups: groups.iter().map(|(group, text)| ((*group).to_owned(), scopes(text))).collect(),
        }
    }

    fn check(access: &Access, profile: Profile, claims: Value, expected: Result<&str, AccessError>) {
        let Value::Object(claims) = claims else { panic!("no claims: {claims}") };
        let allowed = access.allowed(&claims, profile.quirks(), &scopes("posts:read posts:write"));
        assert_eq!(allowed, expected.map(scopes), "{profile:?} {claims:?}");
    }

    #[test]
    fn groups_lead_to_scopes() {
        let both = Ok("posts:read posts:write");
        let open = access(&[], None, &[]);
        check(&open, Profile::Generic, json!({}), both.clone());
        check(&access(&[], Some("posts:read"), &[]), Profile::Generic, json!({}), Ok("posts:read"));
        let staff = access(&["staff"], None, &[]);
        check(&staff, Profile::Generic, json!({ "groups": ["staff", "x"] }), both.clone());
        check(&staff, Profile::Generic, json!({ "groups": "staff" }), both.clone());
        for groups in [
            json!([]),
            json!(["Staff"]),
            json!(["staff "]),
            json!(["/staff"]),
            json!({ "staff": 1 }),
            json!([["staff"]]),
        ] {
            check(&staff, Profile::Generic, json!({ "groups": groups }), Err(AccessError::NotAMember));
        }
        let mapped = access(&[], None, &[("readers", "posts:read"), ("writers", "posts:write")]);
        check(&mapped, Profile::Generic, json!({ "groups": ["writers"] }), Ok("posts:write"));
        check(&mapped, Profile::Generic, json!({ "groups": ["writers", "readers"] }), both.clone());
        check(&mapped, Profile::Generic, json!({ "groups": ["others"] }), Err(AccessError::Nothing));
        check(&mapped, Profile::Generic, json!({}), Err(AccessError::Nothing));
        let open_to_read = access(&["staff"], Some("posts:read"), &[("writers", "posts:write")]);
        check(&open_to_read, Profile::Generic, json!({ "groups": ["staff"] }), Ok("posts:read"));
        check(&open_to_read, Profile::Generic, json!({ "groups": ["staff", "writers"] }), both);
        check(
            &open_to_read,
            Profile::Generic,
            json!({ "groups": ["writers"] }),
            Err(AccessError::NotAMember),
        );
    }

    #[test]
    fn each_provider_names_them_in_its_own_way() {
        let staff = access(&["staff"], Some("posts:read"), &[]);
        let member = Ok("posts:read");
        let not = Err(AccessError::NotAMember);
        check(&staff, Profile::Entra, json!({ "groups": ["staff"] }), member.clone());
        check(&staff, Profile::Entra, json!({ "roles": ["staff"] }), member.clone());
        check(&staff, Profile::Okta, json!({ "roles": ["staff"] }), not.clone());
        check(&staff, Profile::Keycloak, json!({ "groups": ["/staff"] }), member.clone());
        check(&staff, Profile::Keycloak, json!({ "groups": ["/a/staff"] }), not.clone());
        check(&staff, Profile::Keycloak, json!({ "realm_access": { "roles": ["staff"] } }), member.clone());
        check(
            &access(&["/staff"], None, &[]),
            Profile::Keycloak,
            json!({ "groups": ["/staff"] }),
            Ok("posts:read posts:write"),
        );
        // There, names like these are the operator's own.
        check(&staff, Profile::Auth0, json!({ "groups": ["staff"] }), not.clone());
        let named = Access { group_claims: vec!["https://blog.example/roles".to_owned()], ..staff };
        check(&named, Profile::Auth0, json!({ "https://blog.example/roles": ["staff"] }), member);
        check(&named, Profile::Auth0, json!({ "https://blog": { "example/roles": ["staff"] } }), not);
    }

    #[test]
    fn groups_that_are_left_out_are_not_taken_for_none() {
        let overage = || Err(AccessError::Overage("groups".to_owned()));
        let by_reference = json!({
            "_claim_names": { "groups": "src1" },
            "_claim_sources": { "src1": { "endpoint": "https://graph.example/users/1/getMemberObjects" } },
        });
        let noted = json!({ "hasgroups": true });
        let mapped = access(&[], Some("posts:read"), &[("writers", "posts:write")]);
        for claims in [&by_reference, &noted] {
            check(&mapped, Profile::Entra, claims.clone(), overage());
            check(&access(&["staff"], None, &[]), Profile::Entra, claims.clone(), overage());
            // Where no group decides anything, it does not matter.
            check(&access(&[], Some("posts:read"), &[]), Profile::Entra, claims.clone(), Ok("posts:read"));
            // Roles are never left out, so whoever goes by them only is not affected.
            let by_roles = Access { group_claims: vec!["roles".to_owned()], ..mapped.clone() };
            let mut with_role = claims.clone();
            with_role["roles"] = json!(["writers"]);
            check(&by_roles, Profile::Entra, with_role, Ok("posts:read posts:write"));
        }
        check(&mapped, Profile::Entra, json!({ "hasgroups": false }), Ok("posts:read"));
        check(
            &mapped,
            Profile::Entra,
            json!({ "hasgroups": true, "groups": ["writers"] }),
            Ok("posts:read posts:write"),
        );
    }
}
