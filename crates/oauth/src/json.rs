//! JSON as OAuth knows it: every document, header, set of claims and answer is an object.

use serde::Deserialize;
use serde::de::Error as _;

/// Reads an object. Our types would be read from an array, too, member by member in our own order, which nobody else reads
/// that way: what one side takes for a token is to be no token for the other.
///
/// # Errors
/// When it is something else, or does not fit the type.
pub fn object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> serde_json::Result<T> {
    if json.trim_ascii_start().first() != Some(&b'{') {
        return Err(serde_json::Error::custom("it is not a JSON object"));
    }
    serde_json::from_slice(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Claims {
        iss: String,
        exp: u64,
    }

    #[test]
    fn an_array_is_no_object() {
        let claims = object::<Claims>(b" {\"iss\":\"https://issuer.example\",\"exp\":1}").unwrap();
        assert_eq!(claims, Claims { iss: "https://issuer.example".to_owned(), exp: 1 });
        let array = br#"["https://issuer.example", 1]"#;
        assert!(serde_json::from_slice::<Claims>(array).is_ok(), "without the rule it is taken");
        assert_eq!(object::<Claims>(array).unwrap_err().to_string(), "it is not a JSON object");
        for none in ["", " ", "null", "\"{}\"", "{"] {
            assert!(object::<Claims>(none.as_bytes()).is_err(), "{none}");
        }
    }
}
