//! The thousand users of `get_user`, the same in every language.

use schemars::JsonSchema;
use serde::Serialize;

/// How many there are; ids count from 1.
pub const USERS: u64 = 1_000;

/// A record of the size that such tools return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct User {
    /// From 1 to [`USERS`].
    pub id: u64,
    /// `User 7`.
    pub name: String,
    /// `user7@example.com`.
    pub email: String,
    /// False for every tenth one.
    pub active: bool,
    /// `reader`, and for even ids also `writer`.
    pub roles: Vec<String>,
    /// Midnight UTC of the day `1 + id % 28` of January 2026.
    pub created: String,
}

impl User {
    /// The user of that number.
    pub fn new(id: u64) -> Self {
        let mut roles = vec!["reader".to_owned()];
        if id.is_multiple_of(2) {
            roles.push("writer".to_owned());
        }
        Self {
            id,
            name: format!("User {id}"),
            email: format!("user{id}@example.com"),
            active: !id.is_multiple_of(10),
            roles,
            created: format!("2026-01-{:02}T00:00:00Z", 1 + id % 28),
        }
    }

    /// All of them, in the order of their ids.
    pub fn all() -> Vec<Self> {
        (1..=USERS).map(Self::new).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Other languages build the same record from this.
    #[test]
    fn a_record_as_json() {
        let json = serde_json::to_string(&User::new(10)).unwrap();
        assert_eq!(
            json,
            r#"{"id":10,"name":"User 10","email":"user10@example.com","active":false,"roles":["reader","writer"],"created":"2026-01-11T00:00:00Z"}"#
        );
    }
}
