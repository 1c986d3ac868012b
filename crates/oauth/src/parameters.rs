//! The parameters of a query or form, with the two rules that hold for all of them.

use std::collections::HashSet;

use url::form_urlencoded;

use crate::stranger::printable;

/// The pairs of an `application/x-www-form-urlencoded` text, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters(Vec<(String, String)>);

/// A parameter was there twice ([OAuth 2.1 §3.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-3.1):
/// "MUST NOT be included more than once").
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the parameter {name} is repeated")]
pub struct Repeated {
    /// Which one, at most 64 printable characters of it: this ends up in logs and answers.
    pub name: String,
}

impl Repeated {
    fn new(name: &str) -> Self {
        Self { name: printable(name).chars().take(64).collect() }
    }
}

impl Parameters {
    /// Reads the text; what is not valid UTF-8 becomes the replacement character, as browsers do it.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    /// The value of `name`. One without a value counts as absent, as the same section demands.
    ///
    /// # Errors
    /// [`Repeated`] when it is there more than once.
    pub fn one(&self, name: &str) -> Result<Option<&str>, Repeated> {
        let mut values = self.0.iter().filter(|(key, _)| key == name);
        let first = values.next();
        if values.next().is_some() {
            return Err(Repeated::new(name));
        }
        Ok(first.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty()))
    }

    /// The first parameter that is there more than once, except those in `but`.
    ///
    /// # Errors
    /// [`Repeated`] names it.
    pub fn none_repeated(&self, but: &[&str]) -> Result<(), Repeated> {
        let mut seen = HashSet::new();
        match self.0.iter().find(|(name, _)| !but.contains(&name.as_str()) && !seen.insert(name)) {
            Some((name, _)) => Err(Repeated::new(name)),
            None => Ok(()),
        }
    }

    /// All values of `name`, empty ones left out.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// The same parameters without those called `name`, as text.
    #[must_use]
    pub fn without(&self, name: &str) -> String {
        self.without_all(&[name])
    }

    /// Those parameters that are called by one of these names, as text.
    #[must_use]
    pub fn only(&self, names: &[&str]) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(self.0.iter().filter(|(key, _)| names.contains(&key.as_str())))
            .finish()
    }

    /// The same parameters without those called by any of these names, as text.
    #[must_use]
    pub fn without_all(&self, names: &[&str]) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(self.0.iter().filter(|(key, _)| !names.contains(&key.as_str())))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_or_none() {
        fn check(text: &str, expected: Result<Option<&str>, ()>) {
            assert_eq!(Parameters::parse(text.as_bytes()).one("a").map_err(|_| ()), expected, "{text}");
        }
        check("", Ok(None));
        check("b=1", Ok(None));
        check("a=", Ok(None));
        check("a=1+2%263", Ok(Some("1 2&3")));
        check("a=1&b=2&a=1", Err(()));
        check("a=&a=", Err(()));
        check("%61=x&a=y", Err(()));
    }

    #[test]
    fn repetition_is_found_wherever_it_is() {
        let parameters = Parameters::parse(b"a=1&b=2&c=3&b=4&resource=x&resource=y");
        assert_eq!(parameters.none_repeated(&["resource"]), Err(Repeated { name: "b".into() }));
        assert_eq!(parameters.none_repeated(&["b", "resource"]), Ok(()));
        assert_eq!(parameters.all("resource").collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(parameters.without("b"), "a=1&c=3&resource=x&resource=y");
        let disguised = Parameters::parse("\n\u{202E}=1&\n\u{202E}=2".as_bytes());
        assert_eq!(disguised.none_repeated(&[]), Err(Repeated { name: "??".into() }));
    }
}
