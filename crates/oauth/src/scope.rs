//! Scopes: an ordered set of tokens
//! ([OAuth 2.1 §1.4.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-1.4.1)).

use std::fmt;
use std::str::FromStr;

use indexmap::IndexSet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One scope token: visible ASCII without `"` and `\`, at least one character.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope(String);

impl Scope {
    /// Checks one token.
    ///
    /// # Errors
    /// [`ScopeError`] names the token that is not one.
    pub fn parse(token: &str) -> Result<Self, ScopeError> {
        let legal = |b: u8| matches!(b, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        if token.is_empty() || !token.bytes().all(legal) {
            return Err(ScopeError { token: token.chars().take(64).collect() });
        }
        Ok(Self(token.to_owned()))
    }

    /// The token.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A scope token with a character that scopes cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{token:?} is not a scope token")]
pub struct ScopeError {
    /// The first 64 characters of the token.
    pub token: String,
}

/// An ordered set of scopes. The order is the order of first mention; equality ignores it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScopeSet(IndexSet<Scope>);

impl ScopeSet {
    /// No scope at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a `scope` parameter: tokens between blanks, duplicates dropped.
    ///
    /// # Errors
    /// [`ScopeError`] for the first illegal token.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        text.split(' ')
            .filter(|token| !token.is_empty())
            .map(Scope::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Reads what a peer sent and leaves out what is not a scope: a malformed challenge must not stop a login.
    #[must_use]
    pub fn parse_lenient(text: &str) -> Self {
        Self(text.split_ascii_whitespace().filter_map(|token| Scope::parse(token).ok()).collect())
    }

    /// Collects tokens from a list such as `scopes_supported`, leaving out what is not a scope.
    pub fn from_tokens<S: AsRef<str>>(tokens: impl IntoIterator<Item = S>) -> Self {
        Self(tokens.into_iter().filter_map(|token| Scope::parse(token.as_ref()).ok()).collect())
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many scopes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether this token is in the set.
    #[must_use]
    pub fn contains(&self, token: &str) -> bool {
        self.0.iter().any(|scope| scope.0 == token)
    }

    /// Adds a scope; `false` when it was there.
    pub fn insert(&mut self, scope: Scope) -> bool {
        self.0.insert(scope)
    }

    /// Takes a token out; `false` when it was not there.
    pub fn remove(&mut self, token: &str) -> bool {
        match self.0.iter().position(|scope| scope.0 == token) {
            Some(index) => self.0.shift_remove_index(index).is_some(),
            None => false,
        }
    }

    /// The tokens in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Scope::as_str)
    }

    /// Everything in either: ours first, in our order.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// What is in both, in our order.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// What we have and the other has not, in our order.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0).cloned().collect())
    }

    /// Whether the other has everything we have.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(&scope.0)?;
        }
        Ok(())
    }
}

impl FromStr for ScopeSet {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        Self::parse(text)
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

/// On the wire a scope set is one string with blanks between the tokens.
impl Serialize for ScopeSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ScopeSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> ScopeSet {
        ScopeSet::parse(text).unwrap()
    }

    #[test]
    fn parse_and_format() {
        for (input, expected) in [
            ("", Some("")),
            ("a", Some("a")),
            ("b a b", Some("b a")),
            ("  posts:read   posts:write ", Some("posts:read posts:write")),
            ("a\"b", None),
            ("a\\b", None),
            ("ä", None),
            ("a\tb", None),
        ] {
            assert_eq!(ScopeSet::parse(input).ok().map(|s| s.to_string()).as_deref(), expected, "{input:?}");
        }
        assert_eq!(ScopeSet::parse_lenient("a ä b\t c").to_string(), "a b c");
    }

    #[test]
    fn set_operations_keep_our_order() {
        assert_eq!(set("b a").union(&set("c a")).to_string(), "b a c");
        assert_eq!(set("b a").difference(&set("a")).to_string(), "b");
        assert_eq!(set("c b a").intersection(&set("a c")).to_string(), "c a");
        assert!(set("a").is_subset(&set("b a")));
        assert!(!set("a c").is_subset(&set("b a")));
        assert!(set("").is_subset(&set("")));
        assert_eq!(set("a b"), set("b a"));
    }
}
